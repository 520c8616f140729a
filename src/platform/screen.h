/* platform/screen.h: a terminal, a pipe or a file that the console speaks with. Private to the
 * room.
 *
 * On a terminal it owns the bottom line: the prompt and what is being typed, which stay whole
 * whatever is printed above them meanwhile. So it reads key by key (no ICANON, no ECHO) and edits
 * the line itself: Backspace, Ctrl-U, Ctrl-W, Ctrl-L, Up and Down for earlier lines; Ctrl-D on an
 * empty line is the end. Signals keys (Ctrl-C, Ctrl-Z) work as ever. Elsewhere it only prints. */
#ifndef PLATFORM_SCREEN_H
#define PLATFORM_SCREEN_H

#include <termios.h>

#include "base/base.h"

#define SCREEN_LINE_BYTES 4096 /* the rest of a longer line is not taken */
#define SCREEN_HISTORY 50
#define SCREEN_PROMPT_BYTES 256

enum screen_key { SCREEN_TYPING, SCREEN_ENTER, SCREEN_END };

struct screen {
	int in_fd, out_fd;
	bool is_terminal, is_color;
	bool is_shown;           /* the bottom line */
	bool is_raw;
	struct termios was;      /* the terminal as we found it; is_raw */
	int was_flags; /* of in_fd: the loop makes it O_NONBLOCK, and it is not only ours */
	char prompt[SCREEN_PROMPT_BYTES];
	struct buf typed;
	char escape;             /* within an escape sequence: its last introducer */
	char *history[SCREEN_HISTORY];
	size_t history_n, history_at;
};

/* TAKES neither descriptor; platform_screen_fini gives both back as they were. */
void platform_screen_init(struct screen *s, int in_fd, int out_fd, bool is_color);
void platform_screen_fini(struct screen *s);
/* Again after the program was stopped and continued: the shell has changed the terminal. */
void platform_screen_resume(struct screen *s);

/* Shows the bottom line with this prompt. Nothing but on a terminal. */
void platform_screen_show(struct screen *s, const char *prompt);
void platform_screen_hide(struct screen *s);
/* Leaves the bottom line where it is and goes below it. */
void platform_screen_leave(struct screen *s);

/* Prints lines above the bottom line, which is hidden: wrapped between words on a terminal, and
 * harmless, since they may quote what a stranger said (faults.md Z6). who: who says it, in colour;
 * NULL = a dim note. */
void platform_screen_print(struct screen *s, const char *who, struct str text);

/* One byte that was typed. SCREEN_ENTER: s->typed is a whole line; platform_screen_next begins the
 * next one. */
enum screen_key platform_screen_key(struct screen *s, char key);
void platform_screen_next(struct screen *s);

#endif
