/* The people of a prompt under other names, for a model that must not know their own.
 *
 * A text is read in clusters (a character and the marks upon it), each folded by itself, so that a
 * name is met in any case, width or composition, and what was met can be cut out of the text as it
 * stands. The longest name counts where several begin. A long name is met within words too: what
 * is hidden comes back in the answer, so hiding too much harms nobody. */
#include "persona/persona.h"

#include <string.h>

#define PEOPLE_MAX  64 /* the asker, a hundred lines by few, whom they mention */
#define NAMES_MAX   192
#define ALIAS       "Viewer"
#define FREE_POINTS 5 /* from so many characters on, within words too: "ann" is in "annoying" */

struct name {
	char *folded;
	size_t len, points, person;
	bool begins_word, ends_word; /* a letter or digit of a script that spaces its words */
};

struct prompt_aliases {
	struct name names[NAMES_MAX]; /* longest first */
	size_t name_count;
	char *people[PEOPLE_MAX]; /* as they are called; the i-th is ALIAS i + 1 */
	size_t people_count;
};

/* ---- Clusters -------------------------------------------------------------------------------- */

/* Marks, selectors and the later parts of a Korean syllable belong to what stands before them. */
static bool is_mark(int32_t c)
{
	return (c >= 0x0300 && c <= 0x036F) || (c >= 0x1160 && c <= 0x11FF) ||
	       (c >= 0x1AB0 && c <= 0x1AFF) || (c >= 0x20D0 && c <= 0x20FF) ||
	       (c >= 0x3099 && c <= 0x309A) || (c >= 0xFE20 && c <= 0xFE2F);
}

static struct str next_cluster(struct str s, size_t *at)
{
	const size_t from = *at;
	size_t peek;

	(void)text_next(s, at);
	for (peek = *at; peek < s.len && is_mark(text_next(s, &peek)); *at = peek)
		;
	return (struct str){s.at + from, *at - from};
}

/* Does it belong to a word, in a script that puts spaces between words? */
static bool is_word_point(int32_t c)
{
	if (c < 0x80)
		return c == '_' || (c > 0 && ascii_is_alnum((char)c));
	return c >= 0xC0 && c <= 0x058F && c != 0xD7 && c != 0xF7;
}

static int32_t first_point(struct str s)
{
	size_t at = 0;

	return text_next(s, &at);
}

static int32_t last_point(struct str s)
{
	size_t at = s.len;

	while (at > 0 && ((unsigned char)s.at[at - 1] & 0xC0) == 0x80)
		at--;
	at -= at > 0;
	return s.len > 0 ? text_next(s, &at) : -1;
}

/* A text, folded, with the place that each cluster had. */
struct cluster {
	size_t at, folded; /* where it begins: in the text, in what was folded of it */
};

struct folding {
	struct str text;
	struct buf folded;
	struct cluster *clusters; /* n, and one for the end */
	size_t n;
};

static void folding_fini(struct folding *f)
{
	buf_fini(&f->folded);
	mem_free(f->clusters);
}

static int folding_init(struct folding *f, struct str text)
{
	size_t at = 0;
	int err = 0;

	*f = (struct folding){.text = text};
	buf_init(&f->folded, 32 * text.len + 1); /* one character may fold to eighteen */
	f->clusters = mem_array(text.len + 1, sizeof(*f->clusters));
	if (!f->clusters)
		return ERR_NOMEM;
	while (at < text.len && !err) {
		f->clusters[f->n++] = (struct cluster){at, f->folded.len};
		err = text_fold(next_cluster(text, &at), &f->folded);
	}
	f->clusters[f->n] = (struct cluster){text.len, f->folded.len};
	return err;
}

/* ---- People ---------------------------------------------------------------------------------- */

void prompt_aliases_free(struct prompt_aliases *a)
{
	if (!a)
		return;
	for (size_t i = 0; i < a->name_count; i++)
		mem_free(a->names[i].folded);
	for (size_t i = 0; i < a->people_count; i++)
		mem_free(a->people[i]);
	mem_free(a);
}

static const struct name *find_name(const struct prompt_aliases *a, struct str folded)
{
	for (size_t i = 0; i < a->name_count; i++) {
		if (str_eq((struct str){a->names[i].folded, a->names[i].len}, folded))
			return &a->names[i];
	}
	return NULL;
}

static int insert_name(struct prompt_aliases *a, struct str folded, size_t person)
{
	size_t i = a->name_count;
	struct name fresh = {
		.folded = mem_dupn(folded.at, folded.len),
		.len = folded.len,
		.points = text_points(folded),
		.person = person,
		.begins_word = is_word_point(first_point(folded)),
		.ends_word = is_word_point(last_point(folded)),
	};

	if (!fresh.folded)
		return ERR_NOMEM;
	for (; i > 0 && a->names[i - 1].len < fresh.len; i--)
		a->names[i] = a->names[i - 1];
	a->names[i] = fresh;
	a->name_count++;
	return 0;
}

/* Another name of a person; *person is none yet when it is PEOPLE_MAX. */
static int add_name(struct prompt_aliases *a, struct str name, size_t *person)
{
	struct folding f;
	int err;

	name = str_trim(name);
	if (name.len > 0 && name.at[0] == '@')
		name = (struct str){name.at + 1, name.len - 1};
	err = folding_init(&f, name);
	if (err || f.folded.len == 0)
		goto out;
	const struct name *known = find_name(a, buf_str(&f.folded));
	if (known) {
		*person = *person == PEOPLE_MAX ? known->person : *person;
		goto out;
	}
	if (a->name_count == NAMES_MAX ||
			(*person == PEOPLE_MAX && a->people_count == PEOPLE_MAX)) {
		err = ERR_LIMIT;
		goto out;
	}
	if (*person == PEOPLE_MAX) {
		char *called = mem_dupn(name.at, name.len);

		if (!called) {
			err = ERR_NOMEM;
			goto out;
		}
		*person = a->people_count;
		a->people[a->people_count++] = called;
	}
	err = insert_name(a, buf_str(&f.folded), *person);
out:
	folding_fini(&f);
	return err;
}

static int add_person(struct prompt_aliases *a, const struct str *names, size_t n)
{
	size_t person = PEOPLE_MAX;
	int err = 0;

	for (size_t i = 0; i < n && !err; i++)
		err = add_name(a, names[i], &person);
	return err;
}

/* "anna, bob and 7 more": each of them. */
static int add_people(struct prompt_aliases *a, struct str list)
{
	int err = 0;

	while (list.len > 0 && !err) {
		const char *and = memmem(list.at, list.len, " and ", 5);
		const char *comma = memmem(list.at, list.len, ", ", 2);
		const char *end = comma && (!and || comma < and) ? comma : and;
		const size_t gap = end == and ? 5 : 2;
		const struct str one = {list.at, end ? (size_t)(end - list.at) : list.len};
		int64_t n;
		struct str rest = one, word = str_split(&rest, ' ');

		if (!(str_int(word, &n) == 0 && str_is(rest, "more")))
			err = add_person(a, &one, 1);
		list = end ? (struct str){end + gap, (size_t)(list.at + list.len - end) - gap}
			   : (struct str){NULL, 0};
	}
	return err;
}

/* May it stand within a name that follows an @? */
static bool is_name_point(int32_t c)
{
	return is_word_point(c) || c == '-' || (c >= 0x0590 && !text_is_invisible(c) &&
		!(c >= 0x2000 && c <= 0x206F) && !(c >= 0x3000 && c <= 0x303F) &&
		!(c >= 0xFF00 && c <= 0xFF0F));
}

/* How much of a text that follows an @ is a name: a dot or a bar may join its parts. */
static size_t name_bytes(struct str s)
{
	size_t end = 0, at = 0;

	while (at < s.len) {
		const int32_t c = text_next(s, &at);

		if (is_name_point(c))
			end = at;
		else if ((c != '.' && c != '|') || end == 0)
			break;
	}
	return end;
}

/* A name of several words is written with _ between them, and then it may hold anything but spaces:
 * "[Mod]_Anna_(she/her)". The one who is called so is called "[Mod] Anna (she/her)" too. n: what a
 * name without such would be. */
static int add_long_name(struct prompt_aliases *a, struct str word, size_t n)
{
	while (word.len > 0 && strchr(".,:;!?", word.at[word.len - 1]))
		word.len--;
	char *spaced = mem_dupn(word.at, word.len);
	int err = spaced ? 0 : ERR_NOMEM;

	for (size_t i = 0; i < word.len && !err; i++)
		spaced[i] = spaced[i] == '_' ? ' ' : spaced[i];
	if (!err) {
		const struct str names[] = {word, {spaced, word.len}, {word.at, n}};

		err = add_person(a, names, n > 0 ? 3 : 2);
	}
	mem_free(spaced);
	return err;
}

/* Whoever is mentioned and is not known yet. */
static int add_mentions(struct prompt_aliases *a, struct str text)
{
	int err = 0;

	for (size_t i = 0; i < text.len && !err; i++) {
		struct str rest = {text.at + i + 1, text.len - i - 1};
		size_t n;

		if (text.at[i] != '@' || (i > 0 && is_word_point(text.at[i - 1])))
			continue;
		n = name_bytes(rest);
		const struct str word = str_split(&rest, ' ');
		if (memchr(word.at, '_', word.len))
			err = add_long_name(a, word, n);
		else if (n > 0)
			err = add_person(a, &(struct str){word.at, n}, 1);
	}
	return err;
}

static int add_event(struct prompt_aliases *a, const struct event *e)
{
	const struct str names[] = {e->user, e->login, e->user_id};
	int err = 0;

	/* Of several people user is "anna and bob". */
	if (e->users.len > 0) {
		err = add_people(a, e->user);
		if (!err)
			err = add_people(a, e->users);
	}
	if (!err)
		err = add_person(a, e->users.len > 0 ? names + 1 : names, e->users.len > 0 ? 2 : 3);
	if (!err)
		err = add_person(a, &e->touser, 1);
	if (!err)
		err = add_mentions(a, e->text);
	/* A channel of Twitch is called as its broadcaster is. */
	if (!err && str_is(e->platform, "twitch"))
		err = add_person(a, &e->channel, 1);
	return err;
}

int prompt_aliases_new(
	const struct event *e, const struct conversation *past, struct prompt_aliases **out)
{
	struct prompt_aliases *a = mem_new(sizeof(*a));
	int err = a ? add_event(a, e) : ERR_NOMEM;

	for (size_t i = past ? past->n : 0; i > 0 && !err; i--) {
		const struct line *l = &past->lines[i - 1];

		if (!l->is_bot)
			err = add_person(a, &l->name, 1);
		if (!err)
			err = add_mentions(a, l->text);
	}
	if (err) {
		prompt_aliases_free(a);
		return err;
	}
	*out = a;
	return 0;
}

/* ---- Hiding ---------------------------------------------------------------------------------- */

/* The cluster behind a name that begins with the i-th; 0 when it does not stand there. */
static size_t end_of(const struct folding *f, size_t i, const struct name *n)
{
	const size_t from = f->clusters[i].folded;
	size_t end = i;

	if (f->folded.len - from < n->len || memcmp(f->folded.at + from, n->folded, n->len) != 0)
		return 0;
	while (end < f->n && f->clusters[end].folded < from + n->len)
		end++;
	if (f->clusters[end].folded != from + n->len)
		return 0;
	if (n->points >= FREE_POINTS)
		return end;
	const struct str before = {f->text.at, f->clusters[i].at};
	const struct str after = {f->text.at + f->clusters[end].at,
		f->text.len - f->clusters[end].at};
	const bool is_joined = (n->begins_word && is_word_point(last_point(before))) ||
			       (n->ends_word && is_word_point(first_point(after)));
	return is_joined ? 0 : end;
}

int prompt_aliases_hide(const struct prompt_aliases *a, struct str text, struct buf *out)
{
	struct folding f;
	int err = folding_init(&f, text);

	for (size_t i = 0; i < f.n && !err;) {
		const struct name *met = NULL;
		size_t end = 0;

		/* A cluster of which nothing is left begins no name. */
		for (size_t k = 0; k < a->name_count && end == 0 &&
				   f.clusters[i].folded < f.clusters[i + 1].folded; k++) {
			met = &a->names[k];
			end = end_of(&f, i, met);
		}
		if (end > 0)
			err = buf_addf(out, ALIAS "%zu", met->person + 1);
		else
			err = buf_add(out, text.at + f.clusters[i].at,
				f.clusters[i + 1].at - f.clusters[i].at);
		i = end > 0 ? end : i + 1;
	}
	folding_fini(&f);
	return err;
}

/* ---- Revealing ------------------------------------------------------------------------------- */

/* "Viewer12", "viewer 12": its length; *person says who it is. 0 for anything else. */
static size_t alias_at(const struct prompt_aliases *a, struct str text, size_t *person)
{
	const size_t word = sizeof(ALIAS) - 1;
	size_t at = word, n = 0;

	if (text.len <= word || !str_eq_nocase((struct str){text.at, word}, STR(ALIAS)))
		return 0;
	if (text.at[at] == ' ' || text.at[at] == '_' || text.at[at] == '-')
		at++;
	const size_t digits = at;
	while (at < text.len && text.at[at] >= '0' && text.at[at] <= '9' && n <= PEOPLE_MAX)
		n = 10 * n + (size_t)(text.at[at++] - '0');
	if (at == digits || n == 0 || n > a->people_count)
		return 0;
	*person = n - 1;
	return at;
}

int prompt_aliases_reveal(const struct prompt_aliases *a, struct str text, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < text.len && !err;) {
		const struct str rest = {text.at + i, text.len - i};
		size_t person = 0;
		const bool is_within = i > 0 && is_word_point(text.at[i - 1]);
		const size_t n = is_within ? 0 : alias_at(a, rest, &person);

		err = n > 0 ? buf_adds(out, a->people[person]) : buf_addc(out, text.at[i]);
		i += n > 0 ? n : 1;
	}
	return err;
}
