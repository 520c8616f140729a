/* base/json_lint.h: what json-c's strict mode lets through and RFC 8259 does not.
 * Private to base. */
#ifndef BASE_JSON_LINT_H
#define BASE_JSON_LINT_H

#include "base/buf.h"

/* Looks at every token of text: UTF-8, strings, numbers, the three words, depth. Order of tokens is
 * json-c's business. *members gets the number of "key": in it. ERR_PARSE, ERR_LIMIT (depth); *why
 * then gets a static reason. */
int json_lint(struct str text, size_t *members, const char **why) MUST_USE;

#endif
