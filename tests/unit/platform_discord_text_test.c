/* What people wrote on Discord, as they saw it (discord.md 10.1). */
#include "platform/discord_text.h"
#include "unit.h"

static const char users[] =
	"[{\"id\":\"11\",\"username\":\"alice\",\"global_name\":\"Alice\","
	"\"member\":{\"nick\":\"Ali\"}},{\"id\":\"12\",\"username\":\"bob\","
	"\"global_name\":null},{\"id\":\"13\",\"username\":\"anna.m\","
	"\"global_name\":\"Anna Marie (she)\"},{\"id\":\"14\",\"username\":\"a\","
	"\"global_name\":\"Anna\\u00a0Marie\"},{\"id\":\"15\",\"username\":\"b\","
	"\"global_name\":\" Anna\\u3000\\u2003Marie\\tLou\\u00a0\"},"
	"{\"id\":\"16\",\"username\":\"c\",\"global_name\":\"\\u3000\"}]";
static const char server[] =
	"{\"id\":\"100\",\"name\":\"Café\",\"owner_id\":\"11\",\"roles\":[{\"id\":\"100\","
	"\"name\":\"@everyone\",\"permissions\":\"0\"},{\"id\":\"110\",\"name\":\"crew\","
	"\"permissions\":\"0\"}],\"channels\":[{\"id\":\"200\",\"type\":0,\"name\":\"general\"}]}";

static void markup_becomes_what_people_see(void **state)
{
	static const struct {
		const char *content, *plain;
	} cases[] = {
		{"plain", "plain"},
		{"<@11> and <@!12>", "@Ali and @bob"},
		{"<@99>, hello", "@somebody, hello"},
		{"a b <@13> c d", "a b @Anna_Marie_(she) c d"},
		{"<@14>, <@15>; <@16>", "@Anna_Marie, @Anna_Marie_Lou; @somebody"},
		{"<@&110> <@&100> <@&7>", "@crew @everyone @role"},
		{"see <#200>, not <#201>", "see #general, not #channel"},
		{"</ask:5> </mod ban user:6>", "/ask /mod ban user"},
		{"<:wave:77><a:party_1:78>", ":wave::party_1:"},
		{"<t:1767323520> <t:1767323520:t> <t:1767323520:D> <t:0:R>",
			"2026-01-02 03:12 UTC 03:12 UTC 2026-01-02 1970-01-01 00:00 UTC"},
		{"<t:-1:d>", "1969-12-31"},
		{"<id:customize> <id:linked-roles:9>", "#customize #linked-roles"},
		/* what only looks like it */
		{"1 < 2 > 0", "1 < 2 > 0"},
		{"<", "<"},
		{"<>", "<>"},
		{"<@>", "<@>"},
		{"<@!>", "<@!>"},
		{"<@&>", "<@&>"},
		{"<#>", "<#>"},
		{"</:5>", "</:5>"},
		{"</ask>", "</ask>"},
		{"<:a:5>", "<:a:5>"},
		{"<:wa-ve:5>", "<:wa-ve:5>"},
		{"<:wave:>", "<:wave:>"},
		{"<@11", "<@11"},
		{"<@1x>", "<@1x>"},
		{"<@123456789012345678901>", "<@123456789012345678901>"},
		{"<t:>", "<t:>"},
		{"<t:1:x>", "<t:1:x>"},
		{"<t:1:tt>", "<t:1:tt>"},
		{"<t:9999999999999999>", "<t:9999999999999999>"},
		{"<id:>", "<id:>"},
		{"<id:Guide>", "<id:Guide>"},
		{"<<@11>>", "<@Ali>"},
		{"@everyone", "@everyone"},
	};
	struct platform_text_names names = {0};
	const struct json_item *root, *guild;
	struct json_tape *tape, *other;
	struct platform_guilds *all;
	struct buf out;
	uint64_t changed;

	(void)state;
	buf_init(&out, 1024);
	assert_int_equal(json_tape_new(4096, &tape), 0);
	assert_int_equal(json_tape_new(4096, &other), 0);
	assert_int_equal(json_tape_parse(tape, str_of(users), &root, NULL), 0);
	assert_int_equal(json_tape_parse(other, str_of(server), &guild, NULL), 0);
	assert_int_equal(platform_guilds_new(&all), 0);
	assert_int_equal(platform_guilds_take(all, STR("GUILD_CREATE"), guild, &changed), 0);
	names.mentions = root;
	names.guild = platform_guild_find(all, 100);
	assert_non_null(names.guild);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		buf_clear(&out);
		assert_int_equal(platform_text_plain(str_of(cases[i].content), &names, &out), 0);
		assert_string_equal(buf_text(&out), cases[i].plain);
		assert_true(platform_text_has_markup(str_of(cases[i].content)) ||
			strcmp(cases[i].content, cases[i].plain) == 0);
	}
	buf_clear(&out);
	assert_int_equal(platform_text_plain(STR("<@11> <@&110> <#200>"),
		&(struct platform_text_names){0}, &out), 0);
	assert_string_equal(buf_text(&out), "@somebody @role #channel");
	platform_guilds_free(all);
	json_tape_free(tape);
	json_tape_free(other);
	buf_fini(&out);
}

static void what_does_not_fit_is_left_out(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 10);
	assert_int_equal(platform_text_plain(STR("12345678<@11>"),
		&(struct platform_text_names){0}, &out), ERR_LIMIT);
	assert_string_equal(buf_text(&out), "12345678");
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markup_becomes_what_people_see),
		cmocka_unit_test(what_does_not_fit_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
