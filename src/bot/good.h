/* The last good version of every file, in state_dir/good/KIND-NAME, so that neither a reload nor a
 * restart is ever harmed by a bad edit (faults.md group C). KIND keeps a persona and a trigger file
 * of one name apart. Blocking; on the thread that loads a world. */
#ifndef BOT_GOOD_H
#define BOT_GOOD_H

#include "conf/conf.h"

/* Parses the last good copy under the name of the original, so that paths in it mean the same. NULL
 * when there is none that still parses. GIVES. */
struct conf_file *bot_good_load(const char *state_dir, const char *kind, const char *path);
bool bot_good_is(const char *state_dir, const char *kind, const struct conf_file *f);
/* Keeps the text of a file that loaded; not being able to is worth a line, never a failure. */
void bot_good_keep(const char *state_dir, const char *kind, const char *path, struct str text);
/* Removes copies of files that are gone: a file that was deleted stays deleted. */
void bot_good_prune(const char *state_dir, const char *kind, char **names, size_t n);

#endif
