/* Folders of files that belong to mynah.yaml without being named there. */
#include "cli/cli.h"

#include <string.h>
#include <sys/stat.h>

char *cli_folder(const struct cli *c, const char *name)
{
	const char *config = cli_source(c).config;
	char *dir = mem_dup(config && strchr(config, '/') ? config : "./"), *path = NULL;
	struct stat st;

	if (dir) {
		strrchr(dir, '/')[1] = '\0';
		path = file_join(dir, name);
	}
	if (path && stat(path, &st) != 0) {
		mem_free(path);
		path = file_join(MYNAH_DATADIR, name);
	}
	mem_free(dir);
	return path;
}

int cli_golden_set(const struct cli *c, char *const *paths, int n, struct golden_set *s)
{
	struct conf_report report;
	char *folder = NULL;
	int err = 0;

	conf_report_init(&report);
	for (int i = 0; !err && i < n; i++)
		err = golden_set_add(s, paths[i], &report);
	if (n == 0) {
		folder = c->golden ? mem_dup(c->golden) : cli_folder(c, "golden");
		err = folder ? golden_set_add(s, folder, &report) : ERR_NOMEM;
	}
	if (!err)
		err = golden_set_seal(s);
	cli_complain(&report);
	conf_report_fini(&report);
	mem_free(folder);
	return err;
}
