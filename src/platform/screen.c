/* The screen of the console: printing above the line that is being typed. */
#include "platform/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PRINT_BYTES (64 * 1024)
#define WRITE_WAIT_MS 200 /* a terminal that does not take output: the rest of it is lost */
#define NARROW_COLUMNS 20 /* below this wrapping makes nothing better */

#define CLEAR_LINE "\r\033[K"
#define CLEAR_SCREEN "\033[H\033[2J"
#define COLOR_WHO "\033[1;36m"
#define COLOR_NOTE "\033[2m"
#define COLOR_OFF "\033[0m"

enum { CTRL_D = 4, CTRL_H = 8, CTRL_L = 12, CTRL_U = 21, CTRL_W = 23, ESCAPE = 27, DELETE = 127 };

/* ---- Output ---------------------------------------------------------------------------------- */

static void put(struct screen *s, const char *bytes, size_t n)
{
	while (n > 0) {
		ssize_t done = write(s->out_fd, bytes, n);

		if (done > 0) {
			bytes += done;
			n -= (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			struct pollfd p = {.fd = s->out_fd, .events = POLLOUT};
			if (poll(&p, 1, WRITE_WAIT_MS) <= 0)
				return;
		} else if (done < 0 && errno != EINTR) {
			return;
		}
	}
}

static void put_text(struct screen *s, const char *text)
{
	put(s, text, strlen(text));
}

/* Columns to wrap at; 0 = let lines be as long as they are. */
static size_t columns(const struct screen *s)
{
	struct winsize w;

	if (!s->is_terminal || ioctl(s->out_fd, TIOCGWINSZ, &w) != 0 || w.ws_col < NARROW_COLUMNS)
		return 0;
	return w.ws_col;
}

/* One line, broken between words; what is broken off stands as far in as the line itself did. used:
 * columns that stand before it already. */
static void put_wrapped(struct screen *s, struct str line, size_t used)
{
	const size_t width = columns(s);
	size_t indent = 0;

	while (indent < line.len && line.at[indent] == ' ')
		indent++;
	if (width == 0 || indent > width / 2)
		indent = 0;
	while (line.len > 0) {
		size_t spaces = 0, n;

		while (spaces < line.len && line.at[spaces] == ' ')
			spaces++;
		for (n = spaces; n < line.len && line.at[n] != ' '; n++)
			;
		size_t wide = text_columns((struct str){line.at, n});
		if (width > 0 && used > indent && used + wide > width) {
			put_text(s, "\n");
			for (size_t i = 0; i < indent; i++)
				put_text(s, " ");
			used = indent;
			line.at += spaces;
			line.len -= spaces;
			n -= spaces;
			wide -= spaces;
		}
		put(s, line.at, n);
		used += wide;
		line.at += n;
		line.len -= n;
	}
}

void platform_screen_print(struct screen *s, const char *who, struct str text)
{
	const char *color = !s->is_color ? "" : who ? COLOR_WHO : COLOR_NOTE;
	size_t used = 0;
	struct buf clean;

	platform_screen_hide(s);
	put_text(s, color);
	if (who) {
		put_text(s, who);
		put_text(s, *color != '\0' ? ":" COLOR_OFF " " : ": ");
		used = text_columns(str_of(who)) + 2;
	}
	buf_init(&clean, PRINT_BYTES);
	while (text.len > 0) {
		struct str line = str_split(&text, '\n');

		buf_clear(&clean);
		if (text_scrub(line, TEXT_NO_INVISIBLE, &clean) == ERR_NOMEM)
			break;
		put_wrapped(s, buf_str(&clean), used);
		put_text(s, "\n");
		used = 0;
	}
	buf_fini(&clean);
	if (!who && *color != '\0')
		put_text(s, COLOR_OFF);
}

/* ---- The bottom line ------------------------------------------------------------------------- */

/* What of the typed text has room: its end, since that is where one types. */
static void draw(struct screen *s)
{
	const size_t width = columns(s), prompt = text_columns(str_of(s->prompt));
	const size_t room = width > prompt + 8 ? width - prompt - 1 : 0;
	struct buf clean;
	struct str typed;

	buf_init(&clean, 2 * SCREEN_LINE_BYTES); /* a bad byte becomes three */
	if (text_scrub(buf_str(&s->typed), TEXT_NO_INVISIBLE, &clean) == ERR_NOMEM)
		buf_clear(&clean);
	typed = buf_str(&clean);
	while (room > 0 && typed.len > 0 && text_columns(typed) > room) {
		size_t n = 0;

		text_next(typed, &n);
		typed.at += n;
		typed.len -= n;
	}
	put_text(s, CLEAR_LINE);
	put_text(s, s->prompt);
	put(s, typed.at, typed.len);
	s->is_shown = true;
	buf_fini(&clean);
}

void platform_screen_show(struct screen *s, const char *prompt)
{
	if (!s->is_terminal)
		return;
	if (s->is_shown && strcmp(s->prompt, prompt) == 0)
		return;
	snprintf(s->prompt, sizeof(s->prompt), "%s", prompt);
	draw(s);
}

void platform_screen_hide(struct screen *s)
{
	if (s->is_shown)
		put_text(s, CLEAR_LINE);
	s->is_shown = false;
}

void platform_screen_leave(struct screen *s)
{
	if (s->is_shown)
		put_text(s, "\n");
	s->is_shown = false;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

static void history_keep(struct screen *s)
{
	const size_t n = s->history_n;
	char *line;

	if (s->typed.len == 0 || (n > 0 && strcmp(s->history[n - 1], buf_text(&s->typed)) == 0))
		return;
	line = mem_dup(buf_text(&s->typed));
	if (!line)
		return;
	if (n == SCREEN_HISTORY) {
		mem_free(s->history[0]);
		memmove(s->history, s->history + 1, (n - 1) * sizeof(*s->history));
		s->history_n--;
	}
	s->history[s->history_n++] = line;
}

/* by: -1 = an earlier line, 1 = a later one; past the last is an empty line. */
static void history_go(struct screen *s, int by)
{
	if (by < 0 ? s->history_at == 0 : s->history_at >= s->history_n)
		return;
	s->history_at += by < 0 ? (size_t)-1 : 1;
	buf_clear(&s->typed);
	if (s->history_at < s->history_n && buf_adds(&s->typed, s->history[s->history_at]))
		buf_clear(&s->typed);
}

/* The last character goes, with all its bytes. */
static void erase_one(struct screen *s)
{
	size_t n = s->typed.len;

	while (n > 0 && ((unsigned char)s->typed.at[n - 1] & 0xC0) == 0x80)
		n--;
	buf_truncate(&s->typed, n > 0 ? n - 1 : 0);
}

static void erase_word(struct screen *s)
{
	size_t n = s->typed.len;

	while (n > 0 && s->typed.at[n - 1] == ' ')
		n--;
	while (n > 0 && s->typed.at[n - 1] != ' ')
		n--;
	buf_truncate(&s->typed, n);
}

/* Escape sequences: ESC [ or ESC O, parameters, and a letter that says which key it was. */
static void on_escape(struct screen *s, char key)
{
	const char before = s->escape;

	s->escape = 0;
	if (before == ESCAPE && (key == '[' || key == 'O'))
		s->escape = key;
	else if (before != ESCAPE && key >= 0x20 && key < 0x40)
		s->escape = before;
	else if (before != ESCAPE && key == 'A')
		history_go(s, -1);
	else if (before != ESCAPE && key == 'B')
		history_go(s, 1);
}

static void on_control(struct screen *s, char key)
{
	switch (key) {
	case CTRL_H:
	case DELETE: erase_one(s); break;
	case CTRL_U: buf_clear(&s->typed); break;
	case CTRL_W: erase_word(s); break;
	case CTRL_L: put_text(s, CLEAR_SCREEN); break;
	case ESCAPE: s->escape = ESCAPE; break;
	case '\t':
		if (buf_addc(&s->typed, ' '))
			put_text(s, "\a");
		break;
	default: break;
	}
}

enum screen_key platform_screen_key(struct screen *s, char key)
{
	const bool is_control = (unsigned char)key < 0x20 || key == DELETE;

	if (s->escape) {
		on_escape(s, key);
	} else if (key == '\n' || key == '\r') {
		history_keep(s);
		platform_screen_leave(s);
		return SCREEN_ENTER;
	} else if (key == CTRL_D && s->typed.len == 0) {
		return SCREEN_END;
	} else if (is_control) {
		on_control(s, key);
	} else if (buf_addc(&s->typed, key)) {
		put_text(s, "\a");
		return SCREEN_TYPING;
	}
	if (s->is_shown)
		draw(s);
	return SCREEN_TYPING;
}

void platform_screen_next(struct screen *s)
{
	buf_clear(&s->typed);
	s->history_at = s->history_n;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void make_raw(struct screen *s)
{
	const pid_t front = tcgetpgrp(s->in_fd);
	struct termios raw = s->was;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
	raw.c_iflag &= ~(tcflag_t)(IXON);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	/* In the background it would stop us; then there is no terminal to edit on. */
	s->is_raw = (front < 0 || front == getpgrp()) && tcsetattr(s->in_fd, TCSADRAIN, &raw) == 0;
}

void platform_screen_init(struct screen *s, int in_fd, int out_fd, bool is_color)
{
	const char *term = getenv("TERM");

	*s = (struct screen){.in_fd = in_fd, .out_fd = out_fd, .is_color = is_color};
	buf_init(&s->typed, SCREEN_LINE_BYTES - 1);
	s->was_flags = fcntl(in_fd, F_GETFL);
	if (isatty(in_fd) && isatty(out_fd) && term && strcmp(term, "dumb") != 0 &&
			tcgetattr(in_fd, &s->was) == 0)
		make_raw(s);
	s->is_terminal = s->is_raw;
}

void platform_screen_resume(struct screen *s)
{
	struct termios now;

	if (!s->is_terminal || tcgetattr(s->in_fd, &now) != 0)
		return;
	if (now.c_lflag & ICANON) /* some shells give us back our own settings instead */
		s->was = now;
	make_raw(s);
	if (s->is_raw)
		draw(s);
}

void platform_screen_fini(struct screen *s)
{
	platform_screen_hide(s);
	if (s->is_raw)
		tcsetattr(s->in_fd, TCSADRAIN, &s->was);
	if (s->was_flags >= 0)
		fcntl(s->in_fd, F_SETFL, s->was_flags);
	for (size_t i = 0; i < s->history_n; i++)
		mem_free(s->history[i]);
	s->history_n = 0;
	buf_fini(&s->typed);
}
