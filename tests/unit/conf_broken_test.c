/* conf: what people read when a file is wrong. */

#include "unit.h"

#include "conf/conf.h"

#define OUT_BYTES (1024 * 1024)

/* libfyaml 0.7.12 forgets what it gathered of a long quoted text when an error ends it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

/* Reads text as mynah.yaml. True when it was accepted. */
static bool accepts(struct str text, struct conf_report *r)
{
	struct conf_file *f = NULL;
	struct conf *c = NULL;
	int err = conf_file_parse("f.yaml", text, r, &f);

	if (!err)
		err = conf_build(f, r, &c);
	assert_int_equal(!err, c != NULL);
	conf_free(c);
	conf_file_free(f);
	return !err;
}

/* ---- One mistake a file ---------------------------------------------------------------------- */

struct broken {
	const char *text;
	int line, column;
	const char *what, *hint; /* fragments; hint NULL = any, but never none */
};

static const struct broken broken[] = {
	/* what is not YAML */
	{"name:x\npersona: y\n", 1, 5, "no space follows the \":\" of \"name\"", "write name: x"},
	{"name: x\npersona:y\nask: a\n", 2, 8, "no space follows the \":\"", "write persona: y"},
	{"name: \"x\n", 1, 7, "the quote that opens here is not closed", "close it"},
	{"name: \"x\npersona: y\n", 1, 7, "the quote that opens here is not closed", "close it"},
	{"name: 'x\npersona: 'y'\n", 1, 7, "the quote that opens here is not closed", "close it"},
	{"name: 'it's'\n", 1, 11, "text follows the closing quote", "a quote is written twice: ''"},
	{"name: \"a\"b\"\n", 1, 10, "text follows the closing quote", "\\\""},
	{"name: \"\\bhi\\d\"\n", 1, 12, "\"\\d\" is no escape", "single quotes"},
	{"name: \"\\xZZ\"\n", 1, 8, "\"\\x\" is no escape", "single quotes"},
	{"name: !lurk\n", 1, 7, "\"!\" is a YAML tag", "'!lurk'"},
	{"name: !lurk now # c\n", 1, 7, "\"!\" is a YAML tag", "'!lurk now'"},
	{"name: !!str x\n", 1, 7, "\"!\" is a YAML tag", "quotes"},
	{"name: @bob\n", 1, 7, "may not begin with \"@\"", "'@bob'"},
	{"name: %bob\n", 1, 7, "may not begin with \"%\"", "'%bob'"},
	{"name: `bob`\n", 1, 7, "may not begin with \"`\"", "'`bob`'"},
	{"name: *bob\n", 1, 7, "\"*bob\" is an alias", "'*bob'"},
	{"name: * bob\n", 1, 7, "is an alias for YAML", "'* bob'"},
	{"name: |bob\n", 1, 7, "text follows the \"|\"", "'|bob'"},
	{"name: - bob\n", 1, 7, "a list may not begin in the line of its name", "'- bob'"},
	{"name: ]\n", 1, 7, "nothing that this bracket closes", "quotes"},
	{"name: ,x\n", 1, 7, "a value is missing here", "',x'"},
	{"name: a: b\n", 1, 8, "a second \": \"", "quotes"},
	{"limits:\n\tasks: 1\n", 2, 1, "a tab is used for indentation", "spaces"},
	{"limits:\n  asks: 1\n\tturns: 2\n", 3, 1, "a tab is used for indentation", "spaces"},
	{"limits:\n  \tasks: 1\n", 2, 3, "a tab is used for indentation", "spaces"},
	{"ask: [a, b\n", 1, 6, "the \"[\" that opens here is never closed", "add the \"]\""},
	{"log: {level: info\nname: x\n", 1, 6, "the \"{\" that opens here is never closed",
		"\"}\""},
	{"log: {level: info]\n", 1, 18, "does not match the one that it closes", "{ by }"},
	{"name: x\n  persona: b\n", 2, 3, "as if it continued the value above", "same column"},
	{"limits:\n    asks: 1\n  turns: 2\n", 3, 3, "indented differently", "same column"},
	{"name: x\npersona\n", 2, 1, "this line has no \":\"", "name: value"},
	{"name: {x} y\n", 1, 7, "text follows a value that began with \"{\"", "quotes"},
	{"- a\nname: x\n", 2, 1, "not part of the list above", "\"- \""},
	{"name: x\n---\nname: y\n", 2, 1, "a second document", "a file of its own"},
	{"name: \"\xff\"\n", 1, 8, "byte 0xFF here is not UTF-8", "save the file as UTF-8"},
	{"name: x\npersona: \"\xe2\x82\"\n", 2, 11, "is not UTF-8", "UTF-8"},
	{"name: \"a\x01\"\n", 1, 9, "control character U+0001", "remove it"},
	{"name: \"a\\0b\"\n", 1, 8, "an escape that gives no character", NULL},
	/* what is YAML, but not as we take it */
	{"# c\n%YAML 1.1\n---\nname: x\n", 2, 1, "directives are not supported", "remove the line"},
	{"log:\n  ? level\n  : info\n", 2, 3, "may not begin with \"? \"", "name: value"},
	{"? k:\t:", 1, 1, "may not begin with \"? \"", "name: value"}, /* libfyaml frees twice */
	{"- : ? k:\t:", 1, 5, "may not begin with \"? \"", "name: value"},
	{"name: x\nname: y\n", 2, 1, "\"name\" stands here a second time; the first is in line 1",
		"remove one"},
	{"log: {level: info, \"level\": debug}\n", 1, 21, "\"level\" stands here a second time",
		"remove one"},
	{"log:\n  <<: {level: info}\n", 2, 3, "merge keys are not supported",
		"write the options out"},
	{"[name]: x\n", 1, 1, "a key must be a plain text, not a list", "quotes"},
	{"ask: &a [*a]\n", 1, 10, "stands within what it names", NULL},
	{"ask: [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]\n", 1, 21, "more than 16 deep", NULL},
	/* what is no option */
	{"nmae: x\n", 1, 1, "unknown key \"nmae\"", "did you mean \"name\"?"},
	{"limits:\n  reply-ttl: 3s\n", 2, 3, "unknown key \"reply-ttl\"", "\"reply_ttl\""},
	{"memory: {lnies: 3}\n", 1, 10, "unknown key \"lnies\"", "\"lines\""},
	{"asks: 3\n", 1, 1, "unknown key \"asks\"", "it belongs under \"limits:\""},
	{"log: {persona: x}\n", 1, 7, "unknown key \"persona\"", "left edge"},
	{"limits: {asks:3}\n", 1, 10, "unknown key \"asks:3\"", "space after the \":\""},
	{"flux_capacitor: on\n", 1, 1, "unknown key \"flux_capacitor\"", NULL},
	{"- name\n", 1, 1, "must be a map of keys, not a list", NULL},
	{"memory: 5\n", 1, 9, "must be a map of keys, not one value", NULL},
	{"name: [x]\n", 1, 7, "\"name\" must be one value, not a list", "quotes"},
	{"name: {x: y}\n", 1, 7, "\"name\" must be one value, not a map", "quotes"},
	/* what is no value */
	{"limits: {asks: many}\n", 1, 16, "\"asks\" must be a whole number, not \"many\"", NULL},
	{"limits: {asks: 5000}\n", 1, 16, "must be within 1..64, not \"5000\"", NULL},
	{"limits: {asks: 99999999999999999999}\n", 1, 16, "must be a smaller number", NULL},
	{"limits: {drain: 10}\n", 1, 17, "must be a duration with a unit, not \"10\"",
		"ms, s, m, h or d"},
	{"limits: {drain: 10sec}\n", 1, 17, "must be a duration", "\"sec\" is no unit"},
	{"limits: {drain: 1s1m}\n", 1, 17, "units from large to small", "ms, s"},
	{"limits: {event_ttl: 3d}\n", 1, 21, "must be within 1s..1h, not \"3d\"", NULL},
	{"twitch: {channels: [a], window: 30s}\n", 1, 33, "must be within 30500ms..10m", NULL},
	{"twitch: {channels: [a], sends: 20}\n", 1, 32, "must be within 1..19, not \"20\"", NULL},
	{"memory: {bytes: 1T}\n", 1, 17, "must be a size, not \"1T\"", "k, M or G"},
	{"memory: {bytes: 1k}\n", 1, 17, "must be within 64k..1G", NULL},
	{"log: {level: debgu}\n", 1, 14,
		"must be system, audit, error, info or debug, not \"debgu\"",
		"did you mean \"debug\"?"},
	{"log: {plain_users: maybe}\n", 1, 20, "must be true or false, not \"maybe\"", "yes"},
	{"providers: {a: {temperature: hot}}\n", 1, 30, "must be a number, not \"hot\"", NULL},
	{"providers: {a: {temperature: 2.5}}\n", 1, 30, "must be within 0..2", NULL},
	{"twitch:\n  channels:\n    - #alice\n", 3, 5, "this list item is empty",
		"\"#\" begins a comment"},
	{"twitch: {channels: [a, [b]]}\n", 1, 24, "must be one value, not a list", "quotes"},
	{"twitch: {channels: [a], account: b, token: {vault: x}}\n", 1, 45,
		"does not know the place \"vault\"", "{secret: NAME}"},
	{"twitch: {channels: [a], account: b, token: [x]}\n", 1, 44, "in one way", "{env: NAME}"},
	{"twitch: {channels: [a], account: b, token: {env: a-b}}\n", 1, 50, "names no place",
		"_ only"},
	/* what does not go together */
	{"ask: lcoal\n", 1, 6, "there is no provider \"lcoal\"", "did you mean \"local\"?"},
	{"providers: {far: {url: 'http://model.example/'}}\n", 1, 25,
		"\"model.example\" is not on this machine", "remote_ok: true"},
	{"providers: {far: {url: 'http://127.0.0.1.example/'}}\n", 1, 25, "is not on this machine",
		"remote_ok"},
	{"providers: {far: {url: 'ftp://127.0.0.1/'}}\n", 1, 25, "does not speak \"ftp\"",
		"http://"},
	{"providers: {far: {url: 'http://u:pw@127.0.0.1/'}}\n", 1, 25,
		"a user name or password in it", "as {secret: NAME}"},
	{"providers: {far: {url: 'http://127.0.0.1:99999/'}}\n", 1, 25, "1..65535", "HOST:PORT"},
	{"providers: {far: {type: openai, model: m}}\n", 1, 18, "\"far\" needs a url", "add url:"},
	{"providers: {far: {type: openai, url: 'http://[::1]:1/'}}\n", 1, 18, "needs a model",
		"model:"},
	{"providers: {a b: {}}\n", 1, 18, "\"a b\" is no name for a provider", "letters"},
	{"providers: {a: {context_tokens: 600, max_tokens: 600}}\n", 1, 33,
		"leaves no room for the question", "lower max_tokens"},
	{"twitch: {channels: [a], url: 'ws://chat.example/'}\n", 1, 31, "without encryption",
		"wss://"},
	{"twitch: {channels: [a], url: 'https://chat.example/'}\n", 1, 31,
		"does not speak \"https\"", "wss://"},
	{"twitch: {channels: [a], id_url: 'http://id.example/'}\n", 1, 34, "without encryption",
		"https://"},
	{"twitch: {channels: [a], eventsub_url: 'https://e.example/'}\n", 1, 40,
		"does not speak \"https\"", "wss://"},
	{"twitch: {channels: [a], chat: helix}\n", 1, 31, "must be irc or eventsub",
		"Where chat comes from"},
	{"twitch: {channels: [a], client_secret: {env: S}}\n", 1, 40,
		"a client_secret needs a client_id", "client_id:"},
	{"twitch: {channels: [a], account: b}\n", 1, 34, "account \"b\" needs a login or a token",
		"mynah secret set"},
	{"twitch: {channels: [a], token: {env: T}}\n", 1, 32, "a token needs an account",
		"account:"},
	{"twitch: {channels: ['a b']}\n", 1, 22, "\"a b\" is no channel", "a-z, 0-9 and _"},
	{"discord: {channels: [general]}\n", 1, 22, "\"general\" is no id of a channel",
		"Copy Channel ID"},
	{"discord: {moderators: ['1180000000000000102', mods]}\n", 1, 47,
		"\"mods\" is no id of a role", "Copy Role ID"},
	{"discord: {channels: [1180000000000000200, 1180000000000000200]}\n", 1, 43,
		"channel 1180000000000000200 is listed twice", "remove it"},
	{"discord: {shards: [4, 4]}\n", 1, 19, "\"shards\" is auto", "shards: [0, 4]"},
	{"discord: {shards: 0}\n", 1, 19, "\"shards\" is auto", "shards: auto"},
	{"discord: {shards: some}\n", 1, 19, "\"shards\" is auto", "shards: 4"},
	{"discord: {shards: [3-1, 4]}\n", 1, 19, "\"shards\" is auto", "shards: auto"},
	{"discord: {api_url: 'http://discord.example/api'}\n", 1, 21,
		"would send the token to \"discord.example\" without", "https://"},
	{"discord: {parts: 4}\n", 1, 18, "must be within 1..3", "Messages"},
	{"twitch: {channels: ['#Alice', bob, alice]}\n", 1, 36, "\"alice\" is listed twice",
		"remove"},
	{"irc: {channels: [a], url: 'wss://h/'}\n", 1, 6, "\"irc\" needs a nickname", "account:"},
	{"irc: {channels: [a], account: b}\n", 1, 6, "\"irc\" needs a url", "wss://"},
	{"api: {listen: '0.0.0.0:80'}\n", 1, 16, "others can reach \"0.0.0.0\"", "add key:"},
	{"api: {listen: localhost}\n", 1, 15, "it has no port", "HOST:PORT"},
	{"memory: {backend: redis, url: 'http://x'}\n", 1, 32, "does not speak \"http\"",
		"redis://"},
	{"limits: {lane: 500, total: 100}\n", 1, 16, "(500) than all together (100)",
		"raise total"},
	{"name: ''\n", 1, 8, "needs a name", NULL},
	{"persona: ../x\n", 1, 10, "is no name of a persona", "without .yaml"},
};

static void each_mistake_is_shown_where_it_is_with_a_way_out(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		const struct broken *b = &broken[i];
		struct conf_complaint none = {.what = (char *)"accepted"}, *c;
		struct conf_report r;

		conf_report_init(&r);
		(void)accepts(str_of(b->text), &r);
		c = r.n > 0 ? &r.items[0] : &none;
		if (r.errors != 1 || c->line != b->line || c->column != b->column ||
			!strstr(c->what, b->what) || !c->hint ||
			(b->hint && !strstr(c->hint, b->hint)))
			print_error("case %zu, wrong before: %zu; %zu errors; wanted %d:%d %s (%s) "
				    "for\n%s"
				    "got %d:%d %s (%s)\n",
				i, wrong++, r.errors, b->line, b->column, b->what,
				b->hint ? b->hint : "", b->text, c->line, c->column, c->what,
				c->hint ? c->hint : "");
		conf_report_fini(&r);
	}
	assert_int_equal(wrong, 0);
}

/* Twitch's 100 rooms (twitch_limits.h): more are a warning, in the order in which they are
 * joined. */
static void more_channels_than_an_account_may_join_are_told_of(void **state)
{
	struct buf yaml;

	(void)state;
	for (int n = CONF_TWITCH_ROOMS; n <= CONF_TWITCH_ROOMS + 1; n++) {
		struct conf_report r;
		struct conf_file *f = NULL;
		struct conf *c = NULL;

		buf_init(&yaml, 4096);
		assert_int_equal(buf_adds(&yaml,
			"twitch: {account: a, token: {env: T}, channels: ["), 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(buf_addf(&yaml, "c%d, ", i), 0);
		assert_int_equal(buf_adds(&yaml, "]}\n"), 0);
		conf_report_init(&r);
		assert_int_equal(conf_file_parse("x.yaml", buf_str(&yaml), &r, &f), 0);
		assert_int_equal(conf_build(f, &r, &c), 0);
		assert_int_equal(r.errors, 0);
		assert_int_equal(r.warnings, n > CONF_TWITCH_ROOMS);
		if (r.warnings)
			assert_non_null(strstr(r.items[0].what,
				"can be in 100 where it is neither"));
		assert_string_equal(c->places[0].channels.at[0], "c0");
		assert_string_equal(c->places[0].channels.at[n - 1], n > 100 ? "c100" : "c99");
		conf_free(c);
		conf_file_free(f);
		conf_report_fini(&r);
		buf_fini(&yaml);
	}
}

static void warnings_do_not_stop_a_file(void **state)
{
	static const struct broken suspicious[] = {
		{"name: &x y\n", 1, 8, "\"&x\" is never used", "quotes"},
		{"twitch: {account: a, channels: [a], token: oauth:abc}\n", 1, 37,
			"\"token\" stands in the file", "mynah secret set"},
		{"twitch: {account: a, token: {env: T}}\n", 1, 9, "joins no channel", "channels:"},
		{"ask: [local, local]\n", 1, 14, "\"local\" is asked twice", "remove"},
		{"limits: {deadline: 1m}\n", 1, 20, "too old to be sent", "below reply_ttl"},
		{"providers: {a: {url: 'http://h/', remote_ok: true, key: {env: K}}}\n", 1, 23,
			"without encryption", "https://"},
		{"limits: {cost_user_day: 1}\n"
			"providers: {a: {url: 'https://h/', remote_ok: true}}\n", 2, 16,
			"\"a\" has no price, so no cap", "price_in: 0 if it is free"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(suspicious); i++) {
		const struct broken *b = &suspicious[i];
		struct conf_report r;

		conf_report_init(&r);
		if (!accepts(str_of(b->text), &r) || r.warnings != 1 ||
			r.items[0].line != b->line || r.items[0].column != b->column ||
			!strstr(r.items[0].what, b->what) || !strstr(r.items[0].hint, b->hint))
			fail_msg("%zu errors, %zu warnings for %s: %d:%d %s", r.errors, r.warnings,
				b->text, r.n ? r.items[0].line : 0, r.n ? r.items[0].column : 0,
				r.n ? r.items[0].what : "");
		conf_report_fini(&r);
	}
}

static void all_mistakes_are_told_at_once_in_the_order_of_the_file(void **state)
{
	static const char text[] = "nmae: x\n"
				   "memory: {lines: many, for: 5}\n"
				   "log: {level: loud}\n"
				   "ask: [nobody]\n"
				   "twitch: {channels: ['a b', ''], url: 'ws://x/'}\n"
				   "limits: {asks: 0, turns: x}\n";
	static const int lines[] = {1, 2, 2, 3, 4, 5, 5, 5, 6, 6};
	struct conf_report r;

	(void)state;
	conf_report_init(&r);
	assert_false(accepts(str_of(text), &r));
	assert_int_equal(r.errors, COUNT(lines));
	for (size_t i = 0; i < COUNT(lines); i++)
		assert_int_equal(r.items[i].line, lines[i]);
	conf_report_fini(&r);
}

/* ---- How it looks ---------------------------------------------------------------------------- */

static void assert_drawn(const char *text, bool color, const char *expected)
{
	struct conf_report r;
	struct buf out;

	conf_report_init(&r);
	buf_init(&out, OUT_BYTES);
	assert_false(accepts(str_of(text), &r));
	assert_int_equal(conf_report_write(&r, color, &out), 0);
	assert_string_equal(buf_text(&out), expected);
	buf_fini(&out);
	conf_report_fini(&r);
}

static void a_complaint_has_its_line_a_caret_and_a_hint(void **state)
{
	(void)state;
	assert_drawn("# a comment\nlimits:\n  asks: 5000 # too many\nnmae: x\n", false,
		"f.yaml:3:9: error: \"asks\" must be within 1..64, not \"5000\"\n"
		"    3 |   asks: 5000 # too many\n"
		"      |         ^~~~\n"
		"hint: Model calls under way at once; more wait in order.\n"
		"f.yaml:4:1: error: unknown key \"nmae\"\n"
		"    4 | nmae: x\n"
		"      | ^~~~\n"
		"hint: did you mean \"name\"?\n");
}

static void the_caret_stands_under_wide_characters_and_behind_tabs(void **state)
{
	(void)state;
	assert_drawn("{name: \"日本語の鳥\", log: {level: うるさい}}\n", false,
		"f.yaml:1:30: error: \"level\" must be system, audit, error, info or debug, not "
		"\"うるさい\"\n"
		"    1 | {name: \"日本語の鳥\", log: {level: うるさい}}\n"
		"      |                                   ^~~~~~~~\n"
		"hint: The least important lines that are written; system and audit always are.\n");
	assert_drawn("limits: {asks:\t5000}\n", false,
		"f.yaml:1:16: error: \"asks\" must be within 1..64, not \"5000\"\n"
		"    1 | limits: {asks:  5000}\n"
		"      |                 ^~~~\n"
		"hint: Model calls under way at once; more wait in order.\n");
}

static void what_cannot_be_seen_is_spelled_out(void **state)
{
	(void)state;
	assert_drawn("name: \"a\x1b[31mb\"\n", false,
		"f.yaml:1:9: error: the control character U+001B may not stand in a file\n"
		"    1 | name: \"a<U+001B>[31mb\"\n"
		"      |         ^~~~~~~~\n"
		"hint: remove it\n");
	assert_drawn("log: {level: \"in\u202efo\"}\n", false,
		"f.yaml:1:15: error: \"level\" must be system, audit, error, info or debug, not "
		"\"info\"\n"
		"    1 | log: {level: \"in<U+202E>fo\"}\n"
		"      |               ^~~~~~~~~~~~\n"
		"hint: did you mean \"info\"?\n");
	assert_drawn("name: \xe2\x28\n", false,
		"f.yaml:1:7: error: byte 0xE2 here is not UTF-8\n"
		"    1 | name: <E2>(\n"
		"      |       ^~~~\n"
		"hint: save the file as UTF-8\n");
}

static void a_long_line_is_shown_around_the_caret(void **state)
{
	char text[5000], expected[1000];
	size_t n = (size_t)snprintf(text, sizeof(text), "safety: {allow_hosts: [");

	(void)state;
	for (int i = 0; i < 200; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "aaaaaaaa, ");
	snprintf(text + n, sizeof(text) - n, "z], mentions: 77, links: no, max_length: 400}\n");
	snprintf(expected, sizeof(expected),
		"f.yaml:1:2038: error: \"mentions\" must be within 0..5, not \"77\"\n"
		"    1 | ...a%s, z], mentions: 77, links: no, max_length: 400}\n"
		"      | %*s^~\n"
		"hint: How many @names may stand in a reply.\n",
		"aaa, aaaaaaaa, aaaaaaaa, aaaaaaaa, aaaaaaaa, aaaaaaaa", 73, "");
	assert_drawn(text, false, expected);
}

static void colour_is_only_added(void **state)
{
	(void)state;
	assert_drawn("nmae: x\n", true,
		"\x1b[1mf.yaml:1:1: \x1b[1;31merror:\x1b[0m\x1b[1m unknown key \"nmae\"\x1b[0m\n"
		"    1 | nmae: x\n"
		"      | \x1b[1;32m^~~~\x1b[0m\n"
		"\x1b[36mhint:\x1b[0m did you mean \"name\"?\n");
}

static void complaints_about_no_place_have_no_line(void **state)
{
	struct conf_report r;
	struct buf out;

	(void)state;
	conf_report_init(&r);
	buf_init(&out, OUT_BYTES);
	conf_report_add(&r, CONF_WARNING, "x.yaml", "look", "it has %d\nlegs\x1b[0m", 4);
	conf_report_add(&r, CONF_ERROR, NULL, NULL, "nowhere");
	assert_int_equal(conf_report_write(&r, false, &out), 0);
	assert_string_equal(buf_text(&out), "x.yaml: warning: it has 4 legs [0m\nhint: look\n"
					    "error: nowhere\n");
	assert_int_equal(r.errors, 1);
	assert_int_equal(r.warnings, 1);
	buf_fini(&out);
	conf_report_fini(&r);
}

static void the_same_is_told_as_json(void **state)
{
	struct conf_report r;
	struct buf out;

	(void)state;
	conf_report_init(&r);
	buf_init(&out, OUT_BYTES);
	assert_false(accepts(STR("n\"ame: x\n"), &r));
	assert_int_equal(conf_report_json(&r, &out), 0);
	assert_string_equal(buf_text(&out),
		"[{\"severity\":\"error\",\"path\":\"f.yaml\",\"line\":1,\"column\":1,"
		"\"what\":\"unknown key \\\"n\\\"ame\\\"\",\"hint\":\"did you mean "
		"\\\"name\\\"?\","
		"\"excerpt\":\"n\\\"ame: x\"}]");
	buf_fini(&out);
	conf_report_fini(&r);
}

static void complaints_past_the_limit_are_counted(void **state)
{
	struct conf_report r;
	struct buf text, out;

	(void)state;
	conf_report_init(&r);
	buf_init(&text, OUT_BYTES);
	buf_init(&out, OUT_BYTES);
	for (int i = 0; i < 300; i++)
		assert_int_equal(buf_addf(&text, "unknown_%d: x\n", i), 0);
	assert_false(accepts(buf_str(&text), &r));
	assert_int_equal(r.n, CONF_COMPLAINTS_MAX);
	assert_int_equal(r.errors, 300);
	assert_int_equal(conf_report_write(&r, false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "\nand 100 more\n"));
	buf_fini(&text);
	buf_fini(&out);
	conf_report_fini(&r);
}

/* ---- Secrets in the file -----------------------------------------------------------------------
 */

static void a_secret_in_the_file_is_in_no_complaint(void **state)
{
	static const char *const texts[] = {
		"twitch: {account: a, channels: [a], sends: 99, token: 'CANARY-1234'}\n",
		"twitch:\n  account: a\n  channels: [a]\n  token: CANARY-1234\n",
		"twitch:\n  account: a\n  token: oauth:CANARY-1234\n  token: x\n",
		"twitch:\n  account: a\n  channels: [a]\n  token: |\n    CANARY-1234\n",
		"twitch:\n  tokne: CANARY-1234\n",
		"twitch:\n  token:CANARY-1234\n",
		"twitch: {token:CANARY-1234}\n",
		"twitch:\n  token: \"CANARY-1234\n",
		"twitch:\n  token: 'CANARY-1234'x\n",
		"twitch:\n  token: @CANARY-1234\n",
		"twitch:\n  token: *CANARY-1234\n",
		"twitch:\n  token: !CANARY-1234\n",
		"twitch:\n  token: [CANARY-1234]\n",
		"\ttoken: CANARY-1234\n",
		"api: {key: CANARY-1234, listen: x, nmae: y}\n",
		"memory: {'password': CANARY-1234, lines: x}\n",
		"memory: {backend: redis, url: 'redis://:CANARY-1234@127.0.0.1'}\n",
		"providers: {a: {url: 'https://user:CANARY-1234@h/'}}\n",
		"providers: {a: {API_KEY: CANARY-1234}}\n",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct conf_report r;
		struct buf out;

		conf_report_init(&r);
		buf_init(&out, OUT_BYTES);
		(void)accepts(str_of(texts[i]), &r);
		assert_true(r.n > 0);
		assert_int_equal(conf_report_write(&r, false, &out), 0);
		assert_int_equal(conf_report_json(&r, &out), 0);
		if (strstr(buf_text(&out), "CANARY") || strstr(buf_text(&out), "1234"))
			fail_msg("%s gives %s", texts[i], buf_text(&out));
		buf_fini(&out);
		conf_report_fini(&r);
	}
	assert_drawn("api: {key: 'tiny', listne: x}\n", false,
		"f.yaml:1:7: warning: \"key\" stands in the file where everybody who gets it can "
		"read "
		"it\n"
		"    1 | api: {key: '****', listne: x}\n"
		"      |       ^~~\n"
		"hint: keep it apart: run mynah secret set NAME, and write {secret: NAME} here\n"
		"f.yaml:1:20: error: unknown key \"listne\"\n"
		"    1 | api: {key: '****', listne: x}\n"
		"      |                    ^~~~~~\n"
		"hint: did you mean \"listen\"?\n");
}

/* ---- Positions within a value ---------------------------------------------------------------- */

static void an_offset_finds_its_character_however_the_value_is_written(void **state)
{
	static const struct {
		const char *text;
		size_t offset;
		int line, column;
	} cases[] = {
		{"k: abcdef\n", 0, 1, 4}, /* plain */
		{"k: abcdef\n", 3, 1, 7},
		{"k: 'a''b(c'\n", 3, 1, 9}, /* single quotes: '' is one character */
		{"k: \"a\\tb\\u00e9(c\"\n", 4, 1,
			15}, /* double quotes: escapes are one character */
		{"k: '日本(x'\n", 2, 1, 7},
		{"k: |\n  abc\n  d(f\n", 5, 3, 4}, /* block: "abc\nd(f" */
		{"k: >\n  abc\n  d(f\n", 5, 3, 4}, /* folded: "abc d(f" */
		{"k: one\n  two(\n", 7, 2, 6},     /* plain over two lines: "one two(" */
		{"k: abc\n", 99, 1, 7},            /* past the end: at the end */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct conf_file *f = NULL;
		struct conf_report r;

		conf_report_init(&r);
		assert_int_equal(conf_file_parse("f.yaml", str_of(cases[i].text), &r, &f), 0);
		conf_complain(&r, f, conf_node_value(conf_file_root(f), 0), cases[i].offset,
			CONF_ERROR, NULL, "here");
		if (r.items[0].line != cases[i].line || r.items[0].column != cases[i].column)
			fail_msg("%s at %zu: %d:%d", cases[i].text, cases[i].offset,
				r.items[0].line, r.items[0].column);
		conf_file_free(f);
		conf_report_fini(&r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_shown_where_it_is_with_a_way_out),
		cmocka_unit_test(more_channels_than_an_account_may_join_are_told_of),
		cmocka_unit_test(warnings_do_not_stop_a_file),
		cmocka_unit_test(all_mistakes_are_told_at_once_in_the_order_of_the_file),
		cmocka_unit_test(a_complaint_has_its_line_a_caret_and_a_hint),
		cmocka_unit_test(the_caret_stands_under_wide_characters_and_behind_tabs),
		cmocka_unit_test(what_cannot_be_seen_is_spelled_out),
		cmocka_unit_test(a_long_line_is_shown_around_the_caret),
		cmocka_unit_test(colour_is_only_added),
		cmocka_unit_test(complaints_about_no_place_have_no_line),
		cmocka_unit_test(the_same_is_told_as_json),
		cmocka_unit_test(complaints_past_the_limit_are_counted),
		cmocka_unit_test(a_secret_in_the_file_is_in_no_complaint),
		cmocka_unit_test(an_offset_finds_its_character_however_the_value_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
