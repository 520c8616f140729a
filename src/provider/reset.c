/* How long a server wants us to stay away, where it says so otherwise than by Retry-After
 * (ai-providers.md 2.3, 3): "6m0s", "1.5", a moment of RFC 3339, or seconds since 1970. */
#include "provider/room.h"

#include <string.h>

#define SECOND_MS 1000
#define MOST_MS INT64_C(604800000)     /* a week: what is longer is a mistake */
#define EPOCH_SECONDS INT64_C(1000000000) /* as a wait 31 years: it is a moment */
#define EPOCH_MS (EPOCH_SECONDS * 1000)

/* The limits that headers tell of: their reset, and what remains of them. */
static const struct {
	const char *reset, *remaining;
} limits[] = {
	{"x-ratelimit-reset-requests", "x-ratelimit-remaining-requests"},
	{"x-ratelimit-reset-tokens", "x-ratelimit-remaining-tokens"},
	{"x-ratelimit-reset", "x-ratelimit-remaining"},
	{"anthropic-ratelimit-requests-reset", "anthropic-ratelimit-requests-remaining"},
	{"anthropic-ratelimit-tokens-reset", "anthropic-ratelimit-tokens-remaining"},
	{"anthropic-ratelimit-input-tokens-reset", "anthropic-ratelimit-input-tokens-remaining"},
	{"anthropic-ratelimit-output-tokens-reset", "anthropic-ratelimit-output-tokens-remaining"},
};

/* A decimal number in thousandths; takes it from the text. false: there is none. */
static bool take_number(struct str *s, int64_t *thousandths)
{
	int64_t n = 0, scale = 0;
	size_t i = 0;

	for (; i < s->len && (ascii_is_digit(s->at[i]) || (s->at[i] == '.' && scale == 0)); i++) {
		if (s->at[i] == '.') {
			scale = SECOND_MS;
		} else if (scale == 0) {
			n = n < MOST_MS * SECOND_MS ? n * 10 + (s->at[i] - '0') * SECOND_MS : n;
		} else {
			scale /= 10;
			n += scale * (s->at[i] - '0');
			scale = scale > 1 ? scale : 1;
		}
	}
	s->at += i;
	s->len -= i;
	*thousandths = n;
	return i > 0;
}

static int64_t take_unit(struct str *s)
{
	static const struct {
		const char *name;
		int64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		const size_t n = strlen(units[i].name);

		if (s->len < n || memcmp(s->at, units[i].name, n) != 0)
			continue;
		s->at += n;
		s->len -= n;
		return units[i].ms;
	}
	return 0;
}

static int64_t within_most(int64_t ms)
{
	return ms < 0 ? 0 : ms < MOST_MS ? ms : MOST_MS;
}

/* "6m0s", seconds, a moment, in ms from now; -1 = the text says nothing. */
static int64_t read_reset(struct str text, int64_t wall_ms)
{
	int64_t moment, number, total = 0;

	text = str_trim(text);
	if (clock_parse(text, &moment) == 0)
		return within_most(moment - wall_ms);
	if (text.len == 0 || !take_number(&text, &number))
		return -1;
	if (text.len == 0) { /* seconds; a moment where no wait would be that long */
		if (number >= EPOCH_MS * SECOND_MS)
			return within_most(number / SECOND_MS - wall_ms);
		return within_most(number >= EPOCH_MS ? number - wall_ms : number);
	}
	do {
		const int64_t unit = take_unit(&text);

		if (unit == 0)
			return -1;
		total = within_most(total + within_most(number / SECOND_MS) * unit +
			number % SECOND_MS * unit / SECOND_MS);
	} while (text.len > 0 && take_number(&text, &number));
	return text.len == 0 ? total : -1;
}

/* The longest of those of which nothing remains; where none says so, of all. */
int64_t provider_reset_of(const struct io_http *h)
{
	const int64_t wall = clock_wall_ms();
	int64_t spent = -1, any = -1;

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		const int64_t ms = read_reset(
			str_of(io_http_header(h, limits[i].reset)), wall);

		any = ms > any ? ms : any;
		if (strcmp(io_http_header(h, limits[i].remaining), "0") == 0)
			spent = ms > spent ? ms : spent;
	}
	return spent >= 0 ? spent : any;
}
