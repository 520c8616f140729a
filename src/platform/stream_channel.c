/* One of our channels: what Twitch says of it. */
#include "platform/stream_room.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- Finding --------------------------------------------------------------------------------- */

/* A login as Twitch writes it. False when it cannot be one: [a-z0-9_], 25 at most (twitch.md). */
static bool clean_name(const char *name, char out[PLATFORM_CHANNEL_BYTES])
{
	size_t n;

	name += *name == '#';
	snprintf(out, PLATFORM_CHANNEL_BYTES, "%s", name);
	for (n = 0; out[n]; n++) {
		out[n] = (char)tolower((unsigned char)out[n]);
		if (!isalnum((unsigned char)out[n]) && out[n] != '_')
			return false;
	}
	return n > 0 && n <= 25 && strlen(name) == n;
}

struct platform_about *platform_about_by_name(const struct platform_streams *s, struct str name)
{
	struct platform_about *a;

	if (name.len == 0)
		return NULL;
	HASH_FIND(hh, s->channels, name.at, name.len, a);
	return a;
}

struct platform_about *platform_about_by_id(const struct platform_streams *s, struct str id)
{
	for (struct platform_about *a = s->channels; a; a = a->hh.next) {
		if (id.len > 0 && str_is(id, a->id))
			return a;
	}
	return NULL;
}

struct platform_about *platform_about_of(const struct platform_streams *s, const char *name)
{
	char key[PLATFORM_CHANNEL_BYTES];

	(void)clean_name(name, key);
	return platform_about_by_name(s, str_of(key));
}

int platform_about_add(struct platform_streams *s, const char *name)
{
	char key[PLATFORM_CHANNEL_BYTES];
	bool is_name = clean_name(name, key);
	struct platform_about *a = platform_about_by_name(s, str_of(key));

	if (!a && key[0] == '\0')
		return 0;
	if (!a) {
		a = mem_new(sizeof(*a));
		if (!a)
			return ERR_NOMEM;
		memcpy(a->name, key, sizeof(key));
		HASH_ADD_KEYPTR(hh, s->channels, a->name, strlen(a->name), a);
		if (!hash_has(a)) {
			mem_free(a);
			return ERR_NOMEM;
		}
	}
	a->is_wanted = true;
	a->is_name = is_name;
	if (!is_name)
		a->found = PLATFORM_NAME_MISSING;
	return 0;
}

void platform_about_free(struct platform_streams *s, struct platform_about *a)
{
	HASH_DEL(s->channels, a);
	mem_free(a->title);
	mem_free(a->game);
	mem_free(a);
}

/* ---- What is known --------------------------------------------------------------------------- */

void platform_about_set_live(struct platform_about *a, bool is_live, struct str stream_id,
	int64_t started_wall_ms)
{
	a->is_known = true;
	a->is_live = is_live;
	if (!is_live) {
		a->stream_id[0] = '\0';
		a->started_wall_ms = 0;
	} else if (!str_is(stream_id, a->stream_id)) {
		snprintf(a->stream_id, sizeof(a->stream_id), "%.*s", STR_FMT(stream_id));
		a->started_wall_ms = started_wall_ms;
		a->is_changed = true;
	}
}

void platform_about_set_unknown(struct platform_about *a)
{
	if (clock_mono_ms() < a->event_until_ms)
		return;
	a->is_known = a->is_live = false;
	a->stream_id[0] = '\0';
	a->started_wall_ms = 0;
}

static void set_text(struct platform_about *a, char **member, struct str s, size_t max)
{
	struct buf text;
	char *fresh;

	buf_init(&text, max);
	if (text_scrub(s, TEXT_CHAT, &text) != ERR_NOMEM &&
			!str_eq(buf_str(&text), str_of(*member))) {
		fresh = buf_take(&text);
		if (fresh) {
			mem_free(*member);
			*member = fresh;
			a->is_changed = true;
		}
	}
	buf_fini(&text);
}

void platform_about_set_title(struct platform_about *a, struct str title, struct str game)
{
	set_text(a, &a->title, title, PLATFORM_TITLE_BYTES);
	set_text(a, &a->game, game, PLATFORM_GAME_BYTES);
}

/* ---- Telling --------------------------------------------------------------------------------- */

static void tell_name(struct platform_streams *s, struct platform_about *a)
{
	char why[96];

	a->was_found = a->found;
	if (a->found == PLATFORM_NAME_MISSING) {
		snprintf(why, sizeof(why), "there is no channel %s on Twitch; check channels: in "
			"mynah.yaml", a->name);
		log_event(LOG_ERROR, "platform", "channel_unknown", "community", a->name, "result",
			"FAILED", "message", why, NULL);
	}
	if (s->o.named)
		s->o.named(s->o.ctx, a->name, a->id);
}

static void tell_stream(struct platform_streams *s, struct platform_about *a)
{
	const struct stream st = {.is_known = a->is_known, .is_live = a->is_live,
		.id = str_of(a->stream_id), .title = str_of(a->title), .game = str_of(a->game),
		.started_wall_ms = a->started_wall_ms};

	if (a->was_known != a->is_known || a->was_live != a->is_live)
		log_event(LOG_INFO, "platform", "stream", "community", a->name, "result",
			!a->is_known ? "unknown" : a->is_live ? "live" : "offline", NULL);
	a->was_known = a->is_known;
	a->was_live = a->is_live;
	a->is_changed = false;
	if (s->o.stream)
		s->o.stream(s->o.ctx, a->name, &st);
}

void platform_about_tell(struct platform_streams *s)
{
	struct platform_about *a, *next;

	HASH_ITER(hh, s->channels, a, next) {
		if (a->found != PLATFORM_NAME_UNASKED && a->found != a->was_found)
			tell_name(s, a);
		if (s->is_doomed)
			return;
		if (a->is_changed || a->was_known != a->is_known || a->was_live != a->is_live)
			tell_stream(s, a);
		if (s->is_doomed)
			return;
	}
}

/* ---- Status ---------------------------------------------------------------------------------- */

static int add_text(struct buf *out, const char *key, const char *value)
{
	int err = buf_addf(out, ",\"%s\":", key);

	return err < 0 ? err : json_add_string(out, str_of(value));
}

static int add_channel(const struct platform_streams *s, const struct platform_about *a,
	struct buf *out)
{
	bool is_missing = a->found == PLATFORM_NAME_MISSING;
	char since[CLOCK_TEXT_BYTES], why[96];
	int err = buf_adds(out, "{\"name\":");

	snprintf(why, sizeof(why), "there is no channel %s on Twitch", a->name);
	if (err == 0)
		err = json_add_string(out, str_of(a->name));
	if (err == 0)
		err = add_text(out, "id", a->id);
	if (err == 0)
		err = add_text(out, "stream", !a->is_known ? "unknown" :
			a->is_live ? "live" : "offline");
	if (err == 0)
		err = add_text(out, "title", a->title);
	if (err == 0)
		err = add_text(out, "game", a->game);
	if (err == 0)
		err = add_text(out, "since", a->started_wall_ms == 0 ? "" :
			clock_text(a->started_wall_ms, since));
	if (err == 0)
		err = add_text(out, "why", is_missing ? why : a->is_known ? "" :
			!s->is_polled ? "no trigger asks for it" :
			*s->why ? s->why : "not asked yet");
	return err < 0 ? err : buf_addc(out, '}');
}

int platform_streams_status(const struct platform_streams *s, struct buf *out)
{
	int err = buf_addc(out, '[');

	for (const struct platform_about *a = s->channels; a && err == 0; a = a->hh.next) {
		if (a != s->channels)
			err = buf_addc(out, ',');
		if (err == 0)
			err = add_channel(s, a, out);
	}
	return err < 0 ? err : buf_addc(out, ']');
}
