/* Do the two readers of JSON agree? What unit tests and the fuzzer of the tape share. */
#ifndef JSON_SAME_H
#define JSON_SAME_H

#include "base/base.h"

/* NULL when json.h and the tape say the same of text, verdict and contents, else what differs. */
const char *json_same(struct json_tape *tape, struct str text, size_t max_bytes);

#endif
