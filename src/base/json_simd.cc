/* The one C++ file: simdjson has no other door. No exception and no C++ name gets out of it. */
#include "base/json_simd.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>
#include <string.h>

#include "base/json.h"

#define FIRST_BYTES 4096 /* most texts are shorter */

static const char order_mark[] = {'\xEF', '\xBB', '\xBF'};

struct json_simd {
	simdjson::dom::parser parser;
};

struct json_simd *json_simd_new(void)
{
	struct json_simd *s = new (std::nothrow) json_simd();

	/* A number counts as a level of its own. */
	if (s && s->parser.allocate(FIRST_BYTES, JSON_DEPTH_MAX + 1)) {
		delete s;
		s = nullptr;
	}
	return s;
}

void json_simd_free(struct json_simd *s)
{
	delete s;
}

int json_simd_parse(struct json_simd *s, struct str text, struct json_words *out)
{
	const char *at = text.len > 0 ? text.at : "";

	if (text.len >= sizeof(order_mark) && !memcmp(at, order_mark, sizeof(order_mark)))
		return ERR_PARSE; /* newer versions of simdjson skip it */
	const simdjson::error_code err = s->parser.parse(at, text.len).error();

	if (err)
		return err == simdjson::MEMALLOC ? ERR_NOMEM : ERR_PARSE;
	const uint64_t *tape = s->parser.doc.tape.get();
	/* A root stands at each end; the first says where the last ends. */
	const uint64_t n = tape[0] & simdjson::internal::JSON_VALUE_MASK;
	out->at = tape + 1;
	out->end = tape + n - 1;
	out->strings = reinterpret_cast<const char *>(s->parser.doc.string_buf.get());
	return 0;
}
