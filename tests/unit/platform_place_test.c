/* platform, whole: places that talk to a small chat server over real WebSockets, with the clock
 * moved where waiting is the point; and the console over pipes. Every test asserts what the owner
 * is told or what the server was sent. */
#include "unit.h"

#include <fcntl.h>
#include <time.h>

#include "platform/platform.h"
#include "unit/platform_peer.h"

#define PATIENCE_MS 30000 /* of real time, for one thing to happen */
#define CHANNELS_MAX 64
#define JOINS_MAX 32

struct lane_seen {
	char channel[64];
	struct outbox_lane lane;
	unsigned changes, closings;
};

/* One place, its server, and all its owner was told. */
struct stand {
	struct io *io;
	struct peer peer;
	struct platform place;
	struct conf_place conf;
	char url[64];
	char *channels[CHANNELS_MAX];
	enum platform_state state;
	char why[256];
	unsigned states, ups;
	char login[64], user_id[64];
	unsigned events, erasures, outcomes;
	char text[4096], event_id[128], channel[64], erased[128];
	unsigned roles;
	bool is_direct;
	char turn[64], outcome_why[64];
	enum reason outcome;
	unsigned unknown, delivered, refused;
	struct lane_seen lanes[CHANNELS_MAX];
	size_t lane_count;
	unsigned deaf; /* so many times there is no memory for a lane */
	bool frees_on_event, stops_on_event;
	int64_t joined_ms[JOINS_MAX];
	size_t joins;
};

static void copy(char *to, size_t size, struct str s)
{
	snprintf(to, size, "%.*s", STR_FMT(s));
}

static void on_event(void *ctx, const struct event *e)
{
	struct stand *s = ctx;

	s->events++;
	copy(s->text, sizeof(s->text), e->text);
	copy(s->event_id, sizeof(s->event_id), e->id);
	copy(s->channel, sizeof(s->channel), e->channel);
	s->roles = e->roles;
	s->is_direct = e->is_direct;
	if (s->stops_on_event)
		s->place.ops->stop(s->place.self);
	if (s->frees_on_event) {
		s->place.ops->free(s->place.self);
		s->place.self = NULL;
	}
}

static void on_erase(void *ctx, const struct erasure *e)
{
	struct stand *s = ctx;

	s->erasures++;
	copy(s->erased, sizeof(s->erased), e->message_id.len > 0 ? e->message_id : e->user_id);
}

static void on_outcome(void *ctx, const char *turn, enum reason r, const char *why)
{
	struct stand *s = ctx;

	s->outcomes++;
	s->outcome = r;
	s->unknown += r == REASON_UNKNOWN_SENT;
	s->delivered += r == REASON_NONE;
	s->refused += r == REASON_REFUSED;
	copy(s->turn, sizeof(s->turn), str_of(turn));
	copy(s->outcome_why, sizeof(s->outcome_why), str_of(why));
}

static struct lane_seen *lane_of(struct stand *s, const char *channel)
{
	for (size_t i = 0; i < s->lane_count; i++) {
		if (strcmp(s->lanes[i].channel, channel) == 0)
			return &s->lanes[i];
	}
	assert_true(s->lane_count < CHANNELS_MAX);
	copy(s->lanes[s->lane_count].channel, 64, str_of(channel));
	return &s->lanes[s->lane_count++];
}

static int on_lane(void *ctx, unsigned place, const char *channel, const struct outbox_lane *l)
{
	struct stand *s = ctx;
	struct lane_seen *seen = lane_of(s, channel);

	assert_int_equal(place, 7);
	if (s->deaf > 0) {
		s->deaf--;
		return ERR_NOMEM;
	}
	seen->closings += seen->lane.is_open && !l->is_open;
	seen->lane = *l;
	seen->changes++;
	return 0;
}

/* The simplest owner of a budget: a sliding log of what the config allows. */
static int64_t on_join(void *ctx, unsigned place, int64_t now_ms)
{
	struct stand *s = ctx;
	size_t n = (size_t)s->conf.joins;

	assert_int_equal(place, 7);
	assert_true(n > 0 && n <= JOINS_MAX);
	if (s->joins >= n) {
		int64_t due = s->joined_ms[(s->joins - n) % JOINS_MAX] + s->conf.join_window_ms;
		if (due > now_ms)
			return due - now_ms;
	}
	s->joined_ms[s->joins++ % JOINS_MAX] = now_ms;
	return 0;
}

static void on_state(void *ctx, unsigned place, enum platform_state state, const char *why)
{
	struct stand *s = ctx;

	assert_int_equal(place, 7);
	s->state = state;
	s->states++;
	s->ups += state == PLATFORM_UP;
	copy(s->why, sizeof(s->why), str_of(why));
}

static void on_self(void *ctx, unsigned place, const char *login, const char *user_id)
{
	struct stand *s = ctx;

	assert_int_equal(place, 7);
	copy(s->login, sizeof(s->login), str_of(login));
	copy(s->user_id, sizeof(s->user_id), str_of(user_id));
}

static const struct platform_owner owner_calls = {.event = on_event, .erase = on_erase,
	.outcome = on_outcome, .lane = on_lane, .join = on_join, .state = on_state,
	.self = on_self};

static void set_token(struct stand *s, const char *token)
{
	secret_free(s->conf.secret);
	s->conf.secret = NULL;
	if (token)
		assert_int_equal(secret_new(str_of(token), &s->conf.secret), 0);
}

/* The server and the config; the test may change both before stand_up. */
static struct stand *stand_new(void)
{
	static char twitch[] = "twitch", account[] = "TidalBot", hint[] = "twitch.token";
	static char channel[] = "KelpForest";
	struct stand *s = mem_new(sizeof(*s));

	assert_non_null(s);
	assert_int_equal(log_open(NULL, LOG_SYSTEM), 0);
	assert_int_equal(io_new(&s->io), 0);
	peer_start(&s->peer, s->io);
	snprintf(s->url, sizeof(s->url), "ws://127.0.0.1:%d/", s->peer.port);
	s->channels[0] = channel;
	s->conf = (struct conf_place){.kind = CONF_TWITCH, .name = twitch, .url = s->url,
		.account = account, .channels = {s->channels, 1}, .reply_threads = true,
		.joins = 18, .join_window_ms = 12000,
		.token = {.from = CONF_SECRET_VAULT, .name = hint}};
	set_token(s, "faketoken00kelp11reef22tidal33");
	s->state = PLATFORM_DOWN;
	return s;
}

static void stand_begin(struct stand *s)
{
	struct platform_owner owner = owner_calls;

	owner.ctx = s;
	assert_int_equal(platform_irc_new(s->io, 7, &s->conf, &owner, &s->place), 0);
	assert_int_equal(s->states, 0); /* nothing is told before the call returns */
}

#define UNTIL(s, condition)                                                                        \
	do {                                                                                       \
		int64_t end_us_ = real_us() + PATIENCE_MS * 1000;                                  \
		while (!(condition) && real_us() < end_us_)                                        \
			io_turn((s)->io, 20);                                                      \
		assert_true(condition);                                                            \
	} while (0)

/* Not the clock under test: that one is moved. */
static int64_t real_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void turn_for(struct stand *s, int64_t ms)
{
	int64_t end_us = real_us() + ms * 1000;

	/* So many turns at least, even if nobody let us run meanwhile. */
	for (int64_t turns = 0; turns < ms / 5 || real_us() < end_us; turns++)
		io_turn(s->io, 5);
}

static void pass(struct stand *s, int64_t ms)
{
	io_clock_shift(s->io, ms);
	turn_for(s, 30);
}

static size_t last_client(const struct stand *s)
{
	assert_true(s->peer.n > 0);
	return s->peer.n - 1;
}

static struct stand *stand_up(struct stand *s)
{
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_UP && lane_of(s, "kelpforest")->lane.is_open);
	return s;
}

static void stand_free(struct stand *s)
{
	if (s->place.self)
		s->place.ops->free(s->place.self);
	peer_stop(&s->peer);
	io_free(s->io);
	secret_free(s->conf.secret);
	mem_free(s);
	metric_reset();
}

static void give_text(struct stand *s, const char *turn, const char *text, const char *to_id)
{
	struct event e = {.platform = STR("twitch"), .channel = STR("kelpforest"),
		.channel_id = STR("40010001"), .user_id = STR("7"), .place = 7,
		.id = str_of(to_id)};
	struct reply *r = reply_new(turn, &e, str_of(text));

	assert_non_null(r);
	unsigned before = s->outcomes;
	s->place.ops->send(s->place.self, r);
	assert_int_equal(s->outcomes, before); /* never inside the call */
}

/* ---- Login ----------------------------------------------------------------------------------- */

static void it_logs_in_and_joins_in_the_order_twitch_asks_for(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	const char *said = buf_text(&s->peer.clients[0].lines);
	assert_string_equal(said, "CAP REQ :twitch.tv/tags twitch.tv/commands\n"
		"PASS oauth:faketoken00kelp11reef22tidal33\nNICK tidalbot\nJOIN #kelpforest\n");
	UNTIL(s, strcmp(s->user_id, "60030003") == 0);
	assert_string_equal(s->login, "tidalbot");
	assert_false(lane_of(s, "kelpforest")->lane.is_privileged);
	assert_int_equal(s->peer.n, 1);
	stand_free(s);
}

static void a_token_with_its_scheme_is_sent_once(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	set_token(s, "oauth:abc");
	stand_up(s);
	assert_int_equal(peer_count(&s->peer, 0, "PASS oauth:abc"), 1);
	stand_free(s);
}

static void without_an_account_it_only_reads(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	s->conf.account = NULL;
	set_token(s, NULL);
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_UP && peer_count(&s->peer, 0, "JOIN #kelpforest"));
	assert_int_equal(peer_count(&s->peer, 0, "NICK justinfan"), 1);
	assert_int_equal(peer_count(&s->peer, 0, "PASS"), 0);
	turn_for(s, 30);
	assert_true(lane_of(s, "kelpforest")->lane.is_refused);
	assert_false(lane_of(s, "kelpforest")->lane.is_open);
	peer_say(&s->peer, 0, ":x!x@x PRIVMSG #kelpforest :hi");
	UNTIL(s, s->events == 1);
	stand_free(s);
}

static void a_refused_login_is_not_tried_again_until_a_reload(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	s->peer.refuse_login = "Login authentication failed";
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_REFUSED);
	assert_non_null(strstr(s->why, "Login authentication failed"));
	assert_non_null(strstr(s->why, "mynah secret set twitch.token"));
	assert_null(strstr(s->why, "faketoken"));
	for (int i = 0; i < 6; i++)
		pass(s, 600000);
	assert_int_equal(s->peer.n, 1);

	s->peer.refuse_login = NULL;
	set_token(s, "fresh");
	assert_int_equal(s->place.ops->reload(s->place.self, &s->conf), 0);
	UNTIL(s, s->state == PLATFORM_UP);
	assert_int_equal(peer_count(&s->peer, 1, "PASS oauth:fresh"), 1);
	stand_free(s);
}

static void an_account_without_token_is_refused_without_asking(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	set_token(s, NULL);
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_REFUSED);
	turn_for(s, 30);
	assert_int_equal(s->peer.n, 0);
	stand_free(s);
}

static void a_token_is_not_sent_in_the_clear(void **state)
{
	static char url[] = "ws://192.0.2.1:80/";
	struct stand *s = stand_new();

	(void)state;
	s->conf.url = url;
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_REFUSED);
	assert_non_null(strstr(s->why, "wss://"));
	stand_free(s);
}

static void a_bad_url_is_said_at_once(void **state)
{
	static char url[] = "http://127.0.0.1/";
	struct stand *s = stand_new();
	struct platform_owner owner = owner_calls;

	(void)state;
	owner.ctx = s;
	s->conf.url = url;
	assert_int_equal(platform_irc_new(s->io, 7, &s->conf, &owner, &s->place), ERR_INVALID);
	s->place.self = NULL;
	stand_free(s);
}

static void a_server_that_says_nothing_is_left_after_ten_seconds(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	s->peer.is_silent = true;
	stand_begin(s);
	UNTIL(s, s->peer.n == 1 && peer_count(&s->peer, 0, "NICK"));
	pass(s, 9000);
	assert_int_equal(s->state, PLATFORM_CONNECTING);
	assert_int_equal(s->peer.n, 1);
	s->peer.is_silent = false;
	pass(s, 2500); /* the rest of the ten, and at most one before the first retry */
	UNTIL(s, s->state == PLATFORM_UP);
	assert_int_equal(s->ups, 1);
	stand_free(s);
}

/* ---- Being there ----------------------------------------------------------------------------- */

static void a_ping_is_answered_with_its_text(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	peer_say(&s->peer, 0, "PING :tmi.twitch.tv two");
	UNTIL(s, peer_count(&s->peer, 0, "PONG :tmi.twitch.tv two"));
	stand_free(s);
}

static void silence_is_asked_about_and_then_ends_the_link(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	pass(s, 59000);
	s->peer.answers_no_ping = true;
	/* The leap itself is asked about. */
	assert_int_equal(peer_count(&s->peer, 0, "PING :hb-"), 1);
	for (int i = 0; i < 18; i++) {
		pass(s, 5000);
		if (s->peer.n > 1)
			break;
	}
	assert_int_equal(peer_count(&s->peer, 0, "PING :hb-"), 2);
	s->peer.answers_no_ping = false;
	UNTIL(s, s->peer.n == 2 && s->state == PLATFORM_UP);
	assert_int_equal(peer_live(&s->peer), 1);
	stand_free(s);
}

static void after_a_sleep_the_first_thing_is_a_ping(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	pass(s, 2 * 60 * 60 * 1000);
	UNTIL(s, peer_count(&s->peer, 0, "PING :hb-") == 1);
	turn_for(s, 30);
	assert_int_equal(s->peer.n, 1); /* it was answered: the link lives */
	assert_int_equal(s->state, PLATFORM_UP);
	stand_free(s);
}

static void chat_becomes_events_and_deletions_erasures(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	peer_frame(&s->peer, 0, "@id=a1;user-id=7 :x!x@x PRIVMSG #kelpforest :one\r\n"
		"@id=a2;user-id=7 :x!x@x PRIVMSG #kelpforest :two\r\n");
	UNTIL(s, s->events == 2);
	assert_string_equal(s->text, "two");
	assert_string_equal(s->channel, "kelpforest");
	peer_say(&s->peer, 0, "@target-msg-id=a1 :tmi.twitch.tv CLEARMSG #kelpforest :one");
	UNTIL(s, s->erasures == 2); /* as a message and as a notice */
	assert_string_equal(s->erased, "notice-a1");
	peer_say(&s->peer, 0, "@target-user-id=7 :tmi.twitch.tv CLEARCHAT #kelpforest :x");
	UNTIL(s, s->erasures == 3);
	assert_string_equal(s->erased, "7");
	stand_free(s);
}

static void what_makes_no_sense_is_counted_and_the_link_stays(void **state)
{
	static const char *const lines[] = {
		":x!x@x PRIVMSG #elsewhere :hi", ":x!x@x PRIVMSG", "@ : ", "@a=b", ":",
		"FROB a b c", ":tmi.twitch.tv USERSTATE #elsewhere", ":tmi.twitch.tv ROOMSTATE",
		"PING", "JOIN", ":tidalbot!x@x PART #elsewhere", "CLEARMSG #kelpforest", "NOTICE",
		"353 a b", ":tmi.twitch.tv 001", "CAP", "@msg-id=msg_banned NOTICE #elsewhere :x",
	};
	struct stand *s = stand_up(stand_new());
	char *big = mem_new(20000);

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		peer_say(&s->peer, 0, "%s", lines[i]);
	memset(big, 'x', 19999);
	peer_say(&s->peer, 0, "@id=a;user-id=7 :x!x@x PRIVMSG #kelpforest :%s", big);
	peer_say(&s->peer, 0, "@id=b;user-id=7 :x!x@x PRIVMSG #kelpforest :still here");
	UNTIL(s, s->events == 1);
	assert_string_equal(s->text, "still here");
	assert_int_equal(s->peer.n, 1);
	mem_free(big);
	stand_free(s);
}

/* ---- Speaking -------------------------------------------------------------------------------- */

static void a_reply_is_one_line_and_its_echo_its_receipt(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	give_text(s, "t1", "it is 40 m deep", "3b0f2f1e-7f0e-5c39");
	UNTIL(s, s->outcomes == 1);
	assert_int_equal(s->outcome, REASON_NONE);
	assert_string_equal(s->turn, "t1");
	assert_int_equal(peer_count(&s->peer, 0, "@reply-parent-msg-id=3b0f2f1e-7f0e-5c39 PRIVMSG "
		"#kelpforest :it is 40 m deep"), 1);
	/* What is not the id of a message is not replied to. */
	give_text(s, "t2", "thanks", "notice-4f8627b4");
	give_text(s, "t3", "well", "x;y=z PRIVMSG #a :b");
	UNTIL(s, s->outcomes == 3);
	assert_int_equal(peer_count(&s->peer, 0, "PRIVMSG #kelpforest :thanks"), 1);
	assert_int_equal(peer_count(&s->peer, 0, "PRIVMSG #kelpforest :well"), 1);
	stand_free(s);
}

static void the_wire_refuses_what_must_not_be_said(void **state)
{
	static const char *const texts[] = {
		"/ban somebody", ".timeout x", "!so x", "two\r\nPRIVMSG #kelpforest :lines",
		"two\nlines", "bell\x07", "\xff\xfe", "\xe2\x80\xae over", "",
	};
	struct stand *s = stand_up(stand_new());

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		give_text(s, "t", texts[i], "");
	UNTIL(s, s->outcomes == sizeof(texts) / sizeof(texts[0]));
	assert_int_equal(s->refused, s->outcomes);
	assert_string_equal(s->outcome_why, "unsayable");
	turn_for(s, 30);
	assert_int_equal(peer_count(&s->peer, 0, "PRIVMSG"), 0);
	stand_free(s);
}

static void a_notice_refuses_the_oldest_open_reply(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->peer.answers_no_privmsg = true;
	give_text(s, "t1", "one", "");
	give_text(s, "t2", "two", "");
	UNTIL(s, peer_count(&s->peer, 0, "PRIVMSG") == 2);
	peer_say(&s->peer, 0, "@msg-id=msg_duplicate :tmi.twitch.tv NOTICE #kelpforest :identical");
	UNTIL(s, s->outcomes == 1);
	assert_int_equal(s->outcome, REASON_REFUSED);
	assert_string_equal(s->turn, "t1");
	assert_string_equal(s->outcome_why, "msg_duplicate");
	pass(s, 5000); /* neither echo nor notice */
	UNTIL(s, s->outcomes == 2);
	assert_int_equal(s->outcome, REASON_UNKNOWN_SENT);
	assert_string_equal(s->turn, "t2");
	stand_free(s);
}

static void a_lost_connection_leaves_replies_unknown_and_unrepeated(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->peer.answers_no_privmsg = true;
	give_text(s, "t1", "one", "");
	UNTIL(s, peer_count(&s->peer, 0, "PRIVMSG") == 1);
	peer_cut(&s->peer, 0);
	UNTIL(s, s->outcomes == 1);
	assert_int_equal(s->outcome, REASON_UNKNOWN_SENT);
	pass(s, 1000);
	UNTIL(s, s->peer.n == 2 && s->state == PLATFORM_UP &&
		lane_of(s, "kelpforest")->lane.is_open);
	turn_for(s, 50);
	assert_int_equal(peer_count(&s->peer, 1, "PRIVMSG"), 0);
	stand_free(s);
}

static void what_cannot_be_sent_is_refused(void **state)
{
	struct stand *s = stand_up(stand_new());
	struct event e = {.channel = STR("elsewhere\r\nQUIT"), .place = 7};

	(void)state;
	s->place.ops->send(s->place.self, reply_new("t0", &e, STR("hi")));
	peer_cut(&s->peer, 0);
	UNTIL(s, s->state == PLATFORM_DOWN);
	give_text(s, "t1", "one", "");
	UNTIL(s, s->outcomes == 2);
	assert_int_equal(s->refused, 2);
	stand_free(s);
}

/* ---- Lanes ----------------------------------------------------------------------------------- */

static void states_and_notices_move_the_lane(void **state)
{
	struct stand *s = stand_up(stand_new());
	struct outbox_lane *l = &lane_of(s, "kelpforest")->lane;

	(void)state;
	peer_say(&s->peer, 0, "@badges=moderator/1;mod=1 :tmi.twitch.tv USERSTATE #kelpforest");
	UNTIL(s, l->is_privileged);
	peer_say(&s->peer, 0, "@badges=;mod=0 :tmi.twitch.tv USERSTATE #kelpforest");
	UNTIL(s, !l->is_privileged);
	peer_say(&s->peer, 0, "@room-id=4;slow=10 :tmi.twitch.tv ROOMSTATE #kelpforest");
	UNTIL(s, l->slow_ms == 10000);
	peer_say(&s->peer, 0, "@followers-only=0;room-id=4 :tmi.twitch.tv ROOMSTATE #kelpforest");
	peer_say(&s->peer, 0, "@msg-id=msg_ratelimit :tmi.twitch.tv NOTICE #kelpforest :slow down");
	UNTIL(s, l->hold_until_ms > clock_mono_ms() + 25000);
	assert_int_equal(l->slow_ms, 10000);
	assert_true(l->is_open);
	peer_say(&s->peer, 0, "@msg-id=msg_subsonly :tmi.twitch.tv NOTICE #kelpforest :subs only");
	UNTIL(s, l->hold_until_ms > clock_mono_ms() + 200000);
	peer_say(&s->peer, 0, "@room-id=4;subs-only=0 :tmi.twitch.tv ROOMSTATE #kelpforest");
	UNTIL(s, l->hold_until_ms == 0);
	peer_say(&s->peer, 0, "@msg-id=msg_banned :tmi.twitch.tv NOTICE #kelpforest :banned");
	UNTIL(s, l->is_refused && !l->is_open);
	stand_free(s);
}

static void a_lane_that_could_not_be_noted_is_told_again(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	s->deaf = 3;
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_UP && s->deaf < 3);
	for (int i = 0; i < 10 && !lane_of(s, "kelpforest")->lane.is_open; i++)
		pass(s, 1000);
	assert_int_equal(s->deaf, 0);
	assert_true(lane_of(s, "kelpforest")->lane.is_open);
	assert_int_equal(lane_of(s, "kelpforest")->changes, 1);
	stand_free(s);
}

static void a_timeout_of_the_bot_holds_its_tongue(void **state)
{
	struct stand *s = stand_up(stand_new());
	struct outbox_lane *l = &lane_of(s, "kelpforest")->lane;

	(void)state;
	UNTIL(s, s->user_id[0]);
	peer_say(&s->peer, 0, "@ban-duration=600;target-user-id=60030003 :tmi.twitch.tv CLEARCHAT "
		"#kelpforest :tidalbot");
	UNTIL(s, l->hold_until_ms > clock_mono_ms() + 590000);
	assert_false(l->is_refused);
	stand_free(s);
}

static void being_taken_out_closes_the_lane_without_a_storm(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	peer_say(&s->peer, 0, ":tidalbot!tidalbot@tidalbot.tmi.twitch.tv PART #kelpforest");
	UNTIL(s, lane_of(s, "kelpforest")->lane.is_refused);
	for (int i = 0; i < 10; i++)
		pass(s, 60000);
	assert_int_equal(peer_count(&s->peer, 0, "JOIN"), 1);
	for (int i = 0; i < 6; i++)
		pass(s, 60000);
	UNTIL(s, lane_of(s, "kelpforest")->lane.is_open);
	assert_int_equal(peer_count(&s->peer, 0, "JOIN"), 2);
	stand_free(s);
}

static void being_taken_out_of_where_it_has_not_been_means_nothing(void **state)
{
	static char names[12][16];
	struct stand *s = stand_new();

	(void)state;
	for (int i = 0; i < 12; i++) {
		snprintf(names[i], sizeof(names[i]), "room%d", i);
		s->channels[i] = names[i];
	}
	s->conf.channels.n = 12;
	s->conf.joins = 10;
	s->conf.join_window_ms = 10000;
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_UP && peer_count(&s->peer, 0, "JOIN") == 10);
	peer_say(&s->peer, 0, ":tidalbot!tidalbot@tidalbot.tmi.twitch.tv PART #room11");
	turn_for(s, 50);
	pass(s, 10100);
	UNTIL(s, peer_count(&s->peer, 0, "JOIN #room11") == 1);
	stand_free(s);
}

static void a_join_without_answer_is_tried_again_ever_more_slowly(void **state)
{
	struct stand *s = stand_new();
	size_t asked = 0;

	(void)state;
	s->peer.answers_no_join = true;
	stand_begin(s);
	UNTIL(s, peer_count(&s->peer, 0, "JOIN") == 1);
	for (int i = 0; i < 60; i++) /* ten minutes */
		pass(s, 10000);
	asked = peer_count(&s->peer, 0, "JOIN");
	assert_in_range(asked, 4, 8);
	assert_false(lane_of(s, "kelpforest")->lane.is_open);
	assert_int_equal(s->state, PLATFORM_UP);
	stand_free(s);
}

static void joins_never_exceed_their_budget_not_even_across_a_reconnect(void **state)
{
	static char names[40][16];
	struct stand *s = stand_new();
	size_t before, joined;

	(void)state;
	for (int i = 0; i < 40; i++) {
		snprintf(names[i], sizeof(names[i]), "room%d", i);
		s->channels[i] = names[i];
	}
	s->conf.channels.n = 40;
	s->conf.joins = 10;
	s->conf.join_window_ms = 10000;
	stand_begin(s);
	UNTIL(s, s->state == PLATFORM_UP && peer_count(&s->peer, 0, "JOIN") == 10);
	turn_for(s, 50);
	assert_int_equal(peer_count(&s->peer, 0, "JOIN"), 10);
	assert_int_equal(peer_count(&s->peer, 0, "JOIN #room0"), 1);
	peer_cut(&s->peer, 0);
	UNTIL(s, s->state == PLATFORM_DOWN);
	pass(s, 1000);
	UNTIL(s, s->peer.n == 2 && s->state == PLATFORM_UP);
	turn_for(s, 50);
	assert_int_equal(peer_count(&s->peer, 1, "JOIN"), 0); /* the window is still full */
	for (int i = 0; i < 9; i++) {
		before = peer_count(&s->peer, 1, "JOIN");
		pass(s, 5000);
		assert_true(peer_count(&s->peer, 1, "JOIN") - before <= 10);
	}
	joined = peer_count(&s->peer, 1, "JOIN");
	assert_int_equal(joined, 40);
	stand_free(s);
}

/* ---- Handing over and getting lost ----------------------------------------------------------- */

static void reconnect_makes_before_it_breaks(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	peer_say(&s->peer, 0, ":tmi.twitch.tv RECONNECT");
	turn_for(s, 20);
	pass(s, 1000);
	UNTIL(s, s->peer.n == 2 && peer_live(&s->peer) == 1);
	assert_int_equal(s->peer.clients[0].fd, -1);
	assert_int_equal(peer_count(&s->peer, 0, "QUIT"), 1);
	assert_int_equal(peer_count(&s->peer, 1, "JOIN #kelpforest"), 1);
	assert_int_equal(lane_of(s, "kelpforest")->closings, 0);
	assert_int_equal(s->ups, 1); /* the owner never saw it go down */
	give_text(s, "t1", "here I am", "");
	UNTIL(s, s->delivered == 1);
	assert_int_equal(peer_count(&s->peer, 1, "PRIVMSG"), 1);
	stand_free(s);
}

static void while_two_links_serve_nothing_is_lost_or_doubled(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->peer.answers_no_join = true; /* keeps the second link from taking over */
	peer_say(&s->peer, 0, ":tmi.twitch.tv RECONNECT");
	turn_for(s, 20);
	pass(s, 1000);
	UNTIL(s, s->peer.n == 2 && peer_count(&s->peer, 1, "JOIN") == 1);
	/* Without an id only the old link counts; with one both do: the owner tells them apart. */
	peer_say(&s->peer, 0, ":x!x@x PRIVMSG #kelpforest :no id");
	peer_say(&s->peer, 1, ":x!x@x PRIVMSG #kelpforest :no id");
	peer_say(&s->peer, 0, "@id=a;user-id=7 :x!x@x PRIVMSG #kelpforest :id");
	peer_say(&s->peer, 1, "@id=a;user-id=7 :x!x@x PRIVMSG #kelpforest :id");
	turn_for(s, 60);
	assert_int_equal(s->events, 3);
	/* Speech goes over the old link until the new one is ready. */
	s->peer.answers_no_privmsg = true;
	give_text(s, "t1", "still over the old one", "");
	UNTIL(s, peer_count(&s->peer, 0, "PRIVMSG") == 1);
	peer_say(&s->peer, 1, "@room-id=4;slow=0 :tmi.twitch.tv ROOMSTATE #kelpforest");
	turn_for(s, 40);
	assert_int_equal(peer_live(&s->peer), 2); /* the old one waits for the receipt */
	give_text(s, "t2", "over the new one", "");
	UNTIL(s, peer_count(&s->peer, 1, "PRIVMSG") == 1);
	peer_say(&s->peer, 0, "@id=z;mod=0 :tmi.twitch.tv USERSTATE #kelpforest");
	UNTIL(s, s->delivered == 1);
	assert_string_equal(s->turn, "t1");
	UNTIL(s, peer_live(&s->peer) == 1);
	peer_say(&s->peer, 1, "@id=z2;mod=0 :tmi.twitch.tv USERSTATE #kelpforest");
	UNTIL(s, s->delivered == 2);
	assert_string_equal(s->turn, "t2");
	assert_int_equal(lane_of(s, "kelpforest")->closings, 0);
	stand_free(s);
}

/* What was said before the new link was in the channel comes over the old one alone, maybe late. */
static void what_the_old_link_still_brings_is_heard(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->peer.answers_no_ping = true;
	for (size_t i = 0; i < 2; i++) {
		peer_say(&s->peer, i, ":tmi.twitch.tv RECONNECT");
		turn_for(s, 20);
		pass(s, 1000);
		UNTIL(s, peer_count(&s->peer, i, "PING") == 1);
		peer_say(&s->peer, i, "@id=late%zu;user-id=7 :x!x@x PRIVMSG #kelpforest :late", i);
		UNTIL(s, s->events == i + 1);
		assert_int_equal(peer_live(&s->peer), 2);
		if (i == 0) {
			peer_say(&s->peer, i, ":tmi.twitch.tv PONG tmi.twitch.tv :another");
			turn_for(s, 20);
			assert_int_equal(peer_live(&s->peer), 2);
			peer_say(&s->peer, i, ":tmi.twitch.tv PONG tmi.twitch.tv :handed-over");
		} else {
			pass(s, 10000); /* it does not answer: nothing more is to be expected */
		}
		UNTIL(s, peer_live(&s->peer) == 1);
	}
	assert_int_equal(s->peer.n, 3);
	stand_free(s);
}

static void when_the_old_link_ends_first_the_coming_one_takes_over(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->peer.is_silent = true; /* the second link gets no welcome yet */
	peer_say(&s->peer, 0, ":tmi.twitch.tv RECONNECT");
	turn_for(s, 20);
	pass(s, 1000);
	UNTIL(s, s->peer.n == 2 && peer_count(&s->peer, 1, "NICK"));
	peer_cut(&s->peer, 0);
	UNTIL(s, s->state == PLATFORM_CONNECTING);
	assert_false(lane_of(s, "kelpforest")->lane.is_open);
	s->peer.is_silent = false;
	peer_say(&s->peer, 1, ":tmi.twitch.tv 001 tidalbot :Welcome");
	UNTIL(s, s->state == PLATFORM_UP && lane_of(s, "kelpforest")->lane.is_open);
	assert_int_equal(s->peer.n, 2);
	stand_free(s);
}

static void cut_at_random_it_always_comes_back_with_one_link(void **state)
{
	struct stand *s = stand_up(stand_new());

	(void)state;
	rand_seed(7);
	for (int i = 0; i < 20; i++) {
		size_t n = s->peer.n;
		int64_t retry_ms = 0;

		turn_for(s, rand_below(6));
		if (rand_below(3) == 0)
			peer_say(&s->peer, last_client(s), ":tmi.twitch.tv RECONNECT");
		turn_for(s, rand_below(4));
		peer_cut(&s->peer, last_client(s));
		while (s->peer.n == n && retry_ms++ < 200)
			pass(s, 500);
		assert_true(s->peer.n > n);
		assert_true(peer_live(&s->peer) <= 2);
		/* The service is only trusted again after a minute. */
		UNTIL(s, s->state == PLATFORM_UP && lane_of(s, "kelpforest")->lane.is_open);
		pass(s, 30000);
		pass(s, 31000);
		UNTIL(s, peer_live(&s->peer) == 1);
		s->peer.n = s->peer.n > PEER_CLIENTS - 4 ? s->peer.n : s->peer.n;
		if (s->peer.n > PEER_CLIENTS - 6)
			break;
	}
	give_text(s, "t", "still alive", "");
	UNTIL(s, s->delivered == 1);
	stand_free(s);
}

static void one_that_drops_us_every_ten_seconds_is_asked_ever_less(void **state)
{
	struct stand *s = stand_up(stand_new());
	int64_t passed_ms = 0;

	(void)state;
	rand_seed(11);
	while (passed_ms < 600000) {
		size_t n = s->peer.n;

		pass(s, 10000);
		passed_ms += 10000;
		if (peer_live(&s->peer) > 0)
			peer_cut(&s->peer, last_client(s));
		turn_for(s, 10);
		assert_true(s->peer.n <= n + 1);
	}
	assert_in_range(s->peer.n, 3, 25);
	stand_free(s);
}

/* ---- Reload, stop, free ---------------------------------------------------------------------- */

static void a_reload_touches_only_what_changed(void **state)
{
	static char kelp[] = "kelpforest", bay[] = "#Driftwood_Bay", bad[] = "two words";
	struct stand *s = stand_up(stand_new());

	(void)state;
	s->channels[0] = kelp;
	s->channels[1] = bay;
	s->channels[2] = bad;
	s->conf.channels.n = 3;
	assert_int_equal(s->place.ops->reload(s->place.self, &s->conf), 0);
	UNTIL(s, lane_of(s, "driftwood_bay")->lane.is_open);
	s->channels[0] = bay;
	s->conf.channels.n = 1;
	assert_int_equal(s->place.ops->reload(s->place.self, &s->conf), 0);
	UNTIL(s, peer_count(&s->peer, 0, "PART #kelpforest") == 1);
	assert_false(lane_of(s, "kelpforest")->lane.is_open);
	assert_int_equal(lane_of(s, "driftwood_bay")->closings, 0);
	assert_int_equal(s->peer.n, 1);
	set_token(s, "another");
	assert_int_equal(s->place.ops->reload(s->place.self, &s->conf), 0);
	UNTIL(s, s->peer.n == 2 && lane_of(s, "driftwood_bay")->lane.is_open &&
		peer_count(&s->peer, 1, "PASS oauth:another"));
	assert_int_equal(peer_live(&s->peer), 1);
	stand_free(s);
}

static void stopping_says_quit_and_then_nothing_but_stopped(void **state)
{
	struct stand *s = stand_up(stand_new());
	int64_t begin_us = real_us();

	(void)state;
	s->peer.answers_no_privmsg = true;
	give_text(s, "t1", "last words", "");
	s->place.ops->stop(s->place.self);
	unsigned told = s->outcomes + s->events + s->lanes[0].changes;
	UNTIL(s, s->state == PLATFORM_STOPPED);
	assert_true(real_us() - begin_us < 1000000);
	assert_int_equal(s->outcomes + s->events + s->lanes[0].changes, told);
	UNTIL(s, peer_count(&s->peer, 0, "QUIT") == 1 && peer_live(&s->peer) == 0);
	stand_free(s);
}

static void it_may_be_stopped_or_freed_from_within_a_call(void **state)
{
	(void)state;
	for (int how = 0; how < 2; how++) {
		struct stand *s = stand_up(stand_new());

		s->stops_on_event = how == 0;
		s->frees_on_event = how == 1;
		peer_frame(&s->peer, 0, "@id=a1;user-id=7 :x!x@x PRIVMSG #kelpforest :one\r\n"
			"@id=a2;user-id=7 :x!x@x PRIVMSG #kelpforest :two\r\n");
		UNTIL(s, s->events == 1);
		turn_for(s, 100);
		assert_int_equal(s->events, 1);
		if (how == 0)
			assert_int_equal(s->state, PLATFORM_STOPPED);
		stand_free(s);
	}
}

static void status_is_json_and_tells_state_and_lanes(void **state)
{
	struct stand *s = stand_up(stand_new());
	struct json *j = NULL;
	const char *why = "";
	struct buf out;

	(void)state;
	buf_init(&out, 65536);
	assert_int_equal(s->place.ops->status(s->place.self, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), out.len, &j, &why), 0);
	assert_true(str_is(json_str(j, "state"), "up"));
	const struct json *ch = json_at(json_get(j, "channels"), 0);
	assert_true(str_is(json_str(ch, "name"), "kelpforest"));
	assert_true(str_is(json_str(ch, "state"), "open"));
	json_free(j);
	buf_fini(&out);
	stand_free(s);
}

static void a_failed_allocation_never_stops_it_for_good(void **state)
{
	struct stand *s = stand_new();

	(void)state;
	stand_begin(s);
	for (unsigned long n = 1; n < 60; n++) {
		mem_fail_at(n, 0);
		turn_for(s, 3);
		mem_fail_at(0, 0);
		if (s->peer.n > 0 && n % 8 == 0)
			peer_cut(&s->peer, last_client(s));
		if (s->state == PLATFORM_DOWN)
			pass(s, 1000);
		if (s->peer.n > PEER_CLIENTS - 6)
			break;
	}
	for (int i = 0; i < 200 && !lane_of(s, "kelpforest")->lane.is_open; i++)
		pass(s, 1000);
	assert_true(lane_of(s, "kelpforest")->lane.is_open);
	stand_free(s);
}

/* ---- Ordinary IRC ---------------------------------------------------------------------------- */

static struct stand *irc_new(void)
{
	static char irc[] = "irc", account[] = "mynah";
	struct stand *s = stand_new();

	s->conf.kind = CONF_IRC;
	s->conf.name = irc;
	s->conf.account = account;
	set_token(s, NULL);
	s->peer.is_plain_irc = true;
	return s;
}

static void an_ordinary_server_is_spoken_to_in_its_own_way(void **state)
{
	struct stand *s = irc_new();

	(void)state;
	s->peer.nicks_taken = 1;
	stand_up(s);
	assert_string_equal(buf_text(&s->peer.clients[0].lines), "CAP LS 302\nNICK mynah\n"
		"USER mynah 0 * :mynah\nCAP REQ :message-tags server-time\nNICK mynah_\nCAP END\n"
		"JOIN #kelpforest\n");
	assert_string_equal(s->login, "mynah_");
	peer_say(&s->peer, 0, ":s 353 mynah_ = #kelpforest :@boss +kind mynah_ plain");
	peer_say(&s->peer, 0, "@msgid=m1;account=boss :boss!b@h PRIVMSG #kelpforest :hello");
	UNTIL(s, s->events == 1);
	assert_int_equal(level_of_roles(s->roles), LEVEL_MODERATOR);
	assert_string_equal(s->event_id, "m1");
	peer_say(&s->peer, 0, ":boss!b@h MODE #kelpforest +o-o plain boss");
	peer_say(&s->peer, 0, ":boss!b@h PRIVMSG #kelpforest :hello");
	UNTIL(s, s->events == 2);
	assert_int_equal(level_of_roles(s->roles), LEVEL_EVERYONE);
	stand_free(s);
}

static void on_ordinary_irc_the_answered_ping_is_the_receipt(void **state)
{
	struct stand *s = stand_up(irc_new());
	char text[600];

	(void)state;
	give_text(s, "t1", "hello", "m1");
	UNTIL(s, s->delivered == 1);
	assert_int_equal(peer_count(&s->peer, 0, "@+draft/reply=m1 PRIVMSG #kelpforest :hello"), 1);
	s->peer.answers_no_ping = true;
	give_text(s, "t2", "hello", "");
	UNTIL(s, peer_count(&s->peer, 0, "PRIVMSG") == 1);
	peer_say(&s->peer, 0, ":s 404 mynah #kelpforest :Cannot send to channel");
	UNTIL(s, s->refused == 1);
	assert_string_equal(s->outcome_why, "cannot_send");
	memset(text, 'a', sizeof(text));
	text[450] = '\0';
	give_text(s, "t3", text, "");
	memset(text, 'b', 401);
	UNTIL(s, peer_count(&s->peer, 0, "PRIVMSG") == 2);
	struct str lines = buf_str(&s->peer.clients[0].lines), line;
	size_t longest = 0;
	while (lines.len > 0) {
		line = str_split(&lines, '\n');
		longest = line.len > longest ? line.len : longest;
	}
	assert_int_equal(longest, strlen("PRIVMSG #kelpforest :") + 400);
	stand_free(s);
}

static void a_kick_and_a_ban_on_irc_refuse_the_lane(void **state)
{
	struct stand *s = stand_up(irc_new());

	(void)state;
	peer_say(&s->peer, 0, ":boss!b@h KICK #kelpforest mynah :out");
	UNTIL(s, lane_of(s, "kelpforest")->lane.is_refused);
	peer_say(&s->peer, 0, "ERROR :Closing link");
	UNTIL(s, s->state == PLATFORM_DOWN);
	pass(s, 1000);
	UNTIL(s, s->state == PLATFORM_UP);
	turn_for(s, 30);
	assert_int_equal(peer_count(&s->peer, 1, "JOIN"), 0); /* reconnecting is no way around it */
	stand_free(s);
}

/* ---- The console ----------------------------------------------------------------------------- */

struct desk {
	struct stand s;
	int in[2], out[2];
	char command[64], rest[256];
	unsigned quits;
};

static bool on_extra(void *ctx, const char *command, const char *rest)
{
	struct desk *d = ctx;

	copy(d->command, sizeof(d->command), str_of(command));
	copy(d->rest, sizeof(d->rest), str_of(rest));
	return strcmp(command, "why") == 0 || strcmp(command, "status") == 0;
}

static void on_quit(void *ctx)
{
	((struct desk *)ctx)->quits++;
}

static struct desk *desk_new(bool is_color, int in_fd)
{
	struct desk *d = mem_new(sizeof(*d));
	struct platform_owner owner = owner_calls;

	assert_non_null(d);
	assert_int_equal(log_open(NULL, LOG_SYSTEM), 0);
	assert_int_equal(pipe(d->in), 0);
	assert_int_equal(pipe(d->out), 0);
	assert_int_equal(fcntl(d->out[0], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(io_new(&d->s.io), 0);
	owner.ctx = &d->s;
	const struct platform_console_options o = {.in_fd = in_fd >= 0 ? in_fd : d->in[0],
		.out_fd = d->out[1], .bot_name = "mynah", .channel = "reef", .user = "Ann",
		.level = LEVEL_VIP, .is_color = is_color, .extra = on_extra, .quit = on_quit,
		.ctx = d};
	assert_int_equal(platform_console_new(d->s.io, 7, &o, &owner, &d->s.place), 0);
	assert_int_equal(d->s.states, 0);
	UNTIL(&d->s, d->s.state == PLATFORM_UP && lane_of(&d->s, "reef")->lane.is_open);
	return d;
}

static void desk_type(struct desk *d, const char *text)
{
	assert_int_equal(write(d->in[1], text, strlen(text)), (ssize_t)strlen(text));
	turn_for(&d->s, 10);
}

static const char *desk_read(struct desk *d, char text[4096])
{
	ssize_t n = read(d->out[0], text, 4095);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void desk_free(struct desk *d)
{
	d->s.place.ops->free(d->s.place.self);
	io_free(d->s.io);
	close(d->in[0]);
	close(d->in[1]);
	close(d->out[0]);
	close(d->out[1]);
	mem_free(d);
	metric_reset();
}

static void what_is_typed_is_chat(void **state)
{
	struct desk *d = desk_new(false, -1);

	(void)state;
	assert_true(lane_of(&d->s, "reef")->lane.is_privileged);
	desk_type(d, "hello   there\n");
	assert_int_equal(d->s.events, 1);
	assert_string_equal(d->s.text, "hello there");
	assert_string_equal(d->s.channel, "reef");
	assert_string_equal(d->s.event_id, "console-1");
	assert_int_equal(level_of_roles(d->s.roles), LEVEL_VIP);
	desk_type(d, "in two ");
	desk_type(d, "pieces\nand \xff\x07 bytes\n");
	assert_int_equal(d->s.events, 3);
	assert_string_equal(d->s.text, "and \xef\xbf\xbd bytes");
	desk_free(d);
}

static void console_commands_change_who_where_and_what(void **state)
{
	struct desk *d = desk_new(false, -1);
	char out[4096];

	(void)state;
	desk_type(d, "/user Bob\n/level mod\n/channel #bay\nhi\n");
	assert_int_equal(d->s.events, 1);
	assert_string_equal(d->s.channel, "bay");
	assert_int_equal(level_of_roles(d->s.roles), LEVEL_MODERATOR);
	assert_true(lane_of(&d->s, "bay")->lane.is_open);
	desk_type(d, "/event raid 50\n/me waves\n");
	assert_int_equal(d->s.events, 3);
	assert_string_equal(d->s.text, "waves");
	desk_type(d, "?why\n");
	assert_string_equal(d->command, "why");
	assert_int_equal(d->s.events, 3);
	desk_type(d, "/status now please\n");
	assert_string_equal(d->rest, "now please");
	assert_string_equal(desk_read(d, out), "");
	desk_type(d, "?what\n"); /* nobody's command: chat */
	assert_int_equal(d->s.events, 4);
	desk_type(d, "/frob\n/event party\n/level king\n/help\n");
	desk_read(d, out);
	assert_non_null(strstr(out, "no such command"));
	assert_non_null(strstr(out, "giftbomb"));
	assert_non_null(strstr(out, "broadcaster"));
	assert_non_null(strstr(out, "/quit"));
	assert_int_equal(d->s.events, 4);
	desk_type(d, "/quit\nnot heard\n");
	assert_int_equal(d->quits, 1);
	assert_int_equal(d->s.events, 4);
	desk_free(d);
}

static void the_bot_answers_on_the_console(void **state)
{
	static const struct {
		bool is_color;
		const char *want;
	} cases[] = {
		{false, "mynah: hi Ann\n"},
		{true, "\033[1;36mmynah:\033[0m hi Ann\n"},
	};
	char out[4096];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct desk *d = desk_new(cases[i].is_color, -1);
		struct event e = {.channel = STR("reef"), .platform = STR("console"), .place = 7};

		d->s.place.ops->send(d->s.place.self, reply_new("t1", &e, STR("hi Ann")));
		assert_int_equal(d->s.outcomes, 0);
		UNTIL(&d->s, d->s.delivered == 1);
		assert_string_equal(desk_read(d, out), cases[i].want);
		d->s.place.ops->send(d->s.place.self, reply_new("t2", &e, STR("\033[2J")));
		UNTIL(&d->s, d->s.refused == 1);
		assert_string_equal(desk_read(d, out), "");
		desk_free(d);
	}
}

static void a_note_cannot_command_the_terminal(void **state)
{
	struct desk *d = desk_new(false, -1);
	char out[4096];

	(void)state;
	platform_console_note(&d->s.place, "one\ntwo \033[2J\x07 \xc2\x9b" "3m");
	desk_read(d, out);
	assert_non_null(strstr(out, "one\ntwo "));
	assert_null(strchr(out, '\033'));
	assert_null(strchr(out, '\x07'));
	assert_null(strstr(out, "\xc2\x9b"));
	desk_free(d);
}

static void a_long_line_is_cut_and_the_next_is_whole(void **state)
{
	struct desk *d = desk_new(false, -1);
	char *big = mem_new(10001);

	(void)state;
	memset(big, 'x', 10000);
	desk_type(d, big);
	desk_type(d, "\nnext\n");
	assert_int_equal(d->s.events, 2);
	assert_string_equal(d->s.text, "next");
	mem_free(big);
	desk_free(d);
}

static void a_file_is_read_to_its_end(void **state)
{
	char path[] = "/tmp/platform-test-XXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "one\ntwo\nthree", 13), 13);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	struct desk *d = desk_new(false, fd);
	UNTIL(&d->s, d->quits == 1);
	assert_int_equal(d->s.events, 3);
	assert_string_equal(d->s.text, "three");
	turn_for(&d->s, 20);
	assert_int_equal(d->quits, 1);
	d->s.place.ops->stop(d->s.place.self);
	UNTIL(&d->s, d->s.state == PLATFORM_STOPPED);
	desk_free(d);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_logs_in_and_joins_in_the_order_twitch_asks_for),
		cmocka_unit_test(a_token_with_its_scheme_is_sent_once),
		cmocka_unit_test(without_an_account_it_only_reads),
		cmocka_unit_test(a_refused_login_is_not_tried_again_until_a_reload),
		cmocka_unit_test(an_account_without_token_is_refused_without_asking),
		cmocka_unit_test(a_token_is_not_sent_in_the_clear),
		cmocka_unit_test(a_bad_url_is_said_at_once),
		cmocka_unit_test(a_server_that_says_nothing_is_left_after_ten_seconds),
		cmocka_unit_test(a_ping_is_answered_with_its_text),
		cmocka_unit_test(silence_is_asked_about_and_then_ends_the_link),
		cmocka_unit_test(after_a_sleep_the_first_thing_is_a_ping),
		cmocka_unit_test(chat_becomes_events_and_deletions_erasures),
		cmocka_unit_test(what_makes_no_sense_is_counted_and_the_link_stays),
		cmocka_unit_test(a_reply_is_one_line_and_its_echo_its_receipt),
		cmocka_unit_test(the_wire_refuses_what_must_not_be_said),
		cmocka_unit_test(a_notice_refuses_the_oldest_open_reply),
		cmocka_unit_test(a_lost_connection_leaves_replies_unknown_and_unrepeated),
		cmocka_unit_test(what_cannot_be_sent_is_refused),
		cmocka_unit_test(states_and_notices_move_the_lane),
		cmocka_unit_test(a_lane_that_could_not_be_noted_is_told_again),
		cmocka_unit_test(a_timeout_of_the_bot_holds_its_tongue),
		cmocka_unit_test(being_taken_out_closes_the_lane_without_a_storm),
		cmocka_unit_test(being_taken_out_of_where_it_has_not_been_means_nothing),
		cmocka_unit_test(a_join_without_answer_is_tried_again_ever_more_slowly),
		cmocka_unit_test(joins_never_exceed_their_budget_not_even_across_a_reconnect),
		cmocka_unit_test(reconnect_makes_before_it_breaks),
		cmocka_unit_test(while_two_links_serve_nothing_is_lost_or_doubled),
		cmocka_unit_test(what_the_old_link_still_brings_is_heard),
		cmocka_unit_test(when_the_old_link_ends_first_the_coming_one_takes_over),
		cmocka_unit_test(cut_at_random_it_always_comes_back_with_one_link),
		cmocka_unit_test(one_that_drops_us_every_ten_seconds_is_asked_ever_less),
		cmocka_unit_test(a_reload_touches_only_what_changed),
		cmocka_unit_test(stopping_says_quit_and_then_nothing_but_stopped),
		cmocka_unit_test(it_may_be_stopped_or_freed_from_within_a_call),
		cmocka_unit_test(status_is_json_and_tells_state_and_lanes),
		cmocka_unit_test(a_failed_allocation_never_stops_it_for_good),
		cmocka_unit_test(an_ordinary_server_is_spoken_to_in_its_own_way),
		cmocka_unit_test(on_ordinary_irc_the_answered_ping_is_the_receipt),
		cmocka_unit_test(a_kick_and_a_ban_on_irc_refuse_the_lane),
		cmocka_unit_test(what_is_typed_is_chat),
		cmocka_unit_test(console_commands_change_who_where_and_what),
		cmocka_unit_test(the_bot_answers_on_the_console),
		cmocka_unit_test(a_note_cannot_command_the_terminal),
		cmocka_unit_test(a_long_line_is_cut_and_the_next_is_whole),
		cmocka_unit_test(a_file_is_read_to_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
