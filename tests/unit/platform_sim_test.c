/* Twelve hours of a Twitch place in virtual time, while everything around it fails by a random
 * schedule of a fixed seed. What must hold: no event twice, none lost that was delivered, one
 * connection and one session a login in the end, no limit broken, no token lost, no tight loop,
 * memory flat, and whole again after every fault within the time its schedule gives it. */
#include "unit.h"

#include "platform/room.h"
#include "unit/sim_room.h"

#define HOURS  12
#define MINUTE INT64_C(60000)
/* What the schedules of faults.md section 7 allow in a minute, all parts of the place together. */
#define OPENS_MOST    40
#define REQUESTS_MOST 250
#define TIMERS_MOST   20000

static struct story {
	struct io *io;
	struct platform place;
	struct conf_place conf;
	bool by_eventsub; /* chat and sending too */
	enum platform_state state;
	struct outbox_lane lanes[SIM_ROOMS];
	struct stream streams[SIM_ROOMS];
	int64_t joined_ms[20];
	unsigned joins, ups;
	unsigned given, outcomes, delivered, lost; /* replies */
	unsigned opens_most, requests_most, timers_most;
	int64_t worst_ms; /* recovery */
	const char *worst;
	bool is_calm;    /* nothing fails: everything that happens must be heard */
	bool is_over;    /* nothing is said any more */
	char trail[256]; /* what has failed in this episode, for whoever reads a failure */
} st;

/* ---- The owner ---------------------------------------------------------------------------------
 */

static int room_of(const char *channel)
{
	for (int i = 0; i < SIM_ROOMS; i++) {
		if (strcmp(channel, sim_twitch.rooms[i].name) == 0)
			return i;
	}
	fail_msg("no room %s", channel);
	return 0;
}

/* Who did it tells what it was: everybody does one thing. */
static void on_event(void *ctx, const struct event *e)
{
	unsigned long n =
		e->login.len > 1 && *e->login.at == 'u' ? strtoul(e->login.at + 1, NULL, 10) : 0;

	(void)ctx;
	if (n > 0 && n < SIM_NEWS)
		sim_twitch.news[n].told++;
}

static void on_erase(void *ctx, const struct erasure *e)
{
	(void)ctx;
	(void)e;
}

static void on_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	(void)ctx;
	(void)turn;
	(void)why;
	st.outcomes++;
	st.delivered += r == REASON_NONE;
	st.lost += r != REASON_NONE;
}

static int on_lane(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l)
{
	(void)ctx;
	(void)place;
	st.lanes[room_of(channel)] = *l;
	return 0;
}

/* As outbox_join counts: so many in the window. */
static int64_t on_join(void *ctx, unsigned place, int64_t now_ms)
{
	int64_t *oldest = &st.joined_ms[st.joins % 18];

	(void)ctx;
	(void)place;
	if (*oldest > 0 && now_ms - *oldest < 12000)
		return *oldest + 12000 - now_ms;
	*oldest = now_ms;
	st.joins++;
	return 0;
}

static void on_state(void *ctx, unsigned place, enum platform_state state, const char *why)
{
	(void)ctx;
	(void)place;
	if (state == PLATFORM_REFUSED)
		fail_msg("%s: refused after %lld s: %s", st.trail,
			(long long)(clock_mono_ms() - sim_begin_ms) / 1000, why);
	st.state = state;
	st.ups += state == PLATFORM_UP;
}

static void on_stream(void *ctx, unsigned place, const char *channel, const struct stream *s)
{
	(void)ctx;
	(void)place;
	st.streams[room_of(channel)] = *s;
}

static void on_self(void *ctx, unsigned place, const char *login, const char *user_id)
{
	(void)ctx;
	(void)place;
	assert_string_equal(login, "tidalbot");
	assert_true(!*user_id || strcmp(user_id, "60030003") == 0);
}

/* ---- Traffic -----------------------------------------------------------------------------------
 */

static void speak(unsigned room)
{
	char turn[TURN_ID_BYTES];
	struct event e = {.platform = STR("twitch"),
		.channel = str_of(sim_twitch.rooms[room].name),
		.channel_id = str_of(sim_twitch.rooms[room].id),
		.user_id = STR("7"),
		.at_ms = clock_mono_ms()};
	struct reply *r;

	if (!st.lanes[room].is_open || st.is_over)
		return;
	snprintf(turn, sizeof(turn), "turn-%u", st.given);
	r = reply_new(turn, &e, STR("hello there"));
	assert_non_null(r);
	r->dies_ms = clock_mono_ms() + 30000;
	st.given++;
	st.place.ops->send(st.place.self, r);
}

static void traffic(void *arg)
{
	unsigned room = (unsigned)sim_chance(0, SIM_ROOMS - 1);

	switch (sim_chance(0, 9)) {
	case 0:
	case 1:
	case 2:
	case 3: sim_chat(room); break;
	case 4:
	case 5: sim_follow(room); break;
	case 6: sim_redeem(0); break;
	case 7: speak(room); break;
	case 8: sim_stream(room, !sim_twitch.rooms[room].is_live); break;
	default:
		if (st.is_calm) /* its source may change while subscriptions come and go */
			sim_raid(room);
	}
	sim_later(sim_chance(200, 12000), traffic, arg);
}

static void each_minute(void *arg)
{
	if (sim_count.opens > OPENS_MOST || sim_count.requests > REQUESTS_MOST ||
		sim_count.timers > TIMERS_MOST)
		fail_msg("%s: %u connections, %u requests, %u timers in a minute", st.trail,
			sim_count.opens, sim_count.requests, sim_count.timers);
	st.opens_most = sim_count.opens > st.opens_most ? sim_count.opens : st.opens_most;
	st.requests_most =
		sim_count.requests > st.requests_most ? sim_count.requests : st.requests_most;
	st.timers_most = sim_count.timers > st.timers_most ? sim_count.timers : st.timers_most;
	sim_count.opens = sim_count.requests = sim_count.timers = 0;
	sim_later(MINUTE, each_minute, arg);
}

/* ---- Faults ------------------------------------------------------------------------------------
 */

static void irc_cut(void)
{
	sim_irc_cut();
}

static void irc_reconnect(void)
{
	sim_irc_reconnect(false);
}

static void irc_reconnect_cut(void)
{
	sim_irc_reconnect(true);
}

static void irc_gone(void)
{
	sim_twitch.irc = SIM_GONE;
	sim_irc_cut();
}

static void irc_hung(void)
{
	sim_twitch.irc = SIM_HUNG;
	sim_irc_cut();
}

static void irc_silent(void)
{
	sim_twitch.is_irc_silent = true;
}

static void irc_mute_login(void)
{
	sim_twitch.logins_unanswered = true;
	sim_irc_cut();
}

static void irc_mute_joins(void)
{
	sim_twitch.joins_unanswered = true;
	sim_irc_cut();
}

static void eventsub_cut(void)
{
	sim_eventsub_close(0);
}

static void eventsub_code(void)
{
	sim_eventsub_close(4000 + (int)sim_chance(0, 7));
}

static void eventsub_gone(void)
{
	sim_twitch.eventsub = SIM_GONE;
	sim_eventsub_close(0);
}

static void eventsub_hung(void)
{
	sim_twitch.eventsub = SIM_HUNG;
	sim_eventsub_close(4006);
}

static void eventsub_silent(void)
{
	sim_twitch.is_eventsub_silent = true;
}

static void eventsub_moved(void)
{
	sim_eventsub_reconnect(false);
}

static void eventsub_misled(void)
{
	sim_eventsub_reconnect(true);
}

static void eventsub_moved_hung(void)
{
	sim_eventsub_reconnect(false);
	sim_twitch.eventsub = SIM_HUNG;
}

static void eventsub_unwelcome(void)
{
	sim_twitch.welcomes_unsaid = true;
	sim_eventsub_close(0);
}

static void unmodded(void)
{
	sim_twitch.rooms[0].is_mod = false;
	sim_eventsub_revoke("channel.follow", "moderator_removed");
}

static void deauthorized(void)
{
	sim_eventsub_revoke("channel.follow", "authorization_revoked");
}

static void bot_revoked(void)
{
	sim_tokens_revoke(SIM_BOT);
}

static void bot_revoked_and_cut(void)
{
	sim_tokens_revoke(SIM_BOT);
	sim_irc_cut();
	sim_eventsub_close(0);
}

static void broadcaster_revoked(void)
{
	sim_tokens_revoke(SIM_BROADCASTER);
	sim_eventsub_close(4000);
}

static void id_sick(void)
{
	sim_twitch.id = SIM_SICK;
	sim_tokens_revoke(SIM_BOT);
	sim_irc_cut();
}

static void id_hung(void)
{
	sim_twitch.id = SIM_HUNG;
	sim_tokens_revoke(SIM_BROADCASTER);
	sim_eventsub_close(0);
}

static void id_gone(void)
{
	sim_twitch.id = SIM_GONE;
}

static void helix_sick(void)
{
	sim_twitch.helix = SIM_SICK;
	sim_eventsub_close(0);
}

static void helix_hung(void)
{
	sim_twitch.helix = SIM_HUNG;
	sim_eventsub_close(0);
}

static void helix_gone(void)
{
	sim_twitch.helix = SIM_GONE;
	sim_eventsub_close(0);
}

static void helix_busy(void)
{
	sim_twitch.helix = SIM_BUSY;
	sim_eventsub_close(0);
}

static void helix_forbids(void)
{
	sim_twitch.helix = SIM_FORBIDDING;
	sim_eventsub_close(0);
}

static void host_sleeps(void);
static void everything(void);

#define SOON                                                                                      \
	(5 * MINUTE) /* a backoff of a minute, a watchdog, a login; news of a stream that came in \
		      * the wrong order are believed for three, and then asked about */
#define SLOW \
	(18 * MINUTE) /* a no that may pass is put to the test again after a quarter of an hour */
#define AUTH (9 * MINUTE) /* the id server's backoff goes to five minutes */

static const struct fault {
	const char *name;
	void (*begin)(void);
	int64_t lasts_ms; /* at most */
	int64_t heals_ms; /* within that, after its end */
} faults[] = {
	{"irc_cut", irc_cut, 0, SOON},
	{"irc_reconnect", irc_reconnect, 0, SOON},
	{"irc_reconnect_cut", irc_reconnect_cut, 0, SOON},
	{"irc_gone", irc_gone, 5 * MINUTE, SOON},
	{"irc_hung", irc_hung, 2 * MINUTE, SOON},
	{"irc_silent", irc_silent, 3 * MINUTE, SOON},
	{"irc_mute_login", irc_mute_login, 2 * MINUTE, SOON},
	{"irc_mute_joins", irc_mute_joins, 2 * MINUTE, 6 * MINUTE},
	{"eventsub_cut", eventsub_cut, 0, SOON},
	{"eventsub_code", eventsub_code, 0, SOON},
	{"eventsub_code", eventsub_code, 0, SOON},
	{"eventsub_gone", eventsub_gone, 5 * MINUTE, SOON},
	{"eventsub_hung", eventsub_hung, 2 * MINUTE, SOON},
	{"eventsub_silent", eventsub_silent, 2 * MINUTE, SOON},
	{"eventsub_moved", eventsub_moved, 0, SOON},
	{"eventsub_moved", eventsub_moved, 0, SOON},
	{"eventsub_misled", eventsub_misled, 0, SOON},
	{"eventsub_moved_hung", eventsub_moved_hung, MINUTE, SOON},
	{"eventsub_unwelcome", eventsub_unwelcome, 2 * MINUTE, SOON},
	{"unmodded", unmodded, MINUTE, SLOW},
	{"deauthorized", deauthorized, MINUTE, SLOW},
	{"bot_revoked", bot_revoked, 0, SLOW},
	{"bot_revoked_and_cut", bot_revoked_and_cut, 0, SLOW},
	{"broadcaster_revoked", broadcaster_revoked, 0, SLOW},
	{"id_sick", id_sick, 4 * MINUTE, SLOW},
	{"id_hung", id_hung, 4 * MINUTE, SLOW},
	{"id_gone", id_gone, 10 * MINUTE, AUTH},
	{"helix_sick", helix_sick, 3 * MINUTE, SLOW},
	{"helix_hung", helix_hung, 3 * MINUTE, SLOW},
	{"helix_gone", helix_gone, 3 * MINUTE, SLOW},
	{"helix_busy", helix_busy, 3 * MINUTE, SLOW},
	{"helix_forbids", helix_forbids, MINUTE, SLOW},
	{"host_sleeps", host_sleeps, 0, SOON},
	{"everything", everything, 2 * MINUTE, SLOW},
};

/* The clocks leap, and nobody on the other side has waited. What was on the wire is lost: had it
 * come, it would be as old as a replay. */
static void host_sleeps(void)
{
	sim_net_lose();
	io_clock_shift(st.io, sim_chance(MINUTE, 40 * MINUTE));
	sim_forget_client();
}

/* The servers are gone, all at once; logins end meanwhile. */
static void everything(void)
{
	sim_tokens_revoke(SIM_BOT);
	sim_tokens_revoke(SIM_BROADCASTER);
	sim_twitch.irc = sim_twitch.eventsub = sim_twitch.id = SIM_GONE;
	sim_twitch.helix = SIM_HUNG;
	sim_forget_client();
}

static void mend(void)
{
	sim_twitch.irc = sim_twitch.id = sim_twitch.helix = sim_twitch.eventsub = SIM_WELL;
	sim_twitch.is_irc_silent = sim_twitch.is_eventsub_silent = false;
	sim_twitch.joins_unanswered = sim_twitch.logins_unanswered = false;
	sim_twitch.welcomes_unsaid = false;
	sim_twitch.rooms[0].is_mod = true;
}

/* ---- How it must stand in the end --------------------------------------------------------------
 */

static const struct {
	const char *type;
	unsigned account, room;
	bool is_chat;
} wanted[] = {
	{"channel.follow", SIM_BOT, 0, false},
	{"channel.follow", SIM_BOT, 1, false},
	{"stream.online", SIM_BOT, 0, false},
	{"stream.offline", SIM_BOT, 1, false},
	{"channel.raid", SIM_BOT, 0, false},
	{"channel.raid", SIM_BOT, 1, false},
	{"channel.channel_points_custom_reward_redemption.add", SIM_BROADCASTER, 0, false},
	{"channel.chat.message", SIM_BOT, 0, true},
	{"channel.chat.message", SIM_BOT, 1, true},
};

/* NULL = whole. */
static const char *lack(void)
{
	if (st.state != PLATFORM_UP)
		return "up";
	for (unsigned i = 0; i < SIM_ROOMS; i++) {
		if (!st.lanes[i].is_open)
			return "a lane";
		if (!st.by_eventsub && !sim_irc_is_in(i))
			return "a room";
		if (!st.streams[i].is_known || st.streams[i].is_live != sim_twitch.rooms[i].is_live)
			return "a stream's state";
	}
	for (size_t i = 0; i < COUNT(wanted); i++) {
		if ((!wanted[i].is_chat || st.by_eventsub) &&
			!sim_is_subscribed(wanted[i].account, wanted[i].type, wanted[i].room))
			return wanted[i].type;
	}
	for (unsigned i = 0; i < SIM_ACCOUNTS; i++) {
		if (sim_sessions(i) != 1)
			return "one session of each login";
	}
	if (sim_is_moving())
		return "end to a hand-over";
	if (sim_irc_links() != (st.by_eventsub ? 0 : 1))
		return "one connection to chat";
	return sim_count.open_now == (st.by_eventsub ? 2 : 3) ? NULL : "no other connection";
}

static void pass(int64_t ms)
{
	io_advance(st.io, clock_mono_ms() + ms);
}

static void heal(const struct fault *worst)
{
	int64_t begun_ms = clock_mono_ms(), took_ms = 0;
	const char *missing;

	for (; (missing = lack()) != NULL && took_ms <= worst->heals_ms;
		took_ms = clock_mono_ms() - begun_ms)
		pass(500);
	if (missing) {
		struct buf text;

		buf_init(&text, 1 << 16);
		(void)!st.place.ops->status(st.place.self, &text);
		fail_msg("%lld s after the end of%s there is no %s: %s", (long long)took_ms / 1000,
			st.trail, missing, buf_text(&text));
	}
	if (took_ms > st.worst_ms) {
		st.worst_ms = took_ms;
		st.worst = worst->name;
	}
}

/* Everything that happens while nothing fails is heard, once. */
static void calm(void)
{
	unsigned first;

	pass(1500); /* what was on its way */
	first = sim_twitch.happened + 1;
	st.is_calm = true;
	pass(sim_chance(MINUTE / 2, 3 * MINUTE));
	st.is_calm = false;
	unsigned last = sim_twitch.happened;
	pass(1500);
	for (unsigned n = first; n <= last; n++) {
		if (sim_twitch.news[n].told != 1)
			fail_msg("after%s: what u%u did was told %d times (chat %d, EventSub %d)",
				st.trail, n, sim_twitch.news[n].told, sim_twitch.news[n].chat,
				sim_twitch.news[n].eventsub);
	}
}

static void one_episode(void)
{
	const struct fault *worst = NULL;
	bool needs_person = false;
	int64_t lasts_ms = 0;

	st.trail[0] = '\0';
	for (int64_t n = sim_chance(1, 3); n > 0; n--) {
		const struct fault *f = &faults[sim_chance(0, COUNT(faults) - 1)];

		size_t used = strlen(st.trail);

		snprintf(st.trail + used, sizeof(st.trail) - used, " %s", f->name);
		f->begin();
		needs_person |= f->begin == deauthorized || f->begin == helix_forbids;
		if (f->lasts_ms > lasts_ms)
			lasts_ms = f->lasts_ms;
		if (!worst || f->heals_ms > worst->heals_ms)
			worst = f;
		pass(sim_chance(0, 20000));
	}
	pass(lasts_ms > 0 ? sim_chance(1000, lasts_ms) : 0);
	mend();
	if (sim_chance(0, 3) == 0) /* the config is read again */
		assert_int_equal(st.place.ops->reload(st.place.self, &st.conf), 0);
	if (needs_person) {
		pass(2000);
		assert_int_equal(st.place.ops->reload(st.place.self, &st.conf), 0);
	}
	heal(worst);
}

/* What reached the client was told once, whatever failed; over chat during a hand-over both
 * connections may bring it, which the owner tells apart by its id. */
static void judge_news(void)
{
	unsigned heard = 0;

	for (unsigned n = 1; n <= sim_twitch.happened; n++) {
		const struct sim_news *news = &sim_twitch.news[n];
		unsigned reached = news->chat + news->eventsub;

		if (news->told > (reached > 1 ? reached : 1) || (reached > 0 && news->told == 0) ||
			(news->eventsub > 0 && news->chat == 0 && news->told != 1))
			fail_msg("what u%u did was told %d times (chat %d, EventSub %d)", n,
				news->told, news->chat, news->eventsub);
		heard += news->told > 0;
	}
	assert_true(heard > sim_twitch.happened / 2);
}

/* ---- Twelve hours ------------------------------------------------------------------------------
 */

static const struct platform_owner owner = {.event = on_event,
	.erase = on_erase,
	.outcome = on_outcome,
	.lane = on_lane,
	.join = on_join,
	.state = on_state,
	.stream = on_stream,
	.self = on_self};

static void begin(const char *folder, bool by_eventsub)
{
	static char name[] = "twitch", url[] = SIM_CHAT_URL, account[] = "tidalbot",
		    client[] = SIM_CLIENT, id_url[] = SIM_ID_URL, api_url[] = SIM_API_URL,
		    eventsub_url[] = SIM_EVENTSUB_URL, token[] = "twitch.token",
		    kelpforest[] = "kelpforest", reefroom[] = "reefroom";
	static char *channels[] = {kelpforest, reefroom};
	const struct platform_wants wants = {
		.kinds = EVENT_BIT(EVENT_FOLLOW) | EVENT_BIT(EVENT_REDEEM) | EVENT_BIT(EVENT_RAID) |
			 EVENT_BIT(EVENT_MESSAGE),
		.stream = true};

	memset(&st, 0, sizeof(st));
	rand_seed(12);
	clock_freeze(INT64_C(1795000000000));
	st.by_eventsub = by_eventsub;
	st.conf = (struct conf_place){.kind = CONF_TWITCH,
		.name = name,
		.url = url,
		.account = account,
		.channels = {channels, 2},
		.reply_threads = true,
		.joins = 18,
		.join_window_ms = 12000,
		.token = {.from = CONF_SECRET_VAULT, .name = token},
		.client_id = client,
		.id_url = id_url,
		.api_url = api_url,
		.eventsub_url = eventsub_url,
		.chat = by_eventsub ? CONF_BY_EVENTSUB : CONF_BY_IRC,
		.send = by_eventsub ? CONF_SEND_HELIX : CONF_SEND_IRC,
		.support = CONF_BY_EVENTSUB,
		.stream_poll_ms = MINUTE};
	assert_int_equal(log_open(getenv("MYNAH_TEST_LOG"), LOG_DEBUG), 0);
	assert_int_equal(io_new(&st.io), 0);
	sim_net_begin(st.io, &sim_twitch_servers);
	sim_twitch_begin(folder);
	sim_twitch.duplicates = 15;
	assert_int_equal(platform_twitch_new(st.io, 3, &st.conf, folder, &owner, &st.place), 0);
	assert_int_equal(st.place.ops->want(st.place.self, &wants), 0);
	sim_later(1, traffic, NULL);
	sim_later(MINUTE, each_minute, NULL);
}

static void end(void)
{
	st.is_over = true;
	pass(20000);
	assert_int_equal(st.outcomes, st.given);
	st.place.ops->stop(st.place.self);
	pass(2000);
	assert_int_equal(st.state, PLATFORM_STOPPED);
	assert_int_equal(sim_count.open_now, 0);
	st.place.ops->free(st.place.self);
	pass(1000);
	sim_net_end();
	sim_twitch_end();
	io_free(st.io);
	log_close();
	metric_reset();
}

static void twelve_hours(bool by_eventsub)
{
	static const struct fault start = {"the start", NULL, 0, SOON};
	static const char *const left[] = {"vault", "vault.key", "vault.lock"};
	char *folder = unit_make_folder();
	size_t bytes = 0;
	unsigned episodes = 0;

	begin(folder, by_eventsub);
	heal(&start);
	while (clock_mono_ms() - sim_begin_ms <
		unit_runs(HOURS * 20) * (HOURS * 60 * MINUTE / (HOURS * 20))) {
		calm();
		one_episode();
		episodes++;
		if (bytes == 0 && clock_mono_ms() - sim_begin_ms > 60 * MINUTE)
			bytes = sim_count.bytes_now;
	}
	calm();
	judge_news();
	print_message(
		"%u episodes, %u events, %u refreshes, %u logins, %u sessions, %u hand-overs, "
		"%u subscriptions; slowest recovery %lld s (%s); in a minute at most %u "
		"connections, "
		"%u requests, %u timers; %u of %u replies not delivered; %zu bytes, an hour after "
		"the "
		"start %zu\n",
		episodes, sim_twitch.happened, sim_twitch.refreshes, sim_twitch.logins,
		sim_twitch.sessions, sim_twitch.handovers, sim_twitch.subscriptions,
		(long long)st.worst_ms / 1000, st.worst ? st.worst : "-", st.opens_most,
		st.requests_most, st.timers_most, st.lost, st.given, sim_count.bytes_now, bytes);
	assert_int_equal(st.lanes[0].is_open && st.lanes[1].is_open, true);
	assert_true(bytes == 0 || sim_count.bytes_now <= bytes + bytes / 4);
	end();
	unit_remove_folder(folder, left, COUNT(left));
}

static void with_chat_over_irc(void **state)
{
	(void)state;
	twelve_hours(false);
}

static void with_chat_over_eventsub(void **state)
{
	(void)state;
	twelve_hours(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(with_chat_over_irc),
		cmocka_unit_test(with_chat_over_eventsub),
	};

	return cmocka_run_group_tests_name("platform, twelve hours", tests, NULL, NULL);
}
