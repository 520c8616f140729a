/* conf: the example file and the manual say what the tables say. */

#include "unit.h"

#include "conf/conf.h"

#define FILE_BYTES (1024 * 1024)

static void read_source(const char *name, struct buf *out)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", TOP_SRCDIR, name);
	buf_init(out, FILE_BYTES);
	assert_int_equal(file_read(path, out), 0);
}

/* "#option: value" without the "#"; "# prose" stays. */
static void uncomment(struct buf *text)
{
	size_t to = 0;

	for (size_t i = 0; i < text->len; i++) {
		bool is_first = to == 0 || strchr("\n ", text->at[to - 1]);

		if (!(text->at[i] == '#' && is_first && text->at[i + 1] >= 'a' &&
			    text->at[i + 1] <= 'z'))
			text->at[to++] = text->at[i];
	}
	buf_truncate(text, to);
}

/* Does a value of the example say what the table's fallback says? */
static bool says_fallback(const struct conf_node *n, const char *fallback)
{
	char list[512] = "[";

	if (conf_node_kind(n) == CONF_SCALAR)
		return str_is(conf_node_text(n), fallback);
	for (size_t i = 0; i < conf_node_count(n); i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%.*s", i ? ", " : "",
			STR_FMT(conf_node_text(conf_node_at(n, i))));
	return strncmp(list, fallback, strlen(list)) == 0;
}

static void the_example_has_every_option_with_its_default(void **state)
{
	const struct conf_option *options;
	const char *section, *help;
	struct conf_file *f = NULL;
	struct conf *c = NULL;
	struct conf_report r;
	struct buf text;
	size_t n;

	(void)state;
	conf_report_init(&r);
	read_source("contrib/mynah.yaml", &text);
	assert_int_equal(conf_file_parse("contrib/mynah.yaml", buf_str(&text), &r, &f), 0);
	assert_int_equal(conf_build(f, &r, &c), 0);
	assert_int_equal(r.errors + r.warnings, 0);
	conf_free(c);
	conf_file_free(f);
	uncomment(&text);
	assert_int_equal(conf_file_parse("contrib/mynah.yaml", buf_str(&text), &r, &f), 0);
	assert_int_equal(conf_build(f, &r, &c), 0);
	assert_int_equal(r.errors + r.warnings, 0);
	for (size_t i = 0; (section = conf_section(i, &options, &n, &help)); i++) {
		struct conf_node *map = conf_file_root(f);

		map = *section ? conf_node_find(map, section) : map;
		map = strcmp(section, "providers") == 0 ? conf_node_find(map, "local") : map;
		map = strcmp(section, "routes") == 0 ? conf_node_at(map, 0) : map;
		for (size_t k = 0; k < n; k++) {
			struct conf_node *value = conf_node_find(map, options[k].name);

			if (!value)
				fail_msg("%s.%s is not in contrib/mynah.yaml", section,
					options[k].name);
			if (options[k].fallback && !says_fallback(value, options[k].fallback))
				fail_msg("%s.%s is not %s there", section, options[k].name,
					options[k].fallback);
		}
	}
	conf_free(c);
	conf_file_free(f);
	buf_fini(&text);
}

static void other_shipped_files_load(void **state)
{
	struct conf *c = NULL;
	struct conf_report r;

	(void)state;
	conf_report_init(&r);
	assert_int_equal(conf_load(TOP_SRCDIR "/contrib/quickstart.yaml", &r, &c), 0);
	assert_int_equal(r.errors + r.warnings, 0);
	conf_free(c);
}

static void the_manual_is_what_the_tables_say(void **state)
{
	static const char begin[] = ".\\\" BEGIN\n", end[] = ".\\\" END\n";
	struct buf page, options;
	const char *from, *to;

	(void)state;
	read_source("man/mynah.yaml.5", &page);
	buf_init(&options, FILE_BYTES);
	assert_int_equal(conf_options_write(true, &options), 0);
	from = strstr(buf_text(&page), begin);
	assert_non_null(from);
	from += strlen(begin);
	to = strstr(from, end);
	assert_non_null(to);
	if (getenv("MYNAH_GOLDEN") && strcmp(getenv("MYNAH_GOLDEN"), "write") == 0) {
		struct buf fresh;

		buf_init(&fresh, FILE_BYTES);
		assert_int_equal(buf_addf(&fresh, "%.*s%s%s", (int)(from - buf_text(&page)),
					 buf_text(&page), buf_text(&options), to),
			0);
		assert_int_equal(
			file_replace(TOP_SRCDIR "/man/mynah.yaml.5", buf_str(&fresh), 0644), 0);
		buf_fini(&fresh);
	} else if (!str_eq((struct str){from, (size_t)(to - from)}, buf_str(&options))) {
		fail_msg("man/mynah.yaml.5 is not what the tables say: MYNAH_GOLDEN=write rewrites "
			 "it");
	}
	buf_fini(&page);
	buf_fini(&options);
}

static void every_option_is_helped_with_one_sentence(void **state)
{
	const struct conf_option *options;
	const char *section, *help;
	struct buf out;
	size_t n;

	(void)state;
	for (size_t i = 0; (section = conf_section(i, &options, &n, &help)); i++) {
		assert_true(help[strlen(help) - 1] == '.');
		for (size_t k = 0; k < n; k++)
			if (!options[k].help || options[k].help[0] == '\0' ||
				options[k].help[strlen(options[k].help) - 1] != '.')
				fail_msg("%s.%s has no help", section, options[k].name);
	}
	buf_init(&out, FILE_BYTES);
	assert_int_equal(conf_options_write(false, &out), 0);
	assert_non_null(strstr(buf_text(&out), "limits:\n"));
	assert_non_null(strstr(buf_text(&out), "    drain: duration\n"));
	assert_non_null(strstr(buf_text(&out), "Default: 10s,"));
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_example_has_every_option_with_its_default),
		cmocka_unit_test(other_shipped_files_load),
		cmocka_unit_test(the_manual_is_what_the_tables_say),
		cmocka_unit_test(every_option_is_helped_with_one_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
