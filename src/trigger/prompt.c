/* What a trigger says of prompt files. They were checked by themselves; what a trigger names has to
 * be there, and what its text needs of an event is the trigger's business. */
#include "trigger/room.h"

#include <string.h>

#define HINT_BYTES 200

static void complain(
	struct trigger_reading *rd, const struct conf_node *n, const char *ref, const char **names)
{
	const struct trigger_refs *refs = rd->refs;
	const char *near;
	struct buf hint;

	for (size_t i = 0; i < refs->prompt_count; i++)
		names[i] = refs->prompts[i].ref;
	near = conf_nearest(str_of(ref), names, refs->prompt_count);
	buf_init(&hint, HINT_BYTES);
	if (near && buf_addf(&hint, "did you mean %s?", near))
		near = NULL;
	TRIGGER_COMPLAIN(rd, n,
		near ? buf_text(&hint)
		     : "it is NAME or NAME@VERSION of a file in prompts/; a pre-release only with "
		       "its version",
		"there is no prompt \"%s\"", ref);
	buf_fini(&hint);
}

void trigger_prompt_check(struct trigger_reading *rd, const struct conf_node *n, const char *ref,
	struct trigger *t)
{
	const struct trigger_refs *refs = rd->refs;
	const char **names;

	if (!refs->prompts)
		return;
	for (size_t i = 0; i < refs->prompt_count; i++) {
		if (strcmp(ref, refs->prompts[i].ref) != 0)
			continue;
		if (trigger_template_needs_stream(str_of(refs->prompts[i].text)))
			t->own->needs_stream = true;
		return;
	}
	names = mem_array(refs->prompt_count + 1, sizeof(*names));
	if (names)
		complain(rd, n, ref, names);
	else
		rd->is_nomem = true;
	mem_free(names);
}
