/* The strict JSON door.
 *
 * Oracle: a text is JSON exactly if it is JSON inside brackets; any bytes that are written as a
 * string are read back as what they were, or with U+FFFD for what was no UTF-8. */
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define IN_BYTES 16384

static void expect(bool claim)
{
	if (!claim)
		abort();
}

static void touch(void *ctx, const char *key, const struct json *value)
{
	size_t *sum = ctx;

	*sum += strlen(key) + json_text(value).len + json_count(value);
	for (size_t i = 0; i < json_count(value); i++)
		*sum += json_text(json_at(value, i)).len;
}

static void check_brackets(struct str s)
{
	char text[IN_BYTES + 2];
	struct json *bare, *inside;
	const char *why = "";

	text[0] = '[';
	memcpy(text + 1, s.at, s.len);
	text[s.len + 1] = ']';
	int err = json_parse(s, IN_BYTES, &bare, &why);
	int err_inside = json_parse((struct str){text, s.len + 2}, sizeof(text), &inside, &why);
	if (err == 0 && err_inside != ERR_LIMIT) /* one deeper */
		expect(err_inside == 0 && json_count(inside) == 1);
	/* "1,2" and "" are fine inside only. */
	if (err_inside == 0 && json_count(inside) == 1)
		expect(err == 0);
	size_t sum = 0;
	json_each(bare, touch, &sum);
	json_free(bare);
	json_free(inside);
}

static void check_string(struct str s)
{
	struct buf written, clean;
	struct json *j;

	buf_init(&written, 8 * IN_BYTES);
	buf_init(&clean, 8 * IN_BYTES);
	expect(json_add_string(&written, s) == 0);
	expect(json_parse(buf_str(&written), written.len, &j, NULL) == 0);
	for (size_t at = 0; at < s.len;)
		expect(text_put(&clean, text_next(s, &at)) == 0);
	expect(str_eq(json_text(j), buf_str(&clean)));
	json_free(j);
	buf_fini(&clean);
	buf_fini(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = {(const char *)data, size};

	if (size == 0 || size > IN_BYTES)
		return 0;
	check_brackets(s);
	check_string(s);
	return 0;
}
