/* Private to the room. */
#ifndef GOLDEN_ROOM_H
#define GOLDEN_ROOM_H

#include "golden/golden.h"

#define GOLDEN_PROMPT_BYTES (4 * PERSONA_PROMPT_BYTES) /* as a case has it: indented */

/* case.c. GIVES *out. ERR_INVALID after complaints. */
int golden_case_read(const char *path, struct conf_report *r, struct golden_case **out) MUST_USE;
void golden_case_free(struct golden_case *c);

/* text.c: one message of `prompt:`. */
int golden_add_message(struct buf *out, const char *role, struct str text) MUST_USE;

#endif
