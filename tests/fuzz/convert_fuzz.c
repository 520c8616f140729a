/* Any bytes as a card and as an export. Oracle: what is read becomes a persona file that reads, and
 * cards of every format that read again; what becomes triggers is a file that reads. */
#include "convert/convert.h"

#include <stdlib.h>

/* libfyaml 0.7.12 forgets the 2 KiB it gathered of a long quoted text when an error ends it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libfyaml\n";
}

static void require(bool is_so)
{
	if (!is_so)
		abort();
}

/* The persona that a file is. */
static struct convert_card *read_persona(struct str yaml)
{
	struct conf_report r;
	struct conf_file *f = NULL;
	struct persona *p = NULL;
	struct convert_card *c = NULL;

	conf_report_init(&r);
	require(!conf_file_parse("fuzz.yaml", yaml, &r, &f) && !persona_read(f, NULL, 0, &r, &p));
	require(!convert_card_of(f, p, &c));
	persona_free(p);
	conf_file_free(f);
	conf_report_fini(&r);
	return c;
}

static void check_card(struct str bytes)
{
	struct convert_card *card = NULL, *persona, *back;
	const char *why = NULL;
	struct buf out;

	if (convert_card_read(bytes, &card, &why)) {
		require(why != NULL);
		return;
	}
	buf_init(&out, 4 * CONVERT_CARD_BYTES);
	require(!convert_card_persona(card, "fuzz.card", &out));
	persona = read_persona(buf_str(&out));
	for (int f = 0; f < CONVERT_FORMAT_COUNT; f++) {
		buf_clear(&out);
		require(!convert_card_write(persona, card, (enum convert_format)f, &out));
		/* A text may happen to begin as JSON does. */
		back = NULL;
		require(!convert_card_read(buf_str(&out), &back, &why) || f == CONVERT_TEXT);
		convert_card_free(back);
	}
	convert_card_free(persona);
	convert_card_free(card);
	buf_fini(&out);
}

static void check_commands(enum convert_source source, struct str bytes)
{
	struct convert_tally tally;
	struct conf_report r;
	struct conf_file *f = NULL;
	struct trigger_file *triggers = NULL;
	const char *why = NULL;
	struct buf out;

	buf_init(&out, CONF_FILE_BYTES);
	conf_report_init(&r);
	if (!convert_commands(source, bytes, &out, &tally, &why)) {
		require(!conf_file_parse("fuzz.yaml", buf_str(&out), &r, &f));
		require(!trigger_file_read(f, &(struct trigger_refs){0}, &r, &triggers));
	}
	trigger_file_free(triggers);
	conf_file_free(f);
	conf_report_fini(&r);
	buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	const struct str all = {(const char *)bytes, size};

	check_card(all);
	check_commands(CONVERT_NIGHTBOT, all);
	check_commands(CONVERT_STREAMELEMENTS, all);
	return 0;
}
