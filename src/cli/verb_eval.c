/* eval: how good is a live model at what the golden cases ask? */
#include "cli/cli.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAMPLES 5 /* passAt5 needs them */
#define SAMPLES_MAX 1000
#define SEED_MAX INT64_C(4294967295)
#define FILE_MODE 0644

/* What is about to be done. */
struct plan {
	const struct cli *c;
	struct golden_eval_options o;
	struct golden_set set;
	struct model_list models;
	struct model *model;     /* of the registry; NULL = it is not there */
	char *ledger;            /* its file; NULL = there is none */
};

/* ---- Before ---------------------------------------------------------------------------------- */

static bool read_number(const char *said, int64_t least, int64_t most, const char *name,
	int64_t *out)
{
	if (!said || (str_int(str_of(said), out) == 0 && *out >= least && *out <= most))
		return true;
	cli_say("--%s takes %lld to %lld", name, (long long)least, (long long)most);
	return false;
}

static int find_provider(const struct cli *c, const struct conf *conf, size_t *out)
{
	for (size_t i = 0; i < conf->provider_count; i++) {
		const struct conf_provider *p = &conf->providers[i];

		*out = i;
		if (c->provider ? strcmp(p->name, c->provider) == 0
				: p->model && strcmp(p->model, c->argv[0]) == 0)
			return CLI_OK;
	}
	*out = 0;
	if (!c->provider && conf->provider_count == 1)
		return CLI_OK;
	cli_say(c->provider ? "there is no provider \"%s\"; see: mynah providers"
		: "which provider has \"%s\"? Say it with --provider",
		c->provider ? c->provider : c->argv[0]);
	return CLI_CANNOT;
}

static int64_t least_cap(int64_t a, int64_t b)
{
	return a > 0 && (b <= 0 || a < b) ? a : b;
}

/* The caps of the config hold here too, but --yes lifts them. */
static int check_caps(struct plan *p)
{
	const struct conf *conf = p->o.world->conf;
	const struct conf_limits *l = &conf->limits;
	const struct conf_provider *provider = &conf->providers[p->o.provider];
	const int64_t calls = (int64_t)(golden_live_count(&p->set) * p->o.samples);
	const int64_t most = l->calls_hour < l->calls_day ? l->calls_hour : l->calls_day;
	const bool has_price = provider->price_in > 0 || provider->price_out > 0;

	p->o.cost_max = least_cap(l->cost_hour, l->cost_day);
	if (p->c->is_yes)
		return CLI_OK;
	if (calls > most) {
		cli_say("that is %lld calls, and limits.calls_hour and calls_day allow %lld; "
			"fewer --samples, or --yes", (long long)calls, (long long)most);
		return CLI_CANNOT;
	}
	if (has_price && p->o.cost_max == 0) {
		cli_say("provider \"%s\" has a price, and no limits.cost_day stops this: say --yes",
			provider->name);
		return CLI_CANNOT;
	}
	return CLI_OK;
}

/* The file that --save writes must be there before anything is spent. */
static int find_model(struct plan *p)
{
	char *dir = p->c->models ? mem_dup(p->c->models) : cli_folder(p->c, "models");
	struct conf_report r;
	int err;

	conf_report_init(&r);
	err = dir ? model_list_read(dir, &r, &p->models) : ERR_NOMEM;
	if (err)
		cli_complain(&r);
	for (size_t i = 0; !err && i < p->models.n; i++) {
		if (model_is_name(str_of(p->models.at[i]->name), p->o.model) ||
				model_is_name(str_of(p->o.model), p->models.at[i]->name))
			p->model = p->models.at[i];
	}
	if (!err && !p->model)
		cli_say("no file of %s is about \"%s\": write one, and the numbers are put there",
			dir, p->o.model);
	conf_report_fini(&r);
	mem_free(dir);
	return err || !p->model ? CLI_CANNOT : CLI_OK;
}

/* ---- After ----------------------------------------------------------------------------------- */

/* Four digits, "-" for what is not known. */
static const char *share_text(double share, char out[16])
{
	if (isnan(share))
		return "-";
	snprintf(out, 16, "%.4f", share);
	return out;
}

static void print_table(const struct plan *p, const struct golden_eval *e)
{
	char one[16], five[16], bleu[16];

	for (size_t i = 0; i < e->n; i++)
		printf("%4zu/%zu  %-28s%s%s\n", e->at[i].right, p->o.samples, e->at[i].c->name,
			e->at[i].why ? " " : "", e->at[i].why ? e->at[i].why : "");
	printf("passAt1 %s  passAt5 %s  bleu %s\n", share_text(e->pass_at_1, one),
		share_text(e->pass_at_5, five), share_text(e->bleu, bleu));
	printf("%s: %zu cases, %zu samples, seed %lld, set %.12s, %.1f s", p->o.model, e->n,
		p->o.samples, (long long)p->o.seed, p->set.hash, (double)e->took_ms / 1000);
	if (e->tokens_out > 0 && e->took_ms > 0)
		printf(", %.1f tokens/s", (double)e->tokens_out * 1000 / (double)e->took_ms);
	if (e->cost > 0)
		printf(", $%lld.%06lld", (long long)(e->cost / CONF_DOLLAR),
			(long long)(e->cost % CONF_DOLLAR));
	putchar('\n');
}

static const char *share_json(double share, char out[16])
{
	return isnan(share) ? "null" : share_text(share, out);
}

static int print_json(const struct plan *p, const struct golden_eval *e, const char *date)
{
	char one[16], five[16], bleu[16];
	struct buf out;
	int err;

	buf_init(&out, 1024 * 1024);
	err = buf_adds(&out, "{\"model\":");
	if (!err)
		err = json_add_string(&out, str_of(p->o.model));
	if (!err)
		err = buf_addf(&out,
			",\"passAt1\":%s,\"passAt5\":%s,\"bleu\":%s,\"measured\":true,"
			"\"date\":\"%s\",\"set\":\"%s\",\"samples\":%zu,\"seed\":%lld,\"cases\":[",
			share_json(e->pass_at_1, one), share_json(e->pass_at_5, five),
			share_json(e->bleu, bleu), date, p->set.hash, p->o.samples,
			(long long)p->o.seed);
	for (size_t i = 0; !err && i < e->n; i++) {
		err = buf_adds(&out, i > 0 ? ",{\"name\":" : "{\"name\":");
		if (!err)
			err = json_add_string(&out, str_of(e->at[i].c->name));
		if (!err)
			err = buf_addf(&out, ",\"right\":%zu}", e->at[i].right);
	}
	if (!err)
		err = buf_adds(&out, "]}");
	if (!err)
		puts(buf_text(&out));
	buf_fini(&out);
	return err;
}

static int save(struct plan *p, const struct golden_eval *e, const char *date)
{
	struct conf_report r;
	struct model *m = NULL;
	struct buf out;
	int err;

	conf_report_init(&r);
	err = model_read(p->model->path, &r, &m); /* edited, maybe, while the model was asked */
	if (err)
		cli_complain(&r);
	conf_report_fini(&r);
	buf_init(&out, MODEL_FILE_BYTES);
	if (!err) {
		struct model_accuracy *a = &m->accuracy;

		mem_free(a->date);
		mem_free(a->set);
		*a = (struct model_accuracy){
			.pass_at_1 = e->pass_at_1, .pass_at_5 = e->pass_at_5,
			.bleu = e->bleu, .is_measured = true,
			.date = mem_dup(date), .set = mem_dup(p->set.hash),
			.samples = (int64_t)p->o.samples, .seed = p->o.seed};
		m->has_accuracy = true;
		err = a->date && a->set ? model_write(m, &out) : ERR_NOMEM;
	}
	if (!err)
		err = file_replace(p->model->path, buf_str(&out), FILE_MODE);
	if (err)
		cli_say("%s cannot be written: %s", p->model->path, err_text(err));
	else
		cli_say("%s: written", p->model->path);
	model_free(m);
	buf_fini(&out);
	return err ? CLI_CANNOT : CLI_OK;
}

static bool may_save(const struct golden_eval *e)
{
	if (!isnan(e->bleu))
		return true;
	cli_say("no case has a good answer to compare with (similar_to:, posted:): not saved");
	return false;
}

static int tell(struct plan *p, int err, const struct golden_eval *e)
{
	char date[CLOCK_TEXT_BYTES];

	if (err == ERR_NOTFOUND) {
		cli_say("no case has live:, which says what an answer must be like");
		return CLI_CANNOT;
	}
	for (size_t i = 0; i < e->kept; i++)
		cli_say("%s: not asked, its prompt is local_only", e->at[e->n + i].c->name);
	if (err || e->error) {
		cli_say("not measured: %s%s%s", err ? err_text(err) : provider_error_name(e->error),
			*e->message ? ": " : "", e->message);
		return CLI_CANNOT;
	}
	clock_text(clock_wall_ms(), date);
	if (!p->c->is_json)
		print_table(p, e);
	else if (print_json(p, e, date))
		return CLI_SYSTEM;
	if (!p->c->is_save)
		return CLI_OK;
	return may_save(e) ? save(p, e, date) : CLI_CANNOT;
}

/* ---- The verb -------------------------------------------------------------------------------- */

static int measure(struct plan *p)
{
	struct golden_eval e = {0};
	int64_t samples = SAMPLES, seed = 1;
	int code;

	if (!read_number(p->c->samples, 1, SAMPLES_MAX, "samples", &samples) ||
			!read_number(p->c->seed, 1, SEED_MAX, "seed", &seed))
		return CLI_CANNOT;
	if (p->c->is_save && samples < SAMPLES) {
		cli_say("--save wants at least %d samples: passAt5 is made of them", SAMPLES);
		return CLI_CANNOT;
	}
	p->o.samples = (size_t)samples;
	p->o.seed = seed;
	p->o.model = p->c->argv[0];
	p->o.set = &p->set;
	if (cli_golden_set(p->c, NULL, 0, &p->set))
		return CLI_CANNOT;
	code = find_provider(p->c, p->o.world->conf, &p->o.provider);
	if (code == CLI_OK)
		code = check_caps(p);
	if (code == CLI_OK && p->c->is_save)
		code = find_model(p);
	if (code == CLI_OK && p->o.world->conf->ledger.is_on)
		code = (p->ledger = cli_ledger_path(p->c)) ? CLI_OK : CLI_CANNOT;
	p->o.ledger = p->ledger;
	if (code == CLI_OK)
		code = tell(p, golden_eval(&p->o, &e), &e);
	golden_eval_fini(&e);
	return code;
}

int cli_eval(const struct cli *c)
{
	struct bot_source s = cli_source(c);
	struct plan p = {.c = c, .o = {.source = &s}};
	struct conf_report report;
	int code = CLI_CONFIG;

	if (c->argc != 1)
		return cli_usage(c);
	if (log_open("/dev/null", LOG_ERROR))
		return CLI_SYSTEM;
	conf_report_init(&report);
	s.needs_secrets = true;
	if (bot_world_load(&s, &report, &p.o.world))
		cli_complain(&report);
	else
		code = measure(&p);
	mem_free(p.ledger);
	golden_set_fini(&p.set);
	model_list_fini(&p.models);
	bot_world_unref(p.o.world);
	conf_report_fini(&report);
	log_close();
	return code;
}
