/* convert: files of other programs into ours, and personas back into theirs.
 *
 * Floor 5, pure: text in, text out; the daemon never comes here, only verbs do. What it reads is
 * hostile. A card's texts are scrubbed, bounded and become what a persona says of itself; nothing
 * in a file becomes a pattern, a provider, a key or an option unless a person writes it so.
 * Commands of other bots become triggers whose words are known to be safe, or comments. Whatever it
 * gives out passes `mynah check`: it reads its own files before it hands them over. Hides zlib's
 * checksum. */
#ifndef CONVERT_CONVERT_H
#define CONVERT_CONVERT_H

#include "persona/persona.h"
#include "trigger/trigger.h"

/* ---- Cards: personas of other programs ------------------------------------------------------- */

#define CONVERT_CARD_BYTES    (4 * 1024 * 1024)  /* of text; cards with a lorebook reach 1 MiB */
#define CONVERT_PICTURE_BYTES (32 * 1024 * 1024) /* of a PNG that carries a card */

enum convert_format {
	CONVERT_TAVERN_V1,
	CONVERT_TAVERN_V2,
	CONVERT_TAVERN_V3,
	CONVERT_ELIZA,
	CONVERT_MODELFILE,
	CONVERT_TEXT,
};
#define CONVERT_FORMAT_COUNT 6

/* "tavern-v2": as the command line spells it. */
const char *convert_format_name(enum convert_format f);
int convert_format_parse(struct str s, enum convert_format *out) MUST_USE; /* ERR_NOTFOUND */

struct convert_card;
/* Reads a file in any of the formats, or a PNG that carries a Tavern card, and tells them apart by
 * what stands in them. GIVES *out (convert_card_free). ERR_PARSE, ERR_INVALID, ERR_LIMIT with *why,
 * a clause (static); ERR_NOMEM. */
int convert_card_read(struct str bytes, struct convert_card **out, const char **why) MUST_USE;
/* The card that a persona file is. f was read into p. GIVES *out. ERR_NOMEM. */
int convert_card_of(
	const struct conf_file *f, const struct persona *p, struct convert_card **out) MUST_USE;
void convert_card_free(struct convert_card *c);
enum convert_format convert_card_format(const struct convert_card *c);
/* What it calls itself; NULL = it does not say. */
const char *convert_card_name(const struct convert_card *c);
/* What of the card could not be carried over: one clause a line. */
struct str convert_card_notes(const struct convert_card *c);

/* Writes a persona file. kept: where the card itself is kept, for a comment. */
int convert_card_persona(const struct convert_card *c, const char *kept, struct buf *out) MUST_USE;
/* Writes the card as it came, so that nothing of it is lost; but for keys and passwords in it,
 * which are left out. */
int convert_card_keep(const struct convert_card *c, struct buf *out) MUST_USE;
/* Writes a persona in a format. kept is what convert_card_keep wrote when it was imported, NULL =
 * nothing: in its own format what it holds comes back, with what was edited since put in. */
int convert_card_write(const struct convert_card *persona, const struct convert_card *kept,
	enum convert_format f, struct buf *out) MUST_USE;
/* Writes the picture with a card in it instead of those it has. ERR_PARSE: no sound PNG;
 * ERR_INVALID: only Tavern cards travel in pictures. */
int convert_picture(
	struct str png, struct str card, enum convert_format f, struct buf *out) MUST_USE;

/* ---- Commands and timers of other bots ------------------------------------------------------- */

enum convert_source { CONVERT_NIGHTBOT, CONVERT_STREAMELEMENTS };
int convert_source_parse(struct str s, enum convert_source *out) MUST_USE; /* ERR_NOTFOUND */

#define CONVERT_COMMANDS_BYTES (8 * 1024 * 1024)
#define CONVERT_COMMANDS_MAX   2000 /* a channel has a few hundred; a trigger file stays readable */

/* How many came over whole, with something lost, not at all. */
struct convert_tally {
	size_t whole, part, none;
};

/* Writes a trigger file of an export: commands and timers as triggers, what cannot be carried over
 * as a comment above. out->max must be CONF_FILE_BYTES: what does not fit is counted in none.
 * ERR_PARSE, ERR_INVALID, ERR_LIMIT with *why, a clause (static); ERR_NOMEM. */
int convert_commands(enum convert_source source, struct str json, struct buf *out,
	struct convert_tally *tally, const char **why) MUST_USE;

#endif
