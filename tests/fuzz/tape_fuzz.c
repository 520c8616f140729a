/* The tape.
 *
 * Oracle: the strict JSON door, which reads with another library, gives the same verdict and the
 * same contents. */
#include <stdio.h>
#include <stdlib.h>

#include "../unit/json_same.h"

#define IN_BYTES 16384

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct json_tape *tape;

	if (!tape && json_tape_new(8 * IN_BYTES, &tape) != 0)
		abort();
	if (size > IN_BYTES)
		return 0;
	const char *differs = json_same(tape, (struct str){(const char *)data, size}, 8 * IN_BYTES);
	if (differs) {
		fprintf(stderr, "not the same: %s\n", differs);
		abort();
	}
	return 0;
}
