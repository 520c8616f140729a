/* Status: what runs, how it is, what it counted; for `mynah status`, /healthz and /metrics. */
#include "bot/room.h"

#include "config.h"

#include <stdio.h>

static struct metric events_total = {"mynah_events_total", "Events that came in",
	METRIC_COUNTER, NULL, NULL, NULL, false};
static struct metric gathered_total = {"mynah_gathered_total",
	"Events that were made of others that came in crowds", METRIC_COUNTER, NULL, NULL, NULL,
	false};
static struct metric silent_total = {"mynah_silent_total",
	"Events that woke no turn, by reason", METRIC_COUNTER, "reason", NULL, NULL, false};
static struct metric hits_total = {"mynah_hits_total", "Events that a trigger claimed and fired on",
	METRIC_COUNTER, NULL, NULL, NULL, false};
static struct metric sent_total = {"mynah_sent_total", "Turns that ended with a reply",
	METRIC_COUNTER, NULL, NULL, NULL, false};
static struct metric drops_total = {"mynah_drops_total", "Turns that ended in silence, by reason",
	METRIC_COUNTER, "reason", NULL, NULL, false};
static struct metric live_turns = {"mynah_live_turns", "Turns that have not ended",
	METRIC_GAUGE, NULL, NULL, NULL, false};
static struct metric queue_depth = {"mynah_queue_depth", "Replies waiting in the outbox",
	METRIC_GAUGE, NULL, NULL, NULL, false};
static struct metric reloads_total = {"mynah_reloads_total", "Reloads that ended",
	METRIC_COUNTER, NULL, NULL, NULL, false};
static struct metric allocations_total = {"mynah_allocations_total",
	"Allocations of mynah itself, not of its libraries", METRIC_COUNTER, NULL, NULL, NULL,
	false};
static struct metric stale_files = {"mynah_stale_files",
	"Files that run on their last good version", METRIC_GAUGE, NULL, NULL, NULL, false};

void bot_metrics(struct bot *b)
{
	metric_set(&events_total, NULL, b->events);
	metric_set(&gathered_total, NULL, b->gathered);
	metric_set(&hits_total, NULL, b->hits);
	metric_set(&sent_total, NULL, b->sent);
	for (int i = 1; i < REASON_COUNT; i++) {
		if (reason_is_after_hit((enum reason)i) || b->drops[i] > 0)
			metric_set(&drops_total, reason_name((enum reason)i), b->drops[i]);
		if (!reason_is_after_hit((enum reason)i))
			metric_set(&silent_total, reason_name((enum reason)i), b->silent[i]);
	}
	metric_set(&live_turns, NULL, (int64_t)bot_live(b));
	metric_set(&queue_depth, NULL, (int64_t)outbox_waiting(b->outbox));
	metric_set(&reloads_total, NULL, b->reloads);
	metric_set(&allocations_total, NULL, (int64_t)mem_count());
	bot_once_metrics(b);
	metric_set(&stale_files, NULL, (int64_t)b->world->stale_count);
}

/* One more reason, whole or not at all. */
static int add_reason(struct buf *out, const char *name, const char *why)
{
	const size_t before = out->len;
	struct buf text;
	int err;

	buf_init(&text, 1024);
	err = buf_addf(&text, "%s: %s", name, why);
	if (!err && out->len > 0)
		err = buf_addc(out, ',');
	if (!err)
		err = json_add_string(out, buf_str(&text));
	if (err)
		buf_truncate(out, before);
	buf_fini(&text);
	return err;
}

struct complaint {
	struct buf *reasons;
	const char *place;
	bool is_any;
	int err;
};

static void on_problem(void *ctx, const char *what, const char *why)
{
	struct complaint *c = ctx;
	char name[128];

	snprintf(name, sizeof(name), "%s: %s", c->place, what);
	c->is_any = true;
	c->err |= add_reason(c->reasons, name, why);
}

/* Adds what does not work of a place that is up. */
static bool add_problems(const struct bot_place *p, struct buf *reasons, int *err)
{
	struct complaint c = {.reasons = reasons, .place = p->name};

	if (p->platform.ops && p->platform.ops->problems)
		p->platform.ops->problems(p->platform.self, on_problem, &c);
	*err |= c.err;
	return c.is_any;
}

/* Why the i-th provider cannot be asked; NULL = it can. */
static const char *provider_trouble(const struct bot *b, size_t i, enum io_breaker_state breaker,
	const char *last)
{
	struct provider_condition c;

	if (!provider_condition(b->providers, i, &c))
		return NULL;
	if (c.is_disabled)
		return "it refused our key: it is not asked until a reload";
	if (c.parked_ms > 0)
		return "its quota is spent: it is not asked for a while";
	if (breaker != IO_BREAKER_CLOSED)
		return *last != '\0' ? last : io_breaker_state_name(breaker);
	return c.lacks_model ? "it has not the model that it was asked for" : NULL;
}

bool bot_is_warming(const struct bot *b)
{
	struct provider_condition c;

	for (size_t i = 0; provider_condition(b->providers, i, &c); i++)
		if (c.is_warming)
			return true;
	return false;
}

bool bot_is_healthy(struct bot *b, struct buf *reasons)
{
	bool is_up = true, is_fine = true;
	const char *state, *type, *model, *last;
	enum io_breaker_state breaker;
	int err = 0;

	for (unsigned i = 0; i < BOT_PLACES_MAX; i++) {
		const struct bot_place *p = &b->places[i];

		if (!p->name || b->options.console)
			continue;
		is_fine &= !add_problems(p, reasons, &err);
		if (p->state == PLATFORM_UP)
			continue;
		is_fine = false;
		err |= add_reason(reasons, p->name,
			p->why[0] != '\0' ? p->why : platform_state_name(p->state));
	}
	if (!b->options.console && io_timer_is_on(b->begin)) {
		is_fine = false;
		err |= add_reason(reasons, "start",
			"five starts within a minute: waiting before logging in");
	}
	state = memory_state(&b->memory, &is_up);
	if (!is_up) {
		is_fine = false;
		err |= add_reason(reasons, "memory", state);
	}
	state = ledger_state(&b->ledger, &is_up);
	if (!is_up) {
		is_fine = false;
		err |= add_reason(reasons, "ledger", state);
	}
	for (size_t i = 0;
		(state = provider_state(b->providers, i, &type, &model, &breaker, &last)); i++) {
		const char *why = provider_trouble(b, i, breaker, last);

		if (!why)
			continue;
		is_fine = false;
		err |= add_reason(reasons, state, why);
	}
	for (size_t i = 0; i < b->world->stale_count; i++) {
		is_fine = false;
		err |= add_reason(reasons, b->world->stale[i],
			"has errors; its last good version is in use");
	}
	(void)err; /* reasons that did not fit are left out; the verdict stands */
	return is_fine;
}

static int add_places(struct bot *b, struct buf *out)
{
	int err = buf_adds(out, "\"places\":[");
	bool is_first = true;

	for (unsigned i = 0; i < BOT_PLACES_MAX && !err; i++) {
		struct bot_place *p = &b->places[i];
		char since[CLOCK_TEXT_BYTES];

		if (!p->name)
			continue;
		err = buf_addf(out, "%s{\"name\":\"%s\",\"state\":\"%s\",\"since\":\"%s\",\"why\":",
			is_first ? "" : ",", p->name, platform_state_name(p->state),
			clock_text(p->since_wall_ms ? p->since_wall_ms : b->began_wall_ms, since));
		if (!err)
			err = json_add_string(out, str_of(p->why));
		if (!err)
			err = buf_adds(out, ",\"login\":");
		if (!err)
			err = json_add_string(out, str_of(p->login));
		if (!err)
			err = buf_adds(out, ",\"place\":");
		if (!err)
			err = p->platform.ops->status(p->platform.self, out);
		if (!err)
			err = buf_addc(out, '}');
		is_first = false;
	}
	return err ? err : buf_adds(out, "],");
}

static int add_condition(const struct bot *b, size_t i, struct buf *out)
{
	struct provider_condition c;
	int err;

	if (!provider_condition(b->providers, i, &c))
		return 0;
	err = buf_addf(out, ",\"disabled\":%s,\"parked_s\":%lld,\"warming\":%s,"
		"\"lacks_model\":%s,\"servers\":%zu,\"servers_out\":%zu,\"in_flight\":%zu,"
		"\"calls_hour\":%lld,\"calls_day\":%lld,\"cost_day\":%lld,\"limit\":\"%s\"",
		c.is_disabled ? "true" : "false", (long long)(c.parked_ms + 999) / 1000,
		c.is_warming ? "true" : "false", c.lacks_model ? "true" : "false", c.servers,
		c.servers_out, c.in_flight, (long long)c.used.calls_hour,
		(long long)c.used.calls_day, (long long)c.used.cost_day, c.limit ? c.limit : "");
	if (!err && c.list_age_ms >= 0)
		err = buf_addf(out, ",\"models\":{\"count\":%zu,\"has_model\":%s,\"age_s\":%lld}",
			c.models, c.has_model ? "true" : "false", (long long)c.list_age_ms / 1000);
	return err;
}

static int add_providers(struct bot *b, struct buf *out)
{
	const char *name, *type, *model, *last;
	enum io_breaker_state breaker;
	int err = buf_adds(out, "\"providers\":[");

	for (size_t i = 0; !err; i++) {
		name = provider_state(b->providers, i, &type, &model, &breaker, &last);
		if (!name)
			break;
		err = buf_addf(out, "%s{\"name\":", i > 0 ? "," : "");
		if (!err)
			err = json_add_string(out, str_of(name));
		if (!err)
			err = buf_addf(out, ",\"type\":\"%s\",\"breaker\":\"%s\",\"model\":", type,
				io_breaker_state_name(breaker));
		if (!err)
			err = json_add_string(out, str_of(model));
		if (!err)
			err = buf_adds(out, ",\"last_error\":");
		if (!err)
			err = json_add_string(out, str_of(last));
		if (!err)
			err = add_condition(b, i, out);
		if (!err)
			err = buf_addc(out, '}');
	}
	return err ? err : buf_adds(out, "],");
}

static int add_reasons(const char *name, const int64_t counts[REASON_COUNT], struct buf *out)
{
	bool is_first = true;
	int err = buf_addf(out, "\"%s\":{", name);

	for (int i = 1; i < REASON_COUNT && !err; i++) {
		if (counts[i] == 0)
			continue;
		err = buf_addf(out, "%s\"%s\":%lld", is_first ? "" : ",",
			reason_name((enum reason)i), (long long)counts[i]);
		is_first = false;
	}
	return err ? err : buf_adds(out, "},");
}

static int add_counts(struct bot *b, struct buf *out)
{
	int err = buf_addf(out, "\"events\":%lld,\"gathered\":%lld,\"holding\":%zu,\"hits\":%lld,"
		"\"sent\":%lld,\"live\":%zu,\"waiting\":%zu,", (long long)b->events,
		(long long)b->gathered, bot_gather_holding(b->gather), (long long)b->hits,
		(long long)b->sent, bot_live(b), outbox_waiting(b->outbox));

	if (!err)
		err = add_reasons("silent", b->silent, out);
	return err ? err : add_reasons("drops", b->drops, out);
}

/* How many prompt files there are, and which would go to a model that they were not tried with. */
static int add_prompts(const struct bot_world *w, struct buf *out)
{
	int err = buf_addf(out, "\"prompts\":{\"count\":%zu,\"stale\":[", w->prompt_count);
	bool is_first = true;

	for (size_t i = 0; i < w->prompt_count && !err; i++) {
		if (!bot_prompt_stale(w, w->prompts[i]))
			continue;
		err = buf_addf(out, "%s\"%s\"", is_first ? "" : ",", w->prompts[i]->ref);
		is_first = false;
	}
	return err ? err : buf_adds(out, "]},");
}

int bot_status(struct bot *b, struct buf *out)
{
	const struct bot_world *w = b->world;
	bool memory_is_up, ledger_is_up;
	const char *memory = memory_state(&b->memory, &memory_is_up);
	const char *ledger = ledger_state(&b->ledger, &ledger_is_up);
	int64_t written, lost;
	struct buf reasons;
	int err;

	provider_pool_look(b->providers);
	ledger_counts(&b->ledger, &written, &lost);
	buf_init(&reasons, 16 * 1024);
	const bool is_fine = bot_is_healthy(b, &reasons);
	err = buf_addf(out,
		"{\"version\":\"%s\",\"uptime_s\":%lld,\"lag_ms\":%lld,\"status\":\"%s\","
		"\"reasons\":[%s],\"triggers\":%zu,\"personas\":%zu,\"reloads\":%lld,"
		"\"draining\":%s,",
		PACKAGE_VERSION, (long long)((clock_mono_ms() - b->began_ms) / 1000),
		(long long)io_lag_ms(b->io), is_fine ? "healthy" : "degraded", buf_text(&reasons),
		trigger_set_count(w->triggers), w->persona_count, (long long)b->reloads,
		b->is_draining ? "true" : "false");
	buf_fini(&reasons);
	if (!err)
		err = add_counts(b, out);
	if (!err)
		err = add_prompts(w, out);
	if (!err)
		err = buf_addf(out,
			"\"safety\":{\"policy\":\"%s\",\"rules\":%zu,\"input_refused\":%lld,"
			"\"input_noted\":%lld},", safety_policy_name((enum safety_policy)
			w->conf->safety.policy), safety_count(w->safety),
			(long long)b->refused_input, (long long)b->noted_input);
	if (!err)
		err = bot_spend_status(b, out);
	if (!err)
		err = bot_timers_status(b, out);
	if (!err)
		err = buf_adds(out, "\"once\":");
	if (!err)
		err = bot_once_status(b, out);
	if (!err)
		err = buf_addc(out, ',');
	if (!err)
		err = add_places(b, out);
	if (!err)
		err = add_providers(b, out);
	if (!err)
		err = bot_gauge_status(b, out);
	if (!err)
		err = bot_quiet_status(b, out);
	if (!err)
		err = buf_addf(
			out, "\"memory\":{\"up\":%s,\"state\":", memory_is_up ? "true" : "false");
	if (!err)
		err = json_add_string(out, str_of(memory));
	if (!err)
		err = buf_addf(out,
			"},\"ledger\":{\"up\":%s,\"written\":%lld,\"lost\":%lld,\"state\":",
			ledger_is_up ? "true" : "false", (long long)written, (long long)lost);
	if (!err)
		err = json_add_string(out, str_of(ledger));
	return err ? err : buf_adds(out, "}}");
}
