/* Dispatches of Discord become events and erasures: the vectors of discord.md 13.3 to 13.5 and what
 * differs from them by a few words. */
#include "platform/discord_event.h"
#include "unit.h"

#define DISPATCHES "tests/data/discord-dispatches.jsonl"
#define LINE_BYTES (64 * 1024)
#define GENERAL "1180000000000000200"

/* A reader that knows the server of the vectors, and what it read last. */
struct heard {
	struct json_tape *tape;
	struct platform_guilds *guilds;
	struct platform_rules rules;
	struct platform_reader reader;
	struct buf line;
	struct platform_dispatch_news news;
	const char *why;
	int err;
};

/* The line of the vectors with this sequence number, with some words changed; NULL = as it is. */
static void find_line(struct heard *h, int seq, const char *from, const char *to)
{
	struct str rest, line = {0};
	char head[32];
	struct buf file;

	snprintf(head, sizeof(head), "{\"op\":0,\"s\":%d,", seq);
	buf_init(&file, 1 << 20);
	assert_int_equal(file_read(unit_tree_path(DISPATCHES), &file), 0);
	for (rest = buf_str(&file); rest.len > 0;) {
		line = str_split(&rest, '\n');
		if (line.len > strlen(head) && memcmp(line.at, head, strlen(head)) == 0)
			break;
	}
	buf_clear(&h->line);
	assert_int_equal(buf_add_str(&h->line, line), 0);
	if (from) {
		char *text = mem_dup(buf_text(&h->line)), *at = strstr(text, from);

		if (!at)
			fail_msg("no %s in vector %d", from, seq);
		*at = '\0';
		buf_clear(&h->line);
		assert_int_equal(buf_addf(&h->line, "%s%s%s", text, to, at + strlen(from)), 0);
		mem_free(text);
	}
	buf_fini(&file);
}

static const struct json_item *parse(struct heard *h, struct str *type)
{
	const struct json_item *root;

	assert_int_equal(json_tape_parse(h->tape, buf_str(&h->line), &root, NULL), 0);
	*type = json_item_str(root, "t");
	return json_item_get(root, "d");
}

static void hear_changed(struct heard *h, int seq, const char *from, const char *to)
{
	const struct json_item *d;
	uint64_t changed;
	struct str type;

	find_line(h, seq, from, to);
	d = parse(h, &type);
	h->err = platform_guilds_take(h->guilds, type, d, &changed);
	assert_true(h->err == 0 || h->err == ERR_NOTFOUND);
	h->err = platform_dispatch_read(&h->reader, type, d, &h->news, &h->why);
}

static void hear(struct heard *h, int seq)
{
	hear_changed(h, seq, NULL, NULL);
}

/* conf: what stands in discord: {...}. */
static struct heard *heard_new(const char *conf)
{
	struct heard *h = mem_new(sizeof(*h));
	struct conf_report r;
	struct conf_file *f;
	struct conf *c;
	char text[512];
	struct str type;

	assert_non_null(h);
	conf_report_init(&r);
	snprintf(text, sizeof(text), "discord: {%s}\n", conf);
	assert_int_equal(conf_file_parse("test", str_of(text), &r, &f), 0);
	assert_int_equal(conf_build(f, &r, &c), 0);
	assert_int_equal(platform_rules_copy(&c->places[0], &h->rules), 0);
	conf_free(c);
	conf_file_free(f);
	conf_report_fini(&r);
	buf_init(&h->line, LINE_BYTES);
	assert_int_equal(json_tape_new(LINE_BYTES, &h->tape), 0);
	assert_int_equal(platform_guilds_new(&h->guilds), 0);
	platform_reader_init(&h->reader, 3, STR("discord"), h->guilds, &h->rules);
	h->reader.self = UINT64_C(1180000000000000001);
	platform_guilds_self(h->guilds, h->reader.self);
	h->reader.now_ms = 5000;
	h->reader.wall_ms = 6000;
	find_line(h, 1, NULL, NULL);
	assert_int_equal(platform_guilds_ready(h->guilds, parse(h, &type), 0, 1), 0);
	hear(h, 2);
	return h;
}

static void heard_free(struct heard *h)
{
	platform_reader_fini(&h->reader);
	platform_rules_fini(&h->rules);
	platform_guilds_free(h->guilds);
	json_tape_free(h->tape);
	buf_fini(&h->line);
	mem_free(h);
}

static const struct event *event_of(const struct heard *h)
{
	if (h->err)
		fail_msg("it told nothing: %s", h->why);
	assert_true(h->news.has_event);
	return &h->news.event;
}

static void assert_dropped(const struct heard *h, const char *why)
{
	assert_int_equal(h->err, ERR_NOTFOUND);
	assert_string_equal(h->why, why);
}

/* ---- Messages -------------------------------------------------------------------------------- */

static void a_message_has_the_name_people_see(void **state)
{
	struct heard *h = heard_new("");
	const struct event *e;

	(void)state;
	hear(h, 10);
	e = event_of(h);
	assert_int_equal(e->kind, EVENT_MESSAGE);
	assert_str(e->platform, STR("discord"));
	assert_str(e->channel, STR(GENERAL));
	assert_str(e->channel_id, STR(GENERAL));
	assert_str(e->channel_name, STR("general"));
	assert_str(e->user, STR("Ali"));
	assert_str(e->login, STR("alice"));
	assert_str(e->user_id, STR("1180000000000000011"));
	assert_str(e->id, STR("1180000000000001001"));
	assert_str(e->text, STR("hello everyone o7"));
	assert_false(e->is_direct || e->is_bot || e->is_self || e->is_foreign);
	assert_int_equal(e->wall_ms, platform_snowflake_ms(UINT64_C(1180000000000001001)));
	assert_int_equal(e->at_ms, 5000);
	assert_int_equal(e->place, 3);
	heard_free(h);
}

static void names_fall_back_from_nick_to_user_name(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear_changed(h, 10, "\"nick\":\"Ali\"", "\"nick\":null");
	assert_str(event_of(h)->user, STR("Alice"));
	hear_changed(h, 10, "\"nick\":\"Ali\"", "\"nick\":\"\"");
	assert_str(event_of(h)->user, STR("Alice"));
	hear(h, 11);
	assert_str(event_of(h)->user, STR("bob"));
	heard_free(h);
}

static void replies_and_mentions_speak_to_the_bot(void **state)
{
	struct heard *h = heard_new("");
	const struct event *e;

	(void)state;
	hear(h, 11);
	e = event_of(h);
	assert_true(e->is_direct);
	assert_str(e->to_id, STR("1180000000000000999"));
	assert_str(e->touser, STR("examplebot"));
	hear_changed(h, 11, "\"mentions\":[{\"id\":\"1180000000000000001\"",
		"\"mentions\":[{\"id\":\"7\"");
	assert_true(event_of(h)->is_direct); /* a reply that does not ping is one too */
	hear(h, 12);
	e = event_of(h);
	assert_false(e->is_direct);
	assert_str(e->touser, STR(""));
	hear(h, 13);
	e = event_of(h);
	assert_true(e->is_direct);
	assert_str(e->text, STR("@examplebot what's the café's Wi-Fi? 🎉"));
	hear_changed(h, 10, "\"mention_roles\":[]", "\"mention_roles\":[\"1180000000000000100\"]");
	assert_false(event_of(h)->is_direct); /* a role that the bot has not */
	heard_free(h);
}

static void bots_and_webhooks_are_bots(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 14);
	assert_true(event_of(h)->is_bot);
	hear(h, 15);
	assert_true(event_of(h)->is_bot);
	hear_changed(h, 10, "\"username\":\"alice\"", "\"username\":\"alice\",\"system\":true");
	assert_true(event_of(h)->is_bot);
	hear_changed(h, 10, "\"id\":\"1180000000000000011\"", "\"id\":\"1180000000000000001\"");
	assert_true(event_of(h)->is_self);
	heard_free(h);
}

static void bots_that_mention_this_one_may_be_heard(void **state)
{
	const char *mention = "\"mentions\":[{\"id\":\"1180000000000000001\","
		"\"username\":\"examplebot\"}]";
	struct heard *h = heard_new("hears_bots: yes");

	(void)state;
	hear(h, 14);
	assert_true(event_of(h)->is_bot);
	hear_changed(h, 14, "\"mentions\":[]", mention);
	assert_false(event_of(h)->is_bot);
	hear_changed(h, 15, "\"mentions\":[]", mention);
	assert_true(event_of(h)->is_bot); /* webhooks never */
	heard_free(h);
}

static void what_says_nothing_is_left_out(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 18);
	assert_dropped(h, "no_text");
	hear(h, 19);
	assert_dropped(h, "no_text");
	hear_changed(h, 10, "\"type\":0,\"content\"", "\"type\":6,\"content\"");
	assert_dropped(h, "type");
	hear_changed(h, 10, "\"type\":0,\"content\"", "\"type\":99,\"content\"");
	assert_dropped(h, "type");
	hear_changed(h, 10, "\"flags\":0,\"nonce\"", "\"flags\":64,\"nonce\"");
	assert_dropped(h, "ephemeral");
	hear_changed(h, 10, "\"id\":\"1180000000000001001\"", "\"id\":\"12x\"");
	assert_dropped(h, "malformed");
	hear(h, 32);
	assert_dropped(h, "unknown");
	hear(h, 34);
	assert_dropped(h, "unknown");
	heard_free(h);
}

static void a_forward_is_nobodys_word_to_the_bot(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 21);
	assert_str(event_of(h)->text, STR("old news"));
	assert_true(event_of(h)->is_foreign);
	assert_str(event_of(h)->to_id, STR(""));
	heard_free(h);
}

static void only_names_of_attachments_are_told(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear_changed(h, 18, "\"content\":\"\"", "\"content\":\"look\"");
	assert_str(event_of(h)->text, STR("look [cat.png]"));
	heard_free(h);
}

static void direct_messages_may_be_left_unheard(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 17);
	assert_true(event_of(h)->is_direct);
	assert_str(event_of(h)->channel, STR("1180000000000000300"));
	assert_str(event_of(h)->channel_name, STR(""));
	heard_free(h);
	h = heard_new("direct: no");
	hear(h, 17);
	assert_dropped(h, "elsewhere");
	heard_free(h);
}

static void only_listed_channels_are_heard_and_their_threads(void **state)
{
	struct heard *h = heard_new("channels: ['" GENERAL "']");
	const char *thread = "\"channel_id\":\"1180000000000000250\"";

	(void)state;
	hear(h, 10);
	assert_str(event_of(h)->channel, STR(GENERAL));
	hear_changed(h, 10, "\"channel_id\":\"" GENERAL "\"", thread);
	assert_dropped(h, "elsewhere");
	hear_changed(h, 2, "\"threads\":[]", "\"threads\":[{\"id\":\"1180000000000000250\","
		"\"type\":11,\"name\":\"a talk\",\"parent_id\":\"" GENERAL "\"}]");
	hear_changed(h, 10, "\"channel_id\":\"" GENERAL "\"", thread);
	assert_str(event_of(h)->channel, STR("1180000000000000250"));
	assert_str(event_of(h)->channel_name, STR("a talk"));
	assert_str(event_of(h)->parent, STR(GENERAL));
	heard_free(h);
}

/* ---- Levels ---------------------------------------------------------------------------------- */

static void owners_and_roles_have_levels(void **state)
{
	struct heard *h = heard_new("vips: '1180000000000000110', "
		"subscribers: ['1180000000000000501']");

	(void)state;
	hear(h, 10);
	assert_int_equal(event_level(event_of(h)), LEVEL_BROADCASTER); /* alice owns the server */
	hear(h, 11);
	assert_int_equal(event_level(event_of(h)), LEVEL_VIP);
	hear(h, 12);
	assert_int_equal(event_level(event_of(h)), LEVEL_EVERYONE);
	heard_free(h);
}

static void who_may_manage_messages_is_moderator_unless_roles_are(void **state)
{
	/* bob's role: MANAGE_MESSAGES */
	const char *roles = "\"roles\":[{\"id\":\"1180000000000000110\",\"name\":\"staff\","
		"\"permissions\":\"8192\"},";
	struct heard *h = heard_new("");

	(void)state;
	hear_changed(h, 2, "\"roles\":[", roles);
	hear(h, 11);
	assert_int_equal(event_level(event_of(h)), LEVEL_MODERATOR);
	heard_free(h);
	h = heard_new("moderators: '1180000000000000777'");
	hear_changed(h, 2, "\"roles\":[", roles);
	hear(h, 11);
	assert_int_equal(event_level(event_of(h)), LEVEL_EVERYONE);
	heard_free(h);
}

/* ---- Other events ---------------------------------------------------------------------------- */

static void boosts_are_counted(void **state)
{
	static const struct {
		const char *to;
		int64_t count;
		const char *tier;
	} cases[] = {
		{"\"type\":10,\"content\":\"3\"", 3, "2"},
		{"\"type\":8,\"content\":\"\"", 1, ""},
		{"\"type\":9,\"content\":\"x\"", 1, "1"},
		{"\"type\":11,\"content\":\"99999999999\"", 1, "3"},
	};
	struct heard *h = heard_new("");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		hear_changed(h, 16, "\"type\":10,\"content\":\"3\"", cases[i].to);
		assert_int_equal(event_of(h)->kind, EVENT_BOOST);
		assert_int_equal(event_of(h)->count, cases[i].count);
		assert_str(event_of(h)->tier, str_of(cases[i].tier));
		assert_str(event_of(h)->user, STR("bob"));
		assert_str(event_of(h)->text, STR(""));
	}
	heard_free(h);
}

static void who_joins_is_one_event_whichever_way_it_comes(void **state)
{
	struct heard *h = heard_new("");
	char id[64];

	(void)state;
	hear_changed(h, 30, "\"id\":\"1180000000000000013\",\"username\":\"carol\"",
		"\"id\":\"1180000000000000012\",\"username\":\"bob\"");
	assert_int_equal(event_of(h)->kind, EVENT_JOIN);
	assert_str(event_of(h)->channel, STR(GENERAL)); /* where the server shows it */
	assert_str(event_of(h)->user, STR("Carol ✨"));
	snprintf(id, sizeof(id), "%.*s", STR_FMT(event_of(h)->id));
	hear(h, 20);
	assert_int_equal(event_of(h)->kind, EVENT_JOIN);
	assert_str(event_of(h)->id, str_of(id)); /* so the gate takes the second for a double */
	hear_changed(h, 20, "\"username\":\"bob\"", "\"username\":\"bob\",\"bot\":true");
	assert_true(event_of(h)->is_bot);
	heard_free(h);
}

static void joins_are_told_in_a_listed_channel(void **state)
{
	struct heard *h = heard_new("channels: ['1180000000000000202']");

	(void)state;
	hear(h, 30);
	assert_dropped(h, "elsewhere"); /* none of them is there */
	hear(h, 33);
	hear(h, 30);
	assert_str(event_of(h)->channel, STR("1180000000000000202"));
	assert_str(event_of(h)->channel_name, STR("clips"));
	hear(h, 20);
	assert_str(event_of(h)->channel, STR("1180000000000000202"));
	heard_free(h);
}

static void reactions_have_an_emoji_and_a_message(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 31);
	assert_int_equal(event_of(h)->kind, EVENT_REACTION);
	assert_str(event_of(h)->emoji, STR("👍"));
	assert_str(event_of(h)->to_id, STR("1180000000000001004"));
	assert_str(event_of(h)->user, STR("alice"));
	assert_true(event_of(h)->is_direct); /* to a message of the bot */
	assert_int_equal(event_level(event_of(h)), LEVEL_BROADCASTER);
	hear_changed(h, 31, "\"emoji\":{\"id\":null,\"name\":\"👍\"}",
		"\"emoji\":{\"id\":\"118\",\"name\":\"wave\"}");
	assert_str(event_of(h)->emoji, STR(":wave:"));
	heard_free(h);
}

static void a_role_bought_is_a_subscription(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear_changed(h, 16, "\"type\":10,\"content\":\"3\"", "\"type\":25,\"content\":\"\","
		"\"role_subscription_data\":{\"tier_name\":\"Gold\",\"total_months_subscribed\":4,"
		"\"is_renewal\":true}");
	assert_int_equal(event_of(h)->kind, EVENT_RESUB);
	assert_int_equal(event_of(h)->months, 4);
	heard_free(h);
}

static void a_command_has_its_words_and_its_token(void **state)
{
	struct heard *h = heard_new("channels: ['1180000000000000202']");
	const struct event *e;

	(void)state;
	hear(h, 35); /* in a channel that is not listed: told all the same */
	e = event_of(h);
	assert_int_equal(e->kind, EVENT_SLASH);
	assert_str(e->command, STR("ask"));
	assert_str(e->text, STR("why?"));
	assert_str(e->user, STR("Ali"));
	assert_str(e->id, STR("1180000000000002001"));
	assert_str(h->news.token, STR("aW50ZXJhY3Rpb24tdG9rZW4"));
	assert_true(e->is_direct);
	assert_int_equal(event_level(e), LEVEL_BROADCASTER);
	hear_changed(h, 35, "\"type\":2,\"token\"", "\"type\":4,\"token\"");
	assert_dropped(h, "type");
	hear_changed(h, 35, "aW50ZXJhY3Rpb24tdG9rZW4", "../../x");
	assert_dropped(h, "malformed"); /* it becomes part of a path */
	heard_free(h);
}

static void permissions_of_a_command_make_a_moderator(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 35);
	assert_false(event_of(h)->roles & ROLE(LEVEL_MODERATOR));
	hear_changed(h, 35, "2248473465835073", "2248473465843265"); /* and MANAGE_MESSAGES */
	assert_true(event_of(h)->roles & ROLE(LEVEL_MODERATOR));
	heard_free(h);
}

/* ---- What is taken back ---------------------------------------------------------------------- */

static void an_edit_is_forgotten_and_an_unfolded_link_is_none(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 22);
	assert_dropped(h, "no_edit");
	hear(h, 23);
	assert_int_equal(h->err, 0);
	assert_false(h->news.has_event); /* no second trigger */
	assert_true(h->news.has_erasure && h->news.erasure.is_edit);
	assert_str(h->news.erasure.message_id, STR("1180000000000001001"));
	hear_changed(h, 23, "\"edited_timestamp\":\"2026-01-02T03:04:55.000000+00:00\"",
		"\"edited_timestamp\":null");
	assert_dropped(h, "no_edit");
	heard_free(h);
}

static void deleted_messages_are_forgotten(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear(h, 24);
	assert_int_equal(h->err, 0);
	assert_true(h->news.has_erasure && !h->news.erasure.is_edit);
	assert_str(h->news.erasure.platform, STR("discord"));
	assert_str(h->news.erasure.channel, STR(GENERAL));
	assert_str(h->news.erasure.channel_id, STR(GENERAL));
	assert_str(h->news.erasure.message_id, STR("1180000000000001001"));
	hear_changed(h, 24, "\"MESSAGE_DELETE\",\"d\":{\"id\":\"1180000000000001001\"",
		"\"MESSAGE_DELETE_BULK\",\"d\":{\"ids\":[\"1180000000000001001\","
		"\"1180000000000001002\"]");
	assert_int_equal(h->err, 0);
	assert_int_equal(json_item_count(h->news.ids), 2);
	heard_free(h);
	h = heard_new("channels: ['1180000000000000202']");
	hear(h, 24);
	assert_dropped(h, "elsewhere");
	heard_free(h);
}

static void a_channel_that_is_gone_is_forgotten_whole(void **state)
{
	struct heard *h = heard_new("");

	(void)state;
	hear_changed(h, 33, "CHANNEL_CREATE", "CHANNEL_DELETE");
	assert_int_equal(h->err, 0);
	assert_true(h->news.has_erasure);
	assert_str(h->news.erasure.channel, STR("1180000000000000202"));
	assert_str(h->news.erasure.message_id, STR(""));
	assert_str(h->news.erasure.user_id, STR(""));
	heard_free(h);
}

/* Law 8: every input hostile. Each byte of the vectors is damaged once. */
static void damaged_dispatches_do_no_harm(void **state)
{
	static const int vectors[] = {2, 10, 11, 16, 21, 31, 35};
	struct heard *h = heard_new("");

	(void)state;
	for (size_t v = 0; v < sizeof(vectors) / sizeof(vectors[0]); v++) {
		find_line(h, vectors[v], NULL, NULL);
		for (size_t i = 0; i < h->line.len; i++) {
			const struct json_item *root;
			const char was = h->line.at[i];
			uint64_t changed;
			struct str type;

			h->line.at[i] = (char)(was ^ (1 + i % 7));
			if (json_tape_parse(h->tape, buf_str(&h->line), &root, NULL) == 0) {
				type = json_item_str(root, "t");
				h->err = platform_guilds_take(
					h->guilds, type, json_item_get(root, "d"), &changed);
				assert_int_not_equal(h->err, ERR_NOMEM);
				h->err = platform_dispatch_read(&h->reader, type,
					json_item_get(root, "d"), &h->news, &h->why);
				assert_int_not_equal(h->err, ERR_NOMEM);
			}
			h->line.at[i] = was;
		}
	}
	hear(h, 2);
	hear(h, 10);
	assert_str(event_of(h)->text, STR("hello everyone o7"));
	heard_free(h);
}

static void a_message_allocates_nothing(void **state)
{
	struct heard *h = heard_new("");
	unsigned long before;

	(void)state;
	hear(h, 13);
	find_line(h, 13, NULL, NULL);
	struct str type;
	const struct json_item *d = parse(h, &type);

	before = mem_count();
	for (int i = 0; i < 100; i++)
		assert_int_equal(
			platform_dispatch_read(&h->reader, type, d, &h->news, &h->why), 0);
	assert_int_equal(mem_count(), before);
	heard_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_has_the_name_people_see),
		cmocka_unit_test(names_fall_back_from_nick_to_user_name),
		cmocka_unit_test(replies_and_mentions_speak_to_the_bot),
		cmocka_unit_test(bots_and_webhooks_are_bots),
		cmocka_unit_test(bots_that_mention_this_one_may_be_heard),
		cmocka_unit_test(what_says_nothing_is_left_out),
		cmocka_unit_test(a_forward_is_nobodys_word_to_the_bot),
		cmocka_unit_test(only_names_of_attachments_are_told),
		cmocka_unit_test(direct_messages_may_be_left_unheard),
		cmocka_unit_test(only_listed_channels_are_heard_and_their_threads),
		cmocka_unit_test(owners_and_roles_have_levels),
		cmocka_unit_test(who_may_manage_messages_is_moderator_unless_roles_are),
		cmocka_unit_test(boosts_are_counted),
		cmocka_unit_test(who_joins_is_one_event_whichever_way_it_comes),
		cmocka_unit_test(joins_are_told_in_a_listed_channel),
		cmocka_unit_test(reactions_have_an_emoji_and_a_message),
		cmocka_unit_test(a_role_bought_is_a_subscription),
		cmocka_unit_test(a_command_has_its_words_and_its_token),
		cmocka_unit_test(permissions_of_a_command_make_a_moderator),
		cmocka_unit_test(an_edit_is_forgotten_and_an_unfolded_link_is_none),
		cmocka_unit_test(deleted_messages_are_forgotten),
		cmocka_unit_test(a_channel_that_is_gone_is_forgotten_whole),
		cmocka_unit_test(damaged_dispatches_do_no_harm),
		cmocka_unit_test(a_message_allocates_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
