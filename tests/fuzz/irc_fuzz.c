/* Fuzz: a frame of chat through the line parser, the tags and the makers of events. No bytes may do
 * harm; what comes out is valid UTF-8 without control characters, belongs to somebody, and an
 * erasure never means more than it says. */
#include "platform/irc_event.h"
#include "platform/twitch_notice.h"

#include <stdlib.h>
#include <string.h>

#define FRAME_BYTES (64 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(struct str s, size_t most)
{
	must(s.len <= most);
	must(text_is_utf8(s));
	for (size_t i = 0; i < s.len; i++)
		must((unsigned char)s.at[i] >= ' ' && s.at[i] != 0x7f);
}

static void check_event(const struct event *e)
{
	check_text(e->text, PLATFORM_TEXT_BYTES);
	check_text(e->user, PLATFORM_NAME_BYTES);
	check_text(e->touser, PLATFORM_NAME_BYTES);
	check_text(e->reward, PLATFORM_NAME_BYTES);
	check_text(e->login, PLATFORM_ID_BYTES);
	check_text(e->user_id, PLATFORM_NAME_BYTES);
	check_text(e->id, PLATFORM_ID_BYTES + sizeof(PLATFORM_NOTICE_ID));
	check_text(e->to_id, PLATFORM_ID_BYTES);
	must(e->user_id.len > 0 || e->is_anonymous);
	must(e->count >= 0 && e->months >= 0 && e->bits >= 0);
	must((unsigned)e->kind < EVENT_KIND_COUNT);
}

/* The line is taken apart in place, so each reader gets its own copy. */
static bool parse(struct platform_line *l, char *copy, const char *at, size_t n)
{
	memcpy(copy, at, n);
	return platform_line_parse(copy, n, l) == 0;
}

static void read_line(struct platform_maker *m, struct platform_members *ms,
	struct platform_modes *modes, const char *at, size_t n)
{
	static char copy[FRAME_BYTES];
	struct platform_line l;
	struct platform_twitch_state state;
	struct erasure erasure;
	struct event e;
	const char *why;
	int64_t timeout_ms;

	if (!parse(&l, copy, at, n))
		return;
	must(l.param_count <= PLATFORM_PARAMS_MAX && l.command.len > 0);
	platform_modes_isupport(modes, &l);
	platform_members_mode(ms, modes, &l);
	platform_members_names(ms, modes, platform_line_param(&l, 3));
	platform_members_renamed(ms, l.nick, platform_line_param(&l, 0));
	must(ms->n <= PLATFORM_MEMBERS_MAX);
	if (platform_irc_event(m, ms, &l, STR("reef"), &e, &why) == 0)
		check_event(&e);
	if (parse(&l, copy, at, n) &&
			platform_twitch_event(m, &l, STR("reef"), &e, &why) == 0)
		check_event(&e);
	if (parse(&l, copy, at, n) && platform_twitch_erasure(m, &l, STR("reef"), &erasure,
			&timeout_ms) == 0 && str_eq_nocase(l.command, STR("CLEARMSG")))
		must(erasure.message_id.len > 0);
	if (parse(&l, copy, at, n))
		platform_twitch_state(&l, &state);
	if (parse(&l, copy, at, n)) {
		const struct platform_notice *notice =
			platform_notice_find(platform_twitch_notice_id(&l));
		must(!notice || platform_notice_wait_ms(notice, platform_line_param(&l, 1)) >= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char frame[FRAME_BYTES];
	struct platform_maker m;
	struct platform_members ms = {0};
	struct platform_modes modes;
	char *rest = frame, *line;
	size_t len;

	if (size > sizeof(frame))
		return 0;
	memcpy(frame, data, size);
	platform_maker_init(&m, 0, STR("twitch"));
	platform_modes_init(&modes);
	while ((line = platform_frame_next(&rest, &size, &len)) != NULL)
		read_line(&m, &ms, &modes, line, len);
	platform_members_clear(&ms);
	platform_maker_fini(&m);
	return 0;
}
