/* What a reply begins with, and whom it calls.
 *
 * Twitch takes a text that begins with '/' or '.' for a command, other bots one that begins with
 * '!' or another sign of theirs; a space in front does not help, for servers trim. So the signs go,
 * and where a command word stood behind them nothing is said at all: "ban x" from "/ban x" is no
 * answer. */
#include "safety/room.h"

#include <string.h>

#define FOREIGN_MENTIONS 3 /* so many others may be named by mistake; more is a mention flood */

/* Signs that platforms and bots take for a command wherever they lead, with their look-alikes. */
static bool is_hard_sign(int32_t c)
{
	static const uint16_t signs[] = {'/', '.', '!', '\\', 0x01C3, 0x0701, 0x0702, 0x1735,
		0x2024, 0x2025, 0x2026, 0x203C, 0x2044, 0x2048, 0x2049, 0x2215, 0x2216, 0x2571,
		0x2572, 0x27CB, 0x29F5, 0x29F8, 0x29F9, 0x2CC6, 0x2D51, 0x2E1D, 0x3002, 0x30FE,
		0xFE15, 0xFE19, 0xFE52, 0xFE57, 0xFE68, 0xFF01, 0xFF0E, 0xFF0F, 0xFF3C, 0xFF61};

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (c == signs[i])
			return true;
	}
	return false;
}

/* Signs that some bots use, right in front of a word; elsewhere they mean what they say ("$5"). */
static bool is_soft_sign(int32_t c)
{
	return c > 0 && c < 0x80 && strchr("$?~%&^>+-*|,`'", (char)c);
}

/* Blank or bodiless: nothing a reader sees before the first sign. */
static bool is_blank(int32_t c)
{
	return c == ' ' || c == '\n' || c == 0x2800 || c == 0xA0 || c == 0x3000 || c == 0xFE0F ||
	       c == 0x200D || (c > 0xC0 && safety_letter(c) < 0);
}

/* Words that act on people or rooms on Twitch, on IRC and with common bots. */
static const char *const command_words[] = {"ban", "unban", "timeout", "untimeout", "mod", "unmod",
	"mods", "vip", "unvip", "vips", "clear", "clearchat", "delete", "host", "unhost", "raid",
	"unraid", "commercial", "slow", "slowoff", "followers", "followersoff", "subscribers",
	"subscribersoff", "emoteonly", "emoteonlyoff", "uniquechat", "uniquechatoff", "r9kbeta",
	"r9kbetaoff", "w", "whisper", "msg", "color", "disconnect", "marker", "block", "unblock",
	"announce", "announceblue", "announcegreen", "announceorange", "announcepurple", "shield",
	"shieldoff", "shoutout", "poll", "deletepoll", "endpoll", "prediction", "user", "pin",
	"unpin", "restrict", "unrestrict", "monitor", "unmonitor", "warn", "op", "deop", "voice",
	"devoice", "kick", "kill", "kline", "gline", "quit", "part", "join", "nick", "mode",
	"topic", "invite", "oper", "addcom", "addcmd", "editcom", "delcom", "delcmd", "command",
	"commands", "permit", "settitle", "setgame", "title", "game", "say", "raw", "eval", "exec",
	"reload", "restart", "shutdown"};

/* The first word of line, folded; how many bytes it takes in line. */
static int first_word(struct str line, char word[32], size_t *bytes)
{
	struct buf plain;
	size_t at = 0, end = 0;
	int32_t c;

	while ((c = text_next(line, &at)) >= 0 && (safety_is_alnum(c) || c == '_' || c >= 0x300))
		end = at;
	*bytes = end;
	buf_init(&plain, SAFETY_STEP_BYTES);
	int err = safety_plain((struct str){line.at, end < 256 ? end : 0}, &plain);
	size_t n = plain.len < 31 ? plain.len : 0; /* longer than any of ours */
	memcpy(word, buf_text(&plain), n);
	word[n] = '\0';
	buf_fini(&plain);
	return err;
}

static bool is_command_word(const char *word)
{
	for (size_t i = 0; i < sizeof(command_words) / sizeof(command_words[0]); i++) {
		if (strcmp(word, command_words[i]) == 0)
			return true;
	}
	return false;
}

/* How many bytes of signs (has_marks: of the hard ones) and blanks lead; *is_command: they could
 * make a command of what follows (an ellipsis does not). */
static size_t leading_signs(struct str line, bool has_marks, bool *is_command)
{
	size_t at = 0, end = 0;
	int dots = 0, others = 0;
	int32_t c;

	while ((c = text_next(line, &at)) >= 0) {
		bool is_sign = is_hard_sign(c) || (!has_marks && is_soft_sign(c) && at < line.len &&
							  ascii_is_letter(line.at[at]));
		if (!is_sign && !is_blank(c))
			break;
		if (c == '.')
			dots++;
		else if (c == 0x2026 || c == 0x2025)
			dots += 2;
		else if (is_sign)
			others++;
		end = at;
	}
	*is_command = others > 0 || dots == 1;
	return end;
}

int safety_lead(struct str line, bool has_marks, struct buf *out)
{
	bool is_command;
	char word[32];
	size_t bytes, signs;

	while ((signs = leading_signs(line, has_marks, &is_command)) > 0) {
		bool is_fraction = line.at[signs - 1] == '.' && signs < line.len &&
				   ascii_is_digit(line.at[signs]);
		line = (struct str){line.at + signs, line.len - signs};
		if (is_fraction) {
			int err = buf_adds(out, "0.");
			return err ? err : buf_add_str(out, line);
		}
		if (!is_command)
			break;
		int err = first_word(line, word, &bytes);
		if (err < 0)
			return err;
		if (is_command_word(word))
			return ERR_DENIED;
		if (strcmp(word, "me") != 0 && strcmp(word, "action") != 0)
			break;
		line = (struct str){
			line.at + bytes, line.len - bytes}; /* "/me waves" says "waves" */
	}
	return buf_add_str(out, line);
}

/* ---- Mentions -------------------------------------------------------------------------------- */

static bool is_name_char(int32_t c)
{
	return c == '_' || safety_is_alnum(c) || (c > 0xC0 && safety_letter(c) < 0);
}

/* Does name stand at the head of rest, and end there? */
static bool starts_with_name(struct str rest, struct str name)
{
	size_t at = name.len;

	if (name.len == 0 || rest.len < name.len ||
		!str_eq_nocase((struct str){rest.at, name.len}, name))
		return false;
	return at == rest.len || !is_name_char(text_next(rest, &at));
}

static bool is_at_sign(int32_t c)
{
	return c == '@' || c == 0xFF20 || c == 0xFE6B;
}

int safety_mentions(struct str line, struct str user, size_t most, struct buf *out)
{
	size_t at = 0, foreign = 0, own = 0;
	int32_t c, before = ' ';
	int err = 0;

	for (size_t from = 0; err == 0 && (c = text_next(line, &at)) >= 0; from = at, before = c) {
		struct str rest = {line.at + at, line.len - at};
		size_t peek = 0;
		int32_t next = text_next(rest, &peek);
		bool is_name = next >= 0 && is_name_char(next);
		if (!is_at_sign(c)) {
			err = buf_add(out, line.at + from, at - from);
			continue;
		}
		if (before == '<')
			return ERR_DENIED; /* Discord's own way to write one: <@123>, <@&123> */
		if (is_name && is_name_char(before)) { /* an address, for the rule on those */
			err = buf_add(out, line.at + from, at - from);
		} else if (is_name && own < most && starts_with_name(rest, user)) {
			own++;
			err = buf_addc(out, '@');
		} else if (!is_name) {
			err = buf_add(out, line.at + from, at - from);
		} else if (!starts_with_name(rest, user) && ++foreign > FOREIGN_MENTIONS) {
			return ERR_DENIED;
		}
	}
	return err;
}
