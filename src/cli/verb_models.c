/* models: the registry of local models, what providers have of it, and which of them to take. */
#include "cli/cli.h"
#include "ledger/ledger.h"
#include "model/model.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SPEED_DAYS_MS (INT64_C(30) * 86400000)
#define SLOW 5.0 /* tokens/s: 100 tokens in 20 s, the most a chat waits (limits.deadline) */
#define NAMES_BYTES (1024 * 1024)
#define OUT_BYTES (1024 * 1024)
#define MIB(bytes) ((long long)((bytes) >> 20))

/* What is known of a model of the registry besides its file. */
struct known {
	const struct model *m;
	char where[128];         /* names of the providers that have it, "" = none */
	bool is_file;            /* its weights are where it says */
	bool is_checked;         /* some provider has said its digest */
	double speed;            /* tokens/s; NAN = not known */
};

struct registry {
	const struct cli *c;
	struct conf *conf;
	struct model_list list;
	struct known *known;     /* as the list */
	struct buf names;        /* "provider<TAB>model" a line: what the registry has not */
	struct buf silent;       /* "provider: why" a line: who did not answer */
	struct conf_report *report; /* of digests that are not as listed; NULL = nobody asks */
	/* While providers are asked: */
	struct io *io;
	struct provider_pool *pool;
	size_t at;
	struct buf out;
};

/* ---- What providers have --------------------------------------------------------------------- */

/* A file that is here was looked at itself. */
static void note_digest(struct registry *g, struct known *k, const char *provider,
	struct str digest)
{
	if (!g->report || !k->m->digest || k->m->local_path || digest.len == 0)
		return;
	k->is_checked = true;
	model_look_digest(k->m, provider, digest, g->report);
}

/* line: "name", or "name<TAB>digest". */
static void note_name(struct registry *g, const char *provider, struct str line)
{
	const struct str name = str_split(&line, '\t');
	bool is_known = false;

	for (size_t i = 0; i < g->list.n; i++) {
		struct known *k = &g->known[i];
		const size_t n = strlen(k->where);

		if (!model_is_name(name, k->m->name))
			continue;
		is_known = true;
		note_digest(g, k, provider, line);
		if (sizeof(k->where) - n > strlen(provider) + 2)
			snprintf(k->where + n, sizeof(k->where) - n, "%s%s", n > 0 ? " " : "",
				provider);
	}
	if (!is_known)
		(void)!buf_addf(&g->names, "%s\t%.*s\n", provider, STR_FMT(name));
}

static void next(struct registry *g);

static void on_probed(void *ctx, const struct provider_probed *r)
{
	struct registry *g = ctx;
	const char *provider = g->conf->providers[g->at].name;
	struct str rest = r->names;

	while (rest.len > 0)
		note_name(g, provider, str_split(&rest, '\n'));
	if (r->error)
		(void)!buf_addf(&g->silent, "%s: %s\n", provider, provider_error_name(r->error));
	g->at++;
	next(g);
}

static void next(struct registry *g)
{
	if (g->at == g->conf->provider_count ||
			!provider_probe_start(g->pool, g->at, on_probed, g))
		io_stop(g->io);
}

static int ask_providers(struct registry *g)
{
	int err = io_new(&g->io);

	if (!err)
		err = provider_pool_new(g->io, g->conf, &g->pool);
	if (!err && g->conf->provider_count > 0) {
		next(g);
		io_run(g->io);
	}
	provider_pool_free(g->pool);
	io_free(g->io);
	return err;
}

/* ---- What the ledger knows ------------------------------------------------------------------- */

static void on_speed(void *ctx, const struct ledger_speed *s)
{
	struct registry *g = ctx;

	for (size_t i = 0; i < g->list.n; i++) {
		if (model_is_name(str_of(s->model), g->known[i].m->name))
			g->known[i].speed = (double)s->tokens_out * 1000 / (double)s->took_ms;
	}
}

static int read_speeds(struct registry *g)
{
	char *path = cli_ledger_path(g->c);
	int err;

	if (!path)
		return ERR_NOMEM;
	err = ledger_speed(path, clock_wall_ms() - SPEED_DAYS_MS, on_speed, g);
	mem_free(path);
	return err == ERR_NOMEM ? err : 0; /* without a ledger nothing was measured */
}

static int learn(struct registry *g)
{
	struct conf_report r;
	bool has_keys;
	int err;

	g->known = mem_array(g->list.n + 1, sizeof(*g->known));
	if (!g->known)
		return ERR_NOMEM;
	for (size_t i = 0; i < g->list.n; i++) {
		const char *path = g->list.at[i]->local_path;

		g->known[i] = (struct known){.m = g->list.at[i], .speed = NAN,
			.is_file = path && access(path, R_OK) == 0};
	}
	conf_report_init(&r);
	has_keys = conf_secrets_fetch(g->conf, &r) == 0;
	cli_complain(&r);
	conf_report_fini(&r);
	err = read_speeds(g);
	return err || !has_keys ? err : ask_providers(g);
}

/* ---- List ------------------------------------------------------------------------------------ */

static const char *share(double value, char out[16])
{
	if (isnan(value))
		return "-";
	snprintf(out, 16, "%.2f", value);
	return out;
}

static double score_of(const struct model *m, double value)
{
	return m->has_accuracy && m->accuracy.is_measured ? value : NAN;
}

static bool fits(const struct model *m, int64_t memory)
{
	return memory < 0 || m->min_memory <= memory;
}

static int add_row(struct registry *g, const struct known *k, int64_t memory)
{
	const struct model *m = k->m;
	char one[16], five[16], bleu[16], speed[16];

	return buf_addf(&g->out, "%-24s %-10s %-8s %7lld MiB %-4s %5s %5s %5s %6s  %s%s%s\n",
		m->name, m->version, m->quantization, MIB(m->min_memory),
		fits(m, memory) ? "yes" : "NO", share(score_of(m, m->accuracy.pass_at_1), one),
		share(score_of(m, m->accuracy.pass_at_5), five),
		share(score_of(m, m->accuracy.bleu), bleu), share(k->speed, speed), k->where,
		*k->where && k->is_file ? " " : "", k->is_file ? "file" : *k->where ? "" : "-");
}

static int list_text(struct registry *g, int64_t memory)
{
	struct str rest = buf_str(&g->names);
	int err = buf_addf(&g->out, "%-24s %-10s %-8s %11s %-4s %5s %5s %5s %6s  %s\n", "name",
		"version", "weights", "memory", "fits", "pass1", "pass5", "bleu", "tok/s", "at");

	for (size_t i = 0; !err && i < g->list.n; i++)
		err = add_row(g, &g->known[i], memory);
	while (!err && rest.len > 0) {
		struct str name = str_split(&rest, '\n');
		const struct str provider = str_split(&name, '\t');

		err = buf_addf(&g->out, "%-24.*s not in the registry, at %.*s\n", STR_FMT(name),
			STR_FMT(provider));
	}
	rest = buf_str(&g->silent);
	while (!err && rest.len > 0) {
		const struct str who = str_split(&rest, '\n');

		err = buf_addf(&g->out, "# no list from %.*s\n", STR_FMT(who));
	}
	return err;
}

static int add_json(struct registry *g, const struct known *k, int64_t memory)
{
	char speed[16];
	int err = buf_adds(&g->out, "{\"model\":");

	if (!err)
		err = model_write(k->m, &g->out);
	if (!err)
		err = buf_addf(&g->out, ",\"fits\":%s,\"isFile\":%s,\"tokensPerSecond\":%s,\"at\":",
			fits(k->m, memory) ? "true" : "false", k->is_file ? "true" : "false",
			isnan(k->speed) ? "null" : share(k->speed, speed));
	if (!err)
		err = json_add_string(&g->out, str_of(k->where));
	return err ? err : buf_addc(&g->out, '}');
}

static int list_json(struct registry *g, int64_t memory)
{
	struct str rest = buf_str(&g->names);
	bool is_first = true;
	int err = buf_adds(&g->out, "{\"models\":[");

	for (size_t i = 0; !err && i < g->list.n; i++) {
		err = i > 0 ? buf_addc(&g->out, ',') : 0;
		if (!err)
			err = add_json(g, &g->known[i], memory);
	}
	if (!err)
		err = buf_adds(&g->out, "],\"others\":[");
	while (!err && rest.len > 0) {
		struct str name = str_split(&rest, '\n');
		const struct str provider = str_split(&name, '\t');

		err = buf_adds(&g->out, is_first ? "{\"name\":" : ",{\"name\":");
		if (!err)
			err = json_add_string(&g->out, name);
		if (!err)
			err = buf_adds(&g->out, ",\"at\":");
		if (!err)
			err = json_add_string(&g->out, provider);
		if (!err)
			err = buf_addc(&g->out, '}');
		is_first = false;
	}
	return err ? err : buf_adds(&g->out, "]}\n");
}

static int list(struct registry *g)
{
	const int64_t memory = model_memory();
	const int err = g->c->is_json ? list_json(g, memory) : list_text(g, memory);

	if (!err)
		fputs(buf_text(&g->out), stdout);
	return err ? CLI_SYSTEM : CLI_OK;
}

/* ---- Show, validate -------------------------------------------------------------------------- */

static int show(struct registry *g)
{
	for (size_t i = 0; i < g->list.n; i++) {
		if (!model_is_name(str_of(g->list.at[i]->name), g->c->argv[1]))
			continue;
		if (model_write(g->list.at[i], &g->out))
			return CLI_SYSTEM;
		fputs(buf_text(&g->out), stdout);
		return CLI_OK;
	}
	cli_say("the registry has no \"%s\"; see: mynah models list", g->c->argv[1]);
	return CLI_FINDINGS;
}

/* The hash of the golden cases; "" where they cannot be read. */
static void hash_cases(const struct cli *c, char out[SHA256_TEXT_BYTES])
{
	struct golden_set set = {0};

	snprintf(out, SHA256_TEXT_BYTES, "%s", cli_golden_set(c, NULL, 0, &set) ? "" : set.hash);
	golden_set_fini(&set);
}

/* Digests of weights that a server keeps: it is asked for its list. */
static int look_digests(struct registry *g, struct conf_report *r)
{
	bool is_any = false;
	int err;

	for (size_t i = 0; i < g->list.n; i++)
		is_any = is_any || (g->list.at[i]->digest && !g->list.at[i]->local_path);
	if (!is_any)
		return 0;
	g->report = r;
	err = learn(g);
	for (size_t i = 0; i < g->list.n && !err; i++) {
		const struct known *k = &g->known[i];

		if (k->m->digest && !k->m->local_path && !k->is_checked)
			conf_report_add(r, CONF_WARNING, k->m->path,
				"start its server; only Ollama's list has digests",
				"digest: no provider says one of \"%s\"", k->m->name);
	}
	return err;
}

static int validate(struct registry *g, struct conf_report *r, bool is_read)
{
	char set[SHA256_TEXT_BYTES];
	int err;

	hash_cases(g->c, set);
	for (size_t i = 0; i < g->list.n; i++)
		model_look(g->list.at[i], g->conf, set, r);
	if (look_digests(g, r)) {
		cli_say("the providers cannot be set up");
		return CLI_SYSTEM;
	}
	err = g->c->is_json ? conf_report_json(r, &g->out)
		: conf_report_write(r, isatty(STDOUT_FILENO), &g->out);
	if (err)
		return CLI_SYSTEM;
	if (g->c->is_json)
		puts(buf_text(&g->out));
	else
		printf("%s%s: %zu models, %zu errors, %zu warnings\n", buf_text(&g->out),
			is_read && r->errors == 0 ? "ok" : "not ok", g->list.n, r->errors,
			r->warnings);
	return is_read && r->errors == 0 ? CLI_OK : CLI_FINDINGS;
}

/* ---- Recommend ------------------------------------------------------------------------------- */

/* Is a better than b? First who is not known to be too slow, then who passes more cases, then who
 * is faster, then who is larger; what is not known comes behind what is. */
static bool is_better(const struct known *a, const struct known *b)
{
	const bool slow_a = a->speed < SLOW, slow_b = b->speed < SLOW; /* NAN is not */
	const double pass_a = score_of(a->m, a->m->accuracy.pass_at_1);
	const double pass_b = score_of(b->m, b->m->accuracy.pass_at_1);

	if (slow_a != slow_b)
		return slow_b;
	if (isnan(pass_a) != isnan(pass_b))
		return isnan(pass_b);
	if (!isnan(pass_a) && fabs(pass_a - pass_b) > 0)
		return pass_a > pass_b;
	if (isnan(a->speed) != isnan(b->speed))
		return isnan(b->speed);
	if (!isnan(a->speed) && fabs(a->speed - b->speed) > 0)
		return a->speed > b->speed;
	return a->m->min_memory > b->m->min_memory;
}

static bool is_here(const struct known *k)
{
	return *k->where || k->is_file;
}

static const struct known *best_of(const struct registry *g, int64_t memory, bool must_be_here)
{
	const struct known *best = NULL;

	for (size_t i = 0; i < g->list.n; i++) {
		const struct known *k = &g->known[i];

		if (fits(k->m, memory) && (!must_be_here || is_here(k)) &&
				(!best || is_better(k, best)))
			best = k;
	}
	return best;
}

static void print_best(const struct known *k, const char *how)
{
	char one[16], speed[16];

	printf("%s: %s %s, %lld MiB, passAt1 %s, tokens/s %s\n", how, k->m->name,
		k->m->quantization, MIB(k->m->min_memory),
		share(score_of(k->m, k->m->accuracy.pass_at_1), one), share(k->speed, speed));
}

static int recommend(struct registry *g)
{
	const int64_t memory = model_memory();
	const struct known *here = best_of(g, memory, true), *any = best_of(g, memory, false);

	if (g->c->is_json) {
		int err = buf_addf(&g->out, "{\"memory\":%lld,\"take\":", (long long)memory);

		if (!err)
			err = here ? add_json(g, here, memory) : buf_adds(&g->out, "null");
		if (!err)
			err = buf_adds(&g->out, ",\"fetch\":");
		if (!err)
			err = any && any != here ? add_json(g, any, memory)
				: buf_adds(&g->out, "null");
		if (!err)
			err = buf_adds(&g->out, "}\n");
		if (!err)
			fputs(buf_text(&g->out), stdout);
		return err ? CLI_SYSTEM : here || any ? CLI_OK : CLI_FINDINGS;
	}
	printf("memory: %lld MiB are to be had\n", MIB(memory));
	if (here)
		print_best(here, "take");
	if (any && any != here) {
		print_best(any, here ? "better, but not here" : "none is here that fits; fetch");
		printf("  ollama pull %s\n", any->m->name);
	}
	if (!any)
		printf("no model of the registry fits\n");
	return any ? CLI_OK : CLI_FINDINGS;
}

/* ---- The verb -------------------------------------------------------------------------------- */

static int run(struct registry *g, const char *what)
{
	char *dir = g->c->models ? mem_dup(g->c->models) : cli_folder(g->c, "models");
	struct conf_report r;
	int err, code = CLI_CANNOT;

	conf_report_init(&r);
	err = dir ? model_list_read(dir, &r, &g->list) : ERR_NOMEM;
	mem_free(dir);
	if (err == ERR_NOMEM)
		cli_say("out of memory");
	else if (strcmp(what, "validate") == 0)
		code = validate(g, &r, !err);
	else if (cli_complain(&r), strcmp(what, "show") == 0)
		code = show(g);
	else if (learn(g))
		cli_say("the providers cannot be set up");
	else
		code = strcmp(what, "list") == 0 ? list(g) : recommend(g);
	conf_report_fini(&r);
	return code;
}

static bool is_one_word(const char *what)
{
	return strcmp(what, "list") == 0 || strcmp(what, "validate") == 0 ||
		strcmp(what, "recommend") == 0;
}

int cli_models(const struct cli *c)
{
	const char *what = c->argc > 0 ? c->argv[0] : "";
	struct registry g = {.c = c};
	struct conf_report r;
	int code = CLI_CONFIG;

	if (!(c->argc == 1 && is_one_word(what)) &&
			!(c->argc == 2 && strcmp(what, "show") == 0))
		return cli_usage(c);
	if (log_open("/dev/null", LOG_ERROR))
		return CLI_SYSTEM;
	buf_init(&g.names, NAMES_BYTES);
	buf_init(&g.silent, NAMES_BYTES);
	buf_init(&g.out, OUT_BYTES);
	conf_report_init(&r);
	if (conf_load(cli_source(c).config, &r, &g.conf))
		cli_complain(&r);
	else
		code = run(&g, what);
	mem_free(g.known);
	model_list_fini(&g.list);
	conf_free(g.conf);
	conf_report_fini(&r);
	buf_fini(&g.names);
	buf_fini(&g.silent);
	buf_fini(&g.out);
	metric_reset();
	log_close();
	return code;
}
