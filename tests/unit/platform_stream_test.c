/* What Twitch says of our channels: names that become ids, streams that come and go, asked of a
 * peer that plays answers; the vectors H14 and H15 of twitch.md section 8.3. */
#include "unit/helix_world.h"

#include "platform/twitch_stream.h"

#define POLL_MS 60000
#define USERS(list) JSON_HEAD("200 OK", "") "{\"data\":[" list "]}"
#define USER(id, login) "{\"id\":\"" id "\",\"login\":\"" login "\"}"
#define OTTER USERS(USER("50020002", "mossy_otter"))
#define LIVE USERS("{\"id\":\"9001\",\"user_id\":\"50020002\",\"type\":\"live\","                  \
	"\"title\":\"Deep\\u202e water\",\"game_name\":\"Chess\","                                 \
	"\"started_at\":\"2026-11-21T10:37:00Z\"}")
#define TITLED USERS("{\"broadcaster_id\":\"50020002\",\"title\":\"Soon\",\"game_name\":\"Go\"}")
#define BROKEN "HTTP/1.1 400 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

struct stand {
	struct world w;
	struct platform_streams *streams;
	char *names[256];
	struct conf_texts channels;
	size_t named, missing, told;
	char channel[64], id[32];
	struct stream stream;
	char title[64], game[64];
	bool frees;
};

static void on_named(void *ctx, const char *channel, const char *id)
{
	struct stand *s = ctx;

	s->named++;
	s->missing += *id == '\0';
	if (*id)
		snprintf(s->id, sizeof(s->id), "%s", id);
	if (s->frees) {
		platform_streams_free(s->streams);
		s->streams = NULL;
	}
	(void)channel;
}

static void on_stream(void *ctx, const char *channel, const struct stream *st)
{
	struct stand *s = ctx;

	s->told++;
	s->stream = *st;
	snprintf(s->channel, sizeof(s->channel), "%s", channel);
	snprintf(s->title, sizeof(s->title), "%.*s", STR_FMT(st->title));
	snprintf(s->game, sizeof(s->game), "%.*s", STR_FMT(st->game));
}

static int open_stand(void **state)
{
	static struct stand s;

	memset(&s, 0, sizeof(s));
	world_open(&s.w);
	const struct platform_streams_options o = {.io = s.w.io, .helix = s.w.helix,
		.poll_ms = POLL_MS, .named = on_named, .stream = on_stream, .ctx = &s};
	assert_int_equal(platform_streams_new(&o, &s.streams), 0);
	s.channels.at = s.names;
	*state = &s;
	return 0;
}

static int shut_stand(void **state)
{
	struct stand *s = *state;

	platform_streams_free(s->streams);
	world_close(&s->w);
	return 0;
}

static void want(struct stand *s, size_t n, const char *const *names, bool is_polled)
{
	for (size_t i = 0; i < n; i++)
		s->names[i] = (char *)names[i];
	s->channels.n = n;
	assert_int_equal(platform_streams_want(s->streams, &s->channels, is_polled), 0);
}

static void want_otter(struct stand *s)
{
	static const char *const names[] = {"mossy_otter"};

	want(s, 1, names, true);
}

static void until(struct stand *s, size_t requests)
{
	turn(&s->w, 30000, &s->w.peer.requests, requests);
	turn(&s->w, 100, NULL, 0);
	assert_int_equal(s->w.peer.requests, requests);
}

static const char *status_of(struct stand *s)
{
	static char text[4096];
	struct buf out;
	struct json *j;

	buf_init(&out, sizeof(text) - 1);
	assert_int_equal(platform_streams_status(s->streams, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), sizeof(text), &j, NULL), 0);
	json_free(j);
	snprintf(text, sizeof(text), "%s", buf_text(&out));
	buf_fini(&out);
	return text;
}

static void H14_names_become_ids_and_unknown_ones_are_said_so(void **state)
{
	static const char *const names[] = {"#Mossy_Otter", "nobody_here_x", "not a name"};
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	want(s, COUNT(names), names, false);
	until(s, 1);
	assert_non_null(strstr(buf_text(&s->w.peer.last),
		"GET /helix/users?login=mossy_otter&login=nobody_here_x HTTP/1.1\r\n"));
	turn(&s->w, 30000, &s->named, 3);
	assert_int_equal(s->named, 3);
	assert_int_equal(s->missing, 2);
	assert_non_null(strstr(status_of(s), "50020002"));
	assert_non_null(strstr(status_of(s), "there is no channel nobody_here_x on Twitch"));
	assert_non_null(strstr(status_of(s), "no trigger asks for it"));
	want(s, COUNT(names), names, false); /* nothing new */
	until(s, 1);
	/* After a reload: only those that were not found, and who is still missing is not told
	 * again. */
	want(s, 2, names, false);
	platform_streams_retry(s->streams);
	until(s, 2);
	assert_non_null(strstr(buf_text(&s->w.peer.last), "/users?login=nobody_here_x HTTP"));
	assert_int_equal(s->named, 3);
	assert_int_equal(s->told, 0);
}

static void H15_a_channel_that_is_not_in_the_list_is_offline(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	peer_play(&s->w.peer, JSON_HEAD("200 OK", "") "{\"data\":[],\"pagination\":{}}");
	peer_play(&s->w.peer, TITLED);
	want_otter(s);
	until(s, 3);
	assert_non_null(strstr(buf_text(&s->w.peer.last), "/channels?broadcaster_id=50020002 "));
	assert_true(s->stream.is_known && !s->stream.is_live);
	assert_string_equal(s->title, "Soon");
	assert_string_equal(s->game, "Go");
	assert_string_equal(s->channel, "mossy_otter");
	assert_non_null(strstr(status_of(s), "\"stream\":\"offline\""));
}

static void changes_are_told_and_nothing_else(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	peer_play(&s->w.peer, LIVE);
	peer_play(&s->w.peer, LIVE);
	peer_play(&s->w.peer, NOTHING);
	want_otter(s);
	until(s, 2);
	assert_int_equal(s->told, 1);
	assert_true(s->stream.is_live);
	assert_true(s->stream.started_wall_ms == 1795257420000);
	assert_string_equal(s->title, "Deep water");
	assert_string_equal(s->game, "Chess");
	io_clock_shift(s->w.io, POLL_MS / 2);
	until(s, 2);
	io_clock_shift(s->w.io, POLL_MS / 2);
	until(s, 3);
	assert_int_equal(s->told, 1);
	io_clock_shift(s->w.io, POLL_MS);
	until(s, 5); /* not live: its title is asked for */
	assert_true(s->stream.is_known && !s->stream.is_live);
	assert_string_equal(s->title, "Deep water"); /* of old: nobody said otherwise */
	assert_int_equal(s->told, 2);
}

static void an_event_is_believed_before_a_poll_that_is_behind(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	peer_play(&s->w.peer, NOTHING);
	want_otter(s);
	until(s, 3);
	platform_streams_live(s->streams, STR("50020002"), true, STR("9001"), 1795257420000);
	platform_streams_live(s->streams, STR("1"), true, STR("9002"), 5); /* not ours */
	assert_int_equal(s->told, 1); /* never before the call has returned */
	turn(&s->w, 1000, &s->told, 2);
	assert_true(s->stream.is_live);
	io_clock_shift(s->w.io, POLL_MS);
	until(s, 4);
	assert_true(s->stream.is_live);
	io_clock_shift(s->w.io, 3 * POLL_MS); /* by now it should know */
	until(s, 6);
	assert_false(s->stream.is_live);
}

static void what_nobody_confirms_for_long_is_unknown(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	peer_play(&s->w.peer, LIVE);
	peer_play(&s->w.peer, BROKEN);
	want_otter(s);
	until(s, 2);
	for (size_t i = 0; i < 4; i++) {
		io_clock_shift(s->w.io, POLL_MS);
		until(s, 3 + i);
		assert_true(s->stream.is_known && s->stream.is_live);
	}
	io_clock_shift(s->w.io, POLL_MS);
	until(s, 7);
	assert_false(s->stream.is_known || s->stream.is_live);
	assert_non_null(strstr(status_of(s), "\"stream\":\"unknown\""));
	assert_non_null(strstr(status_of(s), "Twitch answered 400 to GET /streams"));
}

static void without_a_login_it_is_unknown_and_says_why(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	peer_play(&s->w.peer, LIVE);
	s->w.token.state = PLATFORM_TOKEN_NONE;
	want_otter(s);
	turn(&s->w, 200, NULL, 0);
	assert_int_equal(s->w.peer.requests, 0);
	assert_non_null(strstr(status_of(s), "\"why\":\"run `mynah login twitch`\""));
	s->w.token.state = PLATFORM_TOKEN_VALID;
	platform_helix_token_changed(s->w.helix);
	platform_streams_retry(s->streams);
	until(s, 2);
	assert_true(s->stream.is_live);
}

static void a_hundred_names_go_into_one_call(void **state)
{
	static char texts[205][26];
	const char *names[205];
	struct stand *s = *state;

	peer_play(&s->w.peer, NOTHING);
	for (size_t i = 0; i < COUNT(names); i++) {
		snprintf(texts[i], sizeof(texts[i]), "a_name_of_25_letters__%03zu", i);
		names[i] = texts[i];
	}
	want(s, COUNT(names), names, true);
	until(s, 3);
	assert_int_equal(s->missing, COUNT(names));
}

static void names_are_asked_for_until_there_is_an_answer(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, BROKEN);
	peer_play(&s->w.peer, BROKEN);
	peer_play(&s->w.peer, OTTER);
	want(s, 1, (const char *const[]){"mossy_otter"}, false);
	/* How long it waits in between is left to chance: it may ask before we move the clock. */
	for (size_t n = 1; n <= 2; n++) {
		turn(&s->w, 30000, &s->w.peer.requests, n);
		assert_int_equal(s->named, 0);
		turn(&s->w, 100, NULL, 0);
		io_clock_shift(s->w.io, 5000);
	}
	turn(&s->w, 30000, &s->named, 1);
	assert_int_equal(s->named, 1);
	assert_int_equal(s->w.peer.requests, 3);
	assert_string_equal(s->id, "50020002");
}

static void it_may_be_freed_while_it_tells(void **state)
{
	struct stand *s = *state;

	peer_play(&s->w.peer, OTTER);
	s->frees = true;
	want(s, 2, (const char *const[]){"mossy_otter", "nobody_here_x"}, true);
	turn(&s->w, 5000, &s->named, 1);
	turn(&s->w, 100, NULL, 0);
	assert_int_equal(s->named, 1);
	assert_int_equal(s->w.peer.requests, 1);
}

#define WITH_STAND(test) cmocka_unit_test_setup_teardown(test, open_stand, shut_stand)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_STAND(H14_names_become_ids_and_unknown_ones_are_said_so),
		WITH_STAND(H15_a_channel_that_is_not_in_the_list_is_offline),
		WITH_STAND(changes_are_told_and_nothing_else),
		WITH_STAND(an_event_is_believed_before_a_poll_that_is_behind),
		WITH_STAND(what_nobody_confirms_for_long_is_unknown),
		WITH_STAND(without_a_login_it_is_unknown_and_says_why),
		WITH_STAND(a_hundred_names_go_into_one_call),
		WITH_STAND(names_are_asked_for_until_there_is_an_answer),
		WITH_STAND(it_may_be_freed_while_it_tells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
