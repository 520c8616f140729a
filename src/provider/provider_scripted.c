/* The simplest backend: answers from a file. No network, no chance, no clock; for `mynah chat`, for
 * tests, and as a pattern for the next backend without a wire.
 *
 *   - when: hello        # part of the question, any ASCII case; "*" = every question
 *     reply: Hi there!
 *     delay: 200ms       # before the answer comes
 *   - when: '*'
 *     error: timeout     # instead of a reply: a class of PROVIDER_ERRORS
 *     times: 2           # this rule answers twice, then the rules after it do
 *
 * The first rule that fits answers. When none does it has nothing to say (EMPTY), and the pool goes
 * on to the next provider. */
#include "provider/room.h"

#include <string.h>
#include <strings.h>

#define SCRIPT_RULES_MAX 1000 /* a person wrote them */

struct rule {
	char *when, *reply;
	int error; /* enum provider_error */
	int64_t delay_ms, times; /* times: 0 = always */
	int64_t used;
};

struct script {
	struct rule *rules;
	size_t n;
};

static const char *const error_names[] = {
#define X(upper, lower, counts, what) #lower,
	PROVIDER_ERRORS(X)
#undef X
	NULL,
};

static const struct conf_option options[] = {
	{.name = "when", .type = CONF_TEXT, .offset = offsetof(struct rule, when),
		.fallback = "*", .help = "Part of the question; * is every question."},
	{.name = "reply", .type = CONF_TEXT, .offset = offsetof(struct rule, reply),
		.help = "What is said."},
	{.name = "error", .type = CONF_CHOICE, .offset = offsetof(struct rule, error),
		.fallback = "none", .choices = error_names, .help = "Fails like this instead."},
	{.name = "delay", .type = CONF_DURATION, .offset = offsetof(struct rule, delay_ms),
		.fallback = "0", .min = 0, .max = 600000, .help = "Wait before the answer."},
	{.name = "times", .type = CONF_INT, .offset = offsetof(struct rule, times),
		.fallback = "0", .min = 0, .max = 1000000, .help = "How often; 0 is always."},
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static void script_close(void *self)
{
	struct script *s = self;

	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		conf_free_options(options, OPTIONS, &s->rules[i]);
	mem_free(s->rules);
	mem_free(s);
}

static int read_rules(struct script *s, const struct conf_file *f, struct conf_report *r)
{
	const struct conf_node *root = conf_file_root(f);
	size_t n = conf_node_count(root);
	int err = 0;

	if (n == 0)
		return 0;
	if (conf_node_kind(root) != CONF_LIST || n > SCRIPT_RULES_MAX) {
		conf_complain(r, f, root, 0, CONF_ERROR, "begin every rule with \"- when:\"",
			"a script is a list of at most %d rules", SCRIPT_RULES_MAX);
		return ERR_INVALID;
	}
	s->rules = mem_array(n, sizeof(*s->rules));
	if (!s->rules)
		return ERR_NOMEM;
	while (s->n < n && err != ERR_NOMEM) {
		int e = conf_read(r, f, conf_node_at(root, s->n), options, OPTIONS,
			&s->rules[s->n]);
		s->n++;
		if (e)
			err = e;
	}
	return err;
}

/* Nobody else reads this file, so its complaints go to the log. */
static void log_complaints(const struct conf_report *r, const struct conf_provider *c)
{
	struct buf text;

	buf_init(&text, 4096);
	int err = conf_report_write(r, false, &text);
	log_event(LOG_ERROR, "provider", "script_refused", "provider", c->name, "message",
		err && text.len == 0 ? c->file : buf_text(&text), NULL);
	buf_fini(&text);
}

static int script_open(const struct conf_provider *c, void **self)
{
	struct script *s = mem_new(sizeof(*s));
	struct conf_file *f = NULL;
	struct conf_report r;
	int err = 0;

	if (!s)
		return ERR_NOMEM;
	conf_report_init(&r);
	if (c->file && *c->file)
		err = conf_file_load(c->file, &r, &f);
	if (!err && f)
		err = read_rules(s, f, &r);
	if (err)
		log_complaints(&r, c);
	conf_file_free(f);
	conf_report_fini(&r);
	if (err) {
		script_close(s);
		return err;
	}
	*self = s;
	return 0;
}

static struct str question_of(const struct prompt *p)
{
	for (size_t i = p->n; i-- > 0;)
		if (p->messages[i].role == PROMPT_USER)
			return p->messages[i].text;
	return (struct str){NULL, 0};
}

static bool fits(const struct rule *r, struct str question)
{
	size_t n = strlen(r->when);

	if (r->times > 0 && r->used >= r->times)
		return false;
	if (strcmp(r->when, "*") == 0)
		return true;
	for (size_t i = 0; i + n <= question.len; i++)
		if (strncasecmp(question.at + i, r->when, n) == 0)
			return true;
	return false;
}

static int script_say(void *self, const struct provider_ask *a, struct provider_sink *sink,
	int64_t *delay_ms)
{
	struct script *s = self;
	struct str question = question_of(a->prompt);

	sink->is_whole = true;
	for (size_t i = 0; i < s->n; i++) {
		struct rule *r = &s->rules[i];
		if (!fits(r, question))
			continue;
		r->used++;
		*delay_ms = r->delay_ms;
		sink->error = (enum provider_error)r->error;
		if (r->error)
			provider_copy(sink->message, sizeof(sink->message),
				STR("the script says so"));
		return r->error ? 0 : buf_adds(&sink->text, r->reply ? r->reply : "");
	}
	provider_copy(sink->message, sizeof(sink->message), STR("no rule of the script fits"));
	return 0;
}

const struct provider_ops provider_scripted = {
	.name = "scripted",
	.open = script_open,
	.say = script_say,
	.close = script_close,
};
