/* Replays the corpus of a fuzz target in builds without libFuzzer, as TAP: every file whole, cut at
 * every byte, and with every byte changed. The target aborts where its oracle is broken, so a fault
 * ends the run before its "ok". The corpus stands in tests/fuzz/corpus/NAME. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define SEED_BYTES 4096 /* a corpus that is replayed at every build stays small */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void replay(struct buf *seed)
{
	unsigned char *at = (unsigned char *)seed->at;

	LLVMFuzzerTestOneInput(at, seed->len);
	for (size_t n = 0; n < seed->len; n++) {
		const unsigned char was = at[n];

		LLVMFuzzerTestOneInput(at, n);
		at[n] = (unsigned char)(was ^ (1u << n % 8));
		LLVMFuzzerTestOneInput(at, seed->len);
		at[n] = was;
	}
}

int main(int argc, char **argv)
{
	const char *top = getenv("top_srcdir"), *name = strrchr(argv[0], '/');
	char dir[1024], **files = NULL;
	size_t n = 0, failed = 0;

	(void)argc;
	snprintf(dir, sizeof(dir), "%s/tests/fuzz/corpus/%s", top ? top : ".",
		name ? name + 1 : argv[0]);
	if (file_names(dir, "", &files, &n) || n == 0) {
		printf("Bail out! no corpus in %s\n", dir);
		return 1;
	}
	for (size_t i = 0; i < n; i++) {
		char *path = file_join(dir, files[i]);
		struct buf seed;

		buf_init(&seed, SEED_BYTES);
		int err = path ? file_read(path, &seed) : ERR_NOMEM;
		if (!err)
			replay(&seed);
		failed += err != 0;
		printf("%s %zu - %s\n", err ? "not ok" : "ok", i + 1, files[i]);
		buf_fini(&seed);
		mem_free(path);
	}
	printf("1..%zu\n", n);
	file_names_free(files, n);
	return failed > 0;
}
