/* A row on its way: one block of memory. */
#include "ledger/room.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NOTE_BYTES 64 /* {"redacted":true,"bytes":N} */

struct text_member {
	size_t offset;
	bool is_payload;
};

static const struct text_member members[] = {
	{offsetof(struct ledger_row, id), false},
	{offsetof(struct ledger_row, request), true},
	{offsetof(struct ledger_row, response), true},
	{offsetof(struct ledger_row, error_code), false},
	{offsetof(struct ledger_row, error_message), false},
	{offsetof(struct ledger_row, model_name), false},
	{offsetof(struct ledger_row, user_id), false},
	{offsetof(struct ledger_row, status), false},
	{offsetof(struct ledger_row, prompt_hash), false},
	{offsetof(struct ledger_row, turn), false},
	{offsetof(struct ledger_row, provider), false},
	{offsetof(struct ledger_row, platform), false},
	{offsetof(struct ledger_row, channel), false},
	{offsetof(struct ledger_row, trigger), false},
	{offsetof(struct ledger_row, persona), false},
	{offsetof(struct ledger_row, persona_version), false},
	{offsetof(struct ledger_row, reason), false},
	{offsetof(struct ledger_row, prompt), false},
	{offsetof(struct ledger_row, rule), false},
	{offsetof(struct ledger_row, purpose), false},
};
#define MEMBER_COUNT (sizeof(members) / sizeof(members[0]))

static const char **member_of(struct ledger_row *row, size_t i)
{
	return (const char **)((char *)row + members[i].offset);
}

/* What of a text is kept. note: room for what stands instead of a payload too large. */
static struct str kept(struct str s, bool is_payload, char note[NOTE_BYTES])
{
	if (!is_payload)
		s.len = s.len > LEDGER_TEXT_BYTES ? text_cut(s, LEDGER_TEXT_BYTES, 0) : s.len;
	else if (s.len > LEDGER_PAYLOAD_BYTES) {
		snprintf(note, NOTE_BYTES, "{\"redacted\":true,\"bytes\":%zu}", s.len);
		s = str_of(note);
	}
	return s;
}

struct ledger_item *ledger_item_new(const struct ledger_row *row)
{
	struct ledger_row from = *row;
	char notes[MEMBER_COUNT][NOTE_BYTES];
	struct str texts[MEMBER_COUNT];
	size_t bytes = sizeof(struct ledger_item);
	struct ledger_item *item;
	char *at;

	if (from.request == NULL)
		from.request = "{\"redacted\":true}";
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		texts[i] = kept(str_of(*member_of(&from, i)), members[i].is_payload, notes[i]);
		bytes += texts[i].len + 1;
	}
	item = mem_new(bytes);
	if (item == NULL)
		return NULL;
	item->bytes = bytes;
	item->row = from;
	at = (char *)(item + 1);
	for (size_t i = 0; i < MEMBER_COUNT; i++) {
		if (*member_of(&from, i) == NULL)
			continue;
		memcpy(at, texts[i].at, texts[i].len);
		*member_of(&item->row, i) = at;
		at += texts[i].len + 1; /* the block is zeroed: the NUL is there */
	}
	return item;
}
