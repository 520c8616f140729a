/* What the bot says on Discord: bodies as discord.md 13.6 has them, refusals, streaming by edits,
 * interactions, typing, against a peer that answers as Discord does. */
#include "unit/discord_world.h"

#include "platform/discord_say.h"

#define SEND "/api/v10/channels/" CHANNEL "/messages"
#define HOOK "/api/v10/webhooks/" BOT "/" INTERACTION_TOKEN
#define CALLBACK "POST /api/v10/interactions/" INTERACTION "/" INTERACTION_TOKEN "/callback "
#define TURN "018f0000-0000-7000-8000-000000000001"
#define TURN_2 "018f0000-0000-7000-8000-000000000002"
#define QUESTION "1180000000000001002"
#define BAD_REFERENCE JSON_HEAD("400 Bad Request", "")                                             \
	"{\"code\":50035,\"message\":\"Invalid Form Body\",\"errors\":{"                           \
	"\"message_reference\":{"                                                                  \
	"\"_errors\":[{\"code\":\"REPLIES_UNKNOWN_MESSAGE\",\"message\":\"Unknown message\"}]}}}"

struct mouth {
	struct world w;
	struct platform_sayings *sayings;
	size_t outcomes, closings;
	enum reason reason;
	char turn[64], why[64], channel[64];
	int64_t for_ms;
	int code;
	bool frees_in_outcome;
};

static void on_outcome(void *ctx, const char *id, enum reason r, const char *why)
{
	struct mouth *m = ctx;

	m->outcomes++;
	m->reason = r;
	snprintf(m->turn, sizeof(m->turn), "%s", id);
	snprintf(m->why, sizeof(m->why), "%s", why);
	if (m->frees_in_outcome) {
		platform_sayings_free(m->sayings);
		m->sayings = NULL;
	}
}

static void on_closed(void *ctx, const char *channel_id, int64_t for_ms, int code)
{
	struct mouth *m = ctx;

	m->closings++;
	snprintf(m->channel, sizeof(m->channel), "%s", channel_id);
	m->for_ms = for_ms;
	m->code = code;
}

static void mouth_open(struct mouth *m)
{
	struct platform_sayings_options o = {.outcome = on_outcome, .closed = on_closed, .ctx = m};

	memset(m, 0, sizeof(*m));
	world_open(&m->w);
	o.io = m->w.io;
	o.rest = m->w.rest;
	assert_int_equal(platform_sayings_new(&o, &m->sayings), 0);
	platform_sayings_set(m->sayings, &m->w.conf);
	platform_sayings_self(m->sayings, BOT);
}

/* Whatever was asked in this test pings nobody that it should not. */
static void check_bodies(const struct world *w)
{
	for (size_t i = 0; i < w->asked_count; i++) {
		struct json *body = NULL;
		const struct json *mentions;

		if (w->asked[i].body[0] == '\0' || strstr(w->asked[i].line, "/callback "))
			continue;
		assert_int_equal(json_parse(str_of(w->asked[i].body), 1 << 16, &body, NULL), 0);
		mentions = json_get(body, "allowed_mentions");
		assert_true(json_is_array(json_get(mentions, "parse")));
		assert_int_equal(json_count(json_get(mentions, "parse")), 0);
		assert_null(json_get(mentions, "users"));
		assert_null(json_get(mentions, "roles"));
		assert_true(text_points(json_str(body, "content")) <= 2000);
		assert_true(json_str(body, "nonce").len <= 25);
		assert_true((json_str(body, "nonce").len > 0) ==
			json_bool(body, "enforce_nonce", false));
		json_free(body);
	}
}

static void mouth_close(struct mouth *m)
{
	check_bodies(&m->w);
	platform_sayings_free(m->sayings);
	world_close(&m->w);
}

#define WITH_MOUTH(test) cmocka_unit_test_setup_teardown(test, open_mouth, shut_mouth)

static int open_mouth(void **state)
{
	static struct mouth m;

	mouth_open(&m);
	*state = &m;
	return 0;
}

static int shut_mouth(void **state)
{
	mouth_close(*state);
	return 0;
}

static struct event event_of(const char *id)
{
	return (struct event){.platform = STR("discord"), .channel = STR(CHANNEL),
		.channel_id = STR(CHANNEL), .user_id = STR(ALICE), .id = str_of(id),
		.at_ms = clock_mono_ms()};
}

static struct reply *reply_of(const char *id, const char *text, const char *to_id)
{
	struct event e = event_of(to_id);
	struct reply *r = reply_new(id, &e, str_of(text));

	assert_non_null(r);
	r->is_thread = to_id != NULL;
	r->dies_ms = clock_mono_ms() + 30000;
	return r;
}

static void say_and_wait(struct mouth *m, const char *id, const char *text, const char *to_id)
{
	size_t n = m->outcomes;

	platform_discord_say(m->sayings, reply_of(id, text, to_id));
	assert_int_equal(m->outcomes, n);
	turn(&m->w, 10000, &m->outcomes, n + 1);
	assert_int_equal(m->outcomes, n + 1);
}

static void so_far(struct mouth *m, const char *id, const char *text, const char *to_id)
{
	struct event e = event_of(to_id);

	assert_int_equal(platform_discord_so_far(m->sayings, id, &e, str_of(text)), 0);
}

/* The content of the n-th request that begins so. */
static void assert_content(const struct world *w, const char *begin, size_t n, const char *want)
{
	struct json *body = NULL;

	assert_int_equal(json_parse(str_of(asked_at(w, begin, n)->body), 1 << 16, &body, NULL), 0);
	assert_str(json_str(body, "content"), str_of(want));
	json_free(body);
}

/* Lets the time between two edits pass, and what is due happen. */
static void next_edit(struct mouth *m)
{
	settle(&m->w);
	io_clock_shift(m->w.io, PLATFORM_STREAM_EDIT_MS);
	settle(&m->w);
}

/* ---- Bodies ---------------------------------------------------------------------------------- */

static void a_reply_is_sent_as_the_sheet_says(void **state)
{
	struct mouth *m = *state;
	char before[256], nonce[64];
	const char *body, *at;

	say_and_wait(m, TURN, "Because.", QUESTION);
	assert_int_equal(m->reason, REASON_NONE);
	assert_string_equal(m->turn, TURN);
	body = asked_at(&m->w, "POST " SEND " ", 0)->body;
	snprintf(before, sizeof(before), "%s", "{\"content\":\"Because.\",\"message_reference\":{"
		"\"message_id\":\"" QUESTION "\",\"fail_if_not_exists\":false},"
		"\"allowed_mentions\":{\"parse\":[],\"replied_user\":true},\"nonce\":\"");
	assert_memory_equal(body, before, strlen(before));
	at = body + strlen(before);
	assert_int_equal(sscanf(at, "%63[^\"]", nonce), 1);
	assert_in_range(strlen(nonce), 8, 25);
	assert_string_equal(at + strlen(nonce), "\",\"enforce_nonce\":true}");
	/* Another turn has another one. */
	say_and_wait(m, TURN_2, "Because.", NULL);
	body = asked_at(&m->w, "POST " SEND " ", 1)->body;
	assert_null(strstr(body, nonce));
	assert_null(strstr(body, "message_reference"));
	assert_non_null(strstr(body, "\"allowed_mentions\":{\"parse\":[]},"));
	/* As the config says. */
	m->w.conf.pings = false;
	platform_sayings_set(m->sayings, &m->w.conf);
	say_and_wait(m, TURN, "Because.", QUESTION);
	assert_non_null(strstr(asked_at(&m->w, "POST " SEND " ", 2)->body,
		"{\"parse\":[],\"replied_user\":false}"));
	m->w.conf.reply_threads = false;
	platform_sayings_set(m->sayings, &m->w.conf);
	say_and_wait(m, TURN, "Because.", QUESTION);
	assert_null(strstr(asked_at(&m->w, "POST " SEND " ", 3)->body, "message_reference"));
}

static void text_pings_nobody_and_hides_no_link(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{"@everyone and @Here!", "@\xE2\x80\x8B" "everyone and @\xE2\x80\x8BHere!"},
		{"@\xE2\x80\x8B" "everyone", "@\xE2\x80\x8B" "everyone"},
		{"hi <@&1180000000000000020> and <@" ALICE ">",
			"hi <@\xE2\x80\x8B&1180000000000000020> and <@" ALICE ">"},
		{"[free kelp](https://example.org)", "[free kelp] (https://example.org)"},
		{"[a][b](c) `[x](y)`", "[a][b] (c) `[x] (y)`"},
		{"**bold** and _lines_\n\n- one\n- two", "**bold** and _lines_\n\n- one\n- two"},
		{"look:\n```c\nf[i](x); /* @everyone */\n```\n[a](b)",
			"look:\n```c\nf[i](x); /* @\xE2\x80\x8B" "everyone */\n```\n[a] (b)"},
		/* What only looks like a block is none. */
		{"```\n[a](b)", "```\n[a] (b)"},
		{"> ```\n[a](b)\n```", "> ```\n[a] (b)\n```"},
		{"``\n```\n`` [a](b)\n```", "``\n```\n`` [a] (b)\n```"},
		{"\\`[a](b)`", "\\`[a] (b)`"},
		{"bell\a, bidi \xE2\x80\xAE, \xFF", "bell, bidi , \xEF\xBF\xBD"},
	};
	struct mouth *m = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		say_and_wait(m, TURN, cases[i].text, NULL);
		assert_int_equal(m->reason, REASON_NONE);
		assert_content(&m->w, "POST " SEND " ", i, cases[i].want);
	}
}

static void a_long_answer_with_code_becomes_two_messages(void **state)
{
	struct mouth *m = *state;
	char text[4000] = "Here is how:\n```python\n";
	struct json *body = NULL;

	for (int i = 0; strlen(text) < 2400; i++)
		snprintf(text + strlen(text), 64, "    depth[%d] = measure(%d)  # a line\n", i, i);
	strcat(text, "```\nThat is all of it, and the kelp says hello as well: it is deep down "
		"there, where the light is green and the otters sleep.");
	assert_in_range(strlen(text), 2500, 2700);
	say_and_wait(m, TURN, text, QUESTION);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(asked(&m->w, "POST " SEND " "), 2);
	for (size_t i = 0; i < 2; i++) {
		struct str sent = str_of(asked_at(&m->w, "POST " SEND " ", i)->body);
		assert_int_equal(json_parse(sent, 1 << 16, &body, NULL), 0);
		struct str part = json_str(body, "content");
		assert_true(text_points(part) <= 2000);
		if (i == 0) {
			assert_non_null(strstr(part.at, "Here is how:\n```python\n    depth[0]"));
			assert_string_equal(part.at + part.len - 4, "\n```");
			assert_non_null(json_get(body, "message_reference"));
		} else {
			assert_memory_equal(part.at, "```python\n    depth[", 19);
			assert_non_null(strstr(part.at, "\n```\nThat is all"));
			assert_null(json_get(body, "message_reference"));
		}
		json_free(body);
	}
	assert_string_not_equal(strstr(asked_at(&m->w, "POST " SEND " ", 0)->body, "\"nonce\":"),
		strstr(asked_at(&m->w, "POST " SEND " ", 1)->body, "\"nonce\":"));
}

/* ---- Refusals -------------------------------------------------------------------------------- */

static void a_reply_to_a_message_that_is_gone_is_said_without_it(void **state)
{
	static const struct {
		const char *bytes;
		size_t requests;
	} cases[] = {
		{BAD_REFERENCE, 2},
		{JSON_HEAD("403 Forbidden", "") "{\"code\":160002}", 2},
		{JSON_HEAD("404 Not Found", "") "{\"code\":10008}", 2},
		{JSON_HEAD("400 No", "") "{\"code\":50035,\"errors\":{\"content\":{}}}", 1},
		{JSON_HEAD("400 Bad Request", "") "{\"code\":200000}", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mouth m;

		mouth_open(&m);
		world_rule(&m.w, "POST", 1, cases[i].bytes);
		say_and_wait(&m, TURN, "Because.", QUESTION);
		assert_case(i, asked(&m.w, "POST") == cases[i].requests);
		assert_case(i, m.reason == (cases[i].requests == 2 ? REASON_NONE : REASON_REFUSED));
		assert_null(cases[i].requests < 2 ? NULL :
			strstr(asked_at(&m.w, "POST", 1)->body, "message_reference"));
		mouth_close(&m);
	}
	/* And no more than once. */
	struct mouth m;
	mouth_open(&m);
	world_rule(&m.w, "POST", FOR_EVER, BAD_REFERENCE);
	say_and_wait(&m, TURN, "Because.", QUESTION);
	assert_int_equal(m.reason, REASON_REFUSED);
	assert_string_equal(m.why, "50035");
	assert_int_equal(asked(&m.w, "POST"), 2);
	mouth_close(&m);
}

static void a_channel_without_permission_is_closed_and_told_once(void **state)
{
	static const int codes[] = {50001, 50013};

	(void)state;
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct mouth m;
		char bytes[512], why[16];

		mouth_open(&m);
		snprintf(bytes, sizeof(bytes), JSON_HEAD("403 No", "") "{\"code\":%d}", codes[i]);
		snprintf(why, sizeof(why), "%d", codes[i]);
		world_rule(&m.w, "POST", FOR_EVER, bytes);
		platform_discord_typing(m.sayings, TURN_2, CHANNEL, true);
		platform_discord_say(m.sayings, reply_of(TURN, "hello", NULL));
		turn(&m.w, 5000, &m.outcomes, 1);
		settle(&m.w);
		assert_int_equal(m.closings, 1);
		assert_string_equal(m.channel, CHANNEL);
		assert_true(m.for_ms == 0 && m.code == codes[i]);
		assert_int_equal(m.reason, REASON_REFUSED);
		assert_string_equal(m.why, why);
		assert_in_range(m.w.asked_count, 1, 2);
		io_clock_shift(m.w.io, 20000);
		settle(&m.w);
		assert_in_range(m.w.asked_count, 1, 2); /* typing is over as well */
		mouth_close(&m);
	}
}

static void a_channel_that_has_to_wait_is_held(void **state)
{
	struct mouth *m = *state;

	world_rule(&m->w, "POST", 1, JSON_HEAD("429 No", "Retry-After: 1337\r\n"
		"X-RateLimit-Scope: shared\r\n") "{\"retry_after\":1336.57,\"code\":20028}");
	say_and_wait(m, TURN, "hello", NULL);
	assert_int_equal(m->reason, REASON_REFUSED);
	assert_string_equal(m->why, "20028");
	assert_int_equal(m->closings, 1);
	assert_in_range(m->for_ms, 1300000, 1336570);
}

static void what_cannot_be_said_is_not_asked_for(void **state)
{
	struct mouth *m = *state;
	struct reply *r = reply_of(TURN, "hello", NULL);

	mem_free(r->channel_id);
	r->channel_id = mem_dup("../users/@me");
	platform_discord_say(m->sayings, r);
	turn(&m->w, 5000, &m->outcomes, 1);
	assert_string_equal(m->why, "no_channel_id");
	say_and_wait(m, TURN, " \n \n", NULL);
	assert_string_equal(m->why, "unsayable");
	assert_int_equal(m->w.asked_count, 0);
	/* An id that is no message's is not replied to. */
	say_and_wait(m, TURN, "hello", "notice-17");
	assert_null(strstr(m->w.asked[0].body, "message_reference"));
}

/* faults.md R8 */
static void a_lost_answer_is_asked_for_with_the_same_nonce(void **state)
{
	static const struct {
		const char *bytes;
		unsigned times;
		enum reason reason;
	} cases[] = {
		{"", 1, REASON_NONE},
		{"HTTP/1.1 502 No\r\n\r\n<html>", 1, REASON_NONE},
		{"", 2, REASON_UNKNOWN_SENT},
		{"HTTP/1.1 502 No\r\n\r\n<html>", 2, REASON_UNKNOWN_SENT},
		{JSON_HEAD("200 OK", "") "{}", 1, REASON_UNKNOWN_SENT},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mouth m;

		mouth_open(&m);
		world_rule(&m.w, "POST", cases[i].times, cases[i].bytes);
		platform_discord_say(m.sayings, reply_of(TURN, "once", QUESTION));
		wait_out(&m.w, &m.outcomes, 1);
		assert_case(i, m.reason == cases[i].reason);
		settle(&m.w);
		assert_case(i, asked(&m.w, "POST") == (i == 4 ? 1 : 2));
		assert_case(i, i == 4 || strcmp(m.w.asked[0].body, m.w.asked[1].body) == 0);
		assert_case(i, m.outcomes == 1);
		mouth_close(&m);
	}
}

/* ---- Streaming ------------------------------------------------------------------------------- */

static void what_is_written_so_far_is_edited_and_made_exact_at_last(void **state)
{
	struct mouth *m = *state;

	so_far(m, TURN, "Because", QUESTION);
	settle(&m->w);
	assert_int_equal(asked(&m->w, "POST " SEND " "), 1);
	so_far(m, TURN, "Because it", QUESTION); /* nobody ever sees this one */
	so_far(m, TURN, "Because it is \xE2\x80\xA6", QUESTION);
	next_edit(m);
	assert_int_equal(asked(&m->w, "PATCH " SEND "/1180000000000000001 "), 1);
	assert_string_equal(asked_at(&m->w, "PATCH", 0)->body,
		"{\"content\":\"Because it is \xE2\x80\xA6\",\"allowed_mentions\":{\"parse\":[]}}");
	so_far(m, TURN, "Because it is deep", QUESTION);
	platform_discord_say(m->sayings, reply_of(TURN, "Because it is deep.", QUESTION));
	assert_int_equal(m->outcomes, 0);
	next_edit(m);
	turn(&m->w, 5000, &m->outcomes, 1);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(m->w.asked_count, 3);
	assert_content(&m->w, "PATCH", 1, "Because it is deep.");
	assert_true(m->w.asked[1].at_ms - m->w.asked[0].at_ms >= PLATFORM_STREAM_EDIT_MS);
	assert_true(m->w.asked[2].at_ms - m->w.asked[1].at_ms >= PLATFORM_STREAM_EDIT_MS);
	/* Nothing is edited that is right already. */
	so_far(m, TURN_2, "Yes.", NULL);
	settle(&m->w);
	say_and_wait(m, TURN_2, "Yes.", NULL);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(m->w.asked_count, 4);
}

static void a_text_that_outgrows_its_message_goes_on_in_another(void **state)
{
	struct mouth *m = *state;
	char text[4000] = "";

	for (int i = 0; i < 150; i++)
		strcat(text, "deep water. ");
	so_far(m, TURN, text, NULL);
	settle(&m->w);
	for (int i = 0; i < 50; i++)
		strcat(text, "deep water. ");
	platform_discord_say(m->sayings, reply_of(TURN, text, NULL));
	next_edit(m);
	turn(&m->w, 5000, &m->outcomes, 1);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(asked(&m->w, "POST"), 2);
	assert_int_equal(asked(&m->w, "PATCH"), 1);
	/* And one that shrinks takes back what it does not need. */
	so_far(m, TURN_2, text, NULL);
	next_edit(m);
	assert_int_equal(asked(&m->w, "POST"), 4);
	platform_discord_say(m->sayings, reply_of(TURN_2, "Short.", NULL));
	next_edit(m);
	turn(&m->w, 5000, &m->outcomes, 2);
	assert_int_equal(asked(&m->w, "DELETE " SEND "/"), 1);
	assert_content(&m->w, "PATCH", 1, "Short.");
}

static void what_was_streamed_is_taken_back(void **state)
{
	struct mouth *m = *state;

	so_far(m, TURN, "The password is", QUESTION);
	settle(&m->w);
	platform_discord_unsay(m->sayings, TURN);
	settle(&m->w);
	assert_int_equal(asked(&m->w, "DELETE " SEND "/1180000000000000001 "), 1);
	/* Also what is on its way. */
	so_far(m, TURN_2, "The password is", QUESTION);
	turn(&m->w, 5000, &m->w.asked_count, 3);
	platform_discord_unsay(m->sayings, TURN_2);
	settle(&m->w);
	assert_int_equal(asked(&m->w, "DELETE"), 2);
	assert_int_equal(m->outcomes, 0);
	platform_discord_unsay(m->sayings, TURN_2);
	platform_discord_unsay(m->sayings, "");
	settle(&m->w);
	assert_int_equal(m->w.asked_count, 4);
}

static void a_stream_outlives_failures_in_between(void **state)
{
	struct mouth *m = *state;

	/* The answer to the first is lost twice: only its nonce tells whether it stands there. */
	world_rule(&m->w, "POST", 2, "");
	so_far(m, TURN, "It is", NULL);
	wait_out(&m->w, &m->w.asked_count, 2);
	platform_discord_say(m->sayings, reply_of(TURN, "It is deep.", NULL));
	next_edit(m);
	next_edit(m);
	turn(&m->w, 5000, &m->outcomes, 1);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(asked(&m->w, "POST"), 3);
	assert_string_equal(strstr(m->w.asked[0].body, "\"nonce\""),
		strstr(m->w.asked[2].body, "\"nonce\""));
	assert_content(&m->w, "PATCH", 0, "It is deep."); /* whatever Discord kept */
	/* Somebody deletes it: it is not said again. */
	so_far(m, TURN_2, "It is", NULL);
	settle(&m->w);
	world_rule(&m->w, "PATCH", FOR_EVER, JSON_HEAD("404 No", "") "{\"code\":10008}");
	so_far(m, TURN_2, "It is very", NULL);
	next_edit(m);
	say_and_wait(m, TURN_2, "It is very deep.", NULL);
	assert_int_equal(m->reason, REASON_REFUSED);
	assert_string_equal(m->why, "10008");
	assert_int_equal(asked(&m->w, "PATCH"), 2);
	assert_int_equal(asked(&m->w, "POST"), 4);
}

/* ---- Interactions ---------------------------------------------------------------------------- */

static void defer(struct mouth *m, bool is_ephemeral)
{
	assert_int_equal(platform_interaction_defer(m->sayings, STR(INTERACTION),
		STR(INTERACTION_TOKEN), is_ephemeral), 0);
}

static void an_interaction_is_deferred_at_once_and_edited(void **state)
{
	struct mouth *m = *state;
	char text[4000] = "";

	defer(m, false);
	defer(m, false); /* one callback each */
	settle(&m->w);
	assert_int_equal(asked(&m->w, CALLBACK), 1);
	assert_string_equal(m->w.asked[0].body, "{\"type\":5}");
	assert_null(strstr(m->w.asked[0].head, "Authorization"));
	so_far(m, TURN, "Because", INTERACTION);
	settle(&m->w);
	assert_string_equal(asked_at(&m->w, "PATCH " HOOK "/messages/@original ", 0)->body,
		"{\"content\":\"Because\",\"allowed_mentions\":{\"parse\":[]}}");
	for (int i = 0; i < 200; i++)
		strcat(text, "deep water. ");
	platform_discord_say(m->sayings, reply_of(TURN, text, INTERACTION));
	next_edit(m);
	turn(&m->w, 5000, &m->outcomes, 1);
	assert_int_equal(m->reason, REASON_NONE);
	assert_int_equal(asked(&m->w, "PATCH " HOOK "/messages/@original "), 2);
	assert_int_equal(asked(&m->w, "POST " HOOK " "), 1);
	assert_null(strstr(asked_at(&m->w, "POST " HOOK, 0)->body, "nonce"));
	assert_null(strstr(asked_at(&m->w, "POST " HOOK, 0)->body, "flags"));
	assert_int_equal(asked(&m->w, "POST " SEND), 0);
	/* It is answered: whatever comes now goes nowhere. */
	platform_interaction_close(m->sayings, STR(INTERACTION), "That took too long.");
	say_and_wait(m, TURN_2, "once more", INTERACTION);
	assert_int_equal(m->reason, REASON_REFUSED);
	assert_int_equal(m->w.asked_count, 4);
}

static void an_answer_that_only_one_sees_stays_so(void **state)
{
	struct mouth *m = *state;
	char text[4000] = "";

	defer(m, true);
	for (int i = 0; i < 200; i++)
		strcat(text, "deep water. ");
	say_and_wait(m, TURN, text, INTERACTION); /* it waits for the callback */
	assert_int_equal(m->reason, REASON_NONE);
	assert_string_equal(m->w.asked[0].body, "{\"type\":5,\"data\":{\"flags\":64}}");
	assert_non_null(strstr(asked_at(&m->w, "POST " HOOK, 0)->body, "\"flags\":64"));
}

static void an_interaction_without_an_answer_is_closed(void **state)
{
	struct mouth *m = *state;

	defer(m, false);
	settle(&m->w);
	so_far(m, TURN, "Hm", INTERACTION);
	settle(&m->w);
	platform_discord_unsay(m->sayings, TURN);
	platform_interaction_close(m->sayings, STR(INTERACTION), "That took too long.");
	next_edit(m);
	assert_content(&m->w, "PATCH " HOOK "/messages/@original ", 1, "That took too long.");
	assert_int_equal(asked(&m->w, "DELETE"), 0);
	platform_interaction_close(m->sayings, STR(INTERACTION), "again");
	platform_interaction_close(m->sayings, STR("77"), "never opened");
	settle(&m->w);
	assert_int_equal(m->w.asked_count, 3);
	assert_int_equal(m->outcomes, 0);
}

static void an_interaction_that_is_gone_is_answered_nowhere(void **state)
{
	static const struct {
		const char *bytes, *why;
		size_t patches;
	} cases[] = {
		{JSON_HEAD("404 No", "") "{\"code\":10062}", "interaction_over", 0},
		/* It was answered: it can be edited. */
		{JSON_HEAD("400 No", "") "{\"code\":40060}", "", 1},
		/* Nobody knows: the edit will tell. */
		{"", "", 1},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mouth m;

		mouth_open(&m);
		world_rule(&m.w, CALLBACK, 2, cases[i].bytes);
		defer(&m, true);
		platform_discord_say(m.sayings, reply_of(TURN, "a secret", INTERACTION));
		wait_out(&m.w, &m.outcomes, 1);
		assert_string_equal(m.why, cases[i].why);
		assert_case(i, asked(&m.w, "PATCH") == cases[i].patches);
		assert_case(i, asked(&m.w, "POST " SEND) == 0);
		assert_case(i, m.closings == 0);
		mouth_close(&m);
	}
	/* Nor is one whose 15 min are over, nor what is no interaction. */
	struct mouth m;
	mouth_open(&m);
	defer(&m, true);
	settle(&m.w);
	io_clock_shift(m.w.io, PLATFORM_INTERACTION_MS + 1000);
	say_and_wait(&m, TURN, "a secret", INTERACTION);
	assert_string_equal(m.why, "interaction_over");
	assert_int_equal(m.w.asked_count, 1);
	assert_int_equal(platform_interaction_defer(m.sayings, STR("1"), STR("a/../b"), false),
		ERR_INVALID);
	assert_int_equal(platform_interaction_defer(m.sayings, STR("x"), STR("a"), false),
		ERR_INVALID);
	mouth_close(&m);
}

/* ---- Typing ---------------------------------------------------------------------------------- */

static void typing_is_shown_again_and_again_and_ends(void **state)
{
	struct mouth *m = *state;
	size_t n;

	platform_discord_typing(m->sayings, TURN, CHANNEL, true);
	platform_discord_typing(m->sayings, TURN_2, CHANNEL, true); /* once for both */
	settle(&m->w);
	assert_int_equal(asked(&m->w, "POST /api/v10/channels/" CHANNEL "/typing "), 1);
	io_clock_shift(m->w.io, PLATFORM_TYPING_MS);
	settle(&m->w);
	assert_int_equal(m->w.asked_count, 2);
	platform_discord_typing(m->sayings, TURN, CHANNEL, false);
	for (int i = 0; i < 40; i++) {
		io_clock_shift(m->w.io, PLATFORM_TYPING_MS);
		settle(&m->w);
	}
	n = m->w.asked_count;
	assert_in_range(n, 10, 24); /* 3 min */
	/* What is said ends it. */
	platform_discord_typing(m->sayings, TURN, CHANNEL, true);
	settle(&m->w);
	say_and_wait(m, TURN, "Because.", NULL);
	io_clock_shift(m->w.io, PLATFORM_TYPING_MS);
	settle(&m->w);
	assert_int_equal(m->w.asked_count, n + 2);
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void it_may_be_freed_at_any_moment(void **state)
{
	struct mouth *m = *state;

	platform_discord_say(m->sayings, reply_of(TURN, "hello", NULL));
	platform_discord_say(m->sayings, reply_of(TURN_2, "hello", NULL));
	defer(m, false);
	so_far(m, "018f0000-0000-7000-8000-000000000003", "Hm", INTERACTION);
	platform_discord_typing(m->sayings, TURN_2, CHANNEL, true);
	m->frees_in_outcome = true;
	turn(&m->w, 5000, &m->outcomes, 1);
	settle(&m->w);
	assert_int_equal(m->outcomes, 1);
}

static void no_memory_is_an_ordinary_end(void **state)
{
	(void)state;
	for (unsigned long n = 1, made = n; n <= made; n++) {
		struct mouth m;
		struct reply *r;
		struct event e = event_of(QUESTION);

		mouth_open(&m);
		r = reply_of(TURN, "hello", QUESTION);
		made = mem_count();
		mem_fail_at(n, 0);
		if (platform_discord_so_far(m.sayings, TURN, &e, STR("hel")) != 0)
			assert_int_equal(m.outcomes, 0);
		platform_discord_say(m.sayings, r);
		for (int i = 0; i < 20 && m.outcomes == 0; i++) {
			turn(&m.w, 10, &m.outcomes, 1);
			io_clock_shift(m.w.io, 500);
		}
		turn(&m.w, 5000, &m.outcomes, 1);
		assert_int_equal(m.outcomes, 1);
		mem_fail_at(0, 0);
		made = mem_count() - made;
		mouth_close(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_MOUTH(a_reply_is_sent_as_the_sheet_says),
		WITH_MOUTH(text_pings_nobody_and_hides_no_link),
		WITH_MOUTH(a_long_answer_with_code_becomes_two_messages),
		cmocka_unit_test(a_reply_to_a_message_that_is_gone_is_said_without_it),
		cmocka_unit_test(a_channel_without_permission_is_closed_and_told_once),
		WITH_MOUTH(a_channel_that_has_to_wait_is_held),
		WITH_MOUTH(what_cannot_be_said_is_not_asked_for),
		cmocka_unit_test(a_lost_answer_is_asked_for_with_the_same_nonce),
		WITH_MOUTH(what_is_written_so_far_is_edited_and_made_exact_at_last),
		WITH_MOUTH(a_text_that_outgrows_its_message_goes_on_in_another),
		WITH_MOUTH(what_was_streamed_is_taken_back),
		WITH_MOUTH(a_stream_outlives_failures_in_between),
		WITH_MOUTH(an_interaction_is_deferred_at_once_and_edited),
		WITH_MOUTH(an_answer_that_only_one_sees_stays_so),
		WITH_MOUTH(an_interaction_without_an_answer_is_closed),
		cmocka_unit_test(an_interaction_that_is_gone_is_answered_nowhere),
		WITH_MOUTH(typing_is_shown_again_and_again_and_ends),
		WITH_MOUTH(it_may_be_freed_at_any_moment),
		cmocka_unit_test(no_memory_is_an_ordinary_end),
	};

	return cmocka_run_group_tests_name("discord_say", tests, NULL, NULL);
}
