/* What must not be said of anyone, nor stored: addresses, phone and card numbers, keys. The rules
 * look for form only, so a number may be taken for a phone that is none; a lost reply is never
 * news. */
#include "safety/room.h"

#include <string.h>

static char byte_at(struct str s, size_t i)
{
	return i < s.len ? s.at[i] : '\0';
}

static bool is_word_char(char c)
{
	return ascii_is_letter(c) || ascii_is_digit(c);
}

/* Length of the run of letters, digits and `more` at `at`. */
static size_t run(struct str s, size_t at, const char *more)
{
	size_t i = at;

	while (i < s.len && (is_word_char(s.at[i]) || (s.at[i] && strchr(more, s.at[i]))))
		i++;
	return i - at;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* How the keys of common services begin, which other signs they have, their least length. */
static const struct {
	const char *prefix, *more;
	size_t least;
} keys[] = {
	{"sk-", "-_", 16},
	{"sk_live_", "", 16},
	{"oauth:", "", 20},
	{"ghp_", "", 20},
	{"gho_", "", 20},
	{"ghu_", "", 20},
	{"ghs_", "", 20},
	{"ghr_", "", 20},
	{"github_pat_", "_", 20},
	{"glpat-", "-_", 16},
	{"akia", "", 16},
	{"asia", "", 16},
	{"xoxb-", "-", 10},
	{"xoxa-", "-", 10},
	{"xoxp-", "-", 10},
	{"xoxe-", "-", 10},
	{"xoxr-", "-", 10},
	{"xoxs-", "-", 10},
	{"aiza", "-_", 30},
	{"hf_", "", 20},
	{"live_", "_", 20},
	{"npm_", "", 30},
	{"bearer ", "-_.", 20},
};

static size_t key_at(struct str s, size_t at)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		size_t n = strlen(keys[i].prefix);
		if (!safety_begins(s, at, keys[i].prefix))
			continue;
		size_t rest = run(s, at + n, keys[i].more);
		if (rest >= keys[i].least)
			return n + rest;
	}
	if (safety_begins(s, at, "-----begin "))
		return s.len - at;
	if (safety_begins(s, at, "eyj")) { /* JWT: three base64url parts, the first a JSON object */
		size_t a = run(s, at, "-_");
		size_t b = byte_at(s, at + a) == '.' ? run(s, at + a + 1, "-_") : 0;
		size_t end = at + a + 1 + b;
		size_t c = b >= 8 && byte_at(s, end) == '.' ? run(s, end + 1, "-_") : 0;
		if (a >= 10 && b >= 8 && c >= 4)
			return a + b + c + 2;
	}
	return 0;
}

/* "password: hunter2dragon", "API_KEY=...": what a key is called, and something that looks like
 * one. */
#define NAMED_KEY_BYTES 8

static bool is_key_name(struct str name)
{
	static const char *const names[] = {"password", "passwd", "passwort", "passphrase",
		"secret", "token", "apikey", "api_key", "api-key", "access_key", "private_key",
		"stream_key", "streamkey", "contrase", "kennwort", "mot_de_passe"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t k = 0; k + strlen(names[i]) <= name.len; k++) {
			if (safety_begins(name, k, names[i]))
				return true;
		}
	}
	return false;
}

static size_t named_key_at(struct str s, size_t at)
{
	size_t name = run(s, at, "_-"), i = at + name, letters = 0, digits = 0;

	if (name > 40 || !is_key_name((struct str){s.at + at, name}))
		return 0;
	if (safety_begins(s, i, " is"))
		i += 3;
	while (byte_at(s, i) == ' ')
		i++;
	if (byte_at(s, i) == ':' || byte_at(s, i) == '=')
		i++;
	else if (i < at + name + 4)
		return 0;
	while (i < s.len && strchr(" \"'`", s.at[i]))
		i++;
	size_t begin = i;
	for (; i < s.len && s.at[i] != ' '; i++) {
		letters += ascii_is_letter(s.at[i]);
		digits += ascii_is_digit(s.at[i]);
	}
	return i - begin >= NAMED_KEY_BYTES && letters > 0 && digits > 0 ? i - at : 0;
}

/* ---- Addresses ------------------------------------------------------------------------------- */

static size_t email_at(struct str s, size_t at)
{
	/* A local part has at most 64 bytes (RFC 5321), and no more are read of each start. */
	struct str near = {s.at, s.len - at > 65 ? at + 65 : s.len};
	size_t local = run(near, at, "._%+-");
	size_t domain = at + local + 1;

	if (local == 0 || local > 64 || byte_at(s, at + local) != '@')
		return 0;
	size_t len = run(s, domain, ".-");
	while (len > 0 && (s.at[domain + len - 1] == '.' || s.at[domain + len - 1] == '-'))
		len--;
	struct str host = {s.at + domain, len};
	const char *dot = len > 0 ? memrchr(host.at, '.', host.len) : NULL;
	if (!dot || dot == host.at || host.at + host.len - dot < 3 || !ascii_is_letter(dot[1]))
		return 0;
	return local + 1 + len;
}

static size_t ipv4_at(struct str s, size_t at)
{
	size_t i = at;

	for (int part = 0; part < 4; part++) {
		int value = 0, digits = 0;
		while (ascii_is_digit(byte_at(s, i)) && digits < 4) {
			value = value * 10 + (s.at[i++] - '0');
			digits++;
		}
		if (digits == 0 || digits > 3 || value > 255 ||
			(digits > 1 && s.at[i - digits] == '0'))
			return 0;
		if (part < 3 && byte_at(s, i++) != '.')
			return 0;
	}
	if (is_word_char(byte_at(s, i)) ||
		(byte_at(s, i) == '.' && ascii_is_digit(byte_at(s, i + 1))))
		return 0;
	return i - at;
}

static size_t ipv6_at(struct str s, size_t at)
{
	size_t i = at, colons = 0, digits = 0, group = 0, groups = 0;
	bool has_gap = false;

	for (; i < s.len && (ascii_is_hex(s.at[i]) || s.at[i] == ':'); i++) {
		if (s.at[i] == ':') {
			if (++colons > 7)
				return 0;
			if (byte_at(s, i + 1) == ':') {
				if (has_gap)
					return 0;
				has_gap = true;
			}
			group = 0;
			continue;
		}
		digits += ascii_is_digit(s.at[i]);
		groups += group == 0;
		if (++group > 4)
			return 0;
	}
	if (is_word_char(byte_at(s, i)) || digits == 0 || groups == 0)
		return 0;
	return has_gap || (colons == 7 && groups == 8) ? i - at : 0;
}

/* ---- Numbers --------------------------------------------------------------------------------- */

#define GROUPS_MAX    8
#define NUMBER_DIGITS 19 /* the longest card number */

struct number {
	size_t len; /* bytes in the text */
	char digits[NUMBER_DIGITS];
	size_t n;
	size_t groups[GROUPS_MAX]; /* digits in each */
	size_t group_count;
	bool has_plus, has_paren, only_dots;
};

/* Digits with at most two of " .-()/" between groups. False: longer than any number we look for. */
static bool read_number(struct str s, size_t at, struct number *out)
{
	size_t i = at, gap = 0;

	*out = (struct number){.only_dots = true};
	if (byte_at(s, i) == '+') {
		out->has_plus = true;
		i++;
	}
	for (; i < s.len; i++) {
		char c = s.at[i];
		if (!ascii_is_digit(c)) {
			if (!c || !strchr(" .-()/", c) || ++gap > 2)
				break;
			out->has_paren |= c == '(';
			continue;
		}
		if (out->n == 0 || gap > 0) {
			if (out->group_count == GROUPS_MAX)
				return false;
			for (size_t j = i - gap; j < i && out->n > 0; j++)
				out->only_dots &= s.at[j] == '.';
			out->group_count++;
		}
		gap = 0;
		if (out->n == NUMBER_DIGITS)
			return false;
		out->digits[out->n++] = c;
		out->groups[out->group_count - 1]++;
		out->len = i + 1 - at;
	}
	return out->n > 0;
}

/* The check digit of ISO/IEC 7812. */
static bool is_card(const struct number *n)
{
	int sum = 0;

	if (n->n < 13)
		return false;
	for (size_t i = 0; i < n->n; i++) {
		int d = n->digits[n->n - 1 - i] - '0';
		if (i % 2 == 1)
			d = d > 4 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

/* "1.000.000" */
static bool is_grouped_by_thousands(const struct number *n)
{
	for (size_t i = 1; i < n->group_count; i++) {
		if (n->groups[i] != 3)
			return false;
	}
	return n->only_dots && n->groups[0] <= 3;
}

/* "2019 2020 2021" */
static bool is_years(const struct number *n)
{
	for (size_t i = 0; i < n->group_count; i++) {
		const char *year = n->digits + i * 4;
		if (n->groups[i] != 4 || (memcmp(year, "19", 2) != 0 && memcmp(year, "20", 2) != 0))
			return false;
	}
	return true;
}

static bool is_phone(const struct number *n)
{
	if (n->has_plus)
		return n->n >= 8 && n->n <= 15;
	if (n->n < 9 || n->n > 15)
		return false;
	if (n->group_count == 1) /* undivided: with a trunk zero or North American */
		return n->digits[0] == '0' || (n->n == 10 && n->digits[0] >= '2') ||
		       (n->n == 11 && n->digits[0] == '1');
	return n->has_paren || (n->group_count <= 6 && !is_grouped_by_thousands(n) && !is_years(n));
}

/* "2026-08-01" begins no phone number. */
static bool is_date(const struct number *n)
{
	return n->group_count >= 3 && n->groups[0] == 4 && n->groups[1] == 2 && n->groups[2] == 2 &&
	       (memcmp(n->digits, "19", 2) == 0 || memcmp(n->digits, "20", 2) == 0);
}

static size_t number_at(struct str s, size_t at, const char **kind)
{
	struct number n;

	if (!read_number(s, at, &n) || is_word_char(byte_at(s, at + n.len)))
		return 0;
	*kind = "card";
	if (is_card(&n))
		return n.len;
	*kind = "phone";
	return is_phone(&n) && !is_date(&n) ? n.len : 0;
}

size_t safety_personal_at(struct str s, size_t at, const char **kind)
{
	char c = s.at[at];
	size_t n = 0;

	if (at > 0 && is_word_char(s.at[at - 1]))
		return 0;
	*kind = "key";
	n = key_at(s, at);
	if (n == 0)
		n = named_key_at(s, at);
	if (n == 0 && is_word_char(c)) {
		*kind = "email";
		n = email_at(s, at);
	}
	if (n == 0 && ascii_is_digit(c) && (at == 0 || s.at[at - 1] != '.')) {
		*kind = "ip";
		n = ipv4_at(s, at);
	}
	if (n == 0 && (ascii_is_hex(c) || c == ':')) {
		*kind = "ip";
		n = ipv6_at(s, at);
	}
	if (n == 0 && (ascii_is_digit(c) || c == '+' || c == '('))
		n = number_at(s, at, kind);
	if (n == 0) {
		*kind = "address";
		n = safety_street_at(s, at);
	}
	return n;
}

static bool has_personal(struct str text)
{
	const char *kind;

	for (size_t i = 0; i < text.len; i++) {
		if (safety_personal_at(text, i, &kind) > 0)
			return true;
	}
	return false;
}

/* "jane (at) mail [dot] example" as it is meant. */
static int undisguise(struct str s, struct buf *out)
{
	static const struct {
		const char *written, *meant;
	} signs[] = {{"(at)", "@"}, {"[at]", "@"}, {"{at}", "@"}, {"<at>", "@"}, {"(dot)", "."},
		{"[dot]", "."}, {"{dot}", "."}, {"<dot>", "."}};
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0;) {
		size_t from = i, k = 0;

		while (byte_at(s, from) == ' ')
			from++;
		while (k < sizeof(signs) / sizeof(signs[0]) &&
			!safety_begins(s, from, signs[k].written))
			k++;
		if (k == sizeof(signs) / sizeof(signs[0])) {
			err = buf_addc(out, s.at[i++]);
			continue;
		}
		err = buf_adds(out, signs[k].meant);
		i = from + strlen(signs[k].written);
		while (byte_at(s, i) == ' ')
			i++;
	}
	return err;
}

int safety_personal_check(struct str text)
{
	struct buf plain, meant;

	if (has_personal(text))
		return ERR_DENIED;
	buf_init(&plain, SAFETY_STEP_BYTES);
	buf_init(&meant, SAFETY_STEP_BYTES);
	int err = safety_plain(text, &plain); /* full-width digits and the like */
	if (err == 0 && has_personal(buf_str(&plain)))
		err = ERR_DENIED;
	if (err == 0)
		err = undisguise(buf_str(&plain), &meant);
	if (err == 0 && meant.len < plain.len && has_personal(buf_str(&meant)))
		err = ERR_DENIED;
	buf_fini(&meant);
	buf_fini(&plain);
	return err;
}
