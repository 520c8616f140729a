/* Slash commands are put when they differ from what is there, and only then. */
#include "unit/discord_world.h"

#include "platform/discord_command.h"
#include "platform/discord_store.h"

#define EVERYWHERE "/api/v10/applications/" BOT "/commands "
#define GUILD "1180000000000000100"
#define IN_GUILD "/api/v10/applications/" BOT "/guilds/" GUILD "/commands "
/* discord.md 13.6 */
#define ASK                                                                                        \
	"{\"name\":\"ask\",\"type\":1,\"description\":\"Ask the assistant\","                      \
	"\"contexts\":[0,1],"                                                                      \
	"\"integration_types\":[0],\"options\":[{\"type\":3,\"name\":\"question\","                \
	"\"description\":\"What to ask\",\"required\":true,\"max_length\":1000}]}"
/* As Discord gives it back. */
#define ASK_THERE(what) "{\"id\":\"7\",\"application_id\":\"" BOT "\",\"version\":\"8\","          \
	"\"default_member_permissions\":null,\"type\":1,\"name\":\"ask\",\"nsfw\":false,"          \
	"\"description\":\"" what "\",\"dm_permission\":true,\"contexts\":[0,1],"                  \
	"\"integration_types\":[0],\"options\":[{\"type\":3,\"name\":\"question\","                \
	"\"description\":\"What to ask\",\"required\":true,\"max_length\":1000}]}"

static const struct slash ask = {.name = "ask", .description = "Ask the assistant",
	.option = "question", .option_help = "What to ask", .is_required = true};
static const struct slash quiet = {.name = "quiet", .description = "Silence", .is_private = true,
	.level = LEVEL_MODERATOR};

struct shop {
	struct world w;
	struct platform_commands *commands;
};

#define WITH_SHOP(test) cmocka_unit_test_setup_teardown(test, open_shop, shut_shop)

static int open_shop(void **state)
{
	static struct shop s;

	world_open(&s.w);
	assert_int_equal(platform_commands_new(s.w.io, s.w.rest, &s.commands), 0);
	*state = &s;
	return 0;
}

static int shut_shop(void **state)
{
	struct shop *s = *state;

	platform_commands_free(s->commands);
	world_close(&s->w);
	return 0;
}

static void want(struct shop *s, const struct slash *list, size_t n)
{
	assert_int_equal(platform_commands_want(s->commands, list, n), 0);
}

static void where(struct shop *s, const char *guild)
{
	assert_int_equal(platform_commands_where(s->commands, BOT, !guild, &guild,
		guild ? 1 : 0), 0);
	settle(&s->w);
}

static bool status_has(const struct shop *s, const char *text)
{
	struct json *json = NULL;
	struct buf out;
	bool has;

	buf_init(&out, 4096);
	assert_int_equal(platform_commands_status(s->commands, &out), 0);
	assert_int_equal(json_parse(buf_str(&out), 4096, &json, NULL), 0);
	has = strstr(buf_text(&out), text) != NULL;
	json_free(json);
	buf_fini(&out);
	return has;
}

static void commands_are_put_as_the_sheet_says(void **state)
{
	struct shop *s = *state;

	want(s, &ask, 1);
	settle(&s->w);
	assert_int_equal(s->w.asked_count, 0); /* nobody knows who we are */
	where(s, NULL);
	assert_int_equal(asked(&s->w, "GET " EVERYWHERE), 1);
	assert_string_equal(asked_at(&s->w, "PUT " EVERYWHERE, 0)->body, "[" ASK "]");
	assert_true(status_has(s, "{\"commands\":1,\"done\":1,\"waiting\":0,\"refused\":0,"));
	/* Said again, nothing is asked again. */
	want(s, &ask, 1);
	where(s, NULL);
	assert_int_equal(s->w.asked_count, 2);
}

static void what_is_there_already_is_not_put(void **state)
{
	struct shop *s = *state;

	world_rule(&s->w, "GET", 1, JSON_HEAD("200 OK", "") "[" ASK_THERE("Ask the assistant") "]");
	want(s, &ask, 1);
	where(s, NULL);
	assert_int_equal(s->w.asked_count, 1);
	assert_true(status_has(s, "\"done\":1,"));
	/* One more is wanted. */
	world_rule(&s->w, "GET", 1, JSON_HEAD("200 OK", "") "[" ASK_THERE("Ask the assistant") "]");
	want(s, (const struct slash[]){ask, quiet}, 2);
	settle(&s->w);
	assert_int_equal(asked(&s->w, "PUT"), 1);
}

static void every_difference_counts(void **state)
{
	static const char *const there[] = {
		"[]", "[" ASK_THERE("Ask the otter") "]",
		"[" ASK_THERE("Ask the assistant") "," ASK_THERE("Ask the assistant") "]",
		"[{\"name\":\"ask\",\"type\":1,\"description\":\"Ask the assistant\"}]",
		"[{\"name\":\"ask\",\"type\":2,\"description\":\"\"}]",
		"{}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(there); i++) {
		struct shop s;
		char bytes[2048];

		world_open(&s.w);
		assert_int_equal(platform_commands_new(s.w.io, s.w.rest, &s.commands), 0);
		snprintf(bytes, sizeof(bytes), JSON_HEAD("200 OK", "") "%s", there[i]);
		world_rule(&s.w, "GET", 1, bytes);
		want(&s, &ask, 1);
		where(&s, NULL);
		assert_case(i, asked(&s.w, "PUT") == 1);
		platform_commands_free(s.commands);
		world_close(&s.w);
	}
}

static void moderators_commands_are_theirs(void **state)
{
	struct shop *s = *state;

	want(s, &quiet, 1);
	where(s, NULL);
	assert_string_equal(asked_at(&s->w, "PUT", 0)->body, "[{\"name\":\"quiet\",\"type\":1,"
		"\"description\":\"Silence\",\"contexts\":[0],\"integration_types\":[0],"
		"\"default_member_permissions\":\"8192\"}]");
	where(s, GUILD);
	assert_string_equal(asked_at(&s->w, "PUT " IN_GUILD, 0)->body, "[{\"name\":\"quiet\","
		"\"type\":1,\"description\":\"Silence\",\"default_member_permissions\":\"8192\"}]");
}

static void nowhere(struct shop *s)
{
	assert_int_equal(platform_commands_where(s->commands, BOT, false, NULL, 0), 0);
	settle(&s->w);
}

static void what_was_registered_is_taken_back_and_nothing_else(void **state)
{
	struct shop *s = *state;

	want(s, &ask, 1);
	nowhere(s);
	assert_int_equal(s->w.asked_count, 0);
	where(s, GUILD);
	world_rule(&s->w, "GET " IN_GUILD, 1, JSON_HEAD("200 OK", "") "[" ASK_THERE("x") "]");
	where(s, NULL); /* somewhere else */
	assert_string_equal(asked_at(&s->w, "PUT " IN_GUILD, 1)->body, "[]");
	assert_int_equal(asked(&s->w, "PUT " EVERYWHERE), 1);
	world_rule(&s->w, "GET " EVERYWHERE, 1, JSON_HEAD("200 OK", "") "[" ASK_THERE("x") "]");
	nowhere(s);
	assert_string_equal(asked_at(&s->w, "PUT " EVERYWHERE, 1)->body, "[]");
	assert_true(status_has(s, "{\"commands\":0,"));
	const size_t before = s->w.asked_count;
	nowhere(s);
	want(s, &quiet, 1);
	settle(&s->w);
	assert_int_equal(s->w.asked_count, before);
}

static void a_server_not_listed_is_left_alone_and_one_that_is_left_is_forgotten(void **state)
{
	static const char *const other = "1180000000000000555";
	struct shop *s = *state;

	want(s, &ask, 1);
	where(s, GUILD);
	const size_t before = s->w.asked_count;
	where(s, other);
	want(s, &quiet, 1);
	settle(&s->w);
	assert_int_equal(asked(&s->w, "GET " IN_GUILD), 1);
	assert_true(s->w.asked_count > before);
	world_rule(&s->w, "GET " IN_GUILD, 1, JSON_HEAD("403 Forbidden", "") "{\"code\":50001}");
	nowhere(s);
	assert_int_equal(asked(&s->w, "GET " IN_GUILD), 2);
	assert_true(status_has(s, "\"refused\":0,"));
	nowhere(s);
	assert_int_equal(asked(&s->w, "GET " IN_GUILD), 2);
}

static void a_refusal_is_not_repeated_and_a_failure_is(void **state)
{
	struct shop *s = *state;

	world_rule(&s->w, "GET", 1, JSON_HEAD("403 Forbidden", "") "{\"code\":50001}");
	world_rule(&s->w, "GET", 4, JSON_HEAD("502 Bad", "") "{}");
	want(s, &ask, 1);
	where(s, GUILD);
	assert_true(status_has(s, "\"refused\":1,"));
	io_clock_shift(s->w.io, 7200000);
	settle(&s->w);
	assert_int_equal(s->w.asked_count, 1);
	where(s, GUILD);
	for (int i = 0; i < 200 && asked(&s->w, "PUT") == 0; i++) {
		settle(&s->w);
		io_clock_shift(s->w.io, 1000);
	}
	assert_int_equal(asked(&s->w, "GET"), 6);
	assert_int_equal(asked(&s->w, "PUT"), 1);
	/* Too many of them in a day (discord.md 12.25). */
	world_rule(&s->w, "PUT", 1, JSON_HEAD("400 No", "") "{\"code\":30034,\"message\":\"Max\"}");
	want(s, &quiet, 1);
	settle(&s->w);
	assert_true(status_has(s, "wait until tomorrow"));
	io_clock_shift(s->w.io, 3600000);
	settle(&s->w);
	assert_int_equal(asked(&s->w, "PUT"), 2);
	io_clock_shift(s->w.io, 23 * INT64_C(3600000));
	settle(&s->w);
	assert_int_equal(asked(&s->w, "PUT"), 3);
	assert_true(status_has(s, "\"done\":1,"));
}

/* ---- What is on disk ------------------------------------------------------------------------- */

struct kept {
	struct shop *shop;
	struct io_worker *worker;
	struct secret *token;
	char *dir, *path;
};

static void open_kept(struct kept *k, struct shop *s)
{
	struct platform_store *store;

	k->shop = s;
	k->dir = unit_make_folder();
	assert_int_equal(secret_new(STR(TOKEN), &k->token), 0);
	assert_int_equal(io_worker_new(s->w.io, "kept", 8, &k->worker), 0);
	assert_int_equal(platform_store_new(k->worker, k->dir, "discord-commands", k->token,
		&store), 0);
	k->path = mem_dup(platform_store_path(store));
	platform_store_free(store, (struct str){0});
}

static void reopen(struct kept *k)
{
	assert_int_equal(platform_commands_open(k->shop->commands, k->worker, k->dir, k->token), 0);
}

static void close_kept(struct kept *k)
{
	platform_commands_free(k->shop->commands);
	assert_int_equal(platform_commands_new(k->shop->w.io, k->shop->w.rest,
		&k->shop->commands), 0);
	io_worker_free(k->worker);
	secret_free(k->token);
	(void)unlink(k->path);
	unit_remove_folder(k->dir, NULL, 0);
	mem_free(k->path);
}

static bool file_is(const struct kept *k, const char *text)
{
	struct buf file;
	bool is;

	buf_init(&file, 1 << 20);
	is = file_read(k->path, &file) == 0 && str_is(buf_str(&file), text);
	buf_fini(&file);
	return is;
}

static void what_may_be_there_is_on_disk_although_nobody_says_that_it_is(void **state)
{
	struct kept k;
	struct shop *s = *state;

	open_kept(&k, s);
	reopen(&k);
	world_rule(&s->w, "PUT", 1, JSON_HEAD("502 Bad", "") "{}");
	want(s, &ask, 1);
	where(s, GUILD);
	assert_true(file_is(&k, GUILD "\n"));
	/* In the next life they are compared without a server being told. */
	reopen(&k);
	assert_int_equal(platform_commands_where_known(s->commands, BOT, NULL, 0), 0);
	settle(&s->w);
	assert_int_equal(asked(&s->w, "PUT " IN_GUILD), 2);
	assert_true(status_has(s, "\"done\":1,"));
	close_kept(&k);
}

static void a_file_that_cannot_be_read_is_left_as_it_is(void **state)
{
	struct kept k;
	struct shop *s = *state;
	char *large = mem_new(PLATFORM_STORE_BYTES + 2);

	open_kept(&k, s);
	memset(large, '7', PLATFORM_STORE_BYTES + 1);
	assert_int_equal(file_replace(k.path, str_of(large), 0600), 0);
	reopen(&k);
	want(s, &ask, 1);
	where(s, GUILD);
	assert_int_equal(asked(&s->w, "PUT " IN_GUILD), 1);
	assert_true(file_is(&k, large));
	mem_free(large);
	close_kept(&k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_SHOP(commands_are_put_as_the_sheet_says),
		WITH_SHOP(what_is_there_already_is_not_put),
		cmocka_unit_test(every_difference_counts),
		WITH_SHOP(moderators_commands_are_theirs),
		WITH_SHOP(what_was_registered_is_taken_back_and_nothing_else),
		WITH_SHOP(a_server_not_listed_is_left_alone_and_one_that_is_left_is_forgotten),
		WITH_SHOP(a_refusal_is_not_repeated_and_a_failure_is),
		WITH_SHOP(what_may_be_there_is_on_disk_although_nobody_says_that_it_is),
		WITH_SHOP(a_file_that_cannot_be_read_is_left_as_it_is),
	};

	return cmocka_run_group_tests_name("discord_command", tests, NULL, NULL);
}
