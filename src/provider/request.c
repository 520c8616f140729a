/* What the request bodies of all vendors have in common. */
#include "provider/room.h"

#include <math.h>

static int add_message(struct buf *body, const struct prompt_message *m)
{
	int err = buf_addf(body, "{\"role\":\"%s\",\"content\":", prompt_role_name(m->role));

	if (!err)
		err = json_add_string(body, m->text);
	return err ? err : buf_addc(body, '}');
}

int provider_add_messages(struct buf *body, const struct prompt *p, bool with_system)
{
	int err = buf_adds(body, "\"messages\":[");
	size_t n = 0;

	for (size_t i = 0; i < p->n && !err; i++) {
		if (p->messages[i].role == PROMPT_SYSTEM && !with_system)
			continue;
		if (n++ > 0)
			err = buf_addc(body, ',');
		if (!err)
			err = add_message(body, &p->messages[i]);
	}
	return err ? err : buf_addc(body, ']');
}

int provider_add_number(struct buf *body, double n)
{
	/* The options' ranges keep it small; what is not a number never got through them. */
	long long thousandths = isfinite(n) ? llround(fabs(n) * 1000) : 0;

	return buf_addf(body, "%s%lld.%03lld", n < 0 ? "-" : "", thousandths / 1000,
		thousandths % 1000);
}

int provider_add_key(struct buf *headers, const char *before, const struct conf_provider *c)
{
	struct str key = secret_use(c->secret);

	if (key.len == 0)
		return 0;
	for (size_t i = 0; i < key.len; i++)
		if ((unsigned char)key.at[i] <= ' ' || (unsigned char)key.at[i] >= 0x7f)
			return ERR_INVALID;
	return buf_addf(headers, "%s%.*s\n", before, STR_FMT(key));
}
