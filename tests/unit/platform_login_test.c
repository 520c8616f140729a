/* platform: logins on Twitch. What the id server's answers become, and how a token lives through
 * hours, with a small HTTP peer that plays prepared answers and a clock that is moved. */
#include "unit.h"

#include <time.h>

#include "platform/room.h"
#include "platform/twitch_id.h"
#include "unit/provider_peer.h"

#define PATIENCE_MS 4000
#define HEAD(status)                                                                               \
	"HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"
#define ACCESS "accessaccessaccessaccessaccess"
#define REFRESH "refresh/refresh+refresh=refresh"

/* ---- The vectors of protocols/twitch.md 8.3 -------------------------------------------------- */

struct heard {
	bool is_done;
	enum platform_id_verdict verdict;
	struct platform_grant grant;
	int err;
	char code[64];
};

static void on_answer(void *ctx, const struct platform_id_answer *a)
{
	struct heard *h = ctx;
	struct str code = json_str(a->body, "user_code");

	h->is_done = true;
	h->verdict = a->verdict;
	h->err = ERR_NOTFOUND;
	snprintf(h->code, sizeof(h->code), "%.*s", STR_FMT(code));
	if (a->verdict == PLATFORM_ID_OK && json_get(a->body, "access_token"))
		h->err = platform_grant_answered(&h->grant, a->body);
	else if (a->verdict == PLATFORM_ID_OK && json_get(a->body, "login"))
		h->err = platform_grant_validated(&h->grant, a->body);
}

/* What each vector asks, and what must come of it. */
static const struct vector {
	const char *id;
	enum platform_id_call call;
	enum platform_id_verdict verdict;
	int err;             /* of taking the grant; ERR_NOTFOUND = there is none in it */
	const char *scopes;
	int64_t lives_ms;
	bool is_renewable;
} vectors[] = {
	{"O01", PLATFORM_ID_DEVICE, PLATFORM_ID_OK, ERR_NOTFOUND, NULL, 0, false},
	{"O02", PLATFORM_ID_POLL, PLATFORM_ID_PENDING, ERR_NOTFOUND, NULL, 0, false},
	{"O03", PLATFORM_ID_POLL, PLATFORM_ID_OVER, ERR_NOTFOUND, NULL, 0, false},
	{"O04", PLATFORM_ID_POLL, PLATFORM_ID_OK, 0, "user:read:chat user:write:chat", 14124000,
		true},
	{"O05", PLATFORM_ID_REFRESH, PLATFORM_ID_OK, 0, "user:read:chat user:write:chat", 14400000,
		true},
	{"O06", PLATFORM_ID_REFRESH, PLATFORM_ID_BAD, ERR_NOTFOUND, NULL, 0, false},
	{"O07", PLATFORM_ID_REFRESH, PLATFORM_ID_WRONG, ERR_NOTFOUND, NULL, 0, false},
	{"O08", PLATFORM_ID_VALIDATE, PLATFORM_ID_OK, 0, "user:read:chat user:write:chat", 5520000,
		false},
	{"O09", PLATFORM_ID_VALIDATE, PLATFORM_ID_OK, 0, "", 0, false},
	{"O10", PLATFORM_ID_VALIDATE, PLATFORM_ID_BAD, ERR_NOTFOUND, NULL, 0, false},
	{"O11", PLATFORM_ID_REFRESH, PLATFORM_ID_OK, 0, NULL, 5011271000, false},
	{"O12", PLATFORM_ID_REFRESH, PLATFORM_ID_OK, 0, "channel:read:subscriptions", 3600000,
		true},
};

static struct str raw_body(struct str text)
{
	/* The answer's body is the last object named so, up to the vector's "want". */
	const char *from = NULL, *to = strstr(text.at, "},\"want\"");

	for (const char *at = text.at; (at = strstr(at, "\"body\":")) != NULL && at < to; at++)
		from = at + strlen("\"body\":");
	assert_non_null(from);
	assert_non_null(to);
	return (struct str){from, (size_t)(to - from)};
}

/* Sends the form or header of the request that the vector shows, where it shows one. */
static struct platform_id_options request_of(const struct vector *v, const struct json *line,
	struct secret **token)
{
	const struct json *form = json_get(json_get(line, "request"), "form");
	struct platform_id_options o = {.call = v->call,
		.scopes = STR("user:read:chat user:write:chat"),
		.device_code = json_str(form, "device_code")};
	struct str refresh = json_str(form, "refresh_token");

	o.client_id = STR("kelpbotclient0000000000000000a");
	assert_int_equal(secret_new(refresh.len > 0 ? refresh : v->call == PLATFORM_ID_VALIDATE ?
		STR("nyuxg5q6h7kx3lt0z2r1b8c9d4e5f6") : STR(REFRESH), token), 0);
	o.token = *token;
	return o;
}

static void assert_request(const struct vector *v, struct peer *p)
{
	static const char *const wanted[][2] = {
		{"O01", "\r\n\r\nclient_id=kelpbotclient0000000000000000a"
			"&scopes=user%3Aread%3Achat%20user%3Awrite%3Achat"},
		{"O02", "&device_code=kelpDEVICEcode0123456789zyxwvuABCDEFGHIJ"
			"&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code"},
		{"O05", "&grant_type=refresh_token&refresh_token=q1w2e3r4%2Ft5%2By6%3D"},
		{"O08", "Authorization: OAuth nyuxg5q6h7kx3lt0z2r1b8c9d4e5f6\r\n"},
	};

	for (size_t i = 0; i < COUNT(wanted); i++) {
		if (strcmp(wanted[i][0], v->id) == 0 && !strstr(buf_text(&p->last), wanted[i][1]))
			fail_msg("%s: the request is\n%s", v->id, buf_text(&p->last));
	}
	if (v->call != PLATFORM_ID_VALIDATE)
		assert_non_null(strstr(buf_text(&p->last),
			"Content-Type: application/x-www-form-urlencoded\r\n"));
}

static void play_vector(const struct vector *v, struct str text, const struct json *line)
{
	struct heard h = {.err = ERR_NOTFOUND};
	struct str body = raw_body(text);
	struct io *io = NULL;
	struct secret *token = NULL;
	struct peer peer;
	char answer[2048], url[64];

	assert_int_equal(io_new(&io), 0);
	peer_open(&peer, io);
	snprintf(answer, sizeof(answer), HEAD("%lld Said") "%.*s",
		(long long)json_int(json_get(line, "response"), "status", 0), STR_FMT(body));
	peer_play(&peer, answer);
	snprintf(url, sizeof(url), "http://127.0.0.1:%d/oauth2/", peer.port);
	struct platform_id_options o = request_of(v, line, &token);
	o.io = io;
	o.id_url = url;
	o.done = on_answer;
	o.ctx = &h;
	assert_non_null(platform_id_start(&o));
	for (int64_t until = clock_mono_ms() + PATIENCE_MS; !h.is_done && clock_mono_ms() < until;)
		io_turn(io, 20);
	if (!h.is_done || h.verdict != v->verdict || h.err != v->err)
		fail_msg("%s: verdict %d, err %d", v->id, h.verdict, h.err);
	assert_request(v, &peer);
	if (h.err == 0) {
		assert_int_equal(h.grant.lives_ms, v->lives_ms);
		assert_int_equal(h.grant.refresh != NULL, v->is_renewable);
		if ((v->scopes == NULL) != (h.grant.scopes == NULL) ||
				(v->scopes && strcmp(v->scopes, h.grant.scopes) != 0))
			fail_msg("%s: scopes \"%s\"", v->id, h.grant.scopes);
	}
	if (v->call == PLATFORM_ID_DEVICE)
		assert_string_equal(h.code, "RFKLPTDX");
	if (v->call == PLATFORM_ID_VALIDATE && h.err == 0)
		assert_string_equal(h.grant.login, "tidalbot");
	platform_grant_fini(&h.grant);
	secret_free(token);
	peer_close(&peer);
	io_free(io);
}

static void answers_of_the_id_server_mean_what_the_vectors_say(void **state)
{
	struct buf file;
	size_t played = 0;

	(void)state;
	buf_init(&file, 1 << 20);
	assert_int_equal(file_read(unit_tree_path("tests/data/twitch-http.jsonl"), &file), 0);
	for (struct str rest = buf_str(&file); rest.len > 0;) {
		struct str line = str_split(&rest, '\n');
		char *text = mem_dupn(line.at, line.len);
		struct json *j = NULL;

		assert_non_null(text);
		if (line.len > 0)
			assert_int_equal(json_parse(line, 1 << 16, &j, NULL), 0);
		for (size_t i = 0; i < COUNT(vectors); i++) {
			if (str_is(json_str(j, "id"), vectors[i].id)) {
				play_vector(&vectors[i], str_of(text), j);
				played++;
			}
		}
		json_free(j);
		mem_free(text);
	}
	assert_int_equal(played, COUNT(vectors));
	buf_fini(&file);
}

/* ---- What a hostile server may say ----------------------------------------------------------- */

static void a_grant_takes_nothing_that_cannot_be(void **state)
{
	static const char *const bodies[] = {
		"{}", "{\"access_token\":\"\"}", "{\"access_token\":7}", "{\"access_token\":null}",
		"{\"access_token\":\"a b\"}", "{\"access_token\":\"a\\r\\nPRIVMSG #a :hi\"}",
		"{\"access_token\":\"a\\u00e9\"}",
		"{\"access_token\":\"good\",\"refresh_token\":\"line\\nbreak\"}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct platform_grant g = {0};
		struct json *j = NULL;

		assert_int_equal(json_parse(str_of(bodies[i]), 4096, &j, NULL), 0);
		assert_case(i, platform_grant_answered(&g, j) == ERR_PARSE);
		assert_case(i, !g.access && !g.refresh);
		json_free(j);
	}
}

static void scopes_are_taken_however_they_are_told(void **state)
{
	static const struct {
		const char *body, *scopes;
	} cases[] = {
		{"{\"access_token\":\"a\",\"scope\":[\"chat:read\",\"chat:edit\"]}",
			"chat:read chat:edit"},
		{"{\"access_token\":\"a\",\"scope\":\"chat:read chat:edit\"}",
			"chat:read chat:edit"},
		{"{\"access_token\":\"a\",\"scope\":[\"\"]}", ""},
		{"{\"access_token\":\"a\",\"scope\":[]}", ""},
		{"{\"access_token\":\"a\",\"scope\":[\"chat:read\",{},\"x y\",\"\\u001b[2J\"]}",
			"chat:read"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct platform_grant g = {0};
		struct json *j = NULL;

		assert_int_equal(json_parse(str_of(cases[i].body), 4096, &j, NULL), 0);
		assert_int_equal(platform_grant_answered(&g, j), 0);
		assert_case(i, strcmp(g.scopes, cases[i].scopes) == 0);
		json_free(j);
		platform_grant_fini(&g);
	}
}

/* ---- The vault ------------------------------------------------------------------------------- */

static void make_grant(struct platform_grant *g, const char *access, const char *refresh)
{
	memset(g, 0, sizeof(*g));
	assert_int_equal(secret_new(str_of(access), &g->access), 0);
	assert_int_equal(secret_new(str_of(refresh), &g->refresh), 0);
	snprintf(g->login, sizeof(g->login), "tidalbot");
	snprintf(g->user_id, sizeof(g->user_id), "60030003");
	snprintf(g->client_id, sizeof(g->client_id), "kelpbotclient0000000000000000a");
	g->scopes = mem_dup("chat:read chat:edit");
	assert_non_null(g->scopes);
	g->lives_ms = 3600000;
}

static const char *const vault_files[] = {"vault", "vault.key"};

static void a_grant_comes_out_of_the_vault_as_it_went_in(void **state)
{
	char *dir = unit_make_folder();
	struct platform_grant g, back;

	(void)state;
	assert_int_equal(platform_grant_load(dir, "twitch.bot", &back), ERR_NOTFOUND);
	make_grant(&g, ACCESS, REFRESH);
	assert_int_equal(platform_grant_save(dir, "twitch.bot", &g, NULL), 0);
	assert_int_equal(platform_grant_load(dir, "twitch.bot", &back), 0);
	assert_true(platform_grant_is_same(&g, &back));
	assert_string_equal(back.login, "tidalbot");
	assert_string_equal(back.scopes, g.scopes);
	assert_true(back.lives_ms > 3590000 && back.lives_ms <= 3600000);
	platform_grant_fini(&g);
	platform_grant_fini(&back);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void a_login_made_meanwhile_is_not_overwritten(void **state)
{
	char *dir = unit_make_folder();
	struct platform_grant first, renewed, other, back;

	(void)state;
	make_grant(&first, "a1", "r1");
	make_grant(&renewed, "a2", "r2");
	make_grant(&other, "a9", "r9");
	assert_int_equal(platform_grant_save(dir, "twitch.bot", &first, NULL), 0);
	assert_int_equal(platform_grant_save(dir, "twitch.bot", &renewed, first.refresh), 0);
	assert_int_equal(platform_grant_save(dir, "twitch.bot", &other, NULL), 0);
	assert_int_equal(platform_grant_save(dir, "twitch.bot", &first, renewed.refresh), ERR_BUSY);
	assert_int_equal(platform_grant_load(dir, "twitch.bot", &back), 0);
	assert_true(platform_grant_is_same(&other, &back));
	platform_grant_fini(&first);
	platform_grant_fini(&renewed);
	platform_grant_fini(&other);
	platform_grant_fini(&back);
	unit_remove_folder(dir, vault_files, COUNT(vault_files));
}

static void what_else_stands_in_the_vault_is_no_login(void **state)
{
	static const char *const values[] = {
		"", "just-a-token", "{}", "[]", "{\"access\":\"a\"}",
		"{\"access\":\"a\",\"client_id\":\"x\",\"login\":\"../x\",\"user_id\":\"1\"}",
		"{\"access\":\"a\\n\",\"client_id\":\"x\",\"login\":\"x\",\"user_id\":\"1\"}",
	};
	struct platform_grant g;

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++)
		assert_case(i, platform_grant_read(str_of(values[i]), 1000, &g) == ERR_PARSE);
}

/* ---- A token through the hours --------------------------------------------------------------- */

struct stand {
	struct io *io;
	struct io_worker *worker;
	struct peer peer;
	char *dir, url[64];
	struct conf_place conf;
	struct platform_token *token;
	unsigned changes;
};

static void on_changed(void *ctx)
{
	struct stand *s = ctx;

	s->changes++;
}

#define VALID(seconds) HEAD("200 OK") "{\"client_id\":\"kelpbotclient0000000000000000a\","         \
	"\"login\":\"tidalbot\",\"scopes\":[\"chat:read\"],\"user_id\":\"60030003\","              \
	"\"expires_in\":" seconds "}"
#define PAIR(n, seconds) HEAD("200 OK") "{\"access_token\":\"access" n "\","                       \
	"\"refresh_token\":\"refresh" n "\",\"expires_in\":" seconds ","                           \
	"\"scope\":[\"chat:read\"]}"

static void begin(struct stand *s, const char *const *plays, size_t n)
{
	struct platform_token_options o = {.conf = &s->conf, .changed = on_changed, .ctx = s};
	struct platform_grant g;

	memset(s, 0, sizeof(*s));
	s->dir = unit_make_folder();
	make_grant(&g, "access0", "refresh0");
	assert_int_equal(platform_grant_save(s->dir, "twitch.bot", &g, NULL), 0);
	platform_grant_fini(&g);
	assert_int_equal(io_new(&s->io), 0);
	assert_int_equal(io_worker_new(s->io, "vault", 8, &s->worker), 0);
	peer_open(&s->peer, s->io);
	for (size_t i = 0; i < n; i++)
		peer_play(&s->peer, plays[i]);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->peer.port);
	s->conf = (struct conf_place){.kind = CONF_TWITCH, .name = "twitch", .account = "tidalbot",
		.id_url = s->url};
	o.io = s->io;
	o.worker = s->worker;
	o.state_dir = s->dir;
	assert_int_equal(platform_token_new(&o, &s->token), 0);
}

static void end(struct stand *s)
{
	platform_token_free(s->token);
	io_worker_free(s->worker);
	peer_close(&s->peer);
	io_free(s->io);
	unit_remove_folder(s->dir, vault_files, COUNT(vault_files));
}

static bool comes(struct stand *s, enum platform_token_state want, size_t requests)
{
	int64_t begun_s = time(NULL);

	/* Real time: the test's own clock jumps. */
	while (time(NULL) - begun_s < 5) {
		if (platform_token_state(s->token) == want && s->peer.requests == requests &&
				s->peer.live == 0)
			return true;
		io_turn(s->io, 10);
	}
	return false;
}

static bool uses(struct stand *s, const char *token)
{
	struct secret *used = platform_token_use(s->token);

	return used && str_is(secret_use(used), token);
}

static void a_token_is_validated_every_hour(void **state)
{
	static const char *const plays[] = {VALID("14000")};
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_null(platform_token_use(s.token));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	assert_true(uses(&s, "access0"));
	assert_string_equal(platform_token_user_id(s.token), "60030003");
	assert_true(platform_token_has_scope(s.token, "chat:read"));
	assert_false(platform_token_has_scope(s.token, "chat"));
	io_clock_shift(s.io, PLATFORM_VALIDATE_MS - 60000);
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	io_clock_shift(s.io, 61000);
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 2));
	io_clock_shift(s.io, PLATFORM_VALIDATE_MS + 1000);
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 3));
	end(&s);
}

static void a_token_is_renewed_before_its_end_and_kept_first(void **state)
{
	static const char *const plays[] = {VALID("3000"), PAIR("1", "3000"), PAIR("2", "3000")};
	struct platform_grant g;
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	for (int i = 1; i <= 2; i++) {
		char name[24];

		io_clock_shift(s.io, 2750000);
		snprintf(name, sizeof(name), "access%d", i);
		assert_true(comes(&s, PLATFORM_TOKEN_VALID, (size_t)i + 1));
		assert_true(uses(&s, name));
		assert_int_equal(platform_grant_load(s.dir, "twitch.bot", &g), 0);
		assert_true(str_is(secret_use(g.access), name));
		platform_grant_fini(&g);
	}
	assert_non_null(strstr(buf_text(&s.peer.last), "refresh_token=refresh1"));
	end(&s);
}

static void one_refresh_answers_everybody_who_was_refused(void **state)
{
	static const char *const plays[] = {VALID("14000"), PAIR("1", "14000")};
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	struct secret *used = secret_ref(platform_token_use(s.token));
	for (int i = 0; i < 5; i++)
		platform_token_rejected(s.token, used);
	assert_int_equal(platform_token_state(s.token), PLATFORM_TOKEN_RENEWING);
	assert_null(platform_token_use(s.token));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 2));
	assert_true(uses(&s, "access1"));
	unsigned changes = s.changes;
	platform_token_rejected(s.token, used); /* late, and about the one before */
	assert_true(uses(&s, "access1"));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 2));
	for (int i = 0; i < 20 && s.changes == changes; i++)
		io_turn(s.io, 10);
	assert_true(s.changes > changes); /* who waits for changed() is not left waiting */
	secret_free(used);
	end(&s);
}

static void what_is_refused_though_renewed_is_not_renewed_for_ever(void **state)
{
	static const char *const plays[] = {VALID("14000"), PAIR("1", "14000"), PAIR("2", "14000"),
		PAIR("3", "14000"), VALID("14000")};
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	for (size_t i = 0; i < 8; i++) {
		struct secret *used = secret_ref(platform_token_use(s.token));

		platform_token_rejected(s.token, used);
		secret_free(used);
		assert_true(comes(&s, PLATFORM_TOKEN_VALID, i + 2));
	}
	/* Three refreshes, then only the question whether it is valid. */
	assert_true(uses(&s, "access3"));
	end(&s);
}

static void a_refused_refresh_is_the_end_until_somebody_logs_in(void **state)
{
	static const char *const plays[] = {VALID("14000"),
		HEAD("400 Bad") "{\"status\":400,\"message\":\"Invalid refresh token\"}",
		VALID("9000")};
	struct platform_grant g;
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	struct secret *used = secret_ref(platform_token_use(s.token));
	platform_token_rejected(s.token, used);
	secret_free(used);
	assert_true(comes(&s, PLATFORM_TOKEN_REFUSED, 2));
	assert_null(platform_token_use(s.token));
	assert_non_null(strstr(platform_token_why(s.token), "Run `mynah login twitch`"));
	io_clock_shift(s.io, 5 * PLATFORM_VALIDATE_MS);
	assert_true(comes(&s, PLATFORM_TOKEN_REFUSED, 2));

	make_grant(&g, "access7", "refresh7");
	assert_int_equal(platform_grant_save(s.dir, "twitch.bot", &g, NULL), 0);
	platform_grant_fini(&g);
	assert_int_equal(platform_token_load(s.token, &s.conf), 0);
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 3));
	assert_true(uses(&s, "access7"));
	end(&s);
}

static void an_hour_of_5xx_is_few_requests_and_the_old_token_serves(void **state)
{
	static const char *const plays[] = {VALID("7200"), HEAD("503 Busy") "<html>busy</html>"};
	struct stand s;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	io_clock_shift(s.io, 3590000); /* from here on everything is answered 503 */
	for (int minute = 1; minute <= 62; minute++) {
		for (int i = 0; i < 6; i++) {
			io_clock_shift(s.io, 10000);
			for (int k = 0; k < 5; k++)
				io_turn(s.io, 2);
		}
		assert_true(minute > 59 || uses(&s, "access0"));
	}
	assert_true(s.peer.requests >= 8 && s.peer.requests <= 60);
	assert_null(platform_token_use(s.token)); /* it is over, and nobody pretends otherwise */
	assert_non_null(strstr(platform_token_why(s.token), "the id server"));
	end(&s);
}

static void status_names_everything_but_the_token(void **state)
{
	static const char *const plays[] = {VALID("14000")};
	struct json *j = NULL;
	struct stand s;
	struct buf out;

	(void)state;
	begin(&s, plays, COUNT(plays));
	assert_true(comes(&s, PLATFORM_TOKEN_VALID, 1));
	buf_init(&out, 4096);
	assert_int_equal(platform_token_status(s.token, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), 4096, &j, NULL), 0);
	assert_str(json_str(j, "login"), STR("tidalbot"));
	assert_str(json_str(j, "state"), STR("valid"));
	assert_str(json_text(json_at(json_get(j, "scopes"), 0)), STR("chat:read"));
	assert_null(strstr(buf_text(&out), "access0"));
	assert_null(strstr(buf_text(&out), "refresh0"));
	json_free(j);
	buf_fini(&out);
	end(&s);
}

/* ---- The manual ------------------------------------------------------------------------------ */

static void the_manual_has_the_table_of_scopes(void **state)
{
	static const char begin_mark[] = ".\\\" BEGIN\n", end_mark[] = ".\\\" END\n";
	struct buf page, table;
	const char *from, *to;

	(void)state;
	buf_init(&page, 1 << 20);
	buf_init(&table, 1 << 16);
	assert_int_equal(file_read(unit_tree_path("man/mynah.1"), &page), 0);
	assert_int_equal(platform_scopes_write(true, &table), 0);
	from = strstr(buf_text(&page), begin_mark);
	assert_non_null(from);
	from += strlen(begin_mark);
	to = strstr(from, end_mark);
	assert_non_null(to);
	if (getenv("MYNAH_GOLDEN") && strcmp(getenv("MYNAH_GOLDEN"), "write") == 0) {
		struct buf fresh;

		buf_init(&fresh, 1 << 20);
		assert_int_equal(buf_addf(&fresh, "%.*s%s%s", (int)(from - buf_text(&page)),
			buf_text(&page), buf_text(&table), to), 0);
		assert_int_equal(file_replace(unit_tree_path("man/mynah.1"), buf_str(&fresh), 0644),
			0);
		buf_fini(&fresh);
	} else if (!str_eq((struct str){from, (size_t)(to - from)}, buf_str(&table))) {
		fail_msg("man/mynah.1 is not what the table says: MYNAH_GOLDEN=write rewrites it");
	}
	buf_fini(&page);
	buf_fini(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_of_the_id_server_mean_what_the_vectors_say),
		cmocka_unit_test(a_grant_takes_nothing_that_cannot_be),
		cmocka_unit_test(scopes_are_taken_however_they_are_told),
		cmocka_unit_test(a_grant_comes_out_of_the_vault_as_it_went_in),
		cmocka_unit_test(a_login_made_meanwhile_is_not_overwritten),
		cmocka_unit_test(what_else_stands_in_the_vault_is_no_login),
		cmocka_unit_test(a_token_is_validated_every_hour),
		cmocka_unit_test(a_token_is_renewed_before_its_end_and_kept_first),
		cmocka_unit_test(one_refresh_answers_everybody_who_was_refused),
		cmocka_unit_test(what_is_refused_though_renewed_is_not_renewed_for_ever),
		cmocka_unit_test(a_refused_refresh_is_the_end_until_somebody_logs_in),
		cmocka_unit_test(an_hour_of_5xx_is_few_requests_and_the_old_token_serves),
		cmocka_unit_test(status_names_everything_but_the_token),
		cmocka_unit_test(the_manual_has_the_table_of_scopes),
	};

	if (log_open(NULL, LOG_ERROR))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
