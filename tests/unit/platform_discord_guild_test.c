/* What is known of servers: who may do what where, and how little room it takes. */
#include "platform/discord_block.h"
#include "unit.h"

#define TEXT_BYTES (256 * 1024)

struct world {
	struct platform_guilds *all;
	struct json_tape *tape;
	struct buf text;
};

static struct world *world_new(void)
{
	struct world *w = mem_new(sizeof(*w));

	assert_non_null(w);
	assert_int_equal(platform_guilds_new(&w->all), 0);
	assert_int_equal(json_tape_new(TEXT_BYTES, &w->tape), 0);
	buf_init(&w->text, TEXT_BYTES);
	platform_guilds_self(w->all, 1);
	return w;
}

static void world_free(struct world *w)
{
	platform_guilds_free(w->all);
	json_tape_free(w->tape);
	buf_fini(&w->text);
	mem_free(w);
}

static uint64_t take(struct world *w, const char *type, const char *d)
{
	const struct json_item *root;
	uint64_t changed;

	assert_int_equal(json_tape_parse(w->tape, str_of(d), &root, NULL), 0);
	assert_int_equal(platform_guilds_take(w->all, str_of(type), root, &changed), 0);
	return changed;
}

/* Bits: VIEW_CHANNEL 1024, SEND_MESSAGES 2048, MANAGE_MESSAGES 8192, READ_MESSAGE_HISTORY 65536,
 * ADMINISTRATOR 8, SEND_MESSAGES_IN_THREADS 274877906944. Everyone may view and send. */
static const char server[] =
	"{\"id\":\"100\",\"name\":\"Stream Caf\\u00e9\",\"owner_id\":\"11\","
	"\"system_channel_id\":\"200\",\"roles\":[{\"id\":\"100\",\"name\":\"@everyone\","
	"\"permissions\":\"3072\"},{\"id\":\"110\",\"name\":\"crew\",\"permissions\":\"8192\"},"
	"{\"id\":\"111\",\"name\":\"boss\",\"permissions\":\"8\"},"
	"{\"id\":\"112\",\"name\":\"bots\",\"permissions\":\"274877972480\"}],"
	"\"channels\":[{\"id\":\"190\",\"type\":4,\"name\":\"Text\"},"
	"{\"id\":\"200\",\"type\":0,\"name\":\"general\",\"parent_id\":\"190\"},"
	"{\"id\":\"201\",\"type\":0,\"name\":\"crew\",\"permission_overwrites\":["
	"{\"id\":\"100\",\"type\":0,\"allow\":\"0\",\"deny\":\"1024\"},"
	"{\"id\":\"110\",\"type\":0,\"allow\":\"1024\",\"deny\":\"0\"}]},"
	"{\"id\":\"202\",\"type\":0,\"name\":\"news\",\"permission_overwrites\":["
	"{\"id\":\"100\",\"type\":0,\"allow\":\"0\",\"deny\":\"2048\"},"
	"{\"id\":\"12\",\"type\":1,\"allow\":\"2048\",\"deny\":\"0\"}]},"
	"{\"id\":\"203\",\"type\":0,\"name\":\"pit\",\"permission_overwrites\":["
	"{\"id\":\"110\",\"type\":0,\"allow\":\"0\",\"deny\":\"2048\"},"
	"{\"id\":\"112\",\"type\":0,\"allow\":\"2048\",\"deny\":\"0\"},"
	"{\"id\":\"13\",\"type\":1,\"allow\":\"0\",\"deny\":\"3072\"}]}],"
	"\"threads\":[{\"id\":\"250\",\"type\":11,\"name\":\"a talk\",\"parent_id\":\"202\"}],"
	"\"members\":[{\"user\":{\"id\":\"1\"},\"roles\":[\"112\"]}]}";

/* The only one there is, as a frame tells it; as does another world that took it from that. */
static void tell_again(struct world *w)
{
	struct world *again = world_new();
	struct buf frame, same;
	const struct json_item *root;
	uint64_t changed;

	buf_init(&frame, TEXT_BYTES);
	buf_init(&same, TEXT_BYTES);
	assert_int_equal(platform_guild_frame(platform_guilds_at(w->all, 0), 1, &frame), 0);
	for (int i = 0; i < 2; i++) {
		struct world *to = i == 0 ? again : w;

		assert_int_equal(json_tape_parse(to->tape, buf_str(&frame), &root, NULL), 0);
		assert_int_equal(platform_guilds_take(to->all, json_item_str(root, "t"),
			json_item_get(root, "d"), &changed), 0);
	}
	assert_int_equal(platform_guild_frame(platform_guilds_at(again->all, 0), 1, &same), 0);
	assert_string_equal(buf_text(&frame), buf_text(&same));
	buf_fini(&frame);
	buf_fini(&same);
	world_free(again);
}

static void check_permissions(const struct world *w)
{
	static const struct {
		uint64_t user;
		uint64_t roles[2];
		size_t n;
		uint64_t channel;
		unsigned may;
	} cases[] = {
		{99, {0}, 0, 200, PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND},
		{99, {0}, 0, 0, PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND},
		{99, {110}, 1, 200,
			PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND | PLATFORM_MAY_MANAGE_MESSAGES},
		{99, {111}, 1, 201, PLATFORM_MAY_ALL}, /* administrators see everything */
		{11, {0}, 0, 201, PLATFORM_MAY_ALL},   /* so does the owner */
		{99, {0}, 0, 201, 0},                  /* not seen: nothing */
		{99, {110}, 1, 201,
			PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND | PLATFORM_MAY_MANAGE_MESSAGES},
		{99, {0}, 0, 202, PLATFORM_MAY_VIEW},
		{12, {0}, 0, 202, PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND}, /* a person's own wins */
		{99, {110}, 1, 203, PLATFORM_MAY_VIEW | PLATFORM_MAY_MANAGE_MESSAGES},
		{99, {110, 112}, 2, 203, PLATFORM_MAY_ALL & ~(unsigned)PLATFORM_MAY_ADMINISTER},
		{13, {112}, 1, 203, 0},
		{99, {0}, 0, 250, PLATFORM_MAY_VIEW}, /* a thread is as its channel */
		{99, {7}, 1, 999, PLATFORM_MAY_VIEW | PLATFORM_MAY_SEND}, /* nobody knows these */
	};
	const struct platform_guild *g = platform_guild_find(w->all, 100);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const unsigned may = platform_guild_may(
			g, cases[i].user, cases[i].roles, cases[i].n, cases[i].channel);

		if (may != cases[i].may)
			fail_msg("case %zu: %u, not %u", i, may, cases[i].may);
	}
	assert_int_equal(platform_guild_self_may(w->all, g, 200), PLATFORM_MAY_VIEW |
		PLATFORM_MAY_SEND | PLATFORM_MAY_READ_HISTORY | PLATFORM_MAY_SEND_IN_THREADS);
	assert_int_equal(platform_guild_self_may(w->all, g, 202) & PLATFORM_MAY_SEND, 0);
	assert_true(platform_guild_self_has(g, 112));
	assert_false(platform_guild_self_has(g, 110));
}

static void permissions_are_reckoned_as_discord_does(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_int_equal(take(w, "GUILD_CREATE", server), 100);
	check_permissions(w);
	world_free(w);
}

static void a_server_told_again_is_the_same(void **state)
{
	struct world *w = world_new();
	struct platform_guild_channel c;
	const struct platform_guild *g;

	(void)state;
	take(w, "GUILD_CREATE", server);
	tell_again(w);
	check_permissions(w);
	g = platform_guild_find(w->all, 100);
	assert_true(str_is(platform_guild_name(g), "Stream Caf\u00e9"));
	assert_true(str_is(platform_guild_role(g, 110), "crew"));
	assert_int_equal(platform_guild_lobby(g), 200);
	assert_true(platform_guild_channel(g, 250, &c));
	assert_true(str_is(c.name, "a talk") && c.is_thread && c.parent == 202);
	world_free(w);
}

static void channels_and_roles_follow_what_changes(void **state)
{
	struct world *w = world_new();
	struct platform_guild_channel c;
	const struct platform_guild *g;

	(void)state;
	take(w, "GUILD_CREATE", server);
	take(w, "CHANNEL_UPDATE", "{\"id\":\"200\",\"guild_id\":\"100\",\"type\":0,"
		"\"name\":\"lounge\",\"permission_overwrites\":[{\"id\":\"100\",\"allow\":\"0\","
		"\"deny\":\"2048\"}]}");
	take(w, "CHANNEL_CREATE", "{\"id\":\"150\",\"guild_id\":\"100\",\"type\":0,"
		"\"name\":\"first\"}");
	take(w, "CHANNEL_DELETE", "{\"id\":\"201\",\"guild_id\":\"100\",\"type\":0}");
	take(w, "GUILD_ROLE_UPDATE",
		"{\"guild_id\":\"100\",\"role\":{\"id\":\"110\",\"name\":\"staff\","
		"\"permissions\":\"3072\"}}");
	take(w, "GUILD_ROLE_DELETE", "{\"guild_id\":\"100\",\"role_id\":\"111\"}");
	take(w, "THREAD_LIST_SYNC", "{\"guild_id\":\"100\",\"threads\":[{\"id\":\"251\","
		"\"type\":11,\"name\":\"new talk\",\"parent_id\":\"200\"}]}");
	take(w, "GUILD_MEMBER_UPDATE", "{\"guild_id\":\"100\",\"user\":{\"id\":\"1\"},"
		"\"roles\":[\"110\"]}");
	take(w, "GUILD_MEMBER_UPDATE",
		"{\"guild_id\":\"100\",\"user\":{\"id\":\"2\"},\"roles\":[]}");
	take(w, "GUILD_UPDATE", "{\"id\":\"100\",\"name\":\"Caf\\u00e9\",\"owner_id\":\"12\"}");
	g = platform_guild_find(w->all, 100);
	assert_true(platform_guild_channel(g, 200, &c));
	assert_true(str_is(c.name, "lounge"));
	assert_int_equal(platform_guild_may(g, 99, NULL, 0, 200), PLATFORM_MAY_VIEW);
	assert_true(platform_guild_channel(g, 150, &c));
	assert_false(platform_guild_channel(g, 201, &c));
	assert_true(platform_guild_channel(g, 203, &c));
	assert_true(str_is(c.name, "pit"));
	assert_true(platform_guild_channel(g, 251, &c));
	assert_true(c.is_thread && c.parent == 200);
	assert_true(platform_guild_channel(g, 250, &c)); /* the others stay */
	assert_int_equal(c.parent, 202);
	assert_true(str_is(platform_guild_role(g, 110), "staff"));
	assert_true(str_is(platform_guild_role(g, 111), ""));
	assert_true(platform_guild_self_has(g, 110));
	assert_true(str_is(platform_guild_name(g), "Café"));
	assert_int_equal(platform_guild_owner(g), 12);
	assert_ptr_equal(platform_guild_of(w->all, 203), g);
	assert_null(platform_guild_of(w->all, 201));
	world_free(w);
}

static void an_outage_is_no_farewell(void **state)
{
	struct world *w = world_new();

	(void)state;
	take(w, "GUILD_CREATE", server);
	assert_int_equal(take(w, "GUILD_DELETE", "{\"id\":\"100\",\"unavailable\":true}"), 0);
	assert_int_equal(take(w, "GUILD_CREATE", "{\"id\":\"100\",\"unavailable\":true}"), 0);
	assert_non_null(platform_guild_find(w->all, 100));
	assert_int_equal(take(w, "GUILD_DELETE", "{\"id\":\"100\"}"), 100);
	assert_null(platform_guild_find(w->all, 100));
	assert_int_equal(platform_guilds_count(w->all), 0);
	world_free(w);
}

static void ready_says_which_servers_there_are(void **state)
{
	const char *ready = "{\"guilds\":[{\"id\":\"100\"},{\"id\":\"4194304000\"}]}";
	const struct json_item *root;
	struct world *w = world_new();

	(void)state;
	take(w, "GUILD_CREATE", "{\"id\":\"300\",\"name\":\"gone\"}");
	take(w, "GUILD_CREATE", "{\"id\":\"4194305\",\"name\":\"of another shard\"}");
	assert_int_equal(json_tape_parse(w->tape, str_of(ready), &root, NULL), 0);
	assert_int_equal(platform_guilds_ready(w->all, root, 0, 4), 0);
	assert_int_equal(platform_guilds_count(w->all), 3);
	assert_int_equal(platform_guilds_waiting(w->all), 2);
	assert_null(platform_guild_find(w->all, 100)); /* not told yet */
	assert_null(platform_guild_find(w->all, 300));
	assert_non_null(platform_guild_find(w->all, 4194305));
	take(w, "GUILD_CREATE", server);
	assert_int_equal(platform_guilds_waiting(w->all), 1);
	world_free(w);
}

/* The bound that the issue sets, 16 MB in all: 100 servers of 500 channels in less than 2 MB. */
static void a_hundred_servers_of_500_channels_take_little(void **state)
{
	struct world *w = world_new();
	const struct platform_guild *g;
	size_t bytes = 0;

	(void)state;
	for (unsigned guild = 1; guild <= 100; guild++) {
		buf_clear(&w->text);
		assert_int_equal(buf_addf(&w->text, "{\"id\":\"%u\",\"name\":"
			"\"Server %u\",\"roles\":[{\"id\":\"%u\",\"name\":\"@everyone\","
			"\"permissions\":\"3072\"}],\"channels\":[",
			guild * 100000, guild, guild * 100000), 0);
		for (unsigned i = 0; i < 500; i++)
			assert_int_equal(buf_addf(&w->text, "%s{\"id\":\"%u\",\"type\":0,"
				"\"name\":\"channel-%u\",\"permission_overwrites\":[{\"id\":\"%u\","
				"\"allow\":\"1024\",\"deny\":\"%u\"}]}", i ? "," : "",
				guild * 100000 + 1000 + 499 - i, i, guild * 100000,
				i % 2 ? 2048 : 65536), 0);
		assert_int_equal(buf_adds(&w->text, "]}"), 0);
		take(w, "GUILD_CREATE", buf_text(&w->text));
	}
	for (size_t i = 0; (g = platform_guilds_at(w->all, i)) != NULL; i++)
		bytes += sizeof(*g) + g->channel_n * sizeof(*g->channels) +
			g->overwrite_n * sizeof(*g->overwrites) + g->set_n * sizeof(*g->sets) +
			g->name_bytes;
	assert_in_range(bytes, 800000, 2000000);
	g = platform_guild_find(w->all, 5000000);
	assert_int_equal(platform_guild_may(g, 9, NULL, 0, 5001000) & PLATFORM_MAY_SEND, 0);
	world_free(w);
}

/* Faults: no memory at any point leaves what was known as it was. */
static void without_memory_a_server_stays_as_it_was(void **state)
{
	struct world *w = world_new();
	const struct json_item *root;
	struct platform_guild_channel c;
	uint64_t changed;
	int err = ERR_NOMEM;

	(void)state;
	take(w, "GUILD_CREATE", server);
	assert_int_equal(json_tape_parse(w->tape, STR("{\"id\":\"200\",\"guild_id\":\"100\","
		"\"type\":0,\"name\":\"lounge\"}"), &root, NULL), 0);
	for (unsigned long n = 1; err == ERR_NOMEM && n < 100; n++) {
		mem_fail_at(n, 0);
		err = platform_guilds_take(w->all, STR("CHANNEL_UPDATE"), root, &changed);
		mem_fail_at(0, 0);
		assert_true(platform_guild_channel(platform_guild_find(w->all, 100), 200, &c));
		assert_true(str_is(c.name, err ? "general" : "lounge"));
	}
	assert_int_equal(err, 0);
	world_free(w);
}

static void ids_are_numbers_of_64_bits(void **state)
{
	(void)state;
	assert_true(platform_snowflake(STR("18446744073709551615")) == UINT64_MAX);
	assert_true(platform_snowflake(STR("18446744073709551616")) == 0);
	assert_true(
		platform_snowflake(STR("1180000000000000500")) == UINT64_C(1180000000000000500));
	assert_true(platform_snowflake(STR("-1")) == 0);
	assert_true(platform_snowflake(STR("12a")) == 0);
	assert_true(platform_snowflake(STR("")) == 0);
	assert_int_equal(platform_snowflake_ms(UINT64_C(1180000000000000500)), 1701404323339);
	assert_int_equal(platform_snowflake_ms(UINT64_C(175928847299117063)), 1462015105796);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permissions_are_reckoned_as_discord_does),
		cmocka_unit_test(a_server_told_again_is_the_same),
		cmocka_unit_test(channels_and_roles_follow_what_changes),
		cmocka_unit_test(an_outage_is_no_farewell),
		cmocka_unit_test(ready_says_which_servers_there_are),
		cmocka_unit_test(a_hundred_servers_of_500_channels_take_little),
		cmocka_unit_test(without_memory_a_server_stays_as_it_was),
		cmocka_unit_test(ids_are_numbers_of_64_bits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
