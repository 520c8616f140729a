/* A thousand random faults of Discord's gateway, in virtual time: a small Discord keeps sessions,
 * tells events, replays what was missed, and does everything wrong that group G of faults.md names.
 * What has to hold is asserted while it goes on. */
#include <zlib.h>

#include "unit/gateway_world.h"

#define FAULTS       1000
#define STEP_MS      250
#define LATENCY_MS   50
#define INTERVAL_MS  41250
#define KEEP_MS      180000  /* so long a session waits for whom it lost */
#define BACK_MS      1300000 /* twice the slow cap: a refused IDENTIFY is waited for again */
#define MINUTE_MAX   14      /* connections in any minute: full jitter from 1 s, whatever happens */
#define EVENTS_MAX   200000
#define SESSIONS_MAX 4000

enum fault {
	CUT,
	OP_7,
	OP_9_TRUE,
	OP_9_FALSE,
	CLOSE_CODE,
	REFUSAL,
	NO_ACK,
	DEAD_RESUME_HOST,
	DEAD_NETWORK,
	GARBAGE,
	BOMB,
	LATE_HELLO,
	NO_LOGIN_ANSWER,
	RESUMES_DROPPED,
	OP_7_FIRST,
	IDENTIFY_REFUSED,
	RESTART,
	FORGETFUL,
	FAULT_KINDS,
};

struct session {
	int64_t seq, told; /* newest; newest that a connection took */
	int64_t left_ms;   /* when its connection was lost; 0 = it has one */
	bool is_over;
	int64_t *events; /* of each sequence number, 0 = none */
};

/* The small Discord. */
static struct server {
	uint64_t chance;
	struct session sessions[SESSIONS_MAX];
	size_t n_sessions;
	struct session *session; /* of the connection */
	struct io_ws *ws;        /* the connection looked at */
	size_t read;             /* of what it said */
	bool is_greeted;
	z_stream deflate;
	bool has_deflate;
	int64_t next_event_ms, beat_ms;
	bool was_told[EVENTS_MAX];
	int64_t events;
	/* what goes wrong */
	bool is_mute, is_host_dead, is_network_dead, is_late, is_deaf, is_op_7_first, refuses_login;
	int drops;
	/* what was seen */
	int64_t identified_ms;
	size_t identifies, resumes, resumed, checked;
	size_t most_in_minute;
} sv;

static uint32_t chance_below(uint32_t n)
{
	sv.chance ^= sv.chance << 13;
	sv.chance ^= sv.chance >> 7;
	sv.chance ^= sv.chance << 17;
	return (uint32_t)((sv.chance >> 11) % n);
}

/* ---- What it says --------------------------------------------------------------------------- */

static bool is_there(void)
{
	return sv.ws && !sv.ws->is_gone;
}

static void say_packed(struct str text)
{
	static char packed[1 << 20];
	z_stream *s = &sv.deflate;

	s->next_in = (z_const Bytef *)text.at;
	s->avail_in = (uInt)text.len;
	s->next_out = (Bytef *)packed;
	s->avail_out = sizeof(packed);
	assert_int_equal(deflate(s, Z_SYNC_FLUSH), Z_OK);
	size_t n = sizeof(packed) - s->avail_out,
	       cut = chance_below(4) ? n : chance_below((uint32_t)n);
	gateway_tell_bytes(sv.ws, (struct str){packed, cut}, true);
	if (cut < n && is_there())
		gateway_tell_bytes(sv.ws, (struct str){packed + cut, n - cut}, true);
}

static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	if (!is_there())
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (sv.has_deflate)
		say_packed(str_of(text));
	else
		gateway_tell(sv.ws, text);
}

static void say_event(struct session *s, int64_t seq)
{
	say("{\"op\":0,\"s\":%lld,\"t\":\"MESSAGE_CREATE\",\"d\":{\"id\":\"%lld\"}}",
		(long long)seq, (long long)s->events[seq]);
	if (seq > s->told)
		s->told = seq;
}

/* Something happens in a channel: who is connected hears it, who is not may ask for it. */
static void happen(struct session *s)
{
	int64_t *events = mem_resize(s->events, ((size_t)s->seq + 2) * sizeof(*events));

	assert_non_null(events);
	assert_true(sv.events + 1 < EVENTS_MAX);
	s->events = events;
	events[++s->seq] = ++sv.events;
	if (s == sv.session && is_there())
		say_event(s, s->seq);
}

/* ---- What it hears -------------------------------------------------------------------------- */

static void begin_session(void)
{
	struct session *s = &sv.sessions[sv.n_sessions++];

	assert_true(sv.n_sessions < SESSIONS_MAX);
	*s = (struct session){.seq = 1, .told = 1};
	s->events = mem_array(2, sizeof(*s->events));
	sv.session = s;
	say("{\"op\":0,\"s\":1,\"t\":\"READY\",\"d\":{\"session_id\":\"s%zu\",\"resume_gateway_"
	    "url\":"
	    "\"" GATEWAY_RESUME "\"}}",
		sv.n_sessions);
}

static void on_identify(void)
{
	const int64_t now_ms = sv.ws->said[sv.read].at_ms;

	assert_true(sv.identifies == 0 || now_ms - sv.identified_ms >= 5000);
	assert_null(strstr(sv.ws->url, GATEWAY_RESUME));
	sv.identified_ms = now_ms;
	sv.identifies++;
	if (sv.session)
		sv.session->is_over = true;
	sv.session = NULL;
	for (size_t i = 0; i < sv.n_sessions; i++)
		sv.sessions[i].is_over = true;
	if (sv.refuses_login) {
		sv.refuses_login = false;
		say("{\"op\":9,\"d\":false}");
	} else {
		begin_session();
	}
}

static void on_resume(const char *text)
{
	const char *id = strstr(text, "\"session_id\":\"s"), *at = strstr(text, "\"seq\":");
	struct session *s;
	int64_t seq, from;

	assert_non_null(id);
	assert_non_null(at);
	s = &sv.sessions[strtol(id + strlen("\"session_id\":\"s"), NULL, 10) - 1];
	assert_true(s >= sv.sessions && s < sv.sessions + sv.n_sessions);
	seq = strtoll(at + strlen("\"seq\":"), NULL, 10);
	sv.resumes++;
	if (sv.drops > 0) {
		sv.drops--;
		gateway_close(sv.ws, 0);
		return;
	}
	if (s->is_over || (s->left_ms && clock_mono_ms() - s->left_ms > KEEP_MS)) {
		s->is_over = true;
		say("{\"op\":9,\"d\":false}");
		return;
	}
	assert_int_equal(seq, s->told); /* what was handled: neither less nor more */
	sv.session = s;
	s->left_ms = 0;
	/* Some of what is known comes again. */
	from = seq - (int64_t)chance_below(4);
	for (int64_t n = from < 2 ? 2 : from; n <= s->seq && is_there(); n++) {
		if (s->events[n])
			say_event(s, n);
	}
	int64_t *events = mem_resize(s->events, ((size_t)s->seq + 2) * sizeof(*events));
	assert_non_null(events);
	s->events = events;
	events[++s->seq] = 0;
	if (!is_there())
		return;
	s->told = s->seq;
	sv.resumed++;
	say("{\"op\":0,\"s\":%lld,\"t\":\"RESUMED\",\"d\":{}}", (long long)s->seq);
}

static void hear(void)
{
	while (is_there() && sv.read < sv.ws->n) {
		const char *text = sv.ws->said[sv.read].text;

		assert_true(sv.is_greeted);
		if (strncmp(text, "{\"op\":1,", 8) == 0) {
			sv.beat_ms = sv.ws->said[sv.read].at_ms;
			if (!sv.is_mute)
				say("{\"op\":11}");
		} else if (!sv.is_deaf && strncmp(text, "{\"op\":2,", 8) == 0) {
			on_identify();
		} else if (!sv.is_deaf) {
			assert_true(strncmp(text, "{\"op\":6,", 8) == 0);
			on_resume(text);
		}
		sv.read++;
	}
}

/* ---- Connections ---------------------------------------------------------------------------- */

static void end_deflate(void)
{
	if (sv.has_deflate)
		deflateEnd(&sv.deflate);
	sv.has_deflate = false;
}

static void take_connection(struct io_ws *ws)
{
	sv.ws = ws;
	sv.read = 0;
	sv.is_greeted = false;
	sv.session = NULL;
	end_deflate();
	if (gw.compress) {
		memset(&sv.deflate, 0, sizeof(sv.deflate));
		assert_int_equal(deflateInit(&sv.deflate, 1), Z_OK);
		sv.has_deflate = true;
	}
}

static bool is_reachable(const struct io_ws *ws)
{
	return !sv.is_network_dead && !(sv.is_host_dead && strstr(ws->url, GATEWAY_RESUME));
}

/* Looks at connections that came and went. */
static void look(void)
{
	struct io_ws *ws = gw.sockets ? gateway_last() : NULL;

	assert_true(gateway_live() <= 1);
	if (sv.session && !is_there()) {
		sv.session->left_ms = clock_mono_ms();
		sv.session = NULL;
	}
	if (!ws || ws->is_gone || clock_mono_ms() - ws->at_ms < LATENCY_MS)
		return;
	if (ws != sv.ws) {
		if (!is_reachable(ws)) {
			gateway_refuse(ws);
			return;
		}
		take_connection(ws);
		gateway_open(ws);
	}
	if (sv.is_greeted || sv.is_late)
		return;
	if (sv.is_op_7_first) {
		sv.is_op_7_first = false;
		say("{\"op\":7,\"d\":null}");
		return;
	}
	sv.is_greeted = true;
	sv.beat_ms = clock_mono_ms();
	say("{\"op\":10,\"d\":{\"heartbeat_interval\":%d}}", INTERVAL_MS);
}

/* ---- What has to hold ----------------------------------------------------------------------- */

/* Every event once; none of a session left out before one that was told. */
static void check_told(void)
{
	struct str rest = {gw.types.at + sv.checked, gw.types.len - sv.checked};

	while (rest.len > 0) {
		struct str word = str_split(&rest, ' '), type = str_split(&word, ':');
		int64_t seq;

		if (!str_is(type, "MESSAGE_CREATE"))
			continue;
		assert_int_equal(str_int(word, &seq), 0);
		assert_non_null(sv.session);
		int64_t event = sv.session->events[seq];
		if (sv.was_told[event])
			fail_msg("event %lld was told twice", (long long)event);
		sv.was_told[event] = true;
	}
	buf_clear(&gw.types);
	sv.checked = 0;
	if (gw.state != PLATFORM_GATEWAY_READY || !sv.session || !is_there())
		return;
	for (int64_t n = 2; n <= sv.session->seq; n++) {
		int64_t event = sv.session->events[n];

		if (event && !sv.was_told[event])
			fail_msg("event %lld was lost", (long long)event);
	}
	/* What is checked need not be looked at again. */
	for (int64_t n = 2; n < sv.session->seq - 20; n++)
		sv.session->events[n] = 0;
}

static void check_pace(void)
{
	const int64_t now_ms = clock_mono_ms();
	size_t n = 0;

	for (size_t i = gw.sockets; i > 0 && gw.ws[i - 1]->at_ms > now_ms - 60000; i--)
		n++;
	if (n > sv.most_in_minute)
		sv.most_in_minute = n;
	assert_true(n <= MINUTE_MAX);
	if (is_there() && sv.is_greeted)
		assert_true(now_ms - sv.beat_ms <= INTERVAL_MS + 2 * STEP_MS);
	assert_true(
		gw.sockets == 0 || (gateway_last()->code != 1000 && gateway_last()->code != 1001));
}

static void step(void)
{
	gateway_pass(STEP_MS);
	look();
	hear();
	look();
	if (clock_mono_ms() >= sv.next_event_ms) {
		sv.next_event_ms = clock_mono_ms() + 500 + chance_below(20000);
		for (size_t i = sv.n_sessions; i > 0 && i + 1 > sv.n_sessions; i--) {
			if (!sv.sessions[i - 1].is_over)
				happen(&sv.sessions[i - 1]);
		}
	}
	check_told();
	look();
	check_pace();
}

static void live(int64_t ms)
{
	for (; ms > 0; ms -= STEP_MS)
		step();
}

static void come_back(const char *after)
{
	const int64_t end_ms = clock_mono_ms() + BACK_MS;

	while (gw.state != PLATFORM_GATEWAY_READY) {
		step();
		if (clock_mono_ms() > end_ms)
			fail_msg("not back after %s: %s, identifies %zu, next in %lld ms", after,
				gw.why, sv.identifies,
				(long long)(gw.gateway->retry_ms - clock_mono_ms()));
	}
}

/* ---- Faults --------------------------------------------------------------------------------- */

static void send_bomb(void)
{
	static char zeros[1 << 20], packed[1 << 18];
	z_stream *s = &sv.deflate;

	if (!sv.has_deflate) {
		gateway_tell(sv.ws, "{\"op\":0,\"s\":");
		return;
	}
	s->next_out = (Bytef *)packed;
	s->avail_out = sizeof(packed);
	for (int i = 0; i < 18; i++) {
		s->next_in = (z_const Bytef *)zeros;
		s->avail_in = sizeof(zeros);
		assert_int_equal(deflate(s, i == 17 ? Z_SYNC_FLUSH : Z_NO_FLUSH), Z_OK);
	}
	gateway_tell_bytes(sv.ws, (struct str){packed, sizeof(packed) - s->avail_out}, true);
	assert_true(sv.ws->is_gone);
}

static void send_garbage(void)
{
	char bytes[64];
	size_t n = 1 + chance_below(sizeof(bytes) - 1);

	bytes[0] = 'x'; /* no JSON whatever follows */
	for (size_t i = 1; i < n; i++)
		bytes[i] = (char)chance_below(256);
	gateway_tell_bytes(sv.ws, (struct str){bytes, n}, false);
	assert_true(sv.ws->is_gone);
}

static void close_with_some_code(void)
{
	static const int codes[] = {0, 1000, 1001, 1006, 1009, 1011, 1012, 4000, 4001, 4002, 4003,
		4005, 4006, 4007, 4008, 4009, 4015, 4900};

	gateway_close(sv.ws, codes[chance_below(COUNT(codes))]);
}

static void refuse_for_ever(void)
{
	static const int codes[] = {4004, 4010, 4011, 4012, 4013, 4014};
	size_t sockets;

	gateway_close(sv.ws, codes[chance_below(COUNT(codes))]);
	sockets = gw.sockets;
	live(120000);
	assert_int_equal(gw.sockets, sockets);
	assert_int_equal(gw.state, PLATFORM_GATEWAY_REFUSED);
	platform_gateway_free(gw.gateway); /* a person was there */
	gateway_begin();
}

static void restart(void)
{
	if (sv.session)
		sv.session->left_ms = clock_mono_ms();
	sv.session = NULL;
	gw.state = PLATFORM_GATEWAY_DOWN;
	gateway_restart();
}

static void cut(void)
{
	if (is_there())
		gateway_close(sv.ws, 0);
}

static void break_something(enum fault f)
{
	switch (f) {
	case OP_7: say("{\"op\":7,\"d\":null}"); break;
	case OP_9_TRUE: say("{\"op\":9,\"d\":true}"); break;
	case OP_9_FALSE: say("{\"op\":9,\"d\":false}"); break;
	case CLOSE_CODE: close_with_some_code(); break;
	case REFUSAL: refuse_for_ever(); break;
	case NO_ACK:
		sv.is_mute = true;
		live(2 * INTERVAL_MS + 1000);
		sv.is_mute = false;
		break;
	case DEAD_RESUME_HOST:
		sv.is_host_dead = true;
		cut();
		break;
	case DEAD_NETWORK:
		sv.is_network_dead = true;
		cut();
		live(1000 + chance_below(100000));
		break;
	case GARBAGE: send_garbage(); break;
	case BOMB: send_bomb(); break;
	case LATE_HELLO:
		sv.is_late = true;
		cut();
		live(chance_below(100000));
		break;
	case NO_LOGIN_ANSWER:
		sv.is_deaf = true;
		cut();
		live(chance_below(100000));
		break;
	case RESUMES_DROPPED:
		sv.drops = 1 + (int)chance_below(5);
		cut();
		break;
	case OP_7_FIRST:
		sv.is_op_7_first = true;
		cut();
		break;
	case IDENTIFY_REFUSED:
		sv.refuses_login = true;
		say("{\"op\":9,\"d\":false}");
		break;
	case RESTART: restart(); break;
	case FORGETFUL: /* the session is gone, and nobody says so */
		sv.session->is_over = true;
		cut();
		break;
	default: cut(); break;
	}
}

static void heal(void)
{
	sv.is_mute = sv.is_host_dead = sv.is_network_dead = sv.is_late = sv.is_deaf = false;
}

static void run_faults(bool compress, int n)
{
	static const char *const names[] = {
		"cut",
		"op 7",
		"op 9 true",
		"op 9 false",
		"close code",
		"refusal",
		"no ack",
		"dead resume host",
		"dead network",
		"garbage",
		"bomb",
		"late hello",
		"no login answer",
		"resumes dropped",
		"op 7 first",
		"identify refused",
		"restart",
		"forgetful",
	};

	gateway_setup(NULL);
	memset(&sv, 0, sizeof(sv));
	sv.chance = 0x9e3779b97f4a7c15u;
	gw.compress = compress;
	gateway_begin();
	come_back("the start");
	for (int i = 0; i < n; i++) {
		enum fault f = (enum fault)chance_below(FAULT_KINDS);

		/* Some come while the one before is hardly over. */
		live(chance_below(3) ? chance_below(100000) : chance_below(1500));
		come_back("waiting");
		break_something(f);
		step();
		if (f != DEAD_RESUME_HOST)
			heal();
		come_back(names[f]);
		heal();
	}
	live(60000);
	assert_true(sv.resumed > (size_t)n / 4 && sv.identifies > (size_t)n / 8);
	assert_true(platform_identify_spent(gw.identify) <= 900);
	print_message(
		"# %d faults in %lld virtual minutes: %zu connections (at most %zu a minute), "
		"%zu resumes, %zu resumed, %zu identifies, %lld events\n",
		n, (long long)(clock_mono_ms() - gw.ws[0]->at_ms) / 60000, gw.sockets,
		sv.most_in_minute, sv.resumes, sv.resumed, sv.identifies, (long long)sv.events);
	end_deflate();
	for (size_t i = 0; i < sv.n_sessions; i++)
		mem_free(sv.sessions[i].events);
	gateway_teardown(NULL);
}

static void a_thousand_faults(void **state)
{
	(void)state;
	run_faults(false, unit_runs(FAULTS));
}

static void faults_of_a_compressed_connection(void **state)
{
	(void)state;
	run_faults(true, unit_runs(FAULTS / 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_thousand_faults),
		cmocka_unit_test(faults_of_a_compressed_connection),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
