/* prompt test: every example of a prompt, put together; and, where that costs nobody anything or
 * --live says so, asked, judged as the bot would, and compared with what it expects. */
#include "cli/cli.h"

#include "pattern/pattern.h"
#include "provider/provider.h"

#include <stdio.h>
#include <string.h>

#define WAIT_MS 60000 /* for one answer; a model on a small machine is slow */

struct trial {
	const struct cli *c;
	const struct bot_world *w;
	const struct prompt_file *file;
	struct io *io;
	struct provider_pool *pool; /* NULL = nobody is asked */
	size_t at;                  /* the example at hand */
	struct buf scratch;
	struct event event;
	struct bot_rendered rendered;
	size_t failed;
};

bool cli_prompt_is_live(const struct cli *c)
{
	for (size_t i = 0; i < c->field_count; i++) {
		if (strcmp(c->fields[i].key, "live") == 0)
			return true;
	}
	return false;
}

/* A scripted provider is no model: asking it tells nothing but that the files are right. */
static bool may_ask(const struct cli *c, const struct bot_world *w)
{
	const struct conf *conf = w->conf;

	for (size_t i = 0; i < conf->provider_count; i++) {
		if (conf->providers[i].type != CONF_SCRIPTED && !cli_prompt_is_live(c))
			return false;
	}
	return true;
}

/* The example's event. False after a line that says what is wrong with it. */
static bool make_event(struct trial *t, const struct prompt_example *x)
{
	struct bot_event_field fields[PROMPT_INPUTS];
	const char *why = "";

	for (size_t i = 0; i < x->with_count; i++)
		fields[i] = (struct bot_event_field){x->with[i].key, str_of(x->with[i].value)};
	const struct bot_event_args a = {.text = x->input, .user = x->user, .on = x->on,
		.channel = t->c->channel, .platform = t->c->platform, .fields = fields,
		.field_count = x->with_count};
	buf_clear(&t->scratch);
	if (bot_event_make(&a, &t->scratch, &t->event, &why) == 0)
		return true;
	printf("FAIL %zu: %s\n", t->at + 1, why);
	return false;
}

static bool is_expected(const struct prompt_example *x, struct str text)
{
	struct pattern *p = NULL;
	struct pattern_engine *g = NULL;
	struct pattern_fault fault;
	struct buf folded, wanted;
	bool is = !x->expect;

	if (x->expect && x->is_pattern) {
		is = !pattern_new(str_of(x->expect), &p, &fault) &&
			!pattern_engine_new(false, &g) &&
			pattern_match(p, g, text, NULL, NULL) == 1;
		pattern_engine_free(g);
		pattern_free(p);
	} else if (x->expect) {
		buf_init(&folded, 4 * PROVIDER_TEXT_BYTES);
		buf_init(&wanted, CONF_FILE_BYTES);
		is = !text_fold(text, &folded) && !text_fold(str_of(x->expect), &wanted) &&
			memmem(buf_text(&folded), folded.len, buf_text(&wanted), wanted.len);
		buf_fini(&folded);
		buf_fini(&wanted);
	}
	return is;
}

static void judge(struct trial *t, struct str answer)
{
	const struct prompt_aliases *aliases = t->rendered.prompt->aliases;
	const struct prompt_example *x = &t->file->examples[t->at];
	const char *slash = x->is_pattern ? "/" : "";
	struct bot_judged j;
	struct buf named;

	buf_init(&named, 4 * PROVIDER_TEXT_BYTES);
	if (aliases && prompt_aliases_reveal(aliases, answer, &named) == 0)
		answer = buf_str(&named);
	bot_render_judge(t->w, &t->event, &t->rendered, answer, &j);
	const bool is_good = j.reason == REASON_NONE && is_expected(x, buf_str(&j.text));

	t->failed += !is_good;
	printf("%s %zu: ", is_good ? "ok  " : "FAIL", t->at + 1);
	if (j.reason != REASON_NONE)
		printf("it would not be said: %s%s%s\n", reason_text(j.reason),
			*j.rule ? ", rule " : "", j.rule);
	else if (is_good)
		printf("%s\n", buf_text(&j.text));
	else
		printf("%s\n  expected: %s%s%s\n", buf_text(&j.text), slash, x->expect, slash);
	bot_judged_fini(&j);
	buf_fini(&named);
}

static void next(struct trial *t);

static void on_answer(void *ctx, const struct provider_answer *a)
{
	struct trial *t = ctx;

	if (a->error == PROVIDER_NONE) {
		judge(t, a->text);
	} else {
		t->failed++;
		printf("FAIL %zu: no answer: %s\n", t->at + 1, provider_error_name(a->error));
	}
	t->at++;
	next(t);
}

/* Puts the example at hand together and asks. True when an answer will come. */
static bool begin(struct trial *t)
{
	const struct bot_rendering how = {.file = t->file, .marker = t->at + 1};
	int err = ERR_INVALID;

	prompt_free(t->rendered.prompt);
	t->rendered.prompt = NULL;
	if (make_event(t, &t->file->examples[t->at])) {
		err = bot_render(t->w, &t->event, &how, &t->rendered);
		if (err)
			printf("FAIL %zu: it does not fit the model's window\n", t->at + 1);
	}
	t->failed += err != 0;
	if (!err && !t->pool)
		printf("made %zu: %zu tokens, sha256 %.12s\n", t->at + 1,
			t->rendered.prompt->tokens, t->rendered.prompt->hash);
	if (err || !t->pool)
		return false;
	const struct provider_ask a = {
		.prompt = t->rendered.prompt,
		.persona = t->rendered.persona,
		.event = &t->event,
		.is_local_only = t->file->is_local_only,
		.turn = "prompt-test",
		.deadline_ms = clock_mono_ms() + WAIT_MS,
		.done = on_answer,
		.ctx = t,
	};
	if (provider_ask(t->pool, &a))
		return true;
	t->failed++;
	printf("FAIL %zu: nobody can be asked\n", t->at + 1);
	return false;
}

static void next(struct trial *t)
{
	while (t->at < t->file->example_count) {
		if (begin(t))
			return;
		t->at++;
	}
	if (t->io)
		io_stop(t->io);
}

int cli_prompt_test(const struct cli *c, const struct bot_world *w, const struct prompt_file *p)
{
	struct trial t = {.c = c, .w = w, .file = p};
	int code = CLI_CANNOT;

	buf_init(&t.scratch, 16 * 1024);
	if (may_ask(c, w) && (io_new(&t.io) || provider_pool_new(t.io, w->conf, &t.pool))) {
		cli_say("the providers cannot be set up");
		goto out;
	}
	next(&t);
	if (t.io && t.at < p->example_count)
		io_run(t.io);
	printf("%s: %zu examples, %zu failed%s\n", p->ref, p->example_count, t.failed,
		t.pool ? "" : "; --live asks the model");
	code = t.failed > 0 ? CLI_FINDINGS : CLI_OK;
out:
	prompt_free(t.rendered.prompt);
	provider_pool_free(t.pool);
	io_free(t.io);
	buf_fini(&t.scratch);
	return code;
}
