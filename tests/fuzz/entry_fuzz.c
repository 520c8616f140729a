/* Fuzz: what stands in a Redis list, whoever wrote it, becomes a line. Oracle: the line is valid
 * UTF-8, one line, within its limits; written by us and read again it is the same. */
#include "memory/room.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(struct str s, size_t max)
{
	must(s.len <= max);
	must(text_is_utf8(s));
	must(memchr(s.at, '\n', s.len) == NULL && memchr(s.at, '\r', s.len) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first, again, bytes;
	struct memory_entry a, b;
	struct line la, lb;

	buf_init(&first, 2 * MEMORY_ENTRY_BYTES);
	buf_init(&again, 2 * MEMORY_ENTRY_BYTES);
	buf_init(&bytes, MEMORY_ENTRY_BYTES);
	if (memory_entry_read((struct str){(const char *)data, size}, &first, &a) != 0)
		goto out;
	la = memory_entry_line(&a, &first);
	check_text(la.text, MEMORY_LINE_BYTES);
	check_text(la.name, MEMORY_NAME_BYTES);
	must(la.id.len <= MEMORY_ID_BYTES);
	must(memory_entry_write(&la, memory_entry_author(&a, &first), &bytes) == 0);
	must(memory_entry_read(buf_str(&bytes), &again, &b) == 0);
	lb = memory_entry_line(&b, &again);
	must(la.is_bot == lb.is_bot && la.wall_ms == lb.wall_ms);
	must(str_eq(la.text, lb.text) && str_eq(la.name, lb.name) && str_eq(la.id, lb.id));
out:
	buf_fini(&first);
	buf_fini(&again);
	buf_fini(&bytes);
	return 0;
}
