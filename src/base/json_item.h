/* base/json_item.h: how one value stands on the tape. Private to base. */
#ifndef BASE_JSON_ITEM_H
#define BASE_JSON_ITEM_H

#include "base/buf.h"

enum json_kind {
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_INTEGER, /* that fits int64_t */
	JSON_REAL,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_item {
	struct str key;  /* of a member, unescaped; at is NULL in arrays and at the root */
	union {
		struct str text; /* of a string, unescaped */
		int64_t integer;
		double real;
	};
	uint32_t span;   /* so many items further is the first that is not inside this one */
	uint32_t count;  /* of elements or members */
	enum json_kind kind : 8;
	bool is_last;    /* of its container; the root is */
};

#endif
