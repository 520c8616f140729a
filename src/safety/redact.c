/* Personal data and keys out of a text that is to be stored. */
#include "safety/room.h"

static int redact(struct str text, struct buf *out)
{
	const char *kind;
	int err = 0;

	for (size_t at = 0; at < text.len && err == 0;) {
		size_t n = safety_personal_at(text, at, &kind);
		if (n > 0) {
			err = buf_addf(out, "[%s]", kind);
			at += n;
		} else {
			err = buf_addc(out, text.at[at++]);
		}
	}
	return err;
}

int safety_redact(struct str text, struct buf *out)
{
	size_t begin = out->len;
	int err = redact(text, out);

	if (err == 0 && out->len > begin) {
		struct str rest = {out->at + begin, out->len - begin};
		/* Written so that only folding shows it: nothing of such a text is kept. */
		err = safety_personal_check(rest);
		if (err == ERR_DENIED || err == ERR_LIMIT) {
			buf_truncate(out, begin);
			err = buf_adds(out, "[redacted]");
		}
	}
	if (err < 0)
		buf_truncate(out, begin);
	return err;
}
