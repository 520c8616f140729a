/* A set: the triggers of all files in the order of the search, with the filter over them. */
#include "base/hash.h"
#include "trigger/room.h"

#include <stdlib.h>
#include <string.h>

struct trigger_name {
	UT_hash_handle hh;
	struct trigger *trigger;
};

static struct trigger_name *find_name(const struct trigger_set *s, const char *name)
{
	struct trigger_name *found;

	HASH_FIND_STR(s->by_name, name, found);
	return found;
}

static const struct trigger *find_slash(const struct trigger_set *s, const char *name)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->sorted[i]->slash.name && strcmp(s->sorted[i]->slash.name, name) == 0)
			return s->sorted[i];
	}
	return NULL;
}

/* Does another trigger have its name, or its slash command; or is that one too many? Complains. */
static bool is_taken(struct trigger_set *s, const struct trigger *t, struct conf_report *r)
{
	const struct trigger_name *other = find_name(s, t->name);
	const struct trigger *twin = t->slash.name ? find_slash(s, t->slash.name) : NULL;
	const bool is_full = t->slash.name && s->slash_count == SLASH_MOST - SLASH_OWN_COUNT;

	if (other)
		conf_report_add_at(r, t->path, t->line, str_of(t->own->head), t->own->head_at,
			strlen(t->name), "give one of the two another name",
			"trigger \"%s\" is left out: %s:%d has one of that name already", t->name,
			other->trigger->path, other->trigger->line);
	else if (twin)
		conf_report_add_at(r, t->path, t->line, str_of(t->own->head), t->own->head_at,
			strlen(t->name), "give one of the two commands another name",
			"trigger \"%s\" is left out: /%s calls %s:%d already", t->name,
			t->slash.name, twin->path, twin->line);
	else if (is_full)
		conf_report_add_at(r, t->path, t->line, str_of(t->own->head), t->own->head_at,
			strlen(t->name), "leave some out",
			"trigger \"%s\" is left out: there are %d slash commands at most, %d of "
			"them mynah's own", t->name, SLASH_MOST, SLASH_OWN_COUNT);
	return other || twin || is_full;
}

/* Adds a trigger whose name is new. */
static int add_trigger(struct trigger_set *s, struct trigger_file *f, struct trigger *t,
	struct conf_report *r)
{
	if (is_taken(s, t, r)) {
		f->has_lost = true;
		return 0;
	}
	if (s->n == TRIGGER_COUNT_MAX) {
		conf_report_add(r, CONF_ERROR, t->path, "leave some out",
			"trigger \"%s\" is one too many: the most is %d", t->name,
			TRIGGER_COUNT_MAX);
		return ERR_LIMIT;
	}
	struct trigger_name *name = &s->names[s->n];
	name->trigger = t;
	HASH_ADD_KEYPTR(hh, s->by_name, t->name, strlen(t->name), name);
	if (!hash_has(name))
		return ERR_NOMEM;
	s->sorted[s->n++] = t;
	s->slash_count += t->slash.name != NULL;
	return 0;
}

static int by_search_order(const void *a, const void *b)
{
	const struct trigger *x = *(struct trigger *const *)a, *y = *(struct trigger *const *)b;

	if (x->priority != y->priority)
		return x->priority > y->priority ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static int add_files(struct trigger_set *s, bool is_known, struct conf_report *r)
{
	int err = 0;

	for (size_t i = 0; i < s->file_count; i++) {
		struct trigger_file *f = s->files[i];

		for (size_t k = 0; f->is_known == is_known && k < f->n && !err; k++)
			err = add_trigger(s, f, f->triggers[k], r);
	}
	return err;
}

static int gather(struct trigger_set *s, struct conf_report *r)
{
	size_t total = 0;
	int err;

	for (size_t i = 0; i < s->file_count; i++) {
		for (size_t k = 0; k < s->files[i]->n; k++)
			s->files[i]->triggers[k]->index = total++; /* until it is sorted */
	}
	s->sorted = mem_array(total + 1, sizeof(struct trigger *));
	s->names = mem_array(total + 1, sizeof(*s->names));
	if (!s->sorted || !s->names)
		return ERR_NOMEM;
	err = add_files(s, true, r);
	if (!err)
		err = add_files(s, false, r);
	if (err < 0)
		return err;
	qsort(s->sorted, s->n, sizeof(struct trigger *), by_search_order);
	for (size_t i = 0; i < s->n; i++)
		s->sorted[i]->index = i;
	return 0;
}

/* What people are offered: the commands of triggers that are on. */
static int list_slashes(struct trigger_set *s)
{
	s->slashes = mem_array(s->slash_count + 1, sizeof(*s->slashes));
	if (!s->slashes)
		return ERR_NOMEM;
	s->slash_count = 0;
	for (size_t i = 0; i < s->n; i++) {
		if (s->sorted[i]->is_on && s->sorted[i]->slash.name)
			s->slashes[s->slash_count++] = s->sorted[i]->slash;
	}
	return 0;
}

static void set_always(struct trigger_set *s, enum event_kind k, size_t i)
{
	s->always[k][i / PATTERN_BITS] |= UINT64_C(1) << (i % PATTERN_BITS);
}

static int make_filter(struct trigger_set *s)
{
	const struct pattern_literals **sets = mem_array(s->n + 1, sizeof(*sets));
	int err = ERR_NOMEM;

	for (size_t i = 0; sets && i < s->n; i++)
		sets[i] = &s->sorted[i]->own->literals;
	if (sets)
		err = pattern_filter_new(sets, s->n, &s->filter);
	mem_free(sets);
	return err;
}

/* Sorts out what the filter cannot find: by kind of event, so that a raid does not wait for chat.
 */
static int prepare(struct trigger_set *s)
{
	int err = make_filter(s);

	if (err == 0)
		err = list_slashes(s);
	if (err < 0)
		return err;
	s->words = PATTERN_BIT_WORDS(s->n);
	s->candidates = mem_array(s->words + 1, sizeof(*s->candidates));
	if (!s->candidates)
		return ERR_NOMEM;
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++) {
		s->always[kind] = mem_array(s->words + 1, sizeof(**s->always));
		if (!s->always[kind])
			return ERR_NOMEM;
	}
	for (size_t i = 0; i < s->n; i++) {
		const struct trigger *t = s->sorted[i];

		if (!t->is_on)
			continue;
		s->kinds |= EVENT_BIT(t->on);
		if (t->slash.name) {
			s->kinds |= EVENT_BIT(EVENT_SLASH);
			set_always(s, EVENT_SLASH, i);
		}
		s->needs_stream = s->needs_stream || t->own->needs_stream;
		if (pattern_filter_holds(s->filter, i))
			continue;
		set_always(s, t->on, i);
		s->always_count += t->own->pattern_count;
	}
	return pattern_engine_new(true, &s->engine);
}

int trigger_set_new(
	struct trigger_file **files, size_t n, struct conf_report *r, struct trigger_set **out)
{
	struct trigger_set *s = mem_new(sizeof(*s));
	int err = ERR_NOMEM;

	if (s)
		s->files = mem_array(n + 1, sizeof(struct trigger_file *));
	if (!s || !s->files) {
		for (size_t i = 0; i < n; i++)
			trigger_file_free(files[i]);
		goto out;
	}
	for (size_t i = 0; i < n; i++)
		s->files[i] = files[i];
	s->file_count = n;
	err = gather(s, r);
	if (err == 0)
		err = prepare(s);
out:
	if (err < 0)
		trigger_set_free(s);
	else
		*out = s;
	return err;
}

void trigger_set_free(struct trigger_set *s)
{
	if (!s)
		return;
	pattern_filter_free(s->filter);
	pattern_engine_free(s->engine);
	HASH_CLEAR(hh, s->by_name);
	mem_free(s->names);
	mem_free(s->sorted);
	mem_free(s->candidates);
	mem_free(s->slashes);
	for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
		mem_free(s->always[kind]);
	for (size_t i = 0; i < s->file_count; i++)
		trigger_file_free(s->files[i]);
	mem_free(s->files);
	mem_free(s);
}

bool trigger_set_has_lost(const struct trigger_set *s, size_t i)
{
	return s->files[i]->has_lost;
}

size_t trigger_set_count(const struct trigger_set *s)
{
	return s->n;
}

const struct trigger *trigger_set_at(const struct trigger_set *s, size_t i)
{
	return i < s->n ? s->sorted[i] : NULL;
}

const struct trigger *trigger_set_find(const struct trigger_set *s, const char *name)
{
	const struct trigger_name *found = find_name(s, name);

	return found ? found->trigger : NULL;
}

size_t trigger_set_always(const struct trigger_set *s)
{
	return s->always_count;
}

uint64_t trigger_set_kinds(const struct trigger_set *s)
{
	return s->kinds;
}

const struct slash *trigger_set_slashes(const struct trigger_set *s, size_t *n)
{
	*n = s->slash_count;
	return s->slashes;
}

bool trigger_set_needs_stream(const struct trigger_set *s)
{
	return s->needs_stream;
}

struct pattern_engine *trigger_set_engine(const struct trigger_set *s)
{
	return s->engine;
}
