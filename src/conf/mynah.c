#include "conf/room.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* From mynah.yaml to struct conf: reads every section by its table, fills in what depends on other
 * options or on the system, has it judged, and gives all of it or nothing. */

#define PLACES_MAX    3  /* twitch, irc and discord */

#define OLLAMA_URL       "http://127.0.0.1:11434" /* its default: protocols/ai-providers.md */
#define ANTHROPIC_URL    "https://api.anthropic.com"
#define OLLAMA_MODEL     "llama3.2"
#define DEFAULT_PROVIDER "local"
#define DISCORD_TOKEN    "discord.bot" /* in the vault */

static int replace(char **member, const char *text)
{
	char *copy = mem_dup(text);

	if (!copy)
		return ERR_NOMEM;
	mem_free(*member);
	*member = copy;
	return 0;
}

/* ---- Folders --------------------------------------------------------------------------------- */

static char *home_dir(void)
{
	const char *home = getenv("HOME");
	struct passwd entry, *found = NULL;
	char room[4096]; /* more than any sane passwd line */

	if (home && home[0] == '/')
		return mem_dup(home);
	if (getpwuid_r(getuid(), &entry, room, sizeof(room), &found) == 0 && found)
		return mem_dup(found->pw_dir);
	return mem_dup("/");
}

/* systemd gives the folder of StateDirectory=; several are separated by colons, the first is ours.
 */
static char *default_state_dir(void)
{
	const char *systemd = getenv("STATE_DIRECTORY"), *xdg = getenv("XDG_STATE_HOME");
	char *home, *dir;

	if (systemd && systemd[0] == '/')
		return mem_dupn(systemd, strcspn(systemd, ":"));
	if (xdg && xdg[0] == '/')
		return file_join(xdg, "mynah");
	home = home_dir();
	dir = home ? file_join(home, ".local/state/mynah") : NULL;
	mem_free(home);
	return dir;
}

static bool is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The folder next to the config file, else the administrator's, else the installed one. */
static char *default_data_dir(const char *config, const char *name)
{
	char *parent, *dir = NULL;

	if (config) {
		parent = conf_folder_of(config);
		dir = parent ? file_join(parent, name) : NULL;
		mem_free(parent);
		if (!dir || is_dir(dir))
			return dir;
	}
	mem_free(dir);
	dir = file_join(MYNAH_SYSCONFDIR, name);
	if (!dir || is_dir(dir))
		return dir;
	mem_free(dir);
	return file_join(MYNAH_DATADIR, name);
}

static int set_folders(struct conf *c)
{
	if (!c->state_dir)
		c->state_dir = default_state_dir();
	if (!c->triggers_dir)
		c->triggers_dir = default_data_dir(c->path, "triggers");
	if (!c->personas_dir)
		c->personas_dir = default_data_dir(c->path, "personas");
	return c->state_dir && c->triggers_dir && c->personas_dir ? 0 : ERR_NOMEM;
}

/* ---- Sections -------------------------------------------------------------------------------- */

/* "ledger: off" in place of a map. */
static int read_ledger_word(struct conf_report *r, const struct conf_file *f,
	const struct conf_node *n, struct conf_ledger *ledger)
{
	const struct conf_part_table *part = &conf_parts[CONF_PART_LEDGER];
	struct conf_misread why;
	bool is_on;

	if (conf_value_bool(conf_node_text(n), &is_on, &why))
		return conf_read(r, f, n, part->options, part->n, ledger);
	if (conf_read(r, f, NULL, part->options, part->n, ledger))
		return ERR_NOMEM;
	ledger->is_on = is_on;
	return 0;
}

static int read_plain_parts(struct conf_draft *d, const struct conf_file *f, struct conf_report *r)
{
	for (int i = 0; i < CONF_PLAIN_PARTS; i++) {
		const struct conf_part_table *part = &conf_parts[i];
		const struct conf_node *n = d->parts[i];
		void *into = (char *)&d->c + part->offset;
		bool is_word = n && i == CONF_PART_LEDGER && conf_node_kind(n) == CONF_SCALAR &&
			       !conf_node_is_null(n);
		int err = is_word ? read_ledger_word(r, f, n, into)
				  : conf_read(r, f, n, part->options, part->n, into);

		if (err == ERR_NOMEM)
			return err;
	}
	return 0;
}

static const struct conf_part_table *part_of(enum conf_place_kind kind)
{
	static const enum conf_part parts[] = {[CONF_TWITCH] = CONF_PART_TWITCH,
		[CONF_IRC] = CONF_PART_IRC, [CONF_DISCORD] = CONF_PART_DISCORD};

	return &conf_parts[parts[kind]];
}

/* What the table cannot say of a Discord place. */
static int finish_discord(struct conf_place *p, const struct conf_node *n,
	const struct conf_file *f, struct conf_report *r)
{
	int err = conf_shards_read(r, f, n, p);

	p->sends_mod = p->sends;
	if (err == ERR_NOMEM || p->token.from != CONF_SECRET_NONE)
		return err;
	p->token.name = mem_dup(DISCORD_TOKEN);
	p->token.from = CONF_SECRET_VAULT;
	return p->token.name ? err : ERR_NOMEM;
}

static int read_place(struct conf *c, enum conf_place_kind kind, const struct conf_node *n,
	const struct conf_file *f, struct conf_report *r)
{
	const struct conf_part_table *part = part_of(kind);
	struct conf_place *p;
	int err;

	if (!n || conf_node_is_null(n))
		return 0;
	p = &c->places[c->place_count++];
	p->kind = kind;
	p->name = mem_dup(part->name);
	err = p->name ? conf_read(r, f, n, part->options, part->n, p) : ERR_NOMEM;
	if (err != ERR_NOMEM && kind == CONF_DISCORD)
		err = finish_discord(
			p, conf_node_kind(n) == CONF_MAP ? conf_node_find(n, "shards") : n, f, r);
	return err == ERR_NOMEM ? err : 0;
}

static int read_places(struct conf_draft *d, const struct conf_file *f, struct conf_report *r)
{
	int err;

	d->c.places = mem_array(PLACES_MAX, sizeof(*d->c.places));
	if (!d->c.places)
		return ERR_NOMEM;
	err = read_place(&d->c, CONF_TWITCH, d->parts[CONF_PART_TWITCH], f, r);
	if (!err)
		err = read_place(&d->c, CONF_IRC, d->parts[CONF_PART_IRC], f, r);
	return err ? err : read_place(&d->c, CONF_DISCORD, d->parts[CONF_PART_DISCORD], f, r);
}

static int set_url(struct conf_provider *p)
{
	static const char *const fallbacks[] = {
		[CONF_OLLAMA] = OLLAMA_URL, [CONF_ANTHROPIC] = ANTHROPIC_URL,
		[CONF_SCRIPTED] = NULL};
	const char *fallback = fallbacks[p->type];

	if (p->urls.n == 0 && fallback) {
		conf_texts_free(&p->urls);
		p->urls.at = mem_array(1, sizeof(char *));
		if (!p->urls.at || replace(&p->urls.at[0], fallback))
			return ERR_NOMEM;
		p->urls.n = 1;
	}
	p->url = p->urls.n > 0 ? p->urls.at[0] : NULL;
	return 0;
}

/* Reads one provider; n NULL takes the fallbacks. */
static int read_provider(struct conf *c, struct str name, const struct conf_node *n,
	const struct conf_file *f, struct conf_report *r)
{
	const struct conf_part_table *part = &conf_parts[CONF_PART_PROVIDERS];
	struct conf_provider *p = &c->providers[c->provider_count++];
	struct conf_provider_draft draft = {0};
	int err;

	draft.p.name = mem_dupn(name.at, name.len);
	err = draft.p.name ? conf_read(r, f, n, part->options, part->n, &draft) : ERR_NOMEM;
	*p = draft.p;
	if (err != ERR_NOMEM)
		err = conf_headers_read(p, draft.headers, f, r);
	if (!err)
		err = set_url(p);
	if (!err && p->type == CONF_OLLAMA && !p->model && replace(&p->model, OLLAMA_MODEL))
		err = ERR_NOMEM;
	return err;
}

static int read_providers(struct conf_draft *d, const struct conf_file *f, struct conf_report *r)
{
	const struct conf_node *map = d->parts[CONF_PART_PROVIDERS];
	size_t n = map && conf_node_kind(map) == CONF_MAP ? conf_node_count(map) : 0;
	bool is_none = n == 0;

	if (n > CONF_PROVIDERS_MAX) {
		conf_complain(r, f, conf_node_key(map, CONF_PROVIDERS_MAX), 0, CONF_ERROR,
			"leave some out", "there may be %d providers at most", CONF_PROVIDERS_MAX);
		n = CONF_PROVIDERS_MAX;
	}
	if (map && is_none && !conf_node_is_null(map) && conf_node_kind(map) != CONF_MAP)
		conf_complain(r, f, map, 0, CONF_ERROR, "write providers: {local: {type: ollama}}",
			"\"providers\" must be a map of names");
	d->c.providers = mem_array(is_none ? 1 : n, sizeof(*d->c.providers));
	if (!d->c.providers)
		return ERR_NOMEM;
	if (is_none)
		return read_provider(&d->c, STR(DEFAULT_PROVIDER), NULL, f, r);
	for (size_t i = 0; i < n; i++) {
		int err = read_provider(&d->c, conf_node_text(conf_node_key(map, i)),
			conf_node_value(map, i), f, r);

		if (err)
			return err;
	}
	return 0;
}

/* Without ask: every provider but the one that judges, those on this machine first, else as they
 * stand in the file. */
static int set_ask(struct conf *c)
{
	if (c->ask.n > 0)
		return 0;
	c->ask.at = mem_array(c->provider_count, sizeof(char *));
	if (!c->ask.at)
		return ERR_NOMEM;
	for (int is_remote = 0; is_remote < 2; is_remote++)
		for (size_t i = 0; i < c->provider_count; i++) {
			const struct conf_provider *p = &c->providers[i];

			if (!conf_provider_is_local(p) != is_remote)
				continue;
			if (c->safety.model && strcmp(p->name, c->safety.model) == 0)
				continue; /* it judges: chat is nothing for it */
			c->ask.at[c->ask.n] = mem_dup(p->name);
			if (!c->ask.at[c->ask.n])
				return ERR_NOMEM;
			c->ask.n++;
		}
	return 0;
}

/* ---- Tidying: one spelling of everything that has several ------------------------------------ */

static void tidy_places(struct conf *c)
{
	for (size_t i = 0; i < c->place_count; i++) {
		struct conf_place *p = &c->places[i];
		struct conf_texts *lists[] = {&p->channels, &p->ignore, &p->bots};

		for (size_t k = 0; k < p->channels.n; k++)
			if (p->channels.at[k][0] == '#')
				memmove(p->channels.at[k], p->channels.at[k] + 1,
					strlen(p->channels.at[k]));
		for (size_t l = 0; l < ARRAY_LEN(lists); l++)
			for (size_t k = 0; k < lists[l]->n; k++)
				ascii_lower_all(lists[l]->at[k]);
		if (p->account && p->kind == CONF_TWITCH)
			ascii_lower_all(p->account);
	}
}

/* Word files are meant from the folder of the config file, like every path in it. */
static int join_words_files(struct conf *c)
{
	char *folder = conf_folder_of(c->path);
	int err = folder ? 0 : ERR_NOMEM;

	for (size_t i = 0; !err && i < c->safety.words_files.n; i++) {
		char *path = file_join(folder, c->safety.words_files.at[i]);

		if (!path)
			err = ERR_NOMEM;
		else
			mem_free(c->safety.words_files.at[i]);
		if (path)
			c->safety.words_files.at[i] = path;
	}
	mem_free(folder);
	return err;
}

/* ---- The whole ------------------------------------------------------------------------------- */

static void conf_fini(struct conf *c)
{
	const struct conf_part_table *part;
	const struct conf_option *top;
	size_t n;

	top = conf_top_options(&n);
	conf_free_options(top, n, c);
	for (int i = 0; i < CONF_PLAIN_PARTS; i++) {
		part = &conf_parts[i];
		conf_free_options(part->options, part->n, (char *)c + part->offset);
	}
	secret_free(c->memory.secret);
	secret_free(c->api.secret);
	for (size_t i = 0; i < c->place_count; i++) {
		part = part_of(c->places[i].kind);
		conf_free_options(part->options, part->n, &c->places[i]);
		secret_free(c->places[i].secret);
		secret_free(c->places[i].client);
		mem_free(c->places[i].name);
	}
	part = &conf_parts[CONF_PART_PROVIDERS];
	for (size_t i = 0; i < c->provider_count; i++) {
		conf_free_options(part->options, part->n, &c->providers[i]);
		secret_free(c->providers[i].secret);
		mem_free(c->providers[i].name);
		conf_texts_free(&c->providers[i].headers);
		mem_free(c->providers[i].others);
	}
	conf_routes_free(c);
	mem_free(c->places);
	mem_free(c->providers);
	mem_free(c->path);
}

static int read_all(struct conf_draft *d, const struct conf_file *f, struct conf_report *r)
{
	const struct conf_option *top;
	size_t n;
	int err;

	top = conf_top_options(&n);
	if (f) {
		d->c.path = mem_dup(conf_file_path(f));
		if (!d->c.path)
			return ERR_NOMEM;
	}
	err = conf_read(r, f, f ? conf_file_root(f) : NULL, top, n, d);
	if (err != ERR_NOMEM)
		err = read_plain_parts(d, f, r);
	if (!err)
		err = read_places(d, f, r);
	if (!err)
		err = read_providers(d, f, r);
	if (!err)
		err = conf_routes_read(&d->c, d->parts[CONF_PART_ROUTES], f, r);
	if (!err)
		err = conf_models_note(&d->c);
	if (!err)
		err = conf_prices_read(&d->c, f, r);
	if (!err)
		err = set_ask(&d->c);
	if (!err)
		err = set_folders(&d->c);
	if (!err && !d->c.log.file)
		err = replace(&d->c.log.file, "-");
	if (!err)
		err = join_words_files(&d->c);
	tidy_places(&d->c);
	return err;
}

int conf_build(const struct conf_file *f, struct conf_report *r, struct conf **out)
{
	struct conf *c = mem_new(sizeof(*c));
	struct conf_draft draft = {0};
	size_t errors = r->errors, first = r->n;
	int err = c ? read_all(&draft, f, r) : ERR_NOMEM;

	if (!err)
		conf_judge(&draft.c, f, r);
	conf_report_sort(r, first);
	if (!err && r->errors > errors)
		err = ERR_INVALID;
	if (err) {
		conf_fini(&draft.c);
		mem_free(c);
		return err;
	}
	*c = draft.c;
	*out = c;
	return 0;
}

int conf_load(const char *path, struct conf_report *r, struct conf **out)
{
	struct conf_file *f = NULL;
	int err = path ? conf_file_load(path, r, &f) : 0;

	if (!err)
		err = conf_build(f, r, out);
	conf_file_free(f);
	return err;
}

void conf_free(struct conf *c)
{
	if (!c)
		return;
	conf_fini(c);
	mem_free(c);
}
