/* A token that keeps itself logged in: what others see of it, and what is due when. */
#include "platform/twitch_token_room.h"

#include "platform/room.h"

static const char *state_name(enum platform_token_state s)
{
	static const char *const names[] = {
		[PLATFORM_TOKEN_NONE] = "none", [PLATFORM_TOKEN_CHECKING] = "checking",
		[PLATFORM_TOKEN_VALID] = "valid", [PLATFORM_TOKEN_RENEWING] = "renewing",
		[PLATFORM_TOKEN_REFUSED] = "refused",
	};

	return (unsigned)s < sizeof(names) / sizeof(names[0]) ? names[s] : "unknown";
}

/* ---- What is due ----------------------------------------------------------------------------- */

static bool refresh_is_due(const struct platform_token *t, int64_t now_ms)
{
	return t->grant.refresh &&
	       (t->must_refresh || (t->refresh_ms != 0 && now_ms >= t->refresh_ms));
}

/* Begins the most urgent thing that is due. A fresh pair is kept before all else. */
static void step(struct platform_token *t, int64_t now_ms)
{
	const bool may_try = now_ms >= t->retry_ms;

	if (t->doing != PLATFORM_IDLE)
		return;
	if (t->fresh.access && may_try) {
		platform_token_keep(t);
	} else if (t->must_read && (may_try || !t->grant.access)) {
		t->must_read = false;
		if (t->fixed)
			platform_token_adopt_fixed(t);
		else
			platform_token_read(t, PLATFORM_TO_LOAD);
	} else if (platform_token_is_dead(t) || t->must_read) {
		return;
	} else if (!t->fresh.access && refresh_is_due(t, now_ms)) {
		if (t->state == PLATFORM_TOKEN_VALID)
			platform_token_set(t, PLATFORM_TOKEN_RENEWING);
		if (may_try)
			platform_token_read(t, PLATFORM_TO_REFRESH);
	} else if (now_ms >= t->validate_ms && !t->must_refresh) {
		platform_token_validate(t);
	}
}

/* When step has something to do next; INT64_MAX = whoever changes something calls. */
static int64_t next_due(const struct platform_token *t, int64_t now_ms)
{
	int64_t due = INT64_MAX;

	if (t->doing != PLATFORM_IDLE)
		return due;
	if (t->fresh.access || t->must_read ||
		(!platform_token_is_dead(t) && refresh_is_due(t, now_ms)))
		return t->retry_ms;
	if (platform_token_is_dead(t))
		return due;
	due = t->validate_ms;
	return t->refresh_ms != 0 && t->refresh_ms < due ? t->refresh_ms : due;
}

static void on_timer(void *ctx)
{
	struct platform_token *t = ctx;
	int64_t now_ms = clock_mono_ms(), due;

	step(t, now_ms);
	due = next_due(t, now_ms);
	if (due != INT64_MAX && !io_timer_is_on(t->timer))
		io_timer_start(t->timer, due > now_ms ? due - now_ms : 0);
	if (!t->must_tell)
		return;
	t->must_tell = false;
	t->changed(t->ctx); /* t may be gone */
}

/* ---- The door -------------------------------------------------------------------------------- */

static void conf_fini(struct platform_token *t)
{
	mem_free(t->id_url);
	mem_free(t->ca_file);
	mem_free(t->account);
	mem_free(t->client_id);
	mem_free(t->hint);
	secret_free(t->client);
	secret_free(t->fixed);
}

static bool copy(const char *text, char **out)
{
	*out = text && *text ? mem_dup(text) : NULL;
	return *out || !text || !*text;
}

/* On failure t is as it was. */
static int take_conf(struct platform_token *t, const struct conf_place *c)
{
	struct platform_token fresh = {.client = secret_ref(c->client),
		.fixed = t->channel ? NULL : secret_ref(c->secret),
		.hint = platform_irc_token_hint(c)};

	if (!fresh.hint || !copy(c->id_url, &fresh.id_url) || !copy(c->ca_file, &fresh.ca_file) ||
		!copy(c->account, &fresh.account) || !copy(c->client_id, &fresh.client_id)) {
		conf_fini(&fresh);
		return ERR_NOMEM;
	}
	conf_fini(t);
	t->id_url = fresh.id_url;
	t->ca_file = fresh.ca_file;
	t->account = fresh.account;
	t->client_id = fresh.client_id;
	t->hint = fresh.hint;
	t->client = fresh.client;
	t->fixed = fresh.fixed;
	return 0;
}

int platform_token_new(const struct platform_token_options *o, struct platform_token **out)
{
	struct platform_token *t = mem_new(sizeof(*t));
	int err = t ? 0 : ERR_NOMEM;

	*out = NULL;
	if (!t)
		return err;
	t->io = o->io;
	t->worker = o->worker;
	t->changed = o->changed;
	t->ctx = o->ctx;
	t->state = PLATFORM_TOKEN_CHECKING;
	io_backoff_init(&t->backoff);
	t->backoff.cap_ms = PLATFORM_RETRY_CAP_MS;
	platform_grant_name(o->channel, t->name);
	t->timer = io_timer_new(o->io, on_timer, t);
	if (!t->timer || !copy(o->state_dir, &t->state_dir) || !copy(o->channel, &t->channel))
		err = ERR_NOMEM;
	if (!err)
		err = take_conf(t, o->conf);
	if (err < 0) {
		platform_token_free(t);
		return err;
	}
	t->must_read = true;
	if (t->fixed) { /* usable at once, whatever the id server will say of it */
		t->must_read = false;
		platform_token_adopt_fixed(t);
	}
	platform_token_soon(t);
	*out = t;
	return 0;
}

void platform_token_free(struct platform_token *t)
{
	if (!t)
		return;
	if (t->job)
		t->job->token = NULL; /* what is being written is written */
	platform_id_free(t->request);
	io_timer_free(t->timer);
	platform_grant_fini(&t->grant);
	platform_grant_fini(&t->fresh);
	conf_fini(t);
	mem_free(t->state_dir);
	mem_free(t->channel);
	mem_free(t);
}

int platform_token_load(struct platform_token *t, const struct conf_place *conf)
{
	const bool was_fixed = t->fixed != NULL;
	const bool is_other = !t->channel && !str_eq(str_of(t->account), str_of(conf->account));
	int err = take_conf(t, conf);

	if (err < 0)
		return err;
	if (t->doing == PLATFORM_VALIDATING) { /* of what may not count any more */
		platform_id_free(t->request);
		t->request = NULL;
		t->doing = PLATFORM_IDLE;
	}
	t->retry_ms = 0;
	if (was_fixed && !t->fixed)
		platform_grant_fini(&t->grant);
	/* Nobody shall use what may be another account's until it was looked at. */
	if (platform_token_is_dead(t) || is_other || !t->grant.access)
		platform_token_set(t, PLATFORM_TOKEN_CHECKING);
	t->must_read = !t->fixed || t->doing != PLATFORM_IDLE;
	if (!t->must_read)
		platform_token_adopt_fixed(t);
	platform_token_soon(t);
	return 0;
}

enum platform_token_state platform_token_state(const struct platform_token *t)
{
	return t->state;
}

bool platform_token_is_renewing(const struct platform_token *t)
{
	return t->doing == PLATFORM_REFRESHING || t->fresh.access != NULL;
}

bool platform_token_is_fixed(const struct platform_token *t)
{
	return t->fixed != NULL;
}

struct secret *platform_token_use(const struct platform_token *t)
{
	if (platform_token_is_dead(t) || t->is_bad)
		return NULL;
	if (t->fixed)
		return t->grant.access;
	if (t->state == PLATFORM_TOKEN_CHECKING || platform_token_is_over(t, clock_mono_ms()))
		return NULL;
	return t->grant.access;
}

void platform_token_secrets(const struct platform_token *t,
	void (*each)(void *ctx, const struct secret *s), void *ctx)
{
	const struct secret *all[] = {
		t->grant.access, t->grant.refresh, t->fresh.access, t->fresh.refresh};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (all[i])
			each(ctx, all[i]);
	}
}

/* May a 401 cause one more refresh? What is refused although it was just renewed is not mended by
 * renewing: a scope is missing, or Twitch has a bad day. */
static bool may_renew(struct platform_token *t, int64_t now_ms)
{
	int64_t *oldest = &t->renewals_ms[t->renewals % PLATFORM_RENEWALS];

	if (t->renewals >= PLATFORM_RENEWALS && now_ms - *oldest < PLATFORM_RENEWALS_MS)
		return false;
	*oldest = now_ms;
	t->renewals++;
	return true;
}

void platform_token_rejected(struct platform_token *t, const struct secret *used)
{
	int64_t now_ms = clock_mono_ms();

	if (platform_token_is_dead(t) || !str_eq(secret_use(used), secret_use(t->grant.access))) {
		platform_token_tell(t);
		return;
	}
	if (t->doing == PLATFORM_REFRESHING || t->doing == PLATFORM_KEEPING || t->fresh.access ||
		t->must_refresh) {
		t->is_bad = true;
	} else if (t->grant.refresh && may_renew(t, now_ms)) {
		t->is_bad = t->must_refresh = true;
		platform_token_set(t, PLATFORM_TOKEN_RENEWING);
	} else {
		t->is_bad = t->grant.refresh != NULL; /* until the id server has said what it is */
		t->validate_ms = now_ms;
	}
	platform_token_soon(t);
}

const char *platform_token_login(const struct platform_token *t)
{
	return t->grant.login;
}

const char *platform_token_user_id(const struct platform_token *t)
{
	return t->grant.user_id;
}

const char *platform_token_client_id(const struct platform_token *t)
{
	return t->grant.client_id;
}

bool platform_token_has_scope(const struct platform_token *t, const char *scope)
{
	return platform_grant_has(&t->grant, str_of(scope));
}

const char *platform_token_why(const struct platform_token *t)
{
	return t->why;
}

/* ---- Status ---------------------------------------------------------------------------------- */

static int add_text(struct buf *out, const char *name, const char *value)
{
	int err = buf_addf(out, ",\"%s\":", name);

	return err ? err : json_add_string(out, str_of(value));
}

static int add_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_TEXT_BYTES];

	if (wall_ms == 0)
		return buf_addf(out, ",\"%s\":null", name);
	return buf_addf(out, ",\"%s\":\"%s\"", name, clock_text(wall_ms, text));
}

static int add_scopes(const struct platform_token *t, struct buf *out)
{
	struct str rest = str_of(t->grant.scopes);
	int err = buf_adds(out, ",\"scopes\":[");

	for (bool is_first = true; rest.len > 0 && !err; is_first = false) {
		if (!is_first)
			err = buf_addc(out, ',');
		if (!err)
			err = json_add_string(out, str_split(&rest, ' '));
	}
	return err ? err : buf_addc(out, ']');
}

int platform_token_status(const struct platform_token *t, struct buf *out)
{
	int64_t left_ms = t->ends_ms ? t->ends_ms - clock_mono_ms() : 0;
	int err = buf_addf(out, "{\"state\":\"%s\",\"kind\":\"%s\",\"channel\":",
		state_name(t->state), t->fixed ? "token" : "login");

	if (!err)
		err = t->channel ? json_add_string(out, str_of(t->channel)) : buf_adds(out, "null");
	if (!err)
		err = add_text(out, "login", t->grant.login);
	if (!err)
		err = add_scopes(t, out);
	if (!err)
		err = add_time(out, "expires_at", t->ends_ms && !platform_token_is_dead(t) ?
			clock_wall_ms() + left_ms : 0);
	if (!err)
		err = add_time(out, "validated_at", t->checked_wall_ms);
	if (!err)
		err = add_text(out, "why", t->why);
	return err ? err : buf_addc(out, '}');
}
