/* conf: what is read from a file, from nothing, from an example; secrets; running out of memory. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "conf/conf.h"

#define FILE_BYTES (1024 * 1024)

/* libfyaml 0.7.12 forgets what it gathered of a long quoted text when an error ends it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

/* ---- A folder for each test ------------------------------------------------------------------ */

struct folder {
	char path[64];
	struct conf_report r;
};

static int set_up(void **state)
{
	struct folder *d = calloc(1, sizeof(*d));

	snprintf(d->path, sizeof(d->path), "/tmp/conf_test.XXXXXX");
	assert_non_null(mkdtemp(d->path));
	conf_report_init(&d->r);
	*state = d;
	return 0;
}

static int tear_down(void **state)
{
	struct folder *d = *state;
	char **names;
	size_t n;

	if (!file_names(d->path, "", &names, &n)) {
		for (size_t i = 0; i < n; i++) {
			char *path = file_join(d->path, names[i]);

			remove(path);
			mem_free(path);
		}
		file_names_free(names, n);
	}
	rmdir(d->path);
	conf_report_fini(&d->r);
	free(d);
	return 0;
}

/* A path in the folder; valid until the next call. */
static const char *path_of(const struct folder *d, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return path;
}

static void write_file(const struct folder *d, const char *name, const char *text, unsigned mode)
{
	const char *path = path_of(d, name);

	assert_int_equal(file_replace(path, str_of(text), mode), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Loads a file of this text, which must be right but for warnings. */
static struct conf *load(struct folder *d, const char *text)
{
	struct conf *c = NULL;

	write_file(d, "mynah.yaml", text, 0600);
	if (conf_load(path_of(d, "mynah.yaml"), &d->r, &c))
		fail_msg("%s: %s", text, d->r.n ? d->r.items[0].what : "?");
	return c;
}

/* ---- Reading files --------------------------------------------------------------------------- */

static void no_file_gives_defaults_that_work(void **state)
{
	struct folder *d = *state;
	struct conf *c = NULL;

	setenv("XDG_STATE_HOME", "/tmp/xdg", 1);
	unsetenv("STATE_DIRECTORY");
	assert_int_equal(conf_load(NULL, &d->r, &c), 0);
	assert_int_equal(d->r.errors + d->r.warnings, 0);
	assert_null(c->path);
	assert_string_equal(c->name, "mynah");
	assert_string_equal(c->persona, "mynah");
	assert_string_equal(c->state_dir, "/tmp/xdg/mynah");
	assert_int_equal(c->place_count, 0);
	assert_int_equal(c->provider_count, 1);
	assert_string_equal(c->providers[0].name, "local");
	assert_int_equal(c->providers[0].type, CONF_OLLAMA);
	assert_string_equal(c->providers[0].url, "http://127.0.0.1:11434");
	assert_string_equal(c->providers[0].model, "llama3.2");
	assert_int_equal(c->ask.n, 1);
	assert_string_equal(c->ask.at[0], "local");
	assert_int_equal(c->limits.reply_ttl_ms, 30000);
	assert_int_equal(c->limits.event_ttl_ms, 120000);
	assert_int_equal(c->limits.turns, 64);
	assert_int_equal(c->limits.retries, 2);
	assert_int_equal(c->memory.backend, 0);
	assert_int_equal(c->memory.recall_ms, 150);
	assert_true(c->ledger.is_on);
	assert_null(c->api.listen);
	assert_string_equal(c->log.file, "-");
	conf_free(c);
}

static void the_state_folder_follows_systemd_then_xdg_then_home(void **state)
{
	struct folder *d = *state;
	struct conf *c = NULL;
	char *home = strdup(getenv("HOME") ? getenv("HOME") : "/");

	setenv("STATE_DIRECTORY", "/var/lib/one:/var/lib/two", 1);
	assert_int_equal(conf_load(NULL, &d->r, &c), 0);
	assert_string_equal(c->state_dir, "/var/lib/one");
	conf_free(c);
	unsetenv("STATE_DIRECTORY");
	unsetenv("XDG_STATE_HOME");
	setenv("HOME", "/home/bird", 1);
	assert_int_equal(conf_load(NULL, &d->r, &c), 0);
	assert_string_equal(c->state_dir, "/home/bird/.local/state/mynah");
	conf_free(c);
	unsetenv("HOME"); /* faults.md S7 */
	assert_int_equal(conf_load(NULL, &d->r, &c), 0);
	assert_non_null(c->state_dir);
	conf_free(c);
	setenv("HOME", home, 1);
	free(home);
}

static void nothing_in_a_file_is_the_same_as_no_file(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n",
		"# only a comment\n",
		"---\n",
		"\xef\xbb\xbf",
		"\xef\xbb\xbf# c\n",
		"~\n",
		"{}\n",
		"name:\nlimits:\ntwitch:\nproviders: ~\nledger: null\nask:\n",
	};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf *c = load(d, texts[i]);

		assert_int_equal(d->r.errors + d->r.warnings, 0);
		assert_string_equal(c->name, "mynah");
		assert_int_equal(c->place_count, 0);
		assert_string_equal(c->ask.at[0], "local");
		conf_free(c);
	}
}

static void a_file_is_read_whatever_its_line_breaks(void **state)
{
	static const char *const texts[] = {
		"name: Bird\r\nlimits:\r\n  asks: 2\r\n",
		"name: Bird\rlimits:\r  asks: 2\r",
		"\xef\xbb\xbfname: Bird\nlimits: {asks: 2}",
		"{name: Bird, limits: {\n\n asks: 2}}",
		"---\n\"name\": 'Bird' # c\nlimits: &l {asks: 2}\nlog: {}\n",
	};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf *c = load(d, texts[i]);

		assert_string_equal(c->name, "Bird");
		assert_int_equal(c->limits.asks, 2);
		conf_free(c);
	}
}

static void what_is_no_readable_file_is_refused_in_its_own_words(void **state)
{
	struct folder *d = *state;
	struct conf *c = NULL;
	char *big = malloc(CONF_FILE_BYTES + 2);

	memset(big, '#', CONF_FILE_BYTES + 1);
	big[CONF_FILE_BYTES + 1] = '\0';
	write_file(d, "big", big, 0600);
	big[CONF_FILE_BYTES] = '\0';
	write_file(d, "full", big, 0600);
	write_file(d, "closed", "name: x\n", 0000);
	assert_int_equal(mkfifo(path_of(d, "fifo"), 0600), 0);
	static const struct {
		const char *name, *what;
		int err;
	} cases[] = {
		{"absent", "no such file", ERR_NOTFOUND},
		{"big", "larger than 1024 KiB", ERR_LIMIT},
		{"fifo", "pipe or a device", ERR_INVALID},
		{".", "a folder, not a file", ERR_INVALID},
		{"closed", "may not read", ERR_DENIED},
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (cases[i].err == ERR_DENIED && geteuid() == 0)
			continue; /* root reads everything */
		conf_report_fini(&d->r);
		assert_int_equal(conf_load(path_of(d, cases[i].name), &d->r, &c), cases[i].err);
		assert_int_equal(d->r.errors, 1);
		assert_non_null(strstr(d->r.items[0].what, cases[i].what));
		assert_string_equal(d->r.items[0].path, path_of(d, cases[i].name));
		assert_null(c);
	}
	conf_report_fini(&d->r);
	assert_int_equal(conf_load(path_of(d, "full"), &d->r, &c), 0);
	conf_free(c);
	free(big);
}

static void nodes_know_what_and_where_they_are(void **state)
{
	static const char text[] = "\xef\xbb\xbf日本: [a, 'b']\nk: &x\n  - {p: q}\nl: *x\n";
	struct folder *d = *state;
	struct conf_file *f = NULL;
	struct conf_node *root, *n;

	assert_int_equal(conf_file_parse("f", STR(text), &d->r, &f), 0);
	root = conf_file_root(f);
	assert_int_equal(conf_node_kind(root), CONF_MAP);
	assert_int_equal(conf_node_count(root), 3);
	assert_true(str_is(conf_node_text(conf_node_key(root, 0)), "日本"));
	assert_int_equal(conf_node_column(conf_node_key(root, 0)), 1); /* the BOM is no character */
	n = conf_node_value(root, 0);
	assert_int_equal(conf_node_kind(n), CONF_LIST);
	assert_int_equal(conf_node_column(n), 5);
	assert_int_equal(conf_node_column(conf_node_at(n, 1)), 10);
	assert_null(conf_node_at(n, 2));
	assert_ptr_equal(conf_node_find(root, "l"), conf_node_find(root, "k"));
	n = conf_node_find(conf_node_at(conf_node_find(root, "l"), 0), "p");
	assert_true(str_is(conf_node_text(n), "q"));
	assert_int_equal(conf_node_line(n), 3);
	assert_int_equal(conf_node_column(n), 9);
	assert_null(conf_node_find(root, "zzz"));
	assert_true(str_eq(conf_file_text(f), STR(text)));
	assert_string_equal(conf_file_path(f), "f");
	conf_file_free(f);
}

static void aliases_cannot_explode(void **state)
{
	struct folder *d = *state;
	struct conf_file *f = NULL;
	char text[4000];
	size_t n = (size_t)snprintf(text, sizeof(text), "a: &a [x, x, x, x, x, x, x, x, x]\n");

	for (char c = 'b'; c <= 'z'; c++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
			"%c: &%c [*%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c, *%c]\n", c, c, c - 1,
			c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1, c - 1);
	assert_int_equal(conf_file_parse("f", str_of(text), &d->r, &f), ERR_LIMIT);
	assert_non_null(strstr(d->r.items[0].what, "aliases repeat more than 100 values"));
	assert_null(f);
}

/* ---- Options --------------------------------------------------------------------------------- */

struct sample {
	char *text, *path;
	bool flag;
	int64_t whole, ms, bytes;
	double number, percent;
	int choice;
	struct conf_texts texts;
	struct conf_node *node;
};

static const char *const colours[] = {"red", "green", "blue", NULL};
static const struct conf_option sample_options[] = {
	{.name = "text", .type = CONF_TEXT, .offset = offsetof(struct sample, text)},
	{.name = "path", .type = CONF_PATH, .offset = offsetof(struct sample, path)},
	{.name = "flag", .type = CONF_BOOL, .offset = offsetof(struct sample, flag)},
	{.name = "whole", .type = CONF_INT, .offset = offsetof(struct sample, whole)},
	{.name = "ms",
		.type = CONF_DURATION,
		.offset = offsetof(struct sample, ms),
		.fallback = "7s"},
	{.name = "bytes", .type = CONF_BYTES, .offset = offsetof(struct sample, bytes)},
	{.name = "number", .type = CONF_NUMBER, .offset = offsetof(struct sample, number)},
	{.name = "percent", .type = CONF_PERCENT, .offset = offsetof(struct sample, percent)},
	{.name = "choice",
		.type = CONF_CHOICE,
		.offset = offsetof(struct sample, choice),
		.choices = colours},
	{.name = "texts",
		.type = CONF_TEXTS,
		.offset = offsetof(struct sample, texts),
		.fallback = "[a, b]"},
	{.name = "node", .type = CONF_NODE, .offset = offsetof(struct sample, node)},
};

static int read_sample(struct folder *d, const char *path, const char *text, struct sample *s)
{
	struct conf_file *f = NULL;
	int err;

	*s = (struct sample){0};
	conf_report_fini(&d->r);
	assert_int_equal(conf_file_parse(path, str_of(text), &d->r, &f), 0);
	err = conf_read(&d->r, f, conf_file_root(f), sample_options, COUNT(sample_options), s);
	assert_int_equal(!err, d->r.errors == 0);
	conf_file_free(f);
	return err;
}

static void values_are_spelled_in_these_ways(void **state)
{
	static const struct {
		const char *text;
		double value; /* -1 = refused */
	} cases[] = {
		{"ms: 0", 0},
		{"ms: 500ms", 500},
		{"ms: 30s", 30000},
		{"ms: 10m", 600000},
		{"ms: 2h", 7200000},
		{"ms: 7d", 604800000},
		{"ms: 1h30m", 5400000},
		{"ms: 1m500ms", 60500},
		{"ms: 10", -1},
		{"ms: 10 s", -1},
		{"ms: -5s", -1},
		{"ms: 5S", -1},
		{"ms: s", -1},
		{"ms: 1.5s", -1},
		{"ms: 1s1s", -1},
		{"ms: 1ms1s", -1},
		{"ms: 99999999999999d", -1},
		{"ms: 106751991167d106751991167h", -1},
		{"bytes: 64k", 65536},
		{"bytes: 1M", 1048576},
		{"bytes: 2G", 2147483648.0},
		{"bytes: 17", 17},
		{"bytes: 1m", 1048576},
		{"bytes: 1kb", -1},
		{"bytes: k", -1},
		{"bytes: 9999999999999G", -1},
		{"percent: 40%", 40},
		{"percent: 2.5 %", 2.5},
		{"percent: 0%", 0},
		{"percent: 100%", 100},
		{"percent: 40", -1},
		{"percent: 101%", -1},
		{"percent: -1%", -1},
		{"percent: '%'", -1},
		{"whole: 5", 5},
		{"whole: '5'", 5},
		{"whole: 0x5", -1},
		{"whole: 5.0", -1},
		{"whole: 1_000", -1},
		{"whole: ''", -1},
		{"number: 0.7", 0.7},
		{"number: .5", 0.5},
		{"number: 3", 3},
		{"number: nan", -1},
		{"number: inf", -1},
		{"number: 1e5", -1},
		{"number: 0x1p3", -1},
		{"number: 1.2.3", -1},
		{"flag: true", 1},
		{"flag: Yes", 1},
		{"flag: on", 1},
		{"flag: off", 0},
		{"flag: NO", 0},
		{"flag: 1", -1},
		{"flag: y", -1},
		{"choice: blue", 2},
		{"choice: Blue", 2},
		{"choice: 2", -1},
		{"choice: ''", -1},
	};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sample s;
		int err = read_sample(d, "f", cases[i].text, &s);
		char kind = cases[i].text[0];
		double got = kind == 'm'   ? (double)s.ms
			     : kind == 'b' ? (double)s.bytes
			     : kind == 'p' ? s.percent
			     : kind == 'w' ? (double)s.whole
			     : kind == 'n' ? s.number
			     : kind == 'f' ? s.flag
					   : s.choice;

		if (err != (cases[i].value < 0 ? ERR_INVALID : 0) ||
			(!err && got != cases[i].value))
			fail_msg("%s gives %d and %g", cases[i].text, err, got);
		if (err && kind == 'm' && s.ms != 7000)
			fail_msg("%s changed the fallback", cases[i].text);
		conf_free_options(sample_options, COUNT(sample_options), &s);
	}
}

static void lists_and_paths_are_read(void **state)
{
	struct folder *d = *state;
	struct sample s;

	assert_int_equal(
		read_sample(d, "/etc/m/f.yaml", "path: sub/x\ntexts: [x, 'y z']\nnode: [1]\n", &s),
		0);
	assert_string_equal(s.path, "/etc/m/sub/x");
	assert_int_equal(s.texts.n, 2);
	assert_string_equal(s.texts.at[1], "y z");
	assert_non_null(s.node);
	assert_null(s.text);
	conf_free_options(sample_options, COUNT(sample_options), &s);
	assert_int_equal(read_sample(d, "f.yaml", "path: /abs\ntexts: one\ntext: no\n", &s), 0);
	assert_string_equal(s.path, "/abs");
	assert_string_equal(s.text, "no"); /* a text stays a text: no surprise from yes, no, 1.0 */
	assert_int_equal(s.texts.n, 1);
	conf_free_options(sample_options, COUNT(sample_options), &s);
	assert_int_equal(read_sample(d, "f.yaml", "path: x\n", &s), 0);
	assert_string_equal(s.path, "./x");
	assert_int_equal(s.texts.n, 2); /* the fallback */
	assert_string_equal(s.texts.at[1], "b");
	conf_free_options(sample_options, COUNT(sample_options), &s);
	assert_int_equal(read_sample(d, "f.yaml", "texts: []\npath: '-'\n", &s), 0);
	assert_int_equal(s.texts.n, 0);
	assert_string_equal(s.path, "-");
	conf_free_options(sample_options, COUNT(sample_options), &s);
}

static void a_single_value_is_read_by_the_same_rules(void **state)
{
	struct folder *d = *state;
	struct conf_file *f = NULL;
	int64_t value = 1;

	assert_int_equal(conf_file_parse("f", STR("[10s, 2m]"), &d->r, &f), 0);
	struct conf_node *root = conf_file_root(f);
	assert_int_equal(conf_read_duration(&d->r, f, conf_node_at(root, 0), 0, 60000, &value), 0);
	assert_int_equal(value, 10000);
	assert_int_equal(
		conf_read_duration(&d->r, f, conf_node_at(root, 1), 0, 60000, &value), ERR_INVALID);
	assert_string_equal(d->r.items[0].what, "this must be within 0..1m, not \"2m\"");
	conf_file_free(f);
}

static void the_nearest_word_is_near(void **state)
{
	static const char *const words[] = {"cooldown", "chance", "level", "in", "on"};
	static const struct {
		const char *word, *nearest;
	} cases[] = {
		{"cooldwon", "cooldown"},
		{"Cool-Down", "cooldown"},
		{"chanse", "chance"},
		{"lvl", "level"},
		{"levle", "level"},
		{"LEVEL", "level"},
		{"xyz", NULL},
		{"", NULL},
		{"onn", "on"},
		{"a_word_that_is_longer_than_any_option_is", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		const char *got = conf_nearest(str_of(cases[i].word), words, COUNT(words));

		if (!got != !cases[i].nearest || (got && strcmp(got, cases[i].nearest) != 0))
			fail_msg("%s gives %s", cases[i].word, got ? got : "nothing");
	}
}

/* ---- mynah.yaml ------------------------------------------------------------------------------ */

static void places_and_providers_are_tidied(void **state)
{
	struct folder *d = *state;
	struct conf *c = load(d,
		"twitch:\n  account: My_Bot\n  token: {env: T}\n"
		"  channels: ['#Alice', BOB]\n  ignore: Mallory\n  bots: [Other]\n"
		"irc: {account: Bird, channels: ['##Garden', lawn], url: 'ws://127.0.0.1:1/'}\n"
		"providers:\n  b: {type: scripted, file: a.yaml}\n  a:\n"
		"ledger: off\nsafety: {words_files: [w.txt]}\ntriggers: t\n");
	char expected[128];

	assert_int_equal(c->place_count, 2);
	assert_int_equal(c->places[0].kind, CONF_TWITCH);
	assert_string_equal(c->places[0].name, "twitch");
	assert_string_equal(c->places[0].account, "my_bot");
	assert_string_equal(c->places[0].channels.at[0], "alice");
	assert_string_equal(c->places[0].channels.at[1], "bob");
	assert_string_equal(c->places[0].ignore.at[0], "mallory");
	assert_string_equal(c->places[0].bots.at[0], "other");
	assert_int_equal(c->places[0].bots.n, 1);
	assert_int_equal(c->places[0].sends, 19);
	assert_int_equal(c->places[0].window_ms, 30500);
	assert_string_equal(c->places[0].url, "wss://irc-ws.chat.twitch.tv:443/");
	assert_string_equal(c->places[1].account, "Bird");
	assert_string_equal(c->places[1].channels.at[0], "#garden");
	assert_int_equal(c->ask.n, 2); /* as they stand in the file */
	assert_string_equal(c->ask.at[0], "b");
	assert_string_equal(c->ask.at[1], "a");
	assert_int_equal(c->providers[0].type, CONF_SCRIPTED);
	assert_string_equal(c->providers[1].model, "llama3.2");
	assert_false(c->ledger.is_on);
	assert_string_equal(c->ledger.file, "ledger.sqlite");
	snprintf(expected, sizeof(expected), "%s/w.txt", d->path);
	assert_string_equal(c->safety.words_files.at[0], expected);
	snprintf(expected, sizeof(expected), "%s/t", d->path);
	assert_string_equal(c->triggers_dir, expected);
	conf_free(c);
}

static void a_bot_on_discord_is_read(void **state)
{
	static const struct {
		const char *text;
		unsigned shards, first, last;
	} cases[] = {
		{"", 0, 0, 0},
		{"auto", 0, 0, 0},
		{"4", 4, 0, 3},
		{"[1, 4]", 4, 1, 1},
		{"[0-3, 16]", 16, 0, 3},
	};
	struct folder *d = *state;
	char text[128];

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf *c;

		snprintf(text, sizeof(text),
			"discord:\n  channels: 1180000000000000200\n  shards: %s\n", cases[i].text);
		c = load(d, text);
		assert_int_equal(c->place_count, 1);
		assert_int_equal(c->places[0].kind, CONF_DISCORD);
		assert_string_equal(c->places[0].name, "discord");
		assert_string_equal(c->places[0].channels.at[0], "1180000000000000200");
		assert_int_equal(c->places[0].token.from, CONF_SECRET_VAULT);
		assert_string_equal(c->places[0].token.name, "discord.bot");
		assert_string_equal(c->places[0].api_url, "https://discord.com/api/v10");
		assert_int_equal(c->places[0].sends_mod, 40);
		assert_true(c->places[0].direct && c->places[0].compress && !c->places[0].pings);
		assert_int_equal(c->places[0].shards, cases[i].shards);
		assert_int_equal(c->places[0].shard_first, cases[i].first);
		assert_int_equal(c->places[0].shard_last, cases[i].last);
		conf_free(c);
	}
}

static void folders_next_to_the_file_are_found(void **state)
{
	struct folder *d = *state;
	char expected[128];
	struct conf *c;

	assert_int_equal(mkdir(path_of(d, "triggers"), 0700), 0);
	c = load(d, "");
	snprintf(expected, sizeof(expected), "%s/triggers", d->path);
	assert_string_equal(c->triggers_dir, expected);
	assert_null(strstr(c->personas_dir, d->path)); /* there is none: the installed one */
	conf_free(c);
}

static const char *const good_file =
	"name: Bird\npersona: b\ntwitch:\n  account: bot\n  token: {secret: t}\n  channels:\n"
	"    - alice\n    - '#bob'\nproviders: {a: {type: openai, url: \"http://[::1]:1/v1\", "
	"model: m,\n"
	"  key: {file: k}}, b: &b {type: ollama}, c: *b}\nask: [b, a]\nlimits:\n  asks: 2\n"
	"  drain: 1s500ms\nsafety:\n  prefix: |\n    [bot]\n  allow_hosts: [a.example]\n"
	"api: {listen: '127.0.0.1:1', key: {env: K}}\nmemory: {backend: redis}\n";

static void every_prefix_of_a_good_file_loads_or_complains(void **state)
{
	struct folder *d = *state;
	size_t whole = strlen(good_file);

	for (size_t n = 0; n <= whole; n++) {
		char *copy = malloc(n ? n : 1); /* exact, so that a read past the end is seen */
		struct conf_file *f = NULL;
		struct conf *c = NULL;
		int err;

		memcpy(copy, good_file, n);
		conf_report_fini(&d->r);
		err = conf_file_parse("f", (struct str){copy, n}, &d->r, &f);
		if (!err)
			err = conf_build(f, &d->r, &c);
		assert_int_equal(err != 0, d->r.errors > 0);
		assert_int_equal(err == 0, c != NULL);
		if (n == whole && err)
			fail_msg("%s", d->r.items[0].what);
		conf_free(c);
		conf_file_free(f);
		free(copy);
	}
}

static void running_out_of_memory_is_an_ordinary_error(void **state)
{
	struct folder *d = *state;
	unsigned long n = 0;
	int err = ERR_NOMEM;

	write_file(d, "mynah.yaml", good_file, 0600);
	for (int for_ever = 0; for_ever < 2; for_ever++) {
		for (n = 1, err = ERR_NOMEM; err && n < 5000; n++) {
			struct conf *c = NULL;

			conf_report_fini(&d->r);
			mem_fail_at(n, for_ever);
			err = conf_load(path_of(d, "mynah.yaml"), &d->r, &c);
			mem_fail_at(0, 0);
			if (err != (c ? 0 : ERR_NOMEM))
				fail_msg("allocation %lu: %s", n, err_name(err));
			conf_free(c);
		}
		assert_int_equal(err, 0);
		assert_true(n > 100);
	}
}

static void complaining_without_memory_still_counts(void **state)
{
	struct folder *d = *state;
	struct conf *c = NULL;

	write_file(d, "mynah.yaml", "nmae: x\nlimits: {asks: 0}\n", 0600);
	for (unsigned long n = 1; n < 300; n++) {
		conf_report_fini(&d->r);
		mem_fail_at(n, 0);
		int err = conf_load(path_of(d, "mynah.yaml"), &d->r, &c);
		mem_fail_at(0, 0);
		assert_true(err == ERR_NOMEM || (err == ERR_INVALID && d->r.errors == 2));
		assert_null(c);
	}
}

/* ---- Secrets --------------------------------------------------------------------------------- */

static const char *secret_of(const struct secret *s)
{
	return secret_use(s).at;
}

static void secrets_come_from_vault_variable_and_file(void **state)
{
	struct folder *d = *state;
	struct vault *v = NULL;
	struct conf *c;
	char text[512];
	char *variable;

	assert_int_equal(vault_open(d->path, &v), 0);
	assert_int_equal(vault_set(v, "twitch.token", STR("oauth:abc123")), 0);
	vault_close(v);
	setenv("CONF_TEST_KEY", "k-from-env", 1);
	variable = getenv("CONF_TEST_KEY");
	write_file(d, "redis.key", "pw-of-redis\r\n", 0600);
	snprintf(text, sizeof(text),
		"state_dir: %s\ntwitch: {account: a, channels: [a], token: "
		"{secret: twitch.token}}\napi: {key: {env: CONF_TEST_KEY}}\n"
		"memory: {password: {file: redis.key}}\n"
		"providers: {a: {key: {env: CONF_TEST_KEY}}, b: {key: plain}}\n",
		d->path);
	c = load(d, text);
	assert_int_equal(d->r.warnings, 1); /* the literal one */
	assert_int_equal(conf_secrets_fetch(c, &d->r), 0);
	assert_string_equal(secret_of(c->places[0].secret), "abc123");
	assert_string_equal(secret_of(c->api.secret), "k-from-env");
	assert_string_equal(secret_of(c->memory.secret), "pw-of-redis");
	assert_string_equal(secret_of(c->providers[0].secret), "k-from-env"); /* named twice */
	assert_string_equal(secret_of(c->providers[1].secret), "plain");
	assert_string_equal(getenv("CONF_TEST_KEY"), "");
	assert_null(memchr(variable, 'k', strlen("k-from-env"))); /* and no bytes left behind */
	conf_free(c);
}

static void what_people_put_around_a_discord_token_is_left_out(void **state)
{
	static const char *const written[] = {"ab.cd.ef", " ab.cd.ef\r\n",
		("\xef\xbb\xbf" "ab.cd.ef\n"), "Bot ab.cd.ef", "bot  ab.cd.ef\n"};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(written); i++) {
		struct conf *c;

		write_file(d, "token", written[i], 0600);
		c = load(d, "discord: {token: {file: token}}\n");
		d->r.warnings = 0;
		assert_int_equal(conf_secrets_fetch(c, &d->r), 0);
		assert_string_equal(secret_of(c->places[0].secret), "ab.cd.ef");
		assert_int_equal(d->r.warnings, i > 2); /* "Bot" is told of */
		conf_free(c);
	}
}

static void count_secret(void *ctx, const struct secret *s)
{
	*(size_t *)ctx += secret_use(s).len > 0;
}

static void a_reload_keeps_what_was_in_a_variable(void **state)
{
	struct folder *d = *state;
	struct conf *old, *fresh;
	size_t seen = 0;

	setenv("CONF_TEST_KEY", "value", 1);
	old = load(d, "api: {key: {env: CONF_TEST_KEY}}\n");
	assert_int_equal(conf_secrets_fetch(old, &d->r), 0);
	fresh = load(d,
		"api: {key: {env: CONF_TEST_KEY}}\nproviders: {a: {key: {env: CONF_TEST_KEY}}}\n");
	conf_secrets_keep(fresh, old);
	conf_free(old);
	assert_int_equal(conf_secrets_fetch(fresh, &d->r), 0);
	assert_string_equal(secret_of(fresh->providers[0].secret), "value");
	conf_secrets_each(fresh, count_secret, &seen);
	assert_int_equal(seen, 2);
	conf_free(fresh);
	fresh = load(d, "api: {key: {env: CONF_TEST_KEY}}\n");
	assert_int_equal(conf_secrets_fetch(fresh, &d->r), ERR_INVALID);
	conf_free(fresh);
}

static void secrets_that_cannot_be_had_are_all_complained_of(void **state)
{
	struct folder *d = *state;
	char text[512];
	struct conf *c;
	static const char *const wanted[] = {
		"memory.password: others may read",
		"api.key: there is no variable CONF_TEST_NONE",
		"providers.a.key: there is no file",
		"providers.b.key: there is no secret \"b.key\"",
		"providers.c.key: the secret is empty",
		"providers.d.key: the secret has a space",
	};

	write_file(d, "open", "secret", 0640); /* faults.md C8 */
	write_file(d, "empty", "\n", 0600);
	write_file(d, "two", "one\ntwo\n", 0600);
	snprintf(text, sizeof(text),
		"state_dir: %s\nmemory: {password: {file: open}}\n"
		"api: {key: {env: CONF_TEST_NONE}}\nproviders:\n  a: {key: {file: absent}}\n"
		"  b: {key: {secret: b.key}}\n  c: {key: {file: empty}}\n  d: {key: {file: two}}\n",
		d->path);
	c = load(d, text);
	assert_int_equal(conf_secrets_fetch(c, &d->r), ERR_INVALID);
	assert_int_equal(d->r.errors, COUNT(wanted));
	for (size_t i = 0; i < COUNT(wanted); i++)
		if (!strstr(d->r.items[i].what, wanted[i]))
			fail_msg("%s is not %s", d->r.items[i].what, wanted[i]);
	assert_null(c->memory.secret);
	conf_free(c);
}

static void systemd_credentials_are_found_by_name(void **state)
{
	struct folder *d = *state;
	struct conf *c;

	write_file(d, "token", "from-systemd", 0440); /* systemd guards the folder, not the file */
	setenv("CREDENTIALS_DIRECTORY", d->path, 1);
	c = load(d, "api: {key: {file: token}}\n");
	assert_int_equal(conf_secrets_fetch(c, &d->r), 0);
	assert_string_equal(secret_of(c->api.secret), "from-systemd");
	unsetenv("CREDENTIALS_DIRECTORY");
	conf_free(c);
}

static void a_secret_is_never_in_a_complaint(void **state)
{
	struct folder *d = *state;
	struct buf out;
	struct conf *c;

	write_file(d, "two", "hunter2 hunter2\n", 0600);
	c = load(d, "api: {key: {file: two}}\nproviders: {b: {key: 'pass word'}}\n");
	conf_report_fini(&d->r);
	assert_int_equal(conf_secrets_fetch(c, &d->r), ERR_INVALID);
	buf_init(&out, FILE_BYTES);
	assert_int_equal(conf_report_write(&d->r, false, &out), 0);
	assert_null(strstr(buf_text(&out), "hunter2"));
	assert_null(strstr(buf_text(&out), "pass word"));
	buf_fini(&out);
	conf_free(c);
}

static void money_is_whole_millionths(void **state)
{
	static const struct {
		const char *text;
		int64_t micros; /* -1 = refused */
	} cases[] = {
		{"0", 0}, {"1", 1000000}, {"0.25", 250000}, {"$0.25", 250000}, {"12.5", 12500000},
		{"0.000001", 1}, {"1000000", 1000000000000}, {"1000000.999999", 1000000999999},
		{"0.0000001", -1}, {"1000001", -1}, {"-1", -1}, {"1.", -1}, {".5", -1}, {"$", -1},
		{"1e3", -1}, {"one", -1}, {"1 $", -1}, {"99999999999999999999", -1},
	};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf *c = NULL;
		char text[100];

		conf_report_fini(&d->r);
		snprintf(text, sizeof(text), "limits: {cost_day: \"%s\"}\n", cases[i].text);
		write_file(d, "mynah.yaml", text, 0600);
		if (conf_load(path_of(d, "mynah.yaml"), &d->r, &c)) {
			if (cases[i].micros >= 0)
				fail_msg("%s is refused", cases[i].text);
			assert_string_equal(d->r.items[0].hint, "write it like 0.25");
		} else if (c->limits.cost_day != cases[i].micros) {
			fail_msg("%s is %lld", cases[i].text, (long long)c->limits.cost_day);
		}
		conf_free(c);
	}
}

#define PRICED "prices: list\nproviders: "                                                         \
	"{a: {type: openai, url: 'http://127.0.0.1:1', model: m}, "                                \
	"b: {model: n, price_in: 7}}\n"

static void a_list_of_prices_serves_who_names_none(void **state)
{
	static const struct {
		const char *list;
		int64_t in, out; /* -1 = refused */
	} cases[] = {
		{"{\"sample_spec\":{},\"m\":{\"input_cost_per_token\":2.5e-06,"
			"\"output_cost_per_token\":1e-05}}", 2500000, 10000000},
		{"{\"openai/m\":{\"input_cost_per_token\":1.5e-07}}", 150000, 0},
		{"{\"m\":{\"input_cost_per_token\":\"much\",\"output_cost_per_token\":-1}}", 0, 0},
		{"{\"m\":{\"input_cost_per_token\":1e300}}", 1000000000000, 0},
		{"{\"m\":7}", 0, 0}, {"{}", 0, 0},
		{"[]", -1, -1}, {"{", -1, -1}, {"", -1, -1},
	};
	struct folder *d = *state;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf *c = NULL;

		conf_report_fini(&d->r);
		write_file(d, "list", cases[i].list, 0600);
		write_file(d, "mynah.yaml", PRICED, 0600);
		if (conf_load(path_of(d, "mynah.yaml"), &d->r, &c)) {
			assert_int_equal(cases[i].in, -1);
			assert_non_null(strstr(d->r.items[0].what,
				"list of prices cannot be read"));
			continue;
		}
		assert_int_equal(c->providers[0].price_in, cases[i].in);
		assert_int_equal(c->providers[0].price_out, cases[i].out);
		assert_int_equal(c->providers[1].price_in, 7000000);
		conf_free(c);
	}
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(no_file_gives_defaults_that_work),
		IN_FOLDER(the_state_folder_follows_systemd_then_xdg_then_home),
		IN_FOLDER(nothing_in_a_file_is_the_same_as_no_file),
		IN_FOLDER(a_file_is_read_whatever_its_line_breaks),
		IN_FOLDER(what_is_no_readable_file_is_refused_in_its_own_words),
		IN_FOLDER(nodes_know_what_and_where_they_are),
		IN_FOLDER(aliases_cannot_explode),
		IN_FOLDER(values_are_spelled_in_these_ways),
		IN_FOLDER(money_is_whole_millionths),
		IN_FOLDER(a_list_of_prices_serves_who_names_none),
		IN_FOLDER(lists_and_paths_are_read),
		IN_FOLDER(a_single_value_is_read_by_the_same_rules),
		cmocka_unit_test(the_nearest_word_is_near),
		IN_FOLDER(places_and_providers_are_tidied),
		IN_FOLDER(a_bot_on_discord_is_read),
		IN_FOLDER(what_people_put_around_a_discord_token_is_left_out),
		IN_FOLDER(folders_next_to_the_file_are_found),
		IN_FOLDER(every_prefix_of_a_good_file_loads_or_complains),
		IN_FOLDER(running_out_of_memory_is_an_ordinary_error),
		IN_FOLDER(complaining_without_memory_still_counts),
		IN_FOLDER(secrets_come_from_vault_variable_and_file),
		IN_FOLDER(a_reload_keeps_what_was_in_a_variable),
		IN_FOLDER(secrets_that_cannot_be_had_are_all_complained_of),
		IN_FOLDER(systemd_credentials_are_found_by_name),
		IN_FOLDER(a_secret_is_never_in_a_complaint),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
