/* A login on Twitch: from the id server, into the vault, out of it again. */
#include "platform/twitch_grant.h"

#include <stdio.h>
#include <string.h>

#define TOKEN_BYTES 2048              /* they have 30 and 50 characters; nobody promises that */
#define LIFE_MAX_S (366 * 86400)      /* an app's token lives 60 days; more is a broken answer */

void platform_grant_fini(struct platform_grant *g)
{
	secret_free(g->access);
	secret_free(g->refresh);
	mem_free(g->scopes);
	memset(g, 0, sizeof(*g));
}

static bool is_same_secret(const struct secret *a, const struct secret *b)
{
	return str_eq(secret_use(a), secret_use(b));
}

bool platform_grant_is_same(const struct platform_grant *a, const struct platform_grant *b)
{
	return is_same_secret(a->access, b->access) && is_same_secret(a->refresh, b->refresh);
}

bool platform_grant_has(const struct platform_grant *g, struct str scope)
{
	struct str rest = str_of(g->scopes);

	while (rest.len > 0) {
		if (str_eq(str_split(&rest, ' '), scope))
			return true;
	}
	return false;
}

/* ---- What may be in it ----------------------------------------------------------------------- */

/* Goes into headers and chat logins: visible ASCII only. */
static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return false;
	}
	return s.len > 0 && s.len <= TOKEN_BYTES;
}

static bool is_made_of(struct str s, const char *letters)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] == '\0' || !strchr(letters, s.at[i]))
			return false;
	}
	return s.len > 0;
}

/* True when it fits and is one; else out stays what it was. */
static bool take_word(struct str s, const char *letters, size_t size, char *out)
{
	if (!is_made_of(s, letters) || s.len >= size)
		return false;
	memcpy(out, s.at, s.len);
	out[s.len] = '\0';
	return true;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define SCOPE_LETTERS LOWER DIGITS ":_.-"

static int add_scope(struct buf *out, struct str scope)
{
	int err = 0;

	if (!is_made_of(scope, SCOPE_LETTERS))
		return 0; /* old answers have [""] (twitch.md 4.5) */
	if (out->len > 0)
		err = buf_addc(out, ' ');
	return err ? err : buf_add_str(out, scope);
}

/* A list, or in old answers one string; null and absent are none. */
static int take_scopes(struct platform_grant *g, const struct json *v)
{
	struct buf text;
	char *scopes;
	int err = 0;

	buf_init(&text, PLATFORM_SCOPES_BYTES);
	if (json_is_string(v)) {
		struct str rest = json_text(v);
		while (rest.len > 0 && !err)
			err = add_scope(&text, str_split(&rest, ' '));
	}
	for (size_t i = 0; i < json_count(v) && !err; i++)
		err = add_scope(&text, json_text(json_at(v, i)));
	scopes = err ? NULL : buf_take(&text);
	buf_fini(&text);
	if (!scopes)
		return err ? err : ERR_NOMEM;
	mem_free(g->scopes);
	g->scopes = scopes;
	return 0;
}

static int64_t life_ms(const struct json *body)
{
	int64_t s = json_int(body, "expires_in", 0);

	return s <= 0 || s > LIFE_MAX_S ? 0 : s * 1000;
}

/* ---- From the id server ---------------------------------------------------------------------- */

static int take_tokens(struct platform_grant *g, struct str access, struct str refresh)
{
	struct secret *a = NULL, *r = NULL;
	int err = is_token(access) ? secret_new(access, &a) : ERR_PARSE;

	if (!err && refresh.len > 0)
		err = is_token(refresh) ? secret_new(refresh, &r) : ERR_PARSE;
	if (err) {
		secret_free(a);
		secret_free(r);
		return err;
	}
	secret_free(g->access);
	secret_free(g->refresh);
	g->access = a;
	g->refresh = r;
	return 0;
}

int platform_grant_answered(struct platform_grant *g, const struct json *body)
{
	int err = take_tokens(g, json_str(body, "access_token"), json_str(body, "refresh_token"));

	if (err)
		return err;
	g->lives_ms = life_ms(body);
	return json_get(body, "scope") ? take_scopes(g, json_get(body, "scope")) : 0;
}

int platform_grant_validated(struct platform_grant *g, const struct json *body)
{
	char login[sizeof(g->login)], user_id[sizeof(g->user_id)], client_id[sizeof(g->client_id)];
	int err;

	if (!take_word(json_str(body, "login"), LOWER DIGITS "_", sizeof(login), login) ||
		!take_word(json_str(body, "user_id"), DIGITS, sizeof(user_id), user_id) ||
		!take_word(json_str(body, "client_id"), LOWER DIGITS, sizeof(client_id), client_id))
		return ERR_PARSE;
	err = take_scopes(g, json_get(body, "scopes"));
	if (err)
		return err;
	memcpy(g->login, login, sizeof(login));
	memcpy(g->user_id, user_id, sizeof(user_id));
	memcpy(g->client_id, client_id, sizeof(client_id));
	g->lives_ms = life_ms(body);
	return 0;
}

/* ---- In the vault ---------------------------------------------------------------------------- */

void platform_grant_name(const char *channel, char out[PLATFORM_VAULT_NAME_BYTES])
{
	if (channel)
		snprintf(out, PLATFORM_VAULT_NAME_BYTES, "twitch.broadcaster.%.25s", channel);
	else
		snprintf(out, PLATFORM_VAULT_NAME_BYTES, "twitch.bot");
}

static int add_member(struct buf *out, const char *name, struct str value)
{
	int err = buf_addf(out, "%s\"%s\":", out->len > 1 ? "," : "", name);

	return err ? err : json_add_string(out, value);
}

/* One JSON value, with the wall time of its end. */
static int write_grant(const struct platform_grant *g, int64_t wall_ms, struct buf *out)
{
	const struct {
		const char *name;
		struct str value;
	} members[] = {
		{"access", secret_use(g->access)}, {"refresh", secret_use(g->refresh)},
		{"login", str_of(g->login)}, {"user_id", str_of(g->user_id)},
		{"scopes", str_of(g->scopes)}, {"client_id", str_of(g->client_id)},
	};
	int err = buf_addc(out, '{');

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]) && !err; i++)
		err = add_member(out, members[i].name, members[i].value);
	return err ? err : buf_addf(out, ",\"expires\":%lld}",
		g->lives_ms > 0 ? (long long)(wall_ms + g->lives_ms) : 0LL);
}

static int read_members(const struct json *j, int64_t wall_ms, struct platform_grant *g)
{
	int64_t ends_ms = json_int(j, "expires", 0);
	int err = take_tokens(g, json_str(j, "access"), json_str(j, "refresh"));

	if (!err)
		err = take_scopes(g, json_get(j, "scopes"));
	if (err)
		return err;
	if (!take_word(
		    json_str(j, "client_id"), LOWER DIGITS, sizeof(g->client_id), g->client_id) ||
		!take_word(json_str(j, "login"), LOWER DIGITS "_", sizeof(g->login), g->login) ||
		!take_word(json_str(j, "user_id"), DIGITS, sizeof(g->user_id), g->user_id))
		return ERR_PARSE;
	/* Our clock may have been set back since: no token lives longer than it ever does. */
	if (ends_ms > 0)
		g->lives_ms = ends_ms - wall_ms != 0 ? ends_ms - wall_ms : -1;
	if (g->lives_ms > LIFE_MAX_S * INT64_C(1000))
		g->lives_ms = LIFE_MAX_S * INT64_C(1000);
	return 0;
}

int platform_grant_read(struct str text, int64_t wall_ms, struct platform_grant *out)
{
	struct json *j = NULL;
	int err = json_parse(text, PLATFORM_GRANT_BYTES, &j, NULL);

	memset(out, 0, sizeof(*out));
	if (!err)
		err = read_members(j, wall_ms, out);
	json_free(j);
	if (err)
		platform_grant_fini(out);
	return err;
}

static int load(struct vault *v, const char *name, struct platform_grant *out)
{
	struct secret *value = NULL;
	int err = vault_get(v, name, &value);

	memset(out, 0, sizeof(*out));
	if (!err)
		err = platform_grant_read(secret_use(value), clock_wall_ms(), out);
	secret_free(value);
	return err;
}

/* Is what is there still the login whose refresh token we have spent? What cannot be read, or is
 * not there, is nobody's. */
static bool is_spent(void *ctx, const struct secret *there)
{
	const struct secret *spent = ctx;
	struct platform_grant g;
	bool is_same;

	if (!spent || !there || platform_grant_read(secret_use(there), clock_wall_ms(), &g) < 0)
		return true;
	is_same = is_same_secret(g.refresh, spent);
	platform_grant_fini(&g);
	return is_same;
}

int platform_grant_load(const char *state_dir, const char *name, struct platform_grant *out)
{
	struct vault *v = NULL;
	int err = vault_open(state_dir, &v);

	memset(out, 0, sizeof(*out));
	if (!err)
		err = load(v, name, out);
	vault_close(v);
	return err;
}

int platform_grant_save(const char *state_dir, const char *name, const struct platform_grant *g,
	struct secret *spent)
{
	struct vault *v = NULL;
	struct buf text;
	int err;

	buf_init(&text, PLATFORM_GRANT_BYTES);
	err = buf_reserve(&text, PLATFORM_GRANT_BYTES); /* does not move: one copy to be wiped */
	if (!err)
		err = vault_open(state_dir, &v);
	if (!err)
		err = write_grant(g, clock_wall_ms(), &text);
	if (!err)
		err = vault_replace(v, name, buf_str(&text), is_spent, spent);
	if (text.at)
		secret_wipe(text.at, text.cap);
	buf_fini(&text);
	vault_close(v);
	return err;
}
