/* The functions of an EventSub session: config, wishes, status. What happens in between is
 * twitch_session.c's. */
#include "platform/twitch_session.h"

#include <string.h>

static int take_conf(struct platform_eventsub *s, const struct conf_place *c)
{
	char *name = mem_dup(c->name), *url = mem_dup(c->eventsub_url), *ca = mem_dup(c->ca_file);

	if (!name || !url || (c->ca_file && !ca)) {
		mem_free(name);
		mem_free(url);
		mem_free(ca);
		return ERR_NOMEM;
	}
	s->must_restart = s->url && (!str_eq(str_of(url), str_of(s->url)) ||
		!str_eq(str_of(ca), str_of(s->ca_file)));
	mem_free(s->name);
	mem_free(s->url);
	mem_free(s->ca_file);
	s->name = name;
	s->url = url;
	s->ca_file = ca;
	return 0;
}

int platform_eventsub_new(const struct platform_eventsub_options *o, struct platform_eventsub **out)
{
	struct platform_eventsub *s = mem_new(sizeof(*s));
	int err;

	if (!s)
		return ERR_NOMEM;
	s->io = o->io;
	s->o = *o;
	s->o.conf = NULL;
	s->state = PLATFORM_DOWN;
	s->since_wall_ms = clock_wall_ms();
	s->cost = s->max_cost = -1;
	io_backoff_init(&s->backoff);
	err = take_conf(s, o->conf);
	if (!err)
		err = json_tape_new(IO_WS_MESSAGE_BYTES, &s->tape);
	s->timer = err == 0 ? io_timer_new(s->io, platform_session_work, s) : NULL;
	if (!s->timer) {
		platform_session_end(s);
		return ERR_NOMEM;
	}
	platform_session_soon(s);
	*out = s;
	return 0;
}

void platform_eventsub_free(struct platform_eventsub *s)
{
	if (!s || s->is_doomed)
		return;
	s->is_doomed = true;
	io_timer_stop(s->timer);
	if (s->depth == 0)
		platform_session_end(s);
}

int platform_eventsub_reload(struct platform_eventsub *s, const struct conf_place *conf)
{
	int err = take_conf(s, conf);

	if (err)
		return err;
	platform_subs_again(s);
	platform_session_soon(s);
	return 0;
}

static struct platform_sub *take_sub(struct platform_sub **from, const struct platform_wish *w)
{
	struct platform_sub *sub;

	DL_FOREACH(*from, sub) {
		if (sub->wish.need == w->need && strcmp(sub->wish.channel_id, w->channel_id) == 0) {
			DL_DELETE(*from, sub);
			return sub;
		}
	}
	sub = mem_new(sizeof(*sub));
	if (sub)
		sub->wish = *w;
	return sub;
}

int platform_eventsub_want(struct platform_eventsub *s, const struct platform_wish *w, size_t n)
{
	struct platform_sub *fresh = NULL, *sub;

	for (size_t i = 0; i < n; i++) {
		sub = take_sub(&s->subs, &w[i]);
		if (!sub) { /* what was taken stays wanted, in whatever order */
			DL_CONCAT(s->subs, fresh);
			return ERR_NOMEM;
		}
		sub->session = s;
		DL_APPEND(fresh, sub);
	}
	while (s->subs)
		platform_sub_remove(s, s->subs, true);
	s->subs = fresh;
	platform_session_soon(s);
	return 0;
}

void platform_eventsub_token_changed(struct platform_eventsub *s)
{
	s->has_new_token = true;
	platform_session_soon(s);
}

enum platform_state platform_eventsub_state(const struct platform_eventsub *s, const char **why)
{
	if (why)
		*why = s->why;
	return s->state;
}

bool platform_eventsub_brings(const struct platform_eventsub *s, enum event_kind kind,
	struct str channel_id)
{
	const struct platform_sub *sub;

	DL_FOREACH(s->subs, sub) {
		if (sub->state == PLATFORM_SUB_ACTIVE &&
			(sub->wish.need->kinds & EVENT_BIT(kind)) &&
			sub->wish.need->use != PLATFORM_USE_CHAT &&
			str_is(channel_id, sub->wish.channel_id))
			return true;
	}
	return false;
}

static int add_text(struct buf *out, const char *key, const char *value)
{
	int err = buf_addf(out, "\"%s\":", key);

	return err < 0 ? err : json_add_string(out, str_of(value));
}

static int add_sub_status(const struct platform_sub *sub, struct buf *out)
{
	static const char *const names[] = {
		[PLATFORM_SUB_WANTED] = "waiting", [PLATFORM_SUB_ASKED] = "asked",
		[PLATFORM_SUB_ACTIVE] = "active", [PLATFORM_SUB_REFUSED] = "refused",
	};
	int err = buf_addf(out, "{\"type\":\"%s\",\"state\":\"%s\",", sub->wish.need->type,
		names[sub->state]);

	if (err == 0)
		err = add_text(out, "channel", sub->wish.channel);
	if (err == 0)
		err = buf_addc(out, ',');
	if (err == 0)
		err = add_text(out, "why", sub->why);
	return err < 0 ? err : buf_addc(out, '}');
}

int platform_eventsub_status(const struct platform_eventsub *s, struct buf *out)
{
	char since[CLOCK_TEXT_BYTES];
	const struct platform_sub *sub;
	int err = buf_addc(out, '{');

	if (err == 0)
		err = add_text(out, "login", platform_token_login(s->o.token));
	if (err == 0)
		err = buf_addf(out, ",\"state\":\"%s\",\"since\":\"%s\",",
			platform_state_name(s->state), clock_text(s->since_wall_ms, since));
	if (err == 0)
		err = add_text(out, "why", s->why);
	if (err == 0)
		err = buf_addf(out, ",\"active\":%zu,\"cost\":%lld,\"max_cost\":%lld,"
			"\"subscriptions\":[", platform_subs_count(s, PLATFORM_SUB_ACTIVE),
			(long long)s->cost, (long long)s->max_cost);
	for (sub = s->subs; sub && err == 0; sub = sub->next) {
		err = add_sub_status(sub, out);
		if (err == 0 && sub->next)
			err = buf_addc(out, ',');
	}
	return err < 0 ? err : buf_adds(out, "]}");
}
