/* ledger cost: what the model calls of the last days cost, out of the ledger's file. */
#include "cli/cli.h"
#include "ledger/ledger.h"

#include <stdio.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define DAYS 30        /* looked back at without --days */
#define DAYS_MAX 3650
#define FORECAST_DAYS 30
#define OUT_BYTES (1024 * 1024)

struct listing {
	struct buf out;
	bool is_json;
	int err;
	int64_t rows, calls, cost;
};

/* A call may cost less than a cent. */
static int add_dollars(struct buf *out, int64_t micros)
{
	return buf_addf(out, "$%lld.%06lld", (long long)(micros / CONF_DOLLAR),
		(long long)(micros % CONF_DOLLAR));
}

static void add_row(void *ctx, const struct ledger_cost *c)
{
	struct listing *l = ctx;

	l->calls += c->calls;
	l->cost += c->cost;
	if (l->err)
		return;
	if (l->is_json) {
		l->err = buf_adds(&l->out, l->rows > 0 ? ",{\"name\":" : "{\"name\":");
		if (!l->err)
			l->err = json_add_string(&l->out, str_of(c->name));
		if (!l->err)
			l->err = buf_addf(&l->out,
				",\"calls\":%lld,\"tokens_in\":%lld,"
				"\"tokens_out\":%lld,\"cost_micros\":%lld}",
				(long long)c->calls, (long long)c->tokens_in,
				(long long)c->tokens_out, (long long)c->cost);
	} else {
		l->err = add_dollars(&l->out, c->cost);
		if (!l->err)
			l->err =
				buf_addf(&l->out, " %8lld %10lld %10lld  %s\n", (long long)c->calls,
					(long long)c->tokens_in, (long long)c->tokens_out, c->name);
	}
	l->rows++;
}

/* What the next days cost if they go on like those that were looked at. */
static int64_t forecast_of(const struct listing *l, int64_t days)
{
	return l->cost / days * FORECAST_DAYS + l->cost % days * FORECAST_DAYS / days;
}

static int finish(struct listing *l, const char *group, int64_t days, bool has_forecast)
{
	struct buf head;
	int err;

	buf_init(&head, OUT_BYTES);
	if (l->is_json)
		err = buf_addf(&head, "{\"by\":\"%s\",\"days\":%lld,\"calls\":%lld,"
			"\"cost_micros\":%lld,\"forecast_micros\":%lld,\"rows\":[", group,
			(long long)days, (long long)l->calls, (long long)l->cost,
			(long long)forecast_of(l, days));
	else
		err = buf_addf(&head,
			"    cost    calls  tokens in tokens out  %s, last %lld days\n", group,
			(long long)days);
	if (!err)
		err = buf_add_str(&head, buf_str(&l->out));
	if (!err && l->is_json)
		err = buf_adds(&head, "]}\n");
	if (!err && !l->is_json)
		err = add_dollars(&head, l->cost);
	if (!err && !l->is_json)
		err = buf_addf(
			&head, " %8lld                        in all\n", (long long)l->calls);
	if (!err && !l->is_json && has_forecast) {
		err = add_dollars(&head, forecast_of(l, days));
		if (!err)
			err = buf_addf(&head, "                                 the next %d days, "
				"at this pace\n", FORECAST_DAYS);
	}
	if (!err)
		fputs(buf_text(&head), stdout);
	buf_fini(&head);
	return err;
}

char *cli_ledger_path(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	struct conf_report r;
	struct conf *conf = NULL;
	char *path = NULL;

	conf_report_init(&r);
	if (conf_load(s.config, &r, &conf))
		cli_complain(&r);
	else
		path = file_join(s.state_dir ? s.state_dir : conf->state_dir,
			conf->ledger.file);
	conf_free(conf);
	conf_report_fini(&r);
	return path;
}

static int cost(const struct cli *c, const char *group, int64_t days)
{
	struct listing l = {.is_json = c->is_json};
	char *path = cli_ledger_path(c);
	int err;

	if (!path)
		return CLI_CANNOT;
	buf_init(&l.out, OUT_BYTES);
	err = ledger_cost(path, group, clock_wall_ms() - days * DAY_MS, add_row, &l);
	if (err == ERR_NOTFOUND)
		cli_say("there is no ledger %s yet", path);
	else if (err)
		cli_say("the ledger %s cannot be read: %s", path, err_text(err));
	if (!err)
		err = l.err ? l.err : finish(&l, group, days, c->is_forecast);
	buf_fini(&l.out);
	mem_free(path);
	return err ? CLI_CANNOT : CLI_OK;
}

int cli_ledger(const struct cli *c)
{
	const char *group = c->by ? c->by : "model", *known;
	int64_t days = DAYS;
	size_t i = 0;

	while ((known = ledger_cost_group(i)) != NULL && strcmp(known, group) != 0)
		i++;
	if (c->argc != 1 || strcmp(c->argv[0], "cost") != 0 || !known)
		return cli_usage(c);
	if (c->days && (str_int(str_of(c->days), &days) || days < 1 || days > DAYS_MAX)) {
		cli_say("--days goes from 1 to %d", DAYS_MAX);
		return CLI_CANNOT;
	}
	return cost(c, group, days);
}
