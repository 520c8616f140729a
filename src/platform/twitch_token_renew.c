/* Renewing a login. A refresh is three things in a row: the vault is read, because another process
 * (mynah login) may have put a newer login there; POST /token spends the refresh token; the new
 * pair goes into the vault, and only then anybody may use it. A refusal reads the vault once more
 * before it is believed. */
#include "platform/twitch_token_room.h"

#include <stdio.h>
#include <string.h>

static struct metric refreshes = {.name = "mynah_token_refreshes_total", .kind = METRIC_COUNTER,
	.label = "result", .help = "Refreshes of Twitch logins, by outcome."};

/* ---- The vault ------------------------------------------------------------------------------- */

static void job_free(struct platform_job *j)
{
	platform_grant_fini(&j->grant);
	secret_free(j->spent);
	mem_free(j->state_dir);
	mem_free(j);
}

static void read_work(void *ctx)
{
	struct platform_job *j = ctx;

	j->err = platform_grant_load(j->state_dir, j->name, &j->grant);
}

static void keep_work(void *ctx)
{
	struct platform_job *j = ctx;

	j->err = platform_grant_save(j->state_dir, j->name, &j->grant, j->spent);
}

/* NULL when the job could not be given out: tried again. */
static struct platform_job *job_new(struct platform_token *t)
{
	struct platform_job *j = mem_new(sizeof(*j));

	if (!j)
		return NULL;
	j->token = t;
	j->state_dir = mem_dup(t->state_dir);
	memcpy(j->name, t->name, sizeof(j->name));
	if (!j->state_dir) {
		job_free(j);
		return NULL;
	}
	return j;
}

static void give_job(struct platform_token *t, struct platform_job *j, enum platform_doing doing,
	void (*work)(void *ctx), void (*done)(void *ctx))
{
	if (!j || io_worker_put(t->worker, work, done, j) < 0) {
		if (j)
			job_free(j);
		platform_token_later(t, "the vault cannot be looked at now: out of memory", -1);
		return;
	}
	t->job = j;
	t->doing = doing;
}

/* ---- Refreshing ------------------------------------------------------------------------------ */

static void on_kept(void *ctx)
{
	struct platform_job *j = ctx;
	struct platform_token *t = j->token;
	const int err = j->err;

	job_free(j);
	if (!t)
		return;
	t->job = NULL;
	t->doing = PLATFORM_IDLE;
	if (err == ERR_BUSY) { /* somebody logged in while we refreshed: theirs counts */
		platform_grant_fini(&t->fresh);
		t->must_read = true;
		platform_token_soon(t);
		return;
	}
	if (err < 0) {
		char why[PLATFORM_WHY_BYTES];

		snprintf(why, sizeof(why), "the renewed login cannot be kept in %s: %s",
			t->state_dir, err_text(err));
		platform_token_later(t, why, -1);
		return;
	}
	platform_grant_fini(&t->grant);
	t->grant = t->fresh;
	memset(&t->fresh, 0, sizeof(t->fresh));
	platform_token_served(t);
	platform_token_live(t);
	t->is_bad = t->must_refresh = false;
	t->retry_ms = 0;
	if (t->checked_wall_ms == 0)
		t->validate_ms = clock_mono_ms();
	metric_add(&refreshes, "ok", 1);
	log_event(LOG_INFO, "platform", "token_renewed", "place", "twitch", "community", t->channel,
		"result", "SUCCESS", LOG_INT("expires_s", t->grant.lives_ms / 1000), NULL);
	platform_token_set(t, PLATFORM_TOKEN_VALID);
}

/* Before anybody can use the new pair it is in the vault: the old refresh token is spent. */
void platform_token_keep(struct platform_token *t)
{
	struct platform_job *j = job_new(t);
	struct platform_grant *g = &t->fresh;

	if (j) {
		j->grant = *g;
		j->grant.access = secret_ref(g->access);
		j->grant.refresh = secret_ref(g->refresh);
		j->grant.scopes = mem_dup(g->scopes);
		j->spent = secret_ref(t->grant.refresh);
	}
	if (j && g->scopes && !j->grant.scopes) {
		job_free(j);
		j = NULL;
	}
	give_job(t, j, PLATFORM_KEEPING, keep_work, on_kept);
}

static int take_fresh(struct platform_token *t, const struct json *body)
{
	struct platform_grant *g = &t->fresh;
	int err;

	*g = t->grant;
	g->access = NULL;
	g->refresh = NULL;
	g->scopes = mem_dup(t->grant.scopes);
	err = t->grant.scopes && !g->scopes ? ERR_NOMEM : platform_grant_answered(g, body);
	if (!err && !g->refresh) /* RFC 6749 6: without a new one the old one stays */
		g->refresh = secret_ref(t->grant.refresh);
	if (err)
		platform_grant_fini(g);
	return err;
}

/* A person must change the config: the app, not the login, is what is refused. */
static void refuse_app(struct platform_token *t, const char *why)
{
	char what[PLATFORM_WHY_BYTES];

	snprintf(what, sizeof(what),
		"the login cannot be renewed with the application of client_id "
		"%s: %s. Correct client_id: and client_secret: in mynah.yaml",
		t->grant.client_id, why);
	platform_token_refuse(t, what);
}

static void on_refresh(void *ctx, const struct platform_id_answer *a)
{
	struct platform_token *t = ctx;

	t->request = NULL;
	t->doing = PLATFORM_IDLE;
	switch (a->verdict) {
	case PLATFORM_ID_OK:
		if (take_fresh(t, a->body) == 0)
			break;
		metric_add(&refreshes, "later", 1);
		platform_token_later(t, "the id server's answer has no token that can be used", -1);
		break;
	case PLATFORM_ID_BAD:
		metric_add(&refreshes, "bad", 1);
		snprintf(t->why, sizeof(t->why), "%s", a->why);
		platform_token_read(t, PLATFORM_TO_GIVE_UP);
		break;
	case PLATFORM_ID_WRONG:
		metric_add(&refreshes, "bad", 1);
		refuse_app(t, a->why);
		break;
	default:
		metric_add(&refreshes, "later", 1);
		platform_token_later(t, a->why, a->wait_ms);
		break;
	}
	platform_token_soon(t);
}

static void refresh(struct platform_token *t)
{
	const bool is_our_app = t->client_id && strcmp(t->client_id, t->grant.client_id) == 0;
	struct platform_id_options o = {
		.call = PLATFORM_ID_REFRESH, .client_id = str_of(t->grant.client_id),
		.client = is_our_app ? t->client : NULL, .token = t->grant.refresh,
	};

	platform_token_ask(t, PLATFORM_REFRESHING, &o, on_refresh);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void nobody(struct platform_token *t)
{
	char what[PLATFORM_WHY_BYTES];

	platform_grant_fini(&t->grant);
	platform_grant_fini(&t->fresh);
	snprintf(what, sizeof(what), "nobody has logged in%s%s",
		*platform_token_whose(t) ? " as " : "", platform_token_whose(t));
	platform_token_explain(t, what);
	platform_token_set(t, PLATFORM_TOKEN_NONE);
}

/* The vault holds what it held before. */
static void unchanged(struct platform_token *t)
{
	char what[PLATFORM_WHY_BYTES];

	if (t->purpose == PLATFORM_TO_REFRESH) {
		refresh(t);
		return;
	}
	snprintf(what, sizeof(what), "the login of %s is no good any more: %.300s",
		t->grant.login[0] ? t->grant.login : "the account", t->why);
	platform_token_refuse(t, what);
}

static void on_read(void *ctx)
{
	struct platform_job *j = ctx;
	struct platform_token *t = j->token;

	if (!t) {
		job_free(j);
		return;
	}
	t->job = NULL;
	t->doing = PLATFORM_IDLE;
	if (t->fixed) { /* a config came in between */
		t->must_read = true;
	} else if (j->err == ERR_NOTFOUND) {
		nobody(t);
	} else if (j->err == ERR_NOMEM || j->err == ERR_IO || j->err == ERR_BUSY) {
		t->must_read |= t->purpose == PLATFORM_TO_LOAD;
		platform_token_later(t, "the vault cannot be read now", -1);
	} else if (j->err < 0) {
		platform_token_refuse(t,
			"the login in the vault cannot be read: its key or its bytes are not what "
			"they were");
	} else if (t->purpose == PLATFORM_TO_LOAD ||
		   !platform_grant_is_same(&t->grant, &j->grant)) {
		platform_token_adopt(t, &j->grant);
	} else {
		unchanged(t);
	}
	job_free(j);
	platform_token_soon(t);
}

void platform_token_read(struct platform_token *t, enum platform_purpose purpose)
{
	t->purpose = purpose;
	give_job(t, job_new(t), PLATFORM_READING, read_work, on_read);
	if (!t->job)
		t->must_read |= purpose == PLATFORM_TO_LOAD;
}
