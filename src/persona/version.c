/* Versions: SemVer 2.0.0 (semver.org, sections 2, 9 to 11). */
#include "persona/persona.h"

#include <string.h>

#define VERSION_BYTES 64

static bool is_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	}
	return s.len > 0;
}

static bool is_number(struct str s)
{
	return is_digits(s) && s.len < 10 && (s.len == 1 || s.at[0] != '0');
}

/* Letters, digits and hyphens between dots; a number of a pre-release has no zero in front. */
static bool is_list(struct str rest, bool is_pre)
{
	while (true) {
		const bool is_last = !memchr(rest.at, '.', rest.len);
		const struct str word = str_split(&rest, '.');

		for (size_t i = 0; i < word.len; i++) {
			if (word.at[i] != '-' && !ascii_is_alnum(word.at[i]))
				return false;
		}
		if (word.len == 0 || (is_pre && is_digits(word) && !is_number(word)))
			return false;
		if (is_last)
			return true;
	}
}

/* The three parts of a version; the last two are empty where it has none. */
struct version {
	struct str core, pre;
	bool has_pre;
};

static struct version parse(const char *text)
{
	const size_t core = strcspn(text, "-+");
	struct version v = {.core = {text, core}, .has_pre = text[core] == '-'};

	if (v.has_pre)
		v.pre = (struct str){text + core + 1, strcspn(text + core + 1, "+")};
	return v;
}

bool persona_is_version(const char *text)
{
	const struct version v = parse(text);
	const char *build = strchr(text, '+');
	struct str rest = v.core;

	if (strlen(text) > VERSION_BYTES || (v.has_pre && !is_list(v.pre, true)) ||
			(build && !is_list(str_of(build + 1), false)))
		return false;
	for (int i = 0; i < 2; i++) {
		if (!is_number(str_split(&rest, '.')))
			return false;
	}
	return is_number(rest);
}

static int compare_numbers(struct str a, struct str b)
{
	if (a.len != b.len)
		return a.len < b.len ? -1 : 1;
	return memcmp(a.at, b.at, a.len);
}

static int compare_words(struct str a, struct str b)
{
	const bool is_a = is_digits(a), is_b = is_digits(b);
	const size_t n = a.len < b.len ? a.len : b.len;

	if (is_a && is_b)
		return compare_numbers(a, b);
	if (is_a != is_b)
		return is_a ? -1 : 1;
	const int order = memcmp(a.at, b.at, n);
	return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Word by word; of two that go on alike the longer is the higher. */
static int compare_lists(struct str a, struct str b)
{
	while (a.len > 0 && b.len > 0) {
		const struct str of_a = str_split(&a, '.'), of_b = str_split(&b, '.');
		const int order = compare_words(of_a, of_b);

		if (order)
			return order;
	}
	return (a.len > 0) - (b.len > 0);
}

int persona_version_compare(const char *a, const char *b)
{
	const struct version va = parse(a), vb = parse(b);
	const int order = compare_lists(va.core, vb.core);

	if (order || va.has_pre != vb.has_pre)
		return order ? order : va.has_pre ? -1 : 1;
	return compare_lists(va.pre, vb.pre);
}
