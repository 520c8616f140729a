#include "conf/room.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* How values are spelled in files, and how numbers are spelled back in sentences. */

struct unit {
	const char *name;
	int64_t size;
};

/* Largest first: combined durations go downwards, and the largest that divides is printed. */
static const struct unit time_units[] = {
	{"d", 86400000},
	{"h", 3600000},
	{"m", 60000},
	{"s", 1000},
	{"ms", 1},
};
static const struct unit byte_units[] = {
	{"G", 1024 * 1024 * 1024},
	{"M", 1024 * 1024},
	{"k", 1024},
};

#define TIME_HINT  "a duration is a number with a unit: ms, s, m, h or d"
#define BYTES_HINT "a size is a number of bytes, or one with a unit: k, M or G"

static void wants(struct conf_misread *why, const char *want)
{
	snprintf(why->want, sizeof(why->want), "%s", want);
	why->hint[0] = '\0';
}

/* The number that s begins with; *i moves behind it. ERR_LIMIT when it does not fit. */
static int leading_number(struct str s, size_t *i, int64_t *out)
{
	size_t start = *i;

	while (*i < s.len && ascii_is_digit(s.at[*i]))
		(*i)++;
	return str_int((struct str){s.at + start, *i - start}, out);
}

static const struct unit *leading_unit(struct str s, size_t *i, const struct unit *units, size_t n)
{
	size_t start = *i;
	struct str name;

	while (*i < s.len && !ascii_is_digit(s.at[*i]))
		(*i)++;
	name = (struct str){s.at + start, *i - start};
	for (size_t k = 0; k < n; k++)
		if (str_is(name, units[k].name))
			return &units[k];
	return NULL;
}

bool conf_is_word(struct str s, const char *besides)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.at[i];

		if (!ascii_is_alnum(c) && (c == '\0' || !strchr(besides, c)))
			return false;
	}
	return s.len > 0;
}

int conf_value_bool(struct str s, bool *out, struct conf_misread *why)
{
	static const char *const words[] = {"true", "yes", "on", "false", "no", "off"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!str_is_nocase(s, words[i]))
			continue;
		*out = i < 3;
		return 0;
	}
	wants(why, "must be true or false");
	snprintf(why->hint, sizeof(why->hint), "yes, no, on and off are understood too");
	return ERR_INVALID;
}

int conf_value_int(struct str s, int64_t *out, struct conf_misread *why)
{
	int err = str_int(s, out);

	if (!err)
		return 0;
	wants(why, err == ERR_LIMIT ? "must be a smaller number" : "must be a whole number");
	return ERR_INVALID;
}

/* Plain decimals only; strtod would follow the locale and take "inf" and hexadecimals. */
int conf_value_number(struct str s, double *out, struct conf_misread *why)
{
	bool is_negative = s.len > 0 && s.at[0] == '-';
	size_t i = is_negative, digits = 0;
	double value = 0, scale = 1;

	for (; i < s.len && ascii_is_digit(s.at[i]); i++, digits++)
		value = value * 10 + (s.at[i] - '0');
	if (i < s.len && s.at[i] == '.') {
		for (i++; i < s.len && ascii_is_digit(s.at[i]); i++, digits++) {
			value = value * 10 + (s.at[i] - '0');
			scale *= 10;
		}
	}
	if (digits == 0 || digits > 15 || i < s.len) { /* 15: what a double holds exactly */
		wants(why, "must be a number");
		return ERR_INVALID;
	}
	*out = (is_negative ? -value : value) / scale;
	return 0;
}

static int misread_duration(struct conf_misread *why, const char *want, struct str unit)
{
	wants(why, want);
	if (unit.len > 0)
		snprintf(why->hint, sizeof(why->hint), "\"%.*s\" is no unit: use ms, s, m, h or d",
			STR_FMT(conf_shown(unit)));
	else
		snprintf(why->hint, sizeof(why->hint), "%s", TIME_HINT);
	return ERR_INVALID;
}

int conf_value_duration(struct str s, int64_t *out, struct conf_misread *why)
{
	int64_t total = 0, last_size = INT64_MAX, n;
	size_t i = 0;

	*out = 0;
	if (str_is(s, "0"))
		return 0;
	if (s.len == 0)
		return misread_duration(why, "must be a duration", s);
	while (i < s.len) {
		size_t start;
		const struct unit *unit;
		int err = leading_number(s, &i, &n);

		if (err)
			return misread_duration(why,
				err == ERR_LIMIT ? "must be a shorter duration"
						 : "must be a duration",
				STR(""));
		start = i;
		unit = leading_unit(s, &i, time_units, ARRAY_LEN(time_units));
		if (!unit)
			return misread_duration(why,
				start == s.len ? "must be a duration with a unit"
					       : "must be a duration",
				(struct str){s.at + start, i - start});
		if (unit->size >= last_size)
			return misread_duration(
				why, "must have its units from large to small", STR(""));
		if (n > (INT64_MAX - total) / unit->size)
			return misread_duration(why, "must be a shorter duration", STR(""));
		last_size = unit->size;
		total += n * unit->size;
	}
	*out = total;
	return 0;
}

int conf_value_bytes(struct str s, int64_t *out, struct conf_misread *why)
{
	size_t i = 0, start;
	const struct unit *unit = NULL;
	int64_t size = 1;
	int err = leading_number(s, &i, out);

	start = i;
	if (!err && i < s.len) {
		unit = leading_unit(s, &i, byte_units, ARRAY_LEN(byte_units));
		if (!unit && i - start == 1 && strchr("Kmg", s.at[start]))
			unit = &byte_units[s.at[start] == 'K' ? 2 : s.at[start] == 'm' ? 1 : 0];
		if (!unit || i < s.len)
			err = ERR_PARSE;
		else
			size = unit->size;
	}
	if (err || *out > INT64_MAX / size) {
		wants(why, "must be a size");
		snprintf(why->hint, sizeof(why->hint), "%s", BYTES_HINT);
		return ERR_INVALID;
	}
	*out *= size;
	return 0;
}

int conf_value_percent(struct str s, double *out, struct conf_misread *why)
{
	struct str number = s;

	if (s.len > 0 && s.at[s.len - 1] == '%')
		number = str_trim((struct str){s.at, s.len - 1});
	if (conf_value_number(number, out, why)) {
		wants(why, "must be a percentage");
		snprintf(why->hint, sizeof(why->hint), "write it like 40%%");
		return ERR_INVALID;
	}
	if (number.len == s.len) { /* 0.4 may mean 40 or less than one: never guess */
		wants(why, "must be a percentage");
		snprintf(why->hint, sizeof(why->hint), "write %.*s%%", STR_FMT(conf_shown(s)));
		return ERR_INVALID;
	}
	return 0;
}

/* Whole millionths: money is never a fraction of the unit it is counted in. */
int conf_value_money(struct str s, int64_t *out, struct conf_misread *why)
{
	struct str rest = s.len > 0 && s.at[0] == '$' ? (struct str){s.at + 1, s.len - 1} : s;
	size_t i = 0, digits = 0;
	int64_t dollars = 0, rest_of = 0;
	int err = leading_number(rest, &i, &dollars);

	if (!err && i < rest.len && rest.at[i] == '.') {
		int64_t scale = CONF_DOLLAR;

		for (i++; i < rest.len && ascii_is_digit(rest.at[i]) && scale > 1; i++, digits++)
			rest_of += (rest.at[i] - '0') * (scale /= 10);
		err = digits == 0 ? ERR_PARSE : 0;
	}
	if (err || i < rest.len || dollars > CONF_MONEY_MAX) {
		wants(why, "must be an amount of US dollars");
		snprintf(why->hint, sizeof(why->hint), "write it like 0.25");
		return ERR_INVALID;
	}
	*out = dollars * CONF_DOLLAR + rest_of;
	return 0;
}

int conf_value_choice(struct str s, const char *const *choices, int *out, struct conf_misread *why)
{
	const char *near;
	size_t n = 0, used;

	for (; choices[n]; n++) {
		if (str_is_nocase(s, choices[n])) {
			*out = (int)n;
			return 0;
		}
	}
	wants(why, "must be ");
	for (size_t i = 0; i < n; i++) {
		used = strlen(why->want);
		snprintf(why->want + used, sizeof(why->want) - used, "%s%s",
			i == 0       ? ""
			: i + 1 == n ? " or "
				     : ", ",
			choices[i]);
	}
	near = conf_nearest(s, choices, n);
	if (near)
		snprintf(why->hint, sizeof(why->hint), "did you mean \"%s\"?", near);
	return ERR_INVALID;
}

/* ---- And back -------------------------------------------------------------------------------- */

static const char *with_unit(int64_t value, const struct unit *units, size_t n, char *out)
{
	for (size_t i = 0; i < n; i++) {
		if (value == 0 || value % units[i].size != 0)
			continue;
		snprintf(out, CONF_VALUE_TEXT, "%" PRId64 "%s", value / units[i].size,
			units[i].name);
		return out;
	}
	snprintf(out, CONF_VALUE_TEXT, "%" PRId64, value);
	return out;
}

const char *conf_value_text(enum conf_type type, double value, char out[CONF_VALUE_TEXT])
{
	switch (type) {
	case CONF_DURATION:
		return with_unit(llround(value), time_units, ARRAY_LEN(time_units), out);
	case CONF_BYTES: return with_unit(llround(value), byte_units, ARRAY_LEN(byte_units), out);
	case CONF_PERCENT: snprintf(out, CONF_VALUE_TEXT, "%g%%", value); return out;
	case CONF_INT: snprintf(out, CONF_VALUE_TEXT, "%lld", llround(value)); return out;
	case CONF_MONEY: snprintf(out, CONF_VALUE_TEXT, "%g", value / CONF_DOLLAR); return out;
	default: snprintf(out, CONF_VALUE_TEXT, "%g", value); return out;
	}
}

bool conf_value_within(
	enum conf_type type, double value, double min, double max, struct conf_misread *why)
{
	char low[CONF_VALUE_TEXT], high[CONF_VALUE_TEXT];

	if ((min == 0 && max == 0) || (value >= min && value <= max))
		return true;
	snprintf(why->want, sizeof(why->want), "must be within %s..%s",
		conf_value_text(type, min, low), conf_value_text(type, max, high));
	why->hint[0] = '\0';
	return false;
}
