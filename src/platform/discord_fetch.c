/* Servers that were not told: a session that is resumed after a restart brings messages, and
 * nothing of the servers they are from. Each is asked for when something is first heard from it, by
 * three calls one after the other, and taken in as if the gateway had told it. Until then its
 * channels have no names and its people no levels but those of the config. */
#include "platform/discord_place.h"

#include <stdio.h>

#define FETCH_BYTES (2 * 1024 * 1024) /* 500 channels with their overwrites: some 200 KiB */
#define AGAIN_MS    60000             /* after a failure, and for what is refused */
#define PATH_BYTES  128

enum { FETCH_GUILD, FETCH_CHANNELS, FETCH_MEMBER, FETCHES };

/* The server that is being asked for. */
struct platform_fetch {
	struct platform_rest_task *task;
	struct json_tape *tape;
	struct buf text; /* a GUILD_CREATE, as far as it is known */
	uint64_t guild;  /* 0 = none */
	int at;
	uint64_t failed; /* the last one that could not be had ... */
	int64_t failed_ms;
};

int platform_fetch_new(struct platform_fetch **out)
{
	struct platform_fetch *f = mem_new(sizeof(*f));
	int err = f ? json_tape_new(FETCH_BYTES, &f->tape) : ERR_NOMEM;

	if (err) {
		mem_free(f);
		return err;
	}
	buf_init(&f->text, FETCH_BYTES);
	*out = f;
	return 0;
}

void platform_fetch_free(struct platform_fetch *f)
{
	if (!f)
		return;
	platform_rest_cancel(f->task);
	json_tape_free(f->tape);
	buf_fini(&f->text);
	mem_free(f);
}

/* ---- From answers to a dispatch -------------------------------------------------------------- */

/* Adds the members of these names that are texts; each with a comma before it. */
static int add_texts(struct buf *out, const struct json *from, const char *const *names)
{
	int err = 0;

	for (; *names && !err; names++) {
		const struct json *v = json_get(from, *names);

		if (!json_is_string(v))
			continue;
		err = buf_addf(out, ",\"%s\":", *names);
		if (!err)
			err = json_add_string(out, json_text(v));
	}
	return err;
}

/* Adds "name":[...], each object of the list by add. */
static int add_list(struct buf *out, const char *name, const struct json *list,
	int (*add)(struct buf *out, const struct json *v))
{
	int err = buf_addf(out, ",\"%s\":[", name);

	for (size_t i = 0; i < json_count(list) && !err; i++) {
		if (i > 0)
			err = buf_addc(out, ',');
		if (!err)
			err = add(out, json_at(list, i));
	}
	return err ? err : buf_addc(out, ']');
}

static int add_role(struct buf *out, const struct json *v)
{
	static const char *const names[] = {"id", "name", "permissions", NULL};
	int err = buf_adds(out, "{\"position\":0");

	if (!err)
		err = add_texts(out, v, names);
	return err ? err : buf_addc(out, '}');
}

static int add_overwrite(struct buf *out, const struct json *v)
{
	static const char *const names[] = {"id", "allow", "deny", NULL};
	int err = buf_addf(out, "{\"type\":%lld", (long long)json_int(v, "type", 0));

	if (!err)
		err = add_texts(out, v, names);
	return err ? err : buf_addc(out, '}');
}

static int add_channel(struct buf *out, const struct json *v)
{
	static const char *const names[] = {"id", "name", "parent_id", NULL};
	int err = buf_addf(out, "{\"type\":%lld", (long long)json_int(v, "type", 0));

	if (!err)
		err = add_texts(out, v, names);
	if (!err)
		err = add_list(out, "permission_overwrites", json_get(v, "permission_overwrites"),
			add_overwrite);
	return err ? err : buf_addc(out, '}');
}

static int add_id(struct buf *out, const struct json *v)
{
	return json_add_string(out, json_text(v));
}

static int add_answer(struct platform_discord *t, const struct json *body)
{
	static const char *const names[] = {"id", "name", "owner_id", "system_channel_id", NULL};
	struct buf *out = &t->fetch->text;
	int err;

	switch (t->fetch->at) {
	case FETCH_GUILD:
		err = buf_adds(out, "{\"large\":false");
		if (!err)
			err = add_texts(out, body, names);
		return err ? err : add_list(out, "roles", json_get(body, "roles"), add_role);
	case FETCH_CHANNELS: return add_list(out, "channels", body, add_channel);
	default: break;
	}
	err = buf_addf(out, ",\"members\":[{\"user\":{\"id\":\"%llu\"}",
		(unsigned long long)t->reader.self);
	if (!err)
		err = add_list(out, "roles", json_get(body, "roles"), add_id);
	return err ? err : buf_adds(out, "}]}");
}

static int take(struct platform_discord *t)
{
	const struct json_item *d;
	uint64_t changed = 0;
	int err = json_tape_parse(t->fetch->tape, buf_str(&t->fetch->text), &d, NULL);

	if (!err)
		err = platform_guilds_take(t->guilds, STR("GUILD_CREATE"), d, &changed);
	if (changed)
		platform_discord_changed(t, changed, true);
	return err;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

static void end(struct platform_discord *t, int err)
{
	struct platform_fetch *f = t->fetch;

	if (err) {
		log_event(LOG_ERROR, "platform", "server_not_known", "place", t->conf.name, "error",
			err_name(err), NULL);
		f->failed = f->guild;
		f->failed_ms = clock_mono_ms();
	}
	f->guild = 0;
	buf_fini(&f->text); /* it was large, and is seldom needed */
	json_tape_shrink(f->tape);
}

static void ask(struct platform_discord *t);

static void on_answer(void *ctx, const struct platform_rest_answer *a)
{
	struct platform_discord *t = ctx;
	struct platform_fetch *f = t->fetch;
	int err = a->err;

	f->task = NULL;
	if (!err)
		err = add_answer(t, a->body);
	if (!err && ++f->at < FETCHES) {
		ask(t);
		return;
	}
	if (!err &&
		!platform_guild_find(t->guilds, f->guild)) /* the gateway has told it meanwhile */
		err = take(t);
	end(t, err);
}

static void ask(struct platform_discord *t)
{
	struct platform_fetch *f = t->fetch;
	const unsigned long long guild = f->guild, self = t->reader.self;
	char path[PATH_BYTES];
	const struct platform_rest_call call = {
		.method = "GET", .path = path, .done = on_answer, .ctx = t};

	if (f->at == FETCH_GUILD)
		snprintf(path, sizeof(path), "/guilds/%llu", guild);
	else if (f->at == FETCH_CHANNELS)
		snprintf(path, sizeof(path), "/guilds/%llu/channels", guild);
	else
		snprintf(path, sizeof(path), "/guilds/%llu/members/%llu", guild, self);
	f->task = platform_rest_start(t->rest, &call);
	if (!f->task)
		end(t, ERR_NOMEM);
}

void platform_fetch_guild(struct platform_discord *t, uint64_t guild)
{
	struct platform_fetch *f = t->fetch;

	if (f->guild || !t->reader.self ||
		(guild == f->failed && clock_mono_ms() - f->failed_ms < AGAIN_MS))
		return;
	buf_clear(&f->text);
	f->guild = guild;
	f->at = FETCH_GUILD;
	ask(t);
}
