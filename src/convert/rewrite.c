/* JSON objects written member by member, most of them copies. */
#include "convert/room.h"

static void note(struct convert_object *o, int err)
{
	if (o->err == 0)
		o->err = err;
}

void convert_object_begin(struct convert_object *o, struct buf *out)
{
	*o = (struct convert_object){.out = out};
	note(o, buf_addc(out, '{'));
}

void convert_object_key(struct convert_object *o, const char *key)
{
	if (o->err == 0 && o->n++ > 0)
		note(o, buf_addc(o->out, ','));
	if (o->err == 0)
		note(o, json_add_string(o->out, str_of(key)));
	if (o->err == 0)
		note(o, buf_addc(o->out, ':'));
}

void convert_object_text(struct convert_object *o, const char *key, struct str value)
{
	convert_object_key(o, key);
	if (o->err == 0)
		note(o, json_add_string(o->out, value));
}

void convert_object_raw(struct convert_object *o, const char *key, const char *value)
{
	convert_object_key(o, key);
	if (o->err == 0)
		note(o, buf_adds(o->out, value));
}

void convert_object_copy(struct convert_object *o, const char *key, const struct json *value)
{
	convert_object_key(o, key);
	if (o->err == 0)
		note(o, json_add(o->out, value));
}

int convert_object_end(struct convert_object *o)
{
	if (o->err == 0)
		note(o, buf_addc(o->out, '}'));
	return o->err;
}
