/* What a case must come to, and what it came to. */
#include "golden/room.h"

#include <string.h>

#define OUTCOME_BYTES (128 * 1024)
#define HASH_DIGITS_MIN 12

/* The same text from two sides: what a case says, and what happened; where it says nothing, what
 * happened stands on both. */
struct sides {
	struct buf want, have;
};

static void sides_init(struct sides *s)
{
	buf_init(&s->want, OUTCOME_BYTES);
	buf_init(&s->have, OUTCOME_BYTES);
}

static void sides_fini(struct sides *s)
{
	buf_fini(&s->want);
	buf_fini(&s->have);
}

static int add_line(struct buf *out, const char *name, const char *text)
{
	int err = buf_addf(out, "%s: ", name);

	if (!err)
		err = json_add_string(out, str_of(text));
	return err ? err : buf_addc(out, '\n');
}

/* want NULL: anything is right. */
static int add_both(struct sides *s, const char *name, const char *want, const char *have)
{
	const int err = add_line(&s->want, name, want ? want : have);

	return err ? err : add_line(&s->have, name, have);
}

static int finish(struct sides *s, struct buf *out)
{
	const int err = golden_diff(buf_str(&s->want), buf_str(&s->have), out);

	buf_clear(&s->want);
	buf_clear(&s->have);
	return err;
}

/* ---- The prompt ------------------------------------------------------------------------------ */

static int check_hash(const struct golden_case *c, const struct golden_outcome *o, struct sides *s)
{
	const char *want = c->prompt_hash, *have = o->prompt ? o->prompt->hash : "";
	const size_t n = strlen(want);

	if (n >= HASH_DIGITS_MIN && strncmp(want, have, n) == 0)
		return 0;
	return add_both(s, "prompt_hash", want, have);
}

static int check_prompt(const struct golden_case *c, const struct golden_outcome *o,
	struct sides *s, struct buf *out, char **fresh)
{
	int err = 0;

	if (c->prompt) {
		err = buf_adds(&s->want, c->prompt);
		if (!err && o->prompt)
			err = golden_prompt_text(o->prompt, c->prompt_listed, &s->have);
		if (!err && !o->prompt)
			err = buf_addf(&s->have, "no model was asked: %s%s%s\n",
				reason_name(o->reason), *o->trigger ? ", trigger " : "",
				o->trigger);
		if (!err && fresh && o->prompt && strcmp(c->prompt, buf_text(&s->have)) != 0) {
			*fresh = mem_dup(buf_text(&s->have));
			err = *fresh ? 0 : ERR_NOMEM;
		}
		if (!err)
			err = finish(s, out);
	}
	if (!err && c->prompt_hash)
		err = check_hash(c, o, s);
	if (!err && c->trigger)
		err = add_both(s, "trigger", c->trigger, o->trigger);
	return err ? err : finish(s, out);
}

/* ---- Replies --------------------------------------------------------------------------------- */

static const char *silence_of(const struct golden_outcome *o)
{
	return o->posted ? "" : reason_name(o->reason);
}

static int check_reply(const struct golden_reply *r, const struct golden_outcome *o,
	struct sides *s)
{
	int err;

	if (r->says.n > 0)
		err = add_both(s, "says", r->says.at[0], r->says.at[0]);
	else
		err = r->error ? add_both(s, "error", provider_error_name(r->error),
			provider_error_name(r->error)) : 0;
	if (!err)
		err = add_both(s, "posted", r->posted ? r->posted : "",
			o->posted ? o->posted : "");
	if (!err)
		err = add_both(s, "refused", r->refused ? r->refused : r->posted ? "" : NULL,
			o->rule);
	return err ? err : add_both(s, "silence", r->silence ? r->silence : r->posted ? "" : NULL,
		silence_of(o));
}

/* ---- The case -------------------------------------------------------------------------------- */

static int check_one(struct golden_stage *g, const struct golden_case *c,
	const struct golden_reply *r, struct sides *s, struct buf *out, char **fresh)
{
	struct golden_outcome o;
	const char *why;
	int err = golden_play(g, c, r, &o, &why);

	if (err == ERR_INVALID) {
		err = buf_addf(out, "! %s\n", *why ? why : "the case cannot be played");
	} else if (!err && (!r || r == c->replies)) {
		err = check_prompt(c, &o, s, out, fresh);
	}
	if (!err && r && !*why)
		err = check_reply(r, &o, s);
	if (!err)
		err = finish(s, out);
	golden_outcome_fini(&o);
	return err;
}

int golden_check(struct golden_stage *g, const struct golden_case *c, struct buf *out,
	char **fresh)
{
	struct sides s;
	int err = 0;

	if (fresh)
		*fresh = NULL;
	sides_init(&s);
	if (c->reply_count == 0)
		err = check_one(g, c, NULL, &s, out, fresh);
	for (size_t i = 0; !err && i < c->reply_count; i++)
		err = check_one(g, c, &c->replies[i], &s, out, fresh);
	sides_fini(&s);
	return err;
}

/* Does the line go on with what stands below a key? */
static bool goes_on(struct str line)
{
	return line.len == 0 || line.at[0] == ' ' || line.at[0] == '-' ||
		line.at[0] == '#';
}

/* Cuts the pair that begins with this line off *rest, but for the blank lines behind it. */
static void skip_pair(struct str *rest)
{
	struct str behind = *rest;

	str_split(&behind, '\n');
	*rest = behind;
	while (behind.len > 0) {
		const struct str line = str_split(&behind, '\n');

		if (!goes_on(line))
			return;
		if (str_trim(line).len > 0 && line.at[0] != '#')
			*rest = behind;
	}
}

int golden_rewrite(const struct golden_case *c, const char *prompt, struct buf *out)
{
	struct str rest = conf_file_text(c->file);
	int err = 0;

	for (int number = 1; !err && rest.len > 0; number++) {
		if (number == c->prompt_line) {
			if (rest.len < 7 || memcmp(rest.at, "prompt:", 7) != 0)
				return ERR_INVALID; /* no line of its own: other keys would go */
			skip_pair(&rest);
			err = buf_adds(out, prompt);
			continue;
		}
		const struct str line = str_split(&rest, '\n');

		err = buf_addf(out, "%.*s\n", STR_FMT(line));
	}
	return err;
}
