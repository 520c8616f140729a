/* providers: who is asked for words, and, with --probe, whether they would answer. */
#include "cli/cli.h"
#include "provider/provider.h"

#include <stdio.h>

struct inquiry {
	const struct conf *conf;
	struct io *io;
	struct provider_pool *pool;
	size_t at;               /* the provider that is asked now */
	int code;
	bool is_json;
};

static void print_text(
	const struct conf_provider *p, const char *type, const struct provider_probed *r)
{
	printf("%s (%s)%s%s", p->name, type, p->model ? ", model " : "", p->model ? p->model : "");
	if (p->url)
		printf(", %s", p->url);
	if (p->price_in > 0 || p->price_out > 0)
		printf(", $%.2f and $%.2f a million tokens", (double)p->price_in / CONF_DOLLAR,
			(double)p->price_out / CONF_DOLLAR);
	putchar('\n');
	if (r && r->error)
		printf("  %s%s%s\n", provider_error_name(r->error), *r->why ? ": " : "", r->why);
	else if (r)
		printf("  answers within %lld ms%s\n", (long long)r->took_ms, r->has_model ? ""
			: "; its list of models has not this one");
}

static void print_json(const struct conf_provider *p, const char *type,
	const struct provider_probed *r, bool is_first)
{
	struct buf out;
	int err;

	buf_init(&out, 64 * 1024);
	err = buf_adds(&out, is_first ? "{\"name\":" : ",{\"name\":");
	if (!err)
		err = json_add_string(&out, str_of(p->name));
	if (!err)
		err = buf_addf(&out,
			",\"type\":\"%s\",\"price_in\":%lld,\"price_out\":%lld,\"model\":", type,
			(long long)p->price_in, (long long)p->price_out);
	if (!err)
		err = json_add_string(&out, str_of(p->model ? p->model : ""));
	if (!err && r)
		err = buf_addf(&out, ",\"probe\":{\"result\":\"%s\",\"ms\":%lld,\"models\":%zu,"
			"\"has_model\":%s}", provider_error_name(r->error), (long long)r->took_ms,
			r->models, r->has_model ? "true" : "false");
	if (!err)
		err = buf_addc(&out, '}');
	if (!err)
		fputs(buf_text(&out), stdout);
	buf_fini(&out);
}

/* Prints the provider that is at hand, r NULL = it was not asked, and goes on. */
static void print(struct inquiry *q, const struct provider_probed *r)
{
	const char *type, *model, *last;
	enum io_breaker_state breaker;

	if (!provider_state(q->pool, q->at, &type, &model, &breaker, &last))
		return;
	if (q->is_json)
		print_json(&q->conf->providers[q->at], type, r, q->at == 0);
	else
		print_text(&q->conf->providers[q->at], type, r);
	if (r && (r->error || !r->has_model))
		q->code = CLI_FINDINGS;
	q->at++;
}

static void next(struct inquiry *q);

static void on_probed(void *ctx, const struct provider_probed *r)
{
	print(ctx, r);
	next(ctx);
}

static void next(struct inquiry *q)
{
	if (q->at == q->conf->provider_count) {
		io_stop(q->io);
	} else if (!provider_probe_start(q->pool, q->at, on_probed, q)) {
		q->code = CLI_SYSTEM;
		io_stop(q->io);
	}
}

static int run(const struct cli *c, struct conf *conf)
{
	struct inquiry q = {.conf = conf, .code = CLI_OK, .is_json = c->is_json};

	if (io_new(&q.io) || provider_pool_new(q.io, conf, &q.pool)) {
		cli_say("the providers cannot be set up");
		io_free(q.io);
		return CLI_CANNOT;
	}
	if (q.is_json)
		putchar('[');
	if (c->is_probe) {
		next(&q);
		if (q.at < conf->provider_count)
			io_run(q.io);
	} else {
		while (q.at < conf->provider_count)
			print(&q, NULL);
	}
	if (q.is_json)
		puts("]");
	provider_pool_free(q.pool);
	io_free(q.io);
	return q.code;
}

int cli_providers(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report r;
	struct conf *conf = NULL;
	int code = CLI_CONFIG;

	conf_report_init(&r);
	log_set_level(LOG_AUDIT); /* the screen is for the answer */
	if (conf_load(s.config, &r, &conf) == 0 && (!c->is_probe || !conf_secrets_fetch(conf, &r)))
		code = run(c, conf);
	cli_complain(&r);
	conf_free(conf);
	conf_report_fini(&r);
	return code;
}
