/* Cards in pictures: the text chunks of a PNG (W3C PNG, third edition, section 5 and 11.3.3).
 *
 * The picture itself is never decoded. A card is base64 JSON in a tEXt or iTXt chunk named `chara`
 * (V1, V2) or `ccv3`. */
#include "convert/room.h"

#include <string.h>
#include <zlib.h>

#define SIGNATURE       "\x89PNG\r\n\x1a\n"
#define SIGNATURE_BYTES 8
#define FRAME_BYTES     12     /* length, type and checksum around the data of a chunk */
#define KEYWORD_BYTES   79     /* section 11.3.3.1 */
#define CHUNKS_MAX      100000 /* a picture of the largest size in chunks of 330 bytes */

struct chunk {
	struct str type, data, whole;
};

bool convert_picture_is(struct str bytes)
{
	return bytes.len >= SIGNATURE_BYTES && memcmp(bytes.at, SIGNATURE, SIGNATURE_BYTES) == 0;
}

static uint32_t number_at(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;

	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static uint32_t checksum(struct str bytes)
{
	return (uint32_t)crc32_z(0, (const unsigned char *)bytes.at, bytes.len);
}

static void put_number(uint32_t n, char out[4])
{
	for (int i = 0; i < 4; i++)
		out[i] = (char)(n >> (24 - 8 * i) & 0xff);
}

/* Takes a chunk off rest. False when what is left is none. */
static bool next_chunk(struct str *rest, struct chunk *c)
{
	if (rest->len < FRAME_BYTES)
		return false;
	const size_t len = number_at(rest->at);
	if (len > rest->len - FRAME_BYTES)
		return false;
	c->type = (struct str){rest->at + 4, 4};
	c->data = (struct str){rest->at + 8, len};
	c->whole = (struct str){rest->at, len + FRAME_BYTES};
	*rest = (struct str){rest->at + len + FRAME_BYTES, rest->len - len - FRAME_BYTES};
	return true;
}

static bool is_sound(const struct chunk *c)
{
	return checksum((struct str){c->type.at, 4 + c->data.len}) ==
	       number_at(c->data.at + c->data.len);
}

/* Takes what stands before the next NUL off rest. */
static bool take_word(struct str *rest, struct str *word)
{
	const char *end = rest->len > 0 ? memchr(rest->at, 0, rest->len) : NULL;

	if (!end)
		return false;
	*word = str_split(rest, '\0');
	return true;
}

/* Keyword and text of a text chunk. False for other chunks, compressed and broken ones. */
static bool read_text(const struct chunk *c, struct str *key, struct str *text)
{
	struct str ignored;

	*text = c->data;
	if (!str_is(c->type, "tEXt") && !str_is(c->type, "iTXt"))
		return false;
	if (!take_word(text, key) || key->len > KEYWORD_BYTES)
		return false;
	if (str_is(c->type, "tEXt"))
		return true;
	/* Compression flag and method, language, keyword in that language. */
	if (text->len < 2 || text->at[0] != 0)
		return false;
	*text = (struct str){text->at + 2, text->len - 2};
	return take_word(text, &ignored) && take_word(text, &ignored);
}

static bool is_card(struct str key)
{
	return str_is(key, "chara") || str_is(key, "ccv3");
}

int convert_picture_card(struct str png, struct buf *json, const char **why)
{
	struct str rest = {png.at + SIGNATURE_BYTES, png.len - SIGNATURE_BYTES};
	struct str key, text, found = {NULL, 0};
	struct chunk c;
	bool is_newest = false;
	int err;

	for (size_t n = 0; n < CHUNKS_MAX && !is_newest && next_chunk(&rest, &c); n++) {
		if (str_is(c.type, "IEND"))
			break;
		if (!read_text(&c, &key, &text) || !is_card(key))
			continue;
		if (!is_sound(&c)) {
			*why = "the card in this picture is damaged: its checksum is wrong";
			return ERR_PARSE;
		}
		is_newest = str_is(key, "ccv3");
		found = text;
	}
	if (!found.at) {
		*why = "this picture carries no card";
		return ERR_NOTFOUND;
	}
	err = seal_from_base64(found, json);
	if (err == ERR_PARSE)
		*why = "the card in this picture is damaged: it is not base64";
	if (err == ERR_LIMIT)
		*why = "the card in this picture is too long";
	return err;
}

/* Adds a tEXt chunk. */
static int add_text(const char *key, struct str text, struct buf *out)
{
	const size_t start = out->len, len = strlen(key) + 1 + text.len;
	char number[4];
	int err;

	if (len > INT32_MAX) /* section 5.3 */
		return ERR_LIMIT;
	put_number((uint32_t)len, number);
	err = buf_add(out, number, sizeof(number));
	if (err == 0)
		err = buf_adds(out, "tEXt");
	if (err == 0)
		err = buf_add(out, key, strlen(key) + 1);
	if (err == 0)
		err = buf_add_str(out, text);
	if (err == 0) {
		put_number(checksum((struct str){out->at + start + 4, 4 + len}), number);
		err = buf_add(out, number, sizeof(number));
	}
	return err;
}

int convert_picture(struct str png, struct str card, enum convert_format f, struct buf *out)
{
	struct str rest, key, text;
	struct chunk c;
	struct buf base64;
	bool has_end = false;
	int err;

	if (f > CONVERT_TAVERN_V3)
		return ERR_INVALID;
	if (!convert_picture_is(png))
		return ERR_PARSE;
	rest = (struct str){png.at + SIGNATURE_BYTES, png.len - SIGNATURE_BYTES};
	buf_init(&base64, CONVERT_CARD_BYTES * 2);
	err = seal_to_base64(card, &base64);
	if (err == 0)
		err = buf_add(out, png.at, SIGNATURE_BYTES);
	while (err == 0 && !has_end && next_chunk(&rest, &c)) {
		if (read_text(&c, &key, &text) && is_card(key))
			continue;
		has_end = str_is(c.type, "IEND");
		if (has_end)
			err = add_text(
				f == CONVERT_TAVERN_V3 ? "ccv3" : "chara", buf_str(&base64), out);
		if (err == 0)
			err = buf_add_str(out, c.whole);
	}
	buf_fini(&base64);
	return err < 0 ? err : has_end ? 0 : ERR_PARSE;
}
