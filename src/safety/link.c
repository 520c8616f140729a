/* Links: denied unless their host is allowed, also when they are written so that only a reader sees
 * them: "example . com", "hxxp", "[.]", full-width or foreign letters. */
#include "safety/room.h"

#include <string.h>

#define HOST_BYTES 253 /* RFC 1035 */

/* Top-level domains: all of two letters that exist (IANA root zone), of the longer ones those that
 * people use. */
static const char country_tlds[] =
	" ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo "
	"br bs bt"
	" bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec "
	"ee eg er"
	" es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm "
	"hn hr ht"
	" hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc "
	"li lk lr"
	" ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc "
	"ne nf ng"
	" ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa "
	"sb sc sd"
	" se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr "
	"tt tv tw"
	" tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw ";
static const char long_tlds[] =
	" com net org edu gov mil int info biz name pro app dev xyz top site online store shop "
	"club live"
	" stream page link click fun space website tech cloud art blog news games game wiki bar "
	"vip win bet"
	" casino porn xxx adult cam chat social media support zone team host press life today ink "
	"lol moe"
	" gay ninja monster icu buzz rocks work agency digital download review loan gift cash "
	"money bid"
	" trade date racing party science onion zip mov \u0440\u0444 \u4e2d\u56fd \u7f51\u5740 ";
/* Those that nobody writes behind a dot and a space but to hide a link. */
static const char hidden_tlds[] = " com net org gg tv io xyz ru ly ";
static const char sentence_tlds[] =
	" com org xyz ru "; /* "... it. com": also none of a sentence's */
static const char comma_tlds[] = " com net org "; /* "example,com" */
/* Schemes that are dangerous without "//" too. */
static const char *const schemes[] = {"mailto:", "javascript:", "data:text",
	"steam:", "magnet:", "tel:", "sms:", "vbscript:", "file:"};

static bool is_in_list(const char *list, struct str word)
{
	for (const char *p = list; word.len > 0 && (p = memmem(p, strlen(p), word.at, word.len));
		p++) {
		if (p > list && p[-1] == ' ' && p[word.len] == ' ')
			return true;
	}
	return false;
}

/* ---- Undoing disguises ----------------------------------------------------------------------- */

static bool is_host_byte(char c)
{
	return ascii_is_letter(c) || ascii_is_digit(c) || c == '-' || (unsigned char)c >= 0x80;
}

static size_t spaces_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && s.at[at + n] == ' ')
		n++;
	return n;
}

static struct str word_at(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.len && is_host_byte(s.at[at + n]))
		n++;
	return (struct str){s.at + at, n};
}

/* "[.]", "(dot)", " . com", " dot com": how many bytes at `at` mean a dot, 0 for none. */
static size_t dot_at(struct str s, size_t at)
{
	static const char *const dots[] = {"[.]", "(.)", "{.}", "<.>", "[dot]", "(dot)", "{dot}",
		"<dot>", "[,]", "(,)", "\u3002", "\uff61"};
	size_t before = spaces_at(s, at), i = at + before;

	if (at == 0 || !is_host_byte(s.at[at - 1]))
		return 0;
	for (size_t d = 0; d < sizeof(dots) / sizeof(dots[0]); d++) {
		size_t n = strlen(dots[d]);
		if (s.len - i >= n && memcmp(s.at + i, dots[d], n) == 0)
			return before + n + spaces_at(s, i + n);
	}
	bool is_word = before > 0 && str_is(word_at(s, i), "dot");
	if (before == 0 && i < s.len && s.at[i] == ',' && is_in_list(comma_tlds, word_at(s, i + 1)))
		return 1;
	if (!is_word && (i >= s.len || s.at[i] != '.'))
		return 0;
	size_t n = is_word ? 3 : 1;
	n += spaces_at(s, i + n);
	struct str tld = word_at(s, i + n);
	return is_in_list(before > 0 ? hidden_tlds : sentence_tlds, tld) ? before + n : 0;
}

/* Text as a reader would repair it. */
static int undisguise(struct str s, struct buf *out)
{
	int err = 0;

	for (size_t i = 0; i < s.len && err == 0;) {
		size_t n = dot_at(s, i);
		if (n > 0) {
			err = buf_addc(out, '.');
			i += n;
		} else if (s.len - i >= 4 && memcmp(s.at + i, "hxxp", 4) == 0) {
			err = buf_adds(out, "http");
			i += 4;
		} else if (s.len - i >= 3 && memcmp(s.at + i, "[:]", 3) == 0) {
			err = buf_addc(out, ':');
			i += 3;
		} else {
			err = buf_addc(out, s.at[i++]);
		}
	}
	return err;
}

/* ---- Finding --------------------------------------------------------------------------------- */

struct finding {
	size_t links;   /* met so far */
	bool is_denied; /* one of them is not allowed */
};

static bool is_allowed(const struct safety *s, struct str host)
{
	for (size_t i = 0; i < s->host_count; i++) {
		struct str allowed = str_of(s->hosts[i]);
		if (str_eq_nocase(host, allowed))
			return true;
		if (host.len > allowed.len + 1 && host.at[host.len - allowed.len - 1] == '.' &&
			str_eq_nocase((struct str){host.at + host.len - allowed.len, allowed.len},
				allowed))
			return true;
	}
	return false;
}

/* Plain letters, digits, hyphens and dots only. */
static bool is_plain_host(struct str host)
{
	for (size_t i = 0; i < host.len; i++) {
		if ((unsigned char)host.at[i] >= 0x80)
			return false;
	}
	return host.len > 0 && host.len <= HOST_BYTES;
}

static size_t token_end(struct str s, size_t at)
{
	while (at < s.len && s.at[at] != ' ')
		at++;
	return at;
}

/* Host bytes, with single dots between them. */
static size_t host_end(struct str s, size_t at)
{
	while (at < s.len && (is_host_byte(s.at[at]) || (s.at[at] == '.' && at + 1 < s.len &&
								is_host_byte(s.at[at + 1]))))
		at++;
	return at;
}

/* A link whose host is at `at`: counts it, gives where to read on. */
static size_t take_link(const struct safety *s, struct str text, size_t at, struct finding *f)
{
	size_t end = host_end(text, at);
	struct str host = {text.at + at, end - at};
	size_t rest = token_end(text, end);
	char behind = end < text.len ? text.at[end] : ' ';
	f->links++;
	/* Behind the host only what ends it: no user@, no port, no other link hidden in a path. A
	 * trailing full stop is the sentence's. */
	if (!is_plain_host(host) || !is_allowed(s, host) || !strchr(" /?#,;!).'\"", behind) ||
		memmem(text.at + end, rest - end, "://", 3) ||
		memchr(text.at + end, '@', rest - end) || memchr(text.at + end, '\\', rest - end))
		f->is_denied = true;
	return rest;
}

static bool is_all_digits(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (!ascii_is_digit(s.at[i]))
			return false;
	}
	return s.len > 0;
}

static bool is_alphabetic(struct str s)
{
	for (size_t i = 0; i < s.len; i++) {
		if (ascii_is_digit(s.at[i]) || s.at[i] == '-')
			return false;
	}
	return s.len >= 2;
}

/* Is the run of host bytes and dots a host name? */
static bool is_host(struct str run, char behind)
{
	size_t labels = 0, numbers = 0;
	struct str label = {0}, rest = run;

	while (rest.len > 0) {
		struct str next = str_split(&rest, '.');
		if (next.len == 0)
			continue;
		if (next.len > 4 && memcmp(next.at, "xn--", 4) == 0)
			return true;
		label = next;
		labels++;
		numbers += is_all_digits(next) && next.len <= 3 &&
			   (next.len == 1 || next.at[0] != '0');
	}
	if (labels < 2)
		return false;
	if (labels == 4 && numbers == 4)
		return true; /* an address */
	if (run.len > 4 && memcmp(run.at, "www.", 4) == 0)
		return true;
	if (is_in_list(long_tlds, label) || is_in_list(country_tlds, label))
		return true;
	return is_alphabetic(label) && (behind == '/' || behind == ':') && labels >= 2;
}

/* "discord gg/abc": the invitation without its dot. */
static bool is_invite(struct str text, size_t at)
{
	size_t i = at + 7;

	if (text.len - at < 7 || memcmp(text.at + at, "discord", 7) != 0)
		return false;
	while (i < text.len && i < at + 11 && !is_host_byte(text.at[i]))
		i++;
	if (text.len - i < 2 || memcmp(text.at + i, "gg", 2) != 0)
		return false;
	i += 2 + spaces_at(text, i + 2);
	return i < text.len && (text.at[i] == '/' || text.at[i] == '\\');
}

static bool is_scheme_at(struct str text, size_t at)
{
	if (at > 0 && is_host_byte(text.at[at - 1]))
		return false;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		size_t n = strlen(schemes[i]);
		if (text.len - at > n && memcmp(text.at + at, schemes[i], n) == 0 &&
			text.at[at + n] != ' ')
			return true;
	}
	return false;
}

/* Does "http" or "https" end at `at`? */
static bool is_web_scheme(struct str text, size_t at)
{
	size_t begin = at;

	while (begin > 0 && is_host_byte(text.at[begin - 1]))
		begin--;
	struct str scheme = {text.at + begin, at - begin};
	return str_is(scheme, "http") || str_is(scheme, "https");
}

/* All links of a text in lower case. */
static void find_links(const struct safety *s, struct str text, struct finding *f)
{
	for (size_t i = 0; i < text.len;) {
		if (is_scheme_at(text, i) || is_invite(text, i)) {
			f->links++;
			f->is_denied = true;
			i = token_end(text, i);
			continue;
		}
		if (text.len - i >= 3 && memcmp(text.at + i, "://", 3) == 0) {
			f->is_denied |= !is_web_scheme(text, i);
			i = take_link(s, text, i + 3, f);
			continue;
		}
		if (!is_host_byte(text.at[i])) {
			i++;
			continue;
		}
		size_t end = host_end(text, i);
		char behind = end < text.len ? text.at[end] : ' ';
		bool is_scheme = text.len - end >= 3 && memcmp(text.at + end, "://", 3) == 0;
		if (!is_scheme && is_host((struct str){text.at + i, end - i}, behind))
			i = take_link(s, text, i, f);
		else
			i = end;
	}
}

int safety_link_check(const struct safety *s, bool is_strict, struct str text)
{
	struct finding seen = {0}, hidden = {0}, plain = {0}, spelt = {0};
	struct buf lower, folded, repaired;

	if (s->links)
		return 0;
	buf_init(&lower, SAFETY_STEP_BYTES);
	buf_init(&folded, SAFETY_STEP_BYTES);
	buf_init(&repaired, SAFETY_STEP_BYTES);
	int err = buf_add_str(&lower, text);
	for (size_t i = 0; i < lower.len && err == 0; i++)
		lower.at[i] = ascii_lower(lower.at[i]);
	if (err == 0)
		find_links(s, buf_str(&lower), &seen);
	/* As a reader sees it; then with look-alike letters read as the ones they look like. */
	if (err == 0)
		err = text_fold(text, &folded);
	if (err == 0)
		err = undisguise(buf_str(&folded), &repaired);
	if (err == 0) {
		find_links(s, buf_str(&repaired), &hidden);
		buf_clear(&folded);
		buf_clear(&repaired);
		err = safety_plain(text, &folded);
	}
	if (err == 0)
		err = undisguise(buf_str(&folded), &repaired);
	if (err == 0) {
		find_links(s, buf_str(&repaired), &plain);
		buf_clear(&repaired);
		err = safety_join_spelt(buf_str(&folded), &repaired);
	}
	if (err == 0) {
		find_links(s, buf_str(&repaired), &spelt);
		/* A link that shows only then is disguised, wherever it leads. */
		if (seen.is_denied || hidden.is_denied || plain.is_denied ||
			hidden.links > seen.links || plain.links > seen.links ||
			spelt.is_denied || spelt.links > seen.links ||
			(is_strict && seen.links > 0))
			err = ERR_DENIED;
	}
	buf_fini(&repaired);
	buf_fini(&folded);
	buf_fini(&lower);
	return err;
}
