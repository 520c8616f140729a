#include "conf/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define SECRET_BYTES 4096 /* tokens have 30, JSON web tokens 2,000 */
#define SLOT_NAME    128

/* ---- Where secrets are named ----------------------------------------------------------------- */

/* One secret of a config: where it comes from, where it goes and what people call it
 * ("twitch.token"); the name's bytes are valid during the call. prefix: dropped where it stands in
 * front; is_told: with a word about it. */
struct slot {
	struct conf_secret *from;
	struct secret **to;
	const char *name;
	const char *prefix;
	bool is_told;
};

static int slots_each(struct conf *c, int (*each)(void *ctx, const struct slot *s), void *ctx)
{
	char name[SLOT_NAME];
	struct slot fixed[] = {
		{&c->memory.password, &c->memory.secret, "memory.password", "", false},
		{&c->api.key, &c->api.secret, "api.key", "", false},
	};
	int err = 0;

	for (size_t i = 0; !err && i < ARRAY_LEN(fixed); i++)
		err = each(ctx, &fixed[i]);
	for (size_t i = 0; !err && i < c->place_count; i++) {
		static const char *const prefixes[] = {[CONF_TWITCH] = "oauth:", [CONF_IRC] = "",
			[CONF_DISCORD] = "Bot "};
		struct conf_place *p = &c->places[i];

		snprintf(name, sizeof(name), "%s.token", p->name);
		err = each(ctx, &(struct slot){&p->token, &p->secret, name, prefixes[p->kind],
					p->kind == CONF_DISCORD});
		snprintf(name, sizeof(name), "%s.client_secret", p->name);
		if (!err)
			err = each(ctx,
				&(struct slot){&p->client_secret, &p->client, name, "", false});
	}
	for (size_t i = 0; !err && i < c->provider_count; i++) {
		struct conf_provider *p = &c->providers[i];

		snprintf(name, sizeof(name), "providers.%s.key", p->name);
		err = each(ctx, &(struct slot){&p->key, &p->secret, name, "", false});
	}
	return err;
}

/* ---- Fetching -------------------------------------------------------------------------------- */

struct fetch {
	const struct conf *c;
	struct conf_report *r;
	struct vault *vault; /* opened when the first secret needs it */
	int vault_err;
	size_t failures;
};

static void complain(struct fetch *x, const char *hint, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void complain(struct fetch *x, const char *hint, const char *fmt, ...)
{
	char what[CONF_SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	conf_report_add(x->r, CONF_ERROR, x->c->path, hint, "%s", what);
	x->failures++;
}

static struct str drop_front(struct str value, struct str front)
{
	if (front.len == 0 || value.len <= front.len ||
		!str_eq_nocase((struct str){value.at, front.len}, front))
		return value;
	return (struct str){value.at + front.len, value.len - front.len};
}

/* Keeps the value, without what people and editors put around it. */
static int keep(struct fetch *x, const struct slot *s, struct str value)
{
	struct str bare;

	value = str_trim(drop_front(str_trim(value), STR("\xef\xbb\xbf"))); /* byte order mark */
	bare = str_trim(drop_front(value, str_of(s->prefix)));
	if (bare.len != value.len && s->is_told)
		conf_report_add(x->r, CONF_WARNING, x->c->path, "put it in without",
			"%s: \"%s\" in front is no part of the secret, and is left out", s->name,
			s->prefix);
	value = bare;
	if (value.len == 0) {
		complain(x, NULL, "%s: the secret is empty", s->name);
		return 0;
	}
	for (size_t i = 0; i < value.len; i++) {
		if ((unsigned char)value.at[i] > ' ' && value.at[i] != 0x7f)
			continue;
		complain(x, "keep nothing else together with it",
			"%s: the secret has a space or line break within", s->name);
		return 0;
	}
	return secret_new(value, s->to);
}

static int fetch_env(struct fetch *x, const struct slot *s)
{
	const char *value = getenv(s->from->name);

	if (value && value[0] != '\0')
		return keep(x, s, str_of(value));
	complain(x, "set it in the environment of the daemon",
		"%s: there is no variable %s, or it is empty", s->name, s->from->name);
	return 0;
}

/* systemd's LoadCredential= gives files in a folder that is ours alone; any other relative path is
 * meant from the folder of the config file. GIVES. */
static char *secret_path(const struct fetch *x, const char *name, bool *is_credential)
{
	const char *credentials = getenv("CREDENTIALS_DIRECTORY");
	struct stat st;
	char *folder, *path;

	*is_credential = false;
	if (credentials && credentials[0] == '/' && name[0] != '/' && !strstr(name, "..")) {
		path = file_join(credentials, name);
		if (!path || stat(path, &st) == 0) {
			*is_credential = true;
			return path;
		}
		mem_free(path);
	}
	folder = conf_folder_of(x->c->path);
	path = folder ? file_join(folder, name) : NULL;
	mem_free(folder);
	return path;
}

static int read_secret_file(struct fetch *x, const struct slot *s, const char *path)
{
	struct buf bytes;
	int err;

	buf_init(&bytes, SECRET_BYTES);
	err = file_read(path, &bytes);
	if (!err)
		err = keep(x, s, buf_str(&bytes));
	else if (err != ERR_NOMEM) {
		complain(x, err == ERR_DENIED ? "the daemon's user must own it" : NULL,
			"%s: %s cannot be read (%s)", s->name, path, err_text(err));
		err = 0;
	}
	if (bytes.at)
		secret_wipe(bytes.at, bytes.cap);
	buf_fini(&bytes);
	return err;
}

static int fetch_file(struct fetch *x, const struct slot *s)
{
	bool is_credential;
	char *path = secret_path(x, s->from->name, &is_credential);
	struct stat st;
	int err = 0;

	if (!path)
		return ERR_NOMEM;
	if (stat(path, &st) != 0)
		complain(x, NULL, "%s: there is no file %s", s->name, path);
	else if (!is_credential && (st.st_mode & 077) != 0)
		complain(x, "chmod 600 it, and change the secret if others use this machine",
			"%s: others may read %s (mode %03o)", s->name, path,
			(unsigned)(st.st_mode & 0777));
	else
		err = read_secret_file(x, s, path);
	mem_free(path);
	return err;
}

static int open_vault(struct fetch *x)
{
	if (x->vault || x->vault_err)
		return x->vault_err;
	x->vault_err = vault_open(x->c->state_dir, &x->vault);
	if (x->vault_err == ERR_DENIED)
		complain(x,
			"look at the owner and mode of its files, and whether its key is the right "
			"one",
			"the secrets in %s cannot be opened", x->c->state_dir);
	else if (x->vault_err && x->vault_err != ERR_NOMEM)
		complain(x, NULL, "the secrets in %s cannot be read (%s)", x->c->state_dir,
			err_text(x->vault_err));
	return x->vault_err;
}

static int fetch_vault(struct fetch *x, const struct slot *s)
{
	struct secret *found = NULL;
	char hint[CONF_ADVICE_BYTES];
	int err = open_vault(x);

	if (err)
		return err == ERR_NOMEM ? err : 0; /* it was complained of once */
	err = vault_get(x->vault, s->from->name, &found);
	if (!err)
		err = keep(x, s, secret_use(found));
	else if (err == ERR_NOTFOUND) {
		snprintf(hint, sizeof(hint), "run mynah secret set %s", s->from->name);
		complain(x, hint, "%s: there is no secret \"%s\" in %s", s->name, s->from->name,
			x->c->state_dir);
		err = 0;
	} else if (err != ERR_NOMEM) {
		complain(x, NULL, "%s: the secret \"%s\" cannot be opened (%s)", s->name,
			s->from->name, err_text(err));
		err = 0;
	}
	secret_free(found);
	return err;
}

static int fetch_slot(void *ctx, const struct slot *s)
{
	struct fetch *x = ctx;

	if (*s->to) /* kept from before a reload */
		return 0;
	switch (s->from->from) {
	case CONF_SECRET_NONE: return 0;
	case CONF_SECRET_ENV: return fetch_env(x, s);
	case CONF_SECRET_FILE: return fetch_file(x, s);
	case CONF_SECRET_VAULT: return fetch_vault(x, s);
	case CONF_SECRET_LITERAL: return keep(x, s, secret_use(s->from->literal));
	}
	return 0;
}

/* Where it stands: /proc/PID/environ shows those bytes (faults.md Z3). The list of variables is let
 * be: this may be a worker, and other threads look variables up in it. */
static int wipe_slot(void *ctx, const struct slot *s)
{
	char *value = s->from->from == CONF_SECRET_ENV ? getenv(s->from->name) : NULL;

	(void)ctx;
	if (value)
		secret_wipe(value, strlen(value));
	return 0;
}

int conf_secrets_fetch(struct conf *c, struct conf_report *r)
{
	struct fetch x = {.c = c, .r = r};
	int err = slots_each(c, fetch_slot, &x);

	vault_close(x.vault);
	(void)slots_each(c, wipe_slot, NULL); /* after all: two may name one variable */
	if (err)
		return err;
	return x.failures > 0 ? ERR_INVALID : 0;
}

/* ---- Keeping over a reload, and looking at all ----------------------------------------------- */

struct search {
	const char *variable;
	struct secret *found;
};

static int find_variable(void *ctx, const struct slot *s)
{
	struct search *q = ctx;

	if (!q->found && s->from->from == CONF_SECRET_ENV &&
		strcmp(s->from->name, q->variable) == 0)
		q->found = *s->to;
	return 0;
}

static int keep_slot(void *ctx, const struct slot *s)
{
	struct search q = {.variable = s->from->name};

	if (s->from->from != CONF_SECRET_ENV || *s->to)
		return 0;
	(void)slots_each(ctx, find_variable, &q);
	*s->to = secret_ref(q.found);
	return 0;
}

void conf_secrets_keep(struct conf *fresh, struct conf *old)
{
	(void)slots_each(fresh, keep_slot, old);
}

struct visit {
	void (*each)(void *ctx, const struct secret *s);
	void *ctx;
};

static int visit_slot(void *ctx, const struct slot *s)
{
	struct visit *v = ctx;

	if (*s->to)
		v->each(v->ctx, *s->to);
	return 0;
}

void conf_secrets_each(
	const struct conf *c, void (*each)(void *ctx, const struct secret *s), void *ctx)
{
	struct visit v = {each, ctx};

	/* visit_slot changes nothing; the walk itself is the one that fetching uses. */
	(void)slots_each((struct conf *)c, visit_slot, &v);
}
