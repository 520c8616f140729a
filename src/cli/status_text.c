/* The status of a bot as lines for people: of the daemon for `mynah status`,
 * of its own for `mynah chat`. */
#include "cli/cli.h"

struct writing {
	struct buf *out;
	int err; /* the first; what follows it is left out */
};

static void add(struct writing *w, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct writing *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!w->err)
		w->err = buf_addv(w->out, fmt, ap);
	va_end(ap);
}

/* "; TEXT", or nothing when there is none. */
static void add_more(struct writing *w, const char *before, struct str text)
{
	if (text.len > 0)
		add(w, "%s%.*s", before, STR_FMT(text));
}

/* "a b c". */
static void add_words(struct writing *w, const struct json *words)
{
	for (size_t i = 0; i < json_count(words); i++)
		add(w, "%s%.*s", i > 0 ? " " : "", STR_FMT(json_text(json_at(words, i))));
}

/* Whose token a place has, what it may do and until when. */
static void add_login(struct writing *w, const struct json *l, struct str place_why)
{
	const struct json *scopes = json_get(l, "scopes"), *missing = json_get(l, "missing");
	struct str login = json_str(l, "login"), ends = json_str(l, "expires_at");

	add(w, "             %.*s", STR_FMT(json_str(l, "kind")));
	add_more(w, " of ", login);
	add_more(w, " for #", json_str(l, "channel"));
	add(w, ": %.*s", STR_FMT(json_str(l, "state")));
	add_more(w, " until ", ends);
	if (json_count(scopes) > 0)
		add(w, "; ");
	add_words(w, scopes);
	if (!str_eq(json_str(l, "why"), place_why)) /* it stands above already */
		add_more(w, "; ", json_str(l, "why"));
	add(w, "\n");
	if (json_count(missing) == 0)
		return;
	add(w, "               it lacks ");
	add_words(w, missing);
	if (str_is(json_str(l, "kind"), "login")) {
		add(w, ": run mynah login twitch");
		add_more(w, " --broadcaster ", json_str(l, "channel"));
	}
	add(w, "\n");
}

/* What is wrong there besides; the first stands above already. */
static void add_problems(struct writing *w, const struct json *problems, struct str place_why)
{
	for (size_t i = 0; i < json_count(problems); i++)
		if (!str_eq(json_text(json_at(problems, i)), place_why))
			add(w, "             %.*s\n", STR_FMT(json_text(json_at(problems, i))));
}

static void add_shards(struct writing *w, const struct json *shards)
{
	for (size_t i = 0; i < json_count(shards); i++) {
		const struct json *s = json_at(shards, i);
		const int64_t latency = json_int(s, "latency_ms", -1);

		add(w, "             connection: %.*s since %.*s", STR_FMT(json_str(s, "state")),
			STR_FMT(json_str(s, "since")));
		if (latency >= 0)
			add(w, ", answers in %lld ms", (long long)latency);
		add(w, "\n");
	}
}

static void add_place(struct writing *w, const struct json *p)
{
	const struct json *logins = json_get(json_get(p, "place"), "logins");
	const struct json *lanes = json_get(json_get(p, "place"), "channels");

	add(w, "place      %.*s: %.*s since %.*s", STR_FMT(json_str(p, "name")),
		STR_FMT(json_str(p, "state")), STR_FMT(json_str(p, "since")));
	add_more(w, " as ", json_str(p, "login"));
	add_more(w, "; ", json_str(p, "why"));
	add(w, "\n");
	for (size_t i = 0; i < json_count(logins); i++)
		add_login(w, json_at(logins, i), json_str(p, "why"));
	add_problems(w, json_get(json_get(p, "place"), "problems"), json_str(p, "why"));
	add_shards(w, json_get(json_get(p, "place"), "gateway"));
	for (size_t i = 0; i < json_count(lanes); i++) {
		const struct json *l = json_at(lanes, i);

		add(w, "             #%.*s: %.*s%s\n", STR_FMT(json_str(l, "name")),
			STR_FMT(json_str(l, "state")),
			json_bool(l, "privileged", false) ? ", as moderator or VIP" : "");
	}
}

/* "$0.12 of $1.00"; nothing while nothing was spent and nothing limits it. */
static void add_spent(struct writing *w, const struct json *spent)
{
	const double day = (double)json_int(spent, "day", 0) / CONF_DOLLAR;
	const double cap = (double)json_int(spent, "cap_day", 0) / CONF_DOLLAR;

	if (day <= 0 && cap <= 0)
		return;
	add(w, "spent      $%.4f today", day);
	if (cap > 0)
		add(w, ", of $%.2f", cap);
	add(w, "\n");
}

/* How its models count. */
static void add_gauges(struct writing *w, const struct json *gauges, struct str provider)
{
	for (size_t i = 0; i < json_count(gauges); i++) {
		const struct json *g = json_at(gauges, i);

		if (!str_eq(json_str(g, "provider"), provider))
			continue;
		add(w, "             tokens of %.*s: %lld %% of our estimate, %lld %% off on "
			"average, in %lld prompts\n", STR_FMT(json_str(g, "model")),
			(long long)json_int(g, "ratio_percent", 0),
			(long long)json_int(g, "error_percent", 0),
			(long long)json_int(g, "samples", 0));
	}
}

static void add_timer(struct writing *w, const struct json *t)
{
	const int64_t in_s = json_int(t, "in_ms", 0) / 1000, least = json_int(t, "min_lines", 0);
	struct str waits = json_str(t, "waits_for");

	add(w, "timer      %.*s in #%.*s: ", STR_FMT(json_str(t, "trigger")),
		STR_FMT(json_str(t, "channel")));
	if (waits.len > 0)
		add(w, "due, waits for %.*s", STR_FMT(waits));
	else
		add(w, "in %lld min %02lld s", (long long)(in_s / 60), (long long)(in_s % 60));
	if (least > 0)
		add(w, ", %lld of %lld lines", (long long)json_int(t, "lines", 0),
			(long long)least);
	add(w, "\n");
}

static void add_quiet(struct writing *w, const struct json *q)
{
	const int64_t left_s = json_int(q, "ms", 0) / 1000;

	add(w, "quiet      #%.*s on %.*s, for another %lld min %02lld s\n",
		STR_FMT(json_str(q, "channel")), STR_FMT(json_str(q, "place")),
		(long long)(left_s / 60), (long long)(left_s % 60));
}

/* What keeps a provider from being asked, beside its breaker. */
static void add_condition(struct writing *w, const struct json *p)
{
	const int64_t servers = json_int(p, "servers", 1);

	if (json_bool(p, "disabled", false))
		add(w, "; disabled until a reload: it refused our key");
	if (json_int(p, "parked_s", 0) > 0)
		add(w, "; parked for %lld s: its quota is spent",
			(long long)json_int(p, "parked_s", 0));
	if (json_bool(p, "lacks_model", false))
		add(w, "; it has not the model");
	if (json_bool(p, "warming", false))
		add(w, "; it loads the model");
	if (servers > 1)
		add(w, "; %lld of %lld servers are well",
			(long long)(servers - json_int(p, "servers_out", 0)), (long long)servers);
	add_more(w, "; its limit is reached: ", json_str(p, "limit"));
}

static void add_provider(struct writing *w, const struct json *p, const struct json *gauges)
{
	add(w, "provider   %.*s (%.*s, %.*s): breaker %.*s", STR_FMT(json_str(p, "name")),
		STR_FMT(json_str(p, "type")), STR_FMT(json_str(p, "model")),
		STR_FMT(json_str(p, "breaker")));
	add_condition(w, p);
	add_more(w, "; last error: ", json_str(p, "last_error"));
	add(w, "\n");
	add_gauges(w, gauges, json_str(p, "name"));
}

struct drops {
	struct writing *w;
	const struct json *map;
};

static void add_drop(void *ctx, const char *key, const struct json *value)
{
	struct drops *d = ctx;

	(void)value;
	add(d->w, "dropped    %s: %lld\n", key, (long long)json_int(d->map, key, 0));
}

int cli_status_text(const struct json *j, struct buf *out)
{
	const struct json *places = json_get(j, "places"), *providers = json_get(j, "providers");
	const struct json *timers = json_get(j, "timers"), *quiet = json_get(j, "quiet");
	const struct json *reasons = json_get(j, "reasons"), *ledger = json_get(j, "ledger");
	const struct json *safety = json_get(j, "safety");
	const int64_t up = json_int(j, "uptime_s", 0);
	struct writing w = {out, 0};
	struct drops d = {&w, json_get(j, "drops")};

	add(&w, "mynah %.*s is %.*s, up %lld h %02lld min\n", STR_FMT(json_str(j, "version")),
		STR_FMT(json_str(j, "status")), (long long)(up / 3600), (long long)(up / 60 % 60));
	for (size_t i = 0; i < json_count(reasons); i++)
		add(&w, "%-11s%.*s\n", i == 0 ? "because" : "",
			STR_FMT(json_text(json_at(reasons, i))));
	for (size_t i = 0; i < json_count(places); i++)
		add_place(&w, json_at(places, i));
	for (size_t i = 0; i < json_count(quiet); i++)
		add_quiet(&w, json_at(quiet, i));
	for (size_t i = 0; i < json_count(providers); i++)
		add_provider(&w, json_at(providers, i), json_get(j, "tokens"));
	for (size_t i = 0; i < json_count(timers); i++)
		add_timer(&w, json_at(timers, i));
	add(&w, "safety     %.*s, %lld rules; %lld questions refused, %lld noted\n",
		STR_FMT(json_str(safety, "policy")), (long long)json_int(safety, "rules", 0),
		(long long)json_int(safety, "input_refused", 0),
		(long long)json_int(safety, "input_noted", 0));
	add_spent(&w, json_get(j, "spent"));
	add(&w, "memory     %.*s\n", STR_FMT(json_str(json_get(j, "memory"), "state")));
	add(&w, "ledger     %.*s, %lld rows written, %lld lost\n",
		STR_FMT(json_str(ledger, "state")), (long long)json_int(ledger, "written", 0),
		(long long)json_int(ledger, "lost", 0));
	add(&w, "files      %lld triggers, %lld personas, %lld reloads\n",
		(long long)json_int(j, "triggers", 0), (long long)json_int(j, "personas", 0),
		(long long)json_int(j, "reloads", 0));
	add(&w, "counts     %lld events, %lld hits, %lld sent, %lld live, %lld waiting",
		(long long)json_int(j, "events", 0), (long long)json_int(j, "hits", 0),
		(long long)json_int(j, "sent", 0), (long long)json_int(j, "live", 0),
		(long long)json_int(j, "waiting", 0));
	if (json_int(j, "holding", 0) > 0)
		add(&w, ", %lld held to be told together", (long long)json_int(j, "holding", 0));
	add(&w, "\n");
	json_each((struct json *)d.map, add_drop, &d);
	return w.err;
}
