/* Notifications of EventSub become events: the vectors of twitch.md 8.2, and the same words give
 * the same event as over chat. */
#include "platform/twitch_notify.h"
#include "unit.h"

#define FRAMES "tests/data/twitch-eventsub.jsonl"
#define NOTICES "tests/data/twitch-notices.jsonl"
#define LINES "tests/data/twitch-irc.jsonl"
#define STAMP_MS 1767268800123

/* A vector, taken apart, and what became of it. */
struct told {
	struct platform_maker maker;
	struct buf text;
	struct json_tape *tape;
	struct platform_news news;
	int err;
};

static struct told *told_new(void)
{
	struct told *t = mem_new(sizeof(*t));

	assert_non_null(t);
	platform_maker_init(&t->maker, 3, STR("twitch"));
	snprintf(t->maker.login, sizeof(t->maker.login), "tidalbot");
	snprintf(t->maker.user_id, sizeof(t->maker.user_id), "60030003");
	t->maker.now_ms = 5000;
	t->maker.wall_ms = 6000;
	buf_init(&t->text, 1 << 16);
	assert_int_equal(json_tape_new(1 << 16, &t->tape), 0);
	return t;
}

static void told_free(struct told *t)
{
	platform_maker_fini(&t->maker);
	buf_fini(&t->text);
	json_tape_free(t->tape);
	mem_free(t);
}

/* Adds the line of a file that begins with head; false when there is none. */
static bool find_line(const char *below, const char *head, struct buf *out)
{
	struct buf file;
	bool is_found = false;

	buf_init(&file, 1 << 20);
	assert_int_equal(file_read(unit_tree_path(below), &file), 0);
	for (struct str rest = buf_str(&file); rest.len > 0 && !is_found;) {
		struct str line = str_split(&rest, '\n');

		is_found = line.len > strlen(head) && memcmp(line.at, head, strlen(head)) == 0;
		if (is_found)
			assert_int_equal(buf_add_str(out, line), 0);
	}
	buf_fini(&file);
	return is_found;
}

/* Reads t->text, a line with a frame in it, as a session would hand it on. */
static void tell(struct told *t)
{
	const struct json_item *line;
	const char *why = NULL;

	if (json_tape_parse(t->tape, buf_str(&t->text), &line, &why) < 0)
		fail_msg("%s: %s", why, buf_text(&t->text));

	const struct json_item *frame = json_item_get(line, "frame");
	const struct json_item *payload = json_item_get(frame, "payload");
	struct platform_notification n = {
		.type = json_item_str(json_item_get(frame, "metadata"), "subscription_type"),
		.id = json_item_str(json_item_get(frame, "metadata"), "message_id"),
		.wall_ms = STAMP_MS,
		.condition = json_item_get(json_item_get(payload, "subscription"), "condition"),
		.event = json_item_get(payload, "event"),
	};
	t->err = platform_twitch_news(&t->maker, &n, &t->news);
}

static void tell_vector(struct told *t, const char *id)
{
	char head[32];

	snprintf(head, sizeof(head), "{\"id\":\"%s\"", id);
	buf_clear(&t->text);
	if (!find_line(FRAMES, head, &t->text))
		fail_msg("no vector %s", id);
	tell(t);
}

static void replace(struct buf *text, const char *old, const char *fresh)
{
	struct buf out;
	char *at = text->at ? strstr(text->at, old) : NULL;

	if (!at)
		fail_msg("no %s in the vector", old);
	buf_init(&out, text->max);
	assert_int_equal(buf_add(&out, text->at, (size_t)(at - text->at)), 0);
	assert_int_equal(buf_adds(&out, fresh), 0);
	assert_int_equal(buf_adds(&out, at + strlen(old)), 0);
	buf_fini(text);
	*text = out;
}

/* kind -1 = nothing that is an event */
static void every_vector_becomes_the_event_it_is(void **state)
{
	static const struct {
		const char *id;
		int kind;
		const char *user, *tier, *touser, *text, *reward;
		int64_t count, months;
	} cases[] = {
		{"E06", EVENT_MESSAGE, "Mossy_Otter", "", "", "o7 everyone", "", 0, 14},
		{"E07", EVENT_CHEER, "Mossy_Otter", "", "",
			"@TidalBot how deep is it? Kappa Cheer100", "", 100, 14},
		{"E08", EVENT_MESSAGE, "SnailPost", "", "Mossy_Otter", "o7 back", "", 0, 0},
		{"E09", EVENT_MESSAGE, "ShoalDriver", "", "", "hello from next door", "", 0, 0},
		{"E10", EVENT_MESSAGE, "TidalBot", "", "", "I am the bot speaking", "", 0, 0},
		{"E11", EVENT_MESSAGE, "Mossy_Otter", "", "", "party time", "", 0, 14},
		{"E12", EVENT_RESUB, "Mossy_Otter", "1", "", "fourteen months", "", 6, 14},
		{"E13", EVENT_RAID, "ShoalDriver", "", "", "", "", 12, 0},
		{"E14", EVENT_GIFTBOMB, "Anonymous", "1", "", "", "", 5, 0},
		{"E15", EVENT_FOLLOW, "Newt_Arrival", "", "", "", "", 0, 0},
		{"E16", -1, "", "", "", "", "", 0, 0},
		{"E17", EVENT_GIFTBOMB, "BrineBaron", "1", "", "", "", 5, 0},
		{"E18", EVENT_GIFT, "Anonymous", "3", "", "", "", 1, 0},
		{"E19", EVENT_RESUB, "Mossy_Otter", "1", "", "fourteen months of Kappa", "", 6, 14},
		{"E20", -1, "", "", "", "", "", 0, 0},
		{"E21", EVENT_CHEER, "BrineBaron", "", "", "Cheer100 for the reef", "", 100, 0},
		{"E22", EVENT_CHEER, "Anonymous", "", "", "Anon50", "", 50, 0},
		{"E23", -1, "", "", "", "", "", 0, 0},
		{"E24", EVENT_RAID, "Driftwood_Bay", "", "", "", "", 43, 0},
		{"E25", EVENT_REDEEM, "SnailPost", "", "", "what lives below 1000 m?",
			"Ask the bot",
			0, 0},
		{"E26", EVENT_ONLINE, "KelpForest", "", "", "", "", 0, 0},
		{"E27", EVENT_OFFLINE, "KelpForest", "", "", "", "", 0, 0},
		{"E28", EVENT_HYPETRAIN, "KelpForest", "", "", "", "", 1, 0},
		{"E29", EVENT_AD, "KelpForest", "", "", "", "", 90, 0},
		{"E30", -1, "", "", "", "", "", 0, 0},
		{"E31", -1, "", "", "", "", "", 0, 0},
		{"E32", -1, "", "", "", "", "", 0, 0},
		{"E33", EVENT_WHISPER, "Mossy_Otter", "", "", "psst", "", 0, 0},
		{"E37", -1, "", "", "", "", "", 0, 0},
		{"E38", EVENT_SHOUTOUT, "KelpForest", "", "Driftwood_Bay", "", "", 860, 0},
		{"E39", -1, "", "", "", "", "", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct told *t = told_new();
		const struct event *e = &t->news.event;

		print_message("%s\n", cases[i].id);
		tell_vector(t, cases[i].id);
		assert_int_equal(t->err, cases[i].kind < 0 ? ERR_NOTFOUND : 0);
		assert_int_equal(t->news.has_event, cases[i].kind >= 0);
		assert_case(i, t->err == 0 || t->news.why[0]);
		if (cases[i].kind >= 0) {
			assert_int_equal(e->kind, cases[i].kind);
			assert_str(e->user, str_of(cases[i].user));
			assert_str(e->tier, str_of(cases[i].tier));
			assert_str(e->touser, str_of(cases[i].touser));
			assert_str(e->text, str_of(cases[i].text));
			assert_str(e->reward, str_of(cases[i].reward));
			assert_int_equal(e->count, cases[i].count);
			assert_int_equal(e->months, cases[i].months);
			assert_int_equal(e->wall_ms, STAMP_MS);
			assert_int_equal(e->at_ms, 5000);
			assert_int_equal(e->place, 3);
			assert_case(i, e->user_id.len > 0 && e->id.len > 0);
			if (cases[i].kind != EVENT_WHISPER)
				assert_str(e->channel, STR("kelpforest"));
		}
		told_free(t);
	}
}

/* Every other member of a frame may be missing, and of any type: nothing is told, nothing breaks.
 */
static void what_is_missing_or_of_another_type_tells_nothing(void **state)
{
	static const char *const events[] = {
		"null", "{}", "[]", "7",
		"{\"broadcaster_user_id\":7,\"broadcaster_user_login\":[]}",
		"{\"broadcaster_user_id\":\"4\",\"broadcaster_user_login\":\"k\","
		"\"message\":[],\"badges\":{\"a\":1},\"reply\":7,\"cheer\":\"x\",\"whisper\":0,"
		"\"reward\":[1],\"notice_type\":{}}",
	};
	static const char *const types[] = {
		"channel.chat.message", "channel.chat.notification", "channel.chat.message_delete",
		"channel.chat.clear_user_messages", "channel.raid", "user.whisper.message",
		"a.future.type", "",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(events) * COUNT(types); i++) {
		struct told *t = told_new();

		assert_int_equal(buf_addf(&t->text, "{\"frame\":{\"metadata\":{"
			"\"subscription_type\":\"%s\"},\"payload\":{\"event\":%s}}}",
			types[i % COUNT(types)], events[i / COUNT(types)]), 0);
		tell(t);
		assert_case(i, t->err == ERR_NOTFOUND && t->news.why[0]);
		assert_case(i, !t->news.has_event && !t->news.has_erasure && !t->news.has_stream);
		told_free(t);
	}
}

static void only_words_of_chat_can_be_replied_to(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E06");
	assert_str(t->news.event.id, STR("d6531b81-dea6-52ac-90e5-92277b33cf5d"));
	tell_vector(t, "E12"); /* the id that chat gives the same notice */
	assert_str(t->news.event.id, STR("notice-e0ca3f5a-5f13-5659-a226-54e3f33d8bd7"));
	tell_vector(t, "E15");
	assert_int_equal(strncmp(t->news.event.id.at, "notice-", 7), 0);
	told_free(t);
}

static void roles_come_from_badges_and_from_owning_the_room(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E06");
	assert_int_equal(t->news.event.roles, ROLE(LEVEL_EVERYONE) | ROLE(LEVEL_SUBSCRIBER));
	replace(&t->text, "\"set_id\":\"subscriber\"", "\"set_id\":\"lead_moderator\"");
	tell(t);
	assert_int_equal(event_level(&t->news.event), LEVEL_MODERATOR);
	replace(&t->text, "\"set_id\":\"lead_moderator\"", "\"set_id\":\"a_future_badge\"");
	tell(t);
	assert_int_equal(event_level(&t->news.event), LEVEL_EVERYONE);
	replace(&t->text, "\"chatter_user_id\":\"50020002\"", "\"chatter_user_id\":\"40010001\"");
	tell(t);
	assert_int_equal(event_level(&t->news.event), LEVEL_BROADCASTER);
	told_free(t);
}

static void own_words_and_copies_of_other_rooms_are_marked(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E10");
	assert_true(t->news.event.is_self && !t->news.event.is_foreign);
	assert_int_equal(event_level(&t->news.event), LEVEL_MODERATOR); /* ours: the lane's */
	tell_vector(t, "E09");
	assert_true(t->news.event.is_foreign && !t->news.event.is_self);
	tell_vector(t, "E13");
	assert_true(t->news.event.is_foreign);
	/* In the room it was written in, a shared chat's source is the room itself. */
	tell_vector(t, "E09");
	replace(&t->text, "\"source_broadcaster_user_id\":\"40010002\"",
		"\"source_broadcaster_user_id\":\"40010001\"");
	tell(t);
	assert_false(t->news.event.is_foreign);
	told_free(t);
}

static void a_reply_to_the_bot_is_direct_and_begins_with_its_words(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E08");
	assert_str(t->news.event.to_id, STR("d6531b81-dea6-52ac-90e5-92277b33cf5d"));
	assert_false(t->news.event.is_direct);
	replace(&t->text, "\"parent_user_id\":\"50020002\"", "\"parent_user_id\":\"60030003\"");
	tell(t);
	assert_true(t->news.event.is_direct);
	assert_str(t->news.event.text, STR("o7 back"));
	told_free(t);
}

static void text_is_unwrapped_and_cleaned_as_in_chat(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E06");
	replace(&t->text, "{\"text\":\"o7 everyone\"",
		"{\"text\":\"\\u0001ACTION  waves \\u200b to\\u202e all \\udb40\\udc00\\u0001\"");
	tell(t);
	assert_true(t->news.event.is_action);
	assert_str(t->news.event.text, STR("waves to all"));
	told_free(t);
}

static void an_anonymous_cheer_and_gift_name_nobody(void **state)
{
	static const char *const ids[] = {"E14", "E18", "E22"};

	(void)state;
	for (size_t i = 0; i < COUNT(ids); i++) {
		struct told *t = told_new();

		tell_vector(t, ids[i]);
		assert_true(t->news.event.is_anonymous);
		assert_str(t->news.event.user, STR("Anonymous"));
		told_free(t);
	}
}

static void erasures_say_what_to_forget(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E34");
	assert_true(t->err == 0 && t->news.has_erasure && !t->news.has_event);
	assert_str(t->news.erasure.message_id, STR("12c3e1bf-4a50-5049-86ae-2a3631503b29"));
	assert_str(t->news.erasure.author, STR("snailpost"));
	assert_str(t->news.erasure.channel, STR("kelpforest"));
	tell_vector(t, "E35");
	assert_str(t->news.erasure.user_id, STR("50020005"));
	assert_int_equal(t->news.erasure.message_id.len, 0);
	tell_vector(t, "E36");
	assert_true(t->err == 0 && t->news.has_erasure);
	assert_int_equal(t->news.erasure.user_id.len + t->news.erasure.message_id.len, 0);
	/* An id that is gone must not become "everything". */
	tell_vector(t, "E34");
	replace(&t->text, "\"message_id\":\"12c3e1bf-4a50-5049-86ae-2a3631503b29\"",
		"\"message_id\":null");
	tell(t);
	assert_true(t->err == ERR_NOTFOUND && !t->news.has_erasure);
	told_free(t);
}

static void a_stream_begins_with_its_id_and_time(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E26");
	assert_true(t->news.has_stream && t->news.stream.is_known && t->news.stream.is_live);
	assert_str(t->news.stream.id, STR("9100123456789"));
	assert_int_equal(t->news.stream.started_wall_ms, 1767268800000);
	replace(&t->text, "\"type\":\"live\"", "\"type\":\"rerun\"");
	tell(t);
	assert_true(t->err == ERR_NOTFOUND && !t->news.has_stream);
	tell_vector(t, "E27");
	assert_true(t->news.has_stream && t->news.stream.is_known && !t->news.stream.is_live);
	told_free(t);
}

/* Two rooms of ours: one raid has two notifications, and the condition tells them apart. */
static void a_raid_goes_out_where_it_was_asked_for_by_its_origin(void **state)
{
	struct told *t = told_new();
	struct event *e = &t->news.event;

	(void)state;
	tell_vector(t, "E24");
	assert_int_equal(e->kind, EVENT_RAID);
	buf_clear(&t->text);
	assert_int_equal(buf_adds(&t->text, "{\"frame\":{\"metadata\":{\"subscription_type\":"
		"\"channel.raid\"},\"payload\":{\"subscription\":{\"condition\":"
		"{\"from_broadcaster_user_id\":\"40010002\",\"to_broadcaster_user_id\":\"\"}},"
		"\"event\":{\"from_broadcaster_user_id\":\"40010002\","
		"\"from_broadcaster_user_login\":\"driftwood_bay\","
		"\"from_broadcaster_user_name\":\"Driftwood_Bay\","
		"\"to_broadcaster_user_id\":\"40010001\","
		"\"to_broadcaster_user_login\":\"kelpforest\","
		"\"to_broadcaster_user_name\":\"KelpForest\",\"viewers\":43}}}}"), 0);
	tell(t);
	assert_int_equal(t->err, 0);
	assert_int_equal(e->kind, EVENT_RAIDOUT);
	assert_str(e->channel, STR("driftwood_bay"));
	assert_str(e->touser, STR("KelpForest"));
	assert_int_equal(e->count, 43);
	told_free(t);
}

static void a_reward_has_its_title_and_its_id(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E25");
	assert_str(t->news.event.reward, STR("Ask the bot"));
	assert_str(t->news.event.reward_id, STR("ce20cad8-1a50-5111-9143-8798570be196"));
	told_free(t);
}

static void numbers_may_be_printed_as_texts(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E29");
	replace(&t->text, "\"duration_seconds\":90", "\"duration_seconds\":\"90\"");
	replace(&t->text, "\"is_automatic\":false", "\"is_automatic\":\"false\"");
	tell(t);
	assert_int_equal(t->news.event.count, 90);
	told_free(t);
}

/* E12 with the notice and the object of one line of the notices' vectors. */
static void tell_notice(struct told *t, const char *type, bool is_copy)
{
	const char *prefix = is_copy ? "shared_chat_" : "";
	char head[96], old[96], fresh[1024];
	struct buf line;

	buf_init(&line, 4096);
	snprintf(head, sizeof(head), "{\"notice_type\":\"%s\",\"object\":", type);
	if (!find_line(NOTICES, head, &line))
		fail_msg("no notice %s", type);
	tell_vector(t, "E12");
	snprintf(old, sizeof(old), "\"%s%s\":null", prefix, type);
	if (strstr(t->text.at, old))
		replace(&t->text, old, "\"emptied\":null");
	snprintf(fresh, sizeof(fresh), "\"notice_type\":\"%s%s\",\"%s%s\":%.*s", prefix, type,
		prefix,
		type, (int)(line.len - strlen(head) - 1), line.at + strlen(head));
	replace(&t->text, "\"notice_type\":\"resub\"", fresh);
	tell(t);
	buf_fini(&line);
}

static void notices_become_what_they_are_in_chat(void **state)
{
	static const struct {
		const char *type;
		int kind;
		const char *tier, *touser;
		int64_t count, months;
	} cases[] = {
		{"sub", EVENT_SUB, "prime", "", 0, 1},
		{"sub_gift", EVENT_GIFT, "1", "PebbleWren", 1, 1},
		{"gift_paid_upgrade", EVENT_UPGRADE, "", "BrineBaron", 0, 0},
		{"prime_paid_upgrade", EVENT_UPGRADE, "2", "", 0, 0},
		{"pay_it_forward", -1, "", "", 0, 0},
		{"raid", EVENT_RAID, "", "", 43, 0},
		{"unraid", -1, "", "", 0, 0},
		{"announcement", EVENT_ANNOUNCEMENT, "", "", 0, 0},
		{"bits_badge_tier", -1, "", "", 0, 0},
		{"charity_donation", -1, "", "", 0, 0},
		{"watch_streak", EVENT_STREAK, "", "", 10, 0},
		{"modiversary", -1, "", "", 0, 0},
		{"a_future_notice", -1, "", "", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(cases); i++) {
		bool is_copy = i >= COUNT(cases);
		size_t k = i % COUNT(cases);
		struct told *t = told_new();
		const struct event *e = &t->news.event;

		tell_notice(t, cases[k].type, is_copy);
		assert_case(i, t->err == (cases[k].kind < 0 ? ERR_NOTFOUND : 0));
		if (cases[k].kind >= 0) {
			assert_int_equal(e->kind, cases[k].kind);
			assert_str(e->tier, str_of(cases[k].tier));
			assert_str(e->touser, str_of(cases[k].touser));
			assert_int_equal(e->count, cases[k].count);
			assert_int_equal(e->months, cases[k].months);
			assert_str(e->text, STR("fourteen months")); /* the user's own words */
			assert_int_equal(e->is_foreign, is_copy);
		}
		told_free(t);
	}
}

static void a_single_gift_names_who_got_it(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_notice(t, "sub_gift", false);
	replace(&t->text, "\"community_gift_id\":\"12719330415562200118\"",
		"\"community_gift_id\":null");
	tell(t);
	assert_int_equal(t->err, 0);
	assert_int_equal(t->news.event.kind, EVENT_GIFT);
	assert_str(t->news.event.touser, STR("PebbleWren"));
	assert_int_equal(t->news.event.count, 1);
	told_free(t);
}

static void gifts_of_a_batch_name_it(void **state)
{
	struct told *t = told_new();

	(void)state;
	tell_vector(t, "E14");
	assert_int_equal(t->err, 0);
	assert_true(t->news.event.batch.len > 0);
	told_free(t);
}

static void same_event(const struct event *a, const struct event *b)
{
	assert_int_equal(a->kind, b->kind);
	assert_str(a->channel, b->channel);
	assert_str(a->channel_id, b->channel_id);
	assert_str(a->user, b->user);
	assert_str(a->login, b->login);
	assert_str(a->user_id, b->user_id);
	assert_str(a->text, b->text);
	assert_str(a->tier, b->tier);
	assert_str(a->touser, b->touser);
	assert_int_equal(a->count, b->count);
	assert_int_equal(a->months, b->months);
	assert_int_equal(a->bits, b->bits);
	assert_int_equal(a->is_foreign, b->is_foreign);
	assert_int_equal(a->is_self, b->is_self);
	assert_int_equal(a->is_anonymous, b->is_anonymous);
	assert_int_equal(a->is_direct, b->is_direct);
	assert_int_equal(event_level(a), event_level(b));
}

static void both_wires_tell_the_same(void **state)
{
	static const struct {
		const char *frame, *line;
	} pairs[] = {
		{"E06", "P02"}, /* a line of a subscriber */
		{"E14", "N07"}, /* a gift bomb: anonymous here, named there */
		{"E13", "N19"}, /* a raid next door */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(pairs); i++) {
		struct told *t = told_new(), *chat = told_new();
		char head[32], bytes[4096];
		struct platform_line l;
		struct event e;
		struct json *doc;
		const char *why;

		tell_vector(t, pairs[i].frame);
		snprintf(head, sizeof(head), "{\"id\":\"%s\"", pairs[i].line);
		assert_true(find_line(LINES, head, &chat->text));
		assert_int_equal(json_parse(buf_str(&chat->text), 1 << 16, &doc, &why), 0);
		struct str line = json_str(doc, "line");
		assert_true(line.len < sizeof(bytes));
		memcpy(bytes, line.at, line.len);
		assert_int_equal(platform_line_parse(bytes, line.len, &l), 0);
		assert_int_equal(platform_twitch_event(&chat->maker, &l, STR("kelpforest"), &e,
			&why),
			0);
		if (i == 1) {
			assert_int_equal(e.kind, t->news.event.kind);
			assert_int_equal(e.count, t->news.event.count);
			assert_str(e.tier, t->news.event.tier);
		} else {
			same_event(&t->news.event, &e);
		}
		json_free(doc);
		told_free(t);
		told_free(chat);
	}
}

/* Whatever allocation fails, it is an ordinary error. */
static void without_memory_nothing_is_told(void **state)
{
	(void)state;
	for (unsigned long n = 1; n < 6; n++) {
		struct told *t = told_new();

		tell_vector(t, "E08");
		replace(&t->text, "\"chatter_user_name\":\"SnailPost\"",
			"\"chatter_user_name\":\"Sn\\u00e4ilPost\"");
		tell(t); /* the tape has its memory now, and the maker none again */
		buf_fini(&t->maker.text);
		buf_fini(&t->maker.user);
		mem_fail_at(n, 1);
		tell(t);
		mem_fail_at(0, 0);
		assert_true(t->err == 0 || t->err == ERR_NOMEM);
		told_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_vector_becomes_the_event_it_is),
		cmocka_unit_test(what_is_missing_or_of_another_type_tells_nothing),
		cmocka_unit_test(only_words_of_chat_can_be_replied_to),
		cmocka_unit_test(roles_come_from_badges_and_from_owning_the_room),
		cmocka_unit_test(own_words_and_copies_of_other_rooms_are_marked),
		cmocka_unit_test(a_reply_to_the_bot_is_direct_and_begins_with_its_words),
		cmocka_unit_test(text_is_unwrapped_and_cleaned_as_in_chat),
		cmocka_unit_test(an_anonymous_cheer_and_gift_name_nobody),
		cmocka_unit_test(erasures_say_what_to_forget),
		cmocka_unit_test(a_stream_begins_with_its_id_and_time),
		cmocka_unit_test(a_raid_goes_out_where_it_was_asked_for_by_its_origin),
		cmocka_unit_test(a_reward_has_its_title_and_its_id),
		cmocka_unit_test(numbers_may_be_printed_as_texts),
		cmocka_unit_test(notices_become_what_they_are_in_chat),
		cmocka_unit_test(a_single_gift_names_who_got_it),
		cmocka_unit_test(gifts_of_a_batch_name_it),
		cmocka_unit_test(both_wires_tell_the_same),
		cmocka_unit_test(without_memory_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
