/* Twitch in virtual time: accounts and tokens, chat, Helix. EventSub is sim_eventsub.c's. */
#include "unit/sim_twitch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "platform/twitch_grant.h"
#include "unit/sim_room.h"

#define LINKS       8
#define WINDOW_MS   10000 /* twitch.md 1.4: 20 JOINs and 20 logins in 10 s */
#define WINDOW_MOST 20

struct sim_twitch sim_twitch;

/* A connection to chat. */
struct link {
	struct io_ws *ws; /* NULL = free */
	bool has_pass, is_in, is_bad, is_leaving;
	bool joined[SIM_ROOMS];
};

static struct link links[LINKS];
static int64_t joined_ms[WINDOW_MOST], logged_in_ms[WINDOW_MOST];

void sim_must(bool is_so, const char *what)
{
	if (is_so)
		return;
	fprintf(stderr, "Twitch after %lld s: %s\n",
		(long long)(clock_mono_ms() - sim_begin_ms) / 1000, what);
	abort();
}

int64_t sim_begin_ms;

/* One more within the window; ring: when the last ones were, by n. */
static void spend(int64_t ring[WINDOW_MOST], unsigned n, const char *what)
{
	int64_t *oldest = &ring[n % WINDOW_MOST];

	sim_must(*oldest == 0 || clock_mono_ms() - *oldest >= WINDOW_MS, what);
	*oldest = clock_mono_ms();
}

unsigned sim_happen(void)
{
	sim_must(++sim_twitch.happened < SIM_NEWS, "too much happens");
	return sim_twitch.happened;
}

/* ---- Tokens ------------------------------------------------------------------------------------
 */

static void write_token(char out[64], const char *kind, unsigned account, unsigned pair)
{
	snprintf(out, 64, "%s%utoken%08utoken%08u", kind, account, pair, pair * 7919u);
}

static void give_pair(struct sim_account *a)
{
	a->pairs++;
	sim_must(a->pairs < COUNT_OF(a->ends_ms), "too many refreshes");
	a->ends_ms[a->pairs] = clock_mono_ms() + SIM_LIFE_MS;
}

/* A token is on the wire for the first time: the login it belongs to must be in the vault. */
static void check_stored(struct sim_account *a, unsigned account, const char *token, unsigned pair)
{
	struct platform_grant g;
	char refresh[64];

	if (pair <= a->seen)
		return;
	a->seen = pair;
	write_token(refresh, "refresh", account, pair);
	sim_must(platform_grant_load(sim_twitch.state_dir, a->vault_name, &g) == 0,
		"a login is used that is not in the vault");
	sim_must(str_is(secret_use(g.access), token) && str_is(secret_use(g.refresh), refresh),
		"a token is used that is not in the vault");
	platform_grant_fini(&g);
}

/* Whose access token it is; -1 = nobody's that is good now. */
int sim_account_of(const char *token)
{
	for (unsigned i = 0; i < SIM_ACCOUNTS; i++) {
		struct sim_account *a = &sim_twitch.accounts[i];

		for (unsigned pair = a->pairs; pair > 0; pair--) {
			char text[64];

			write_token(text, "access", i, pair);
			if (strcmp(token, text) != 0)
				continue;
			check_stored(a, i, token, pair);
			return pair >= a->valid_from && clock_mono_ms() < a->ends_ms[pair] ? (int)i
											   : -1;
		}
	}
	return -1;
}

static void refresh_over(void *arg)
{
	((struct sim_account *)arg)->is_refreshing = false;
}

static void answer_refresh(struct io_http *h, int64_t ms)
{
	char refresh[64], access[64], body[512];

	for (unsigned i = 0; i < SIM_ACCOUNTS; i++) {
		struct sim_account *a = &sim_twitch.accounts[i];

		write_token(refresh, "refresh", i, a->pairs);
		if (!strstr(h->body, refresh))
			continue;
		sim_must(!a->is_refreshing, "two refreshes of one login at once");
		a->is_refreshing = true;
		sim_later(ms, refresh_over, a);
		give_pair(a);
		sim_twitch.refreshes++;
		write_token(access, "access", i, a->pairs);
		write_token(refresh, "refresh", i, a->pairs);
		snprintf(body, sizeof(body),
			"{\"access_token\":\"%s\",\"expires_in\":%d,"
			"\"refresh_token\":\"%s\",\"token_type\":\"bearer\"}",
			access, SIM_LIFE_MS / 1000, refresh);
		sim_http_answer(h, ms, 200, body);
		return;
	}
	sim_must(false, "a refresh token is used a second time");
}

static void answer_validate(struct io_http *h, int64_t ms)
{
	int account = sim_account_of(h->token);
	char body[1024], scopes[512] = "";
	const struct sim_account *a;

	if (account < 0) {
		sim_http_answer(
			h, ms, 401, "{\"status\":401,\"message\":\"invalid access token\"}");
		return;
	}
	a = &sim_twitch.accounts[account];
	for (struct str rest = str_of(a->scopes); rest.len > 0;) {
		struct str one = str_split(&rest, ' ');
		size_t used = strlen(scopes);

		snprintf(scopes + used, sizeof(scopes) - used, "%s\"%.*s\"", used ? "," : "",
			STR_FMT(one));
	}
	snprintf(body, sizeof(body),
		"{\"client_id\":\"" SIM_CLIENT "\",\"login\":\"%s\","
		"\"scopes\":[%s],\"user_id\":\"%s\",\"expires_in\":%lld}",
		a->login, scopes, a->user_id,
		(long long)(a->ends_ms[a->seen] - clock_mono_ms()) / 1000);
	sim_http_answer(h, ms, 200, body);
}

static void id_request(struct io_http *h)
{
	int64_t ms = sim_chance(20, 900);

	if (sim_twitch.id == SIM_SICK)
		sim_http_answer(h, ms, 503, "{\"status\":503,\"message\":\"service unavailable\"}");
	else if (sim_twitch.id == SIM_HUNG)
		sim_http_fail(h, h->o.total_ms, ERR_TIMEOUT, true);
	else if (sim_twitch.id == SIM_GONE)
		sim_http_fail(h, ms, ERR_CONNECT, false);
	else if (strstr(h->url, "/validate"))
		answer_validate(h, ms);
	else
		answer_refresh(h, ms);
}

void sim_tokens_revoke(unsigned account)
{
	struct sim_account *a = &sim_twitch.accounts[account];

	a->valid_from = a->pairs + 1;
}

/* ---- Helix -------------------------------------------------------------------------------------
 */

static void write_user(char *out, size_t size, const struct sim_room *r)
{
	snprintf(out, size, "{\"id\":\"%s\",\"login\":\"%s\"}", r->id, r->name);
}

static void write_stream(char *out, size_t size, const struct sim_room *r)
{
	snprintf(out, size,
		"{\"user_id\":\"%s\",\"user_login\":\"%s\",\"id\":\"77\","
		"\"type\":\"live\",\"title\":\"kelp\",\"game_name\":\"Diving\","
		"\"started_at\":\"2026-01-01T00:00:00Z\"}",
		r->id, r->name);
}

static void write_channel(char *out, size_t size, const struct sim_room *r)
{
	snprintf(out, size,
		"{\"broadcaster_id\":\"%s\",\"broadcaster_login\":\"%s\","
		"\"title\":\"kelp\",\"game_name\":\"Diving\"}",
		r->id, r->name);
}

static void answer_names(struct io_http *h, int64_t ms,
	void (*write)(char *out, size_t size, const struct sim_room *r), bool is_live_only)
{
	char body[1024] = "{\"data\":[";
	size_t used = strlen(body), first = used;

	for (unsigned i = 0; i < SIM_ROOMS; i++) {
		const struct sim_room *r = &sim_twitch.rooms[i];

		if ((!strstr(h->url, r->name) && !strstr(h->url, r->id)) ||
			(is_live_only && !r->is_live))
			continue;
		used += (size_t)snprintf(
			body + used, sizeof(body) - used, "%s", used > first ? "," : "");
		write(body + used, sizeof(body) - used, r);
		used += strlen(body + used);
	}
	snprintf(body + used, sizeof(body) - used, "]}");
	sim_http_answer(h, ms, 200, body);
}

static void answer_say(struct io_http *h, int64_t ms)
{
	sim_twitch.said++;
	sim_http_answer(h, ms, 200, "{\"data\":[{\"message_id\":\"f6a1e7a0\",\"is_sent\":true}]}");
}

/* True when its mood has answered. */
static bool is_moody(struct io_http *h, int64_t ms)
{
	switch (sim_twitch.helix) {
	case SIM_WELL: return false;
	case SIM_SICK: sim_http_answer(h, ms, 503, "{\"status\":503,\"message\":\"sick\"}"); break;
	case SIM_HUNG: sim_http_fail(h, h->o.total_ms, ERR_TIMEOUT, true); break;
	case SIM_GONE: sim_http_fail(h, ms, ERR_CONNECT, false); break;
	case SIM_BUSY:
		h->limit = 800;
		h->remaining = 0;
		h->reset_s = clock_wall_ms() / 1000 + sim_chance(2, 50);
		sim_http_answer(h, ms, 429, "{\"status\":429,\"message\":\"too many\"}");
		break;
	case SIM_FORBIDDING:
		sim_http_answer(h, ms, 403, "{\"status\":403,\"message\":\"forbidden\"}");
		break;
	}
	return true;
}

static void helix_request(struct io_http *h)
{
	int64_t ms = sim_chance(20, 1500);
	int account;

	if (is_moody(h, ms))
		return;
	account = sim_account_of(h->token);
	if (account < 0) {
		sim_twitch.refused_calls++;
		sim_http_answer(h, ms, 401, "{\"status\":401,\"message\":\"Invalid OAuth token\"}");
		return;
	}
	h->limit = 800;
	h->remaining = 700;
	h->reset_s = clock_wall_ms() / 1000 + 30;
	if (strstr(h->url, "/eventsub/subscriptions"))
		sim_eventsub_request(h, ms, (unsigned)account);
	else if (strstr(h->url, "/users?"))
		answer_names(h, ms, write_user, false);
	else if (strstr(h->url, "/streams?"))
		answer_names(h, ms, write_stream, true);
	else if (strstr(h->url, "/channels?"))
		answer_names(h, ms, write_channel, false);
	else if (strstr(h->url, "/chat/messages"))
		answer_say(h, ms);
	else
		sim_must(false, "a call that Twitch does not have");
}

static void on_request(struct io_http *h)
{
	if (strncmp(h->url, SIM_ID_URL, strlen(SIM_ID_URL)) == 0)
		id_request(h);
	else
		helix_request(h);
}

/* ---- Chat --------------------------------------------------------------------------------------
 */

static struct link *link_of(const struct io_ws *ws)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (k->ws == ws)
			return k;
	}
	return NULL;
}

static void say(struct link *k, int64_t ms, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void say(struct link *k, int64_t ms, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	int n = vsnprintf(line, sizeof(line) - 2, fmt, ap);
	va_end(ap);
	memcpy(line + n, "\r\n", 3);
	sim_ws_say(k->ws, ms, line, NULL, NULL);
}

static void on_pass(struct link *k, const char *token)
{
	k->has_pass = true;
	k->is_bad = sim_account_of(token) != SIM_BOT;
}

static void on_nick(struct link *k)
{
	spend(logged_in_ms, sim_twitch.logins++, "more than 20 logins in 10 s");
	if (sim_twitch.logins_unanswered)
		return;
	if (k->is_bad || !k->has_pass) {
		say(k, 50, ":tmi.twitch.tv NOTICE * :Login authentication failed");
		return;
	}
	k->is_in = true;
	say(k, 50,
		":tmi.twitch.tv 001 tidalbot :Welcome, GLHF!\r\n@badges=;user-id=60030003;"
		"user-type= :tmi.twitch.tv GLOBALUSERSTATE");
}

static void on_join(struct link *k, const char *name)
{
	spend(joined_ms, sim_twitch.joins++, "more than 20 JOINs in 10 s");
	if (sim_twitch.joins_unanswered)
		return;
	for (unsigned i = 0; i < SIM_ROOMS; i++) {
		const struct sim_room *r = &sim_twitch.rooms[i];

		if (strcmp(name, r->name) != 0)
			continue;
		k->joined[i] = true;
		say(k, 60,
			":tidalbot!tidalbot@tidalbot.tmi.twitch.tv JOIN #%s\r\n"
			"@badges=moderator/1;mod=1 :tmi.twitch.tv USERSTATE #%s\r\n"
			"@room-id=%s;slow=0 :tmi.twitch.tv ROOMSTATE #%s",
			r->name, r->name, r->id, r->name);
	}
}

static void on_privmsg(struct link *k, const char *name)
{
	sim_twitch.said++;
	say(k, sim_chance(20, 400),
		"@id=echo-%u;badges=moderator/1;mod=1 :tmi.twitch.tv USERSTATE "
		"#%.*s",
		sim_twitch.said, (int)strcspn(name, " "), name);
}

static void on_line(struct link *k, char *line)
{
	char *command = *line == '@' ? strchr(line, ' ') + 1 : line;

	line[strcspn(line, "\r")] = '\0';
	if (sim_twitch.is_irc_silent)
		return;
	if (strncmp(command, "PASS oauth:", 11) == 0)
		on_pass(k, command + 11);
	else if (strncmp(command, "NICK ", 5) == 0)
		on_nick(k);
	else if (strncmp(command, "JOIN #", 6) == 0)
		on_join(k, command + 6);
	else if (strncmp(command, "PRIVMSG #", 9) == 0)
		on_privmsg(k, command + 9);
	else if (strncmp(command, "PING ", 5) == 0)
		say(k, 40, ":tmi.twitch.tv PONG tmi.twitch.tv %s", command + 5);
}

static void chat_arrived(void *arg)
{
	((struct sim_news *)arg)->chat++;
}

static void chat_line(unsigned room, unsigned n, const char *line)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (k->ws && k->is_in && k->joined[room] && !sim_twitch.is_irc_silent)
			sim_ws_say(
				k->ws, sim_chance(5, 250), line, chat_arrived, &sim_twitch.news[n]);
	}
}

void sim_chat(unsigned room)
{
	const struct sim_room *r = &sim_twitch.rooms[room];
	unsigned n = sim_happen();
	char line[512];

	snprintf(line, sizeof(line),
		"@badges=;display-name=U%u;id=chat-%u;room-id=%s;user-id=%u "
		":u%u!u%u@u%u.tmi.twitch.tv PRIVMSG #%s :o7 all\r\n",
		n, n, r->id, n + 1000, n, n, n, r->name);
	chat_line(room, n, line);
	sim_eventsub_chat(room, n);
}

void sim_raid(unsigned room)
{
	const struct sim_room *r = &sim_twitch.rooms[room];
	unsigned n = sim_happen();
	char line[512];

	snprintf(line, sizeof(line),
		"@badges=;display-name=U%u;id=raid-%u;login=u%u;msg-id=raid;"
		"msg-param-displayName=U%u;msg-param-login=u%u;msg-param-viewerCount=50;room-id=%s;"
		"system-msg=50\\sraiders;user-id=%u :tmi.twitch.tv USERNOTICE #%s\r\n",
		n, n, n, n, n, r->id, n + 1000, r->name);
	chat_line(room, n, line);
	sim_eventsub_raid(room, n);
}

void sim_irc_cut(void)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (k->ws)
			sim_ws_end(k->ws, sim_chance(0, 50), 0);
	}
}

void sim_irc_reconnect(bool is_cut_soon)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (!k->ws || !k->is_in)
			continue;
		k->is_leaving = true;
		say(k, 5, ":tmi.twitch.tv RECONNECT");
		sim_ws_end(k->ws, is_cut_soon ? sim_chance(50, 2000) : 30000, 0);
	}
}

bool sim_is_moving(void)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (k->ws && k->is_leaving)
			return true;
	}
	return sim_eventsub_is_moving();
}

unsigned sim_irc_links(void)
{
	unsigned n = 0;

	for (struct link *k = links; k < links + LINKS; k++)
		n += k->ws && k->is_in;
	return n;
}

bool sim_irc_is_in(unsigned room)
{
	for (struct link *k = links; k < links + LINKS; k++) {
		if (k->ws && k->is_in && k->joined[room])
			return true;
	}
	return false;
}

/* ---- Connections -------------------------------------------------------------------------------
 */

static bool is_chat(const struct io_ws *ws)
{
	return strcmp(ws->url, SIM_CHAT_URL) == 0;
}

static enum sim_verdict on_connect(const struct io_ws *ws)
{
	enum sim_mood mood = is_chat(ws) ? sim_twitch.irc : sim_twitch.eventsub;

	if (mood == SIM_HUNG)
		return SIM_HANG;
	if (mood != SIM_WELL)
		return SIM_REFUSE;
	return is_chat(ws) ? SIM_ACCEPT : sim_eventsub_connect(ws);
}

static void on_opened(struct io_ws *ws)
{
	if (!is_chat(ws)) {
		sim_eventsub_opened(ws);
		return;
	}
	struct link *k = link_of(NULL);
	sim_must(k != NULL, "too many connections to chat");
	*k = (struct link){.ws = ws};
}

static void on_left(struct io_ws *ws)
{
	struct link *k = link_of(ws);

	if (k)
		k->ws = NULL;
	else
		sim_eventsub_left(ws);
}

static void on_heard(struct io_ws *ws, char *text)
{
	struct link *k = link_of(ws);

	sim_must(k != NULL, "something is sent over EventSub (close code 4001)");
	on_line(k, text);
}

const struct sim_servers sim_twitch_servers = {.connect = on_connect,
	.opened = on_opened,
	.heard = on_heard,
	.left = on_left,
	.request = on_request};

void sim_forget_client(void)
{
	sim_irc_cut();
	sim_eventsub_close(0);
}

/* ---- Begin -------------------------------------------------------------------------------------
 */

static void put_login(unsigned account)
{
	struct sim_account *a = &sim_twitch.accounts[account];
	struct platform_grant g = {.lives_ms = SIM_LIFE_MS};
	char token[64];

	give_pair(a);
	write_token(token, "access", account, a->pairs);
	sim_must(secret_new(str_of(token), &g.access) == 0, "memory");
	write_token(token, "refresh", account, a->pairs);
	sim_must(secret_new(str_of(token), &g.refresh) == 0, "memory");
	g.scopes = mem_dup(a->scopes);
	snprintf(g.login, sizeof(g.login), "%s", a->login);
	snprintf(g.user_id, sizeof(g.user_id), "%s", a->user_id);
	snprintf(g.client_id, sizeof(g.client_id), "%s", SIM_CLIENT);
	sim_must(platform_grant_save(sim_twitch.state_dir, a->vault_name, &g, NULL) == 0, "vault");
	platform_grant_fini(&g);
}

void sim_twitch_begin(const char *state_dir)
{
	memset(&sim_twitch, 0, sizeof(sim_twitch));
	memset(links, 0, sizeof(links));
	memset(joined_ms, 0, sizeof(joined_ms));
	memset(logged_in_ms, 0, sizeof(logged_in_ms));
	sim_begin_ms = clock_mono_ms();
	sim_twitch.state_dir = state_dir;
	sim_twitch.accounts[SIM_BOT] = (struct sim_account){.login = "tidalbot",
		.user_id = "60030003",
		.vault_name = "twitch.bot",
		.scopes = "chat:read chat:edit user:read:chat user:write:chat "
			  "moderator:read:followers"};
	sim_twitch.accounts[SIM_BROADCASTER] = (struct sim_account){.login = "kelpforest",
		.user_id = "40010001",
		.vault_name = "twitch.broadcaster.kelpforest",
		.scopes = "channel:read:redemptions channel:read:subscriptions bits:read"};
	sim_twitch.rooms[0] =
		(struct sim_room){.name = "kelpforest", .id = "40010001", .is_mod = true};
	sim_twitch.rooms[1] =
		(struct sim_room){.name = "reefroom", .id = "40020002", .is_mod = true};
	sim_eventsub_begin();
	for (unsigned i = 0; i < SIM_ACCOUNTS; i++)
		put_login(i);
}
