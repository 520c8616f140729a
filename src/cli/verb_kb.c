/* kb: what the bot knows of what the streamer wrote, and what of it a question would find. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static int print_list(const struct knowledge *k, bool is_json)
{
	size_t files, chunks;
	const char *const *names = knowledge_files(k, &files);
	const struct knowledge_chunk *c = knowledge_chunks(k, &chunks);
	struct buf out;
	int err;

	buf_init(&out, 256 * 1024);
	err = buf_adds(&out, is_json ? "[" : "");
	for (size_t i = 0; i < files && !err; i++) {
		size_t n = 0, tokens = 0;

		for (size_t at = 0; at < chunks; at++) {
			if (c[at].file != names[i])
				continue;
			n++;
			tokens += prompt_tokens(c[at].text);
		}
		if (is_json) {
			err = buf_adds(&out, i > 0 ? ",{\"file\":" : "{\"file\":");
			if (!err)
				err = json_add_string(&out, str_of(names[i]));
			if (!err)
				err = buf_addf(&out, ",\"chunks\":%zu,\"tokens\":%zu}", n, tokens);
		} else {
			err = buf_addf(&out, "%-24s %3zu chunk%s, about %zu tokens\n", names[i], n,
				n == 1 ? " " : "s", tokens);
		}
	}
	if (!err)
		err = buf_adds(&out, is_json ? "]\n" : files == 0 ? "there are no files\n" : "");
	fputs(buf_text(&out), stdout);
	buf_fini(&out);
	return err ? CLI_SYSTEM : CLI_OK;
}

static int add_hit_json(struct buf *out, const struct knowledge_hit *h)
{
	int err = buf_adds(out, "{\"file\":");

	if (!err)
		err = json_add_string(out, str_of(h->chunk->file));
	if (!err)
		err = buf_addf(out, ",\"line\":%d,\"score\":%.6g,\"heading\":", h->chunk->line,
			h->score);
	if (!err)
		err = json_add_string(out, h->chunk->heading);
	if (!err)
		err = buf_adds(out, ",\"text\":");
	if (!err)
		err = json_add_string(out, h->chunk->text);
	return err ? err : buf_addc(out, '}');
}

static int print_query(const struct bot_world *w, struct str question, bool is_json)
{
	struct knowledge_hit hits[KNOWLEDGE_TOP];
	struct buf out;
	size_t n;
	int err = knowledge_find(w->knowledge, question, w->conf->name, NULL, hits, &n);

	buf_init(&out, 256 * 1024);
	if (!err && is_json)
		err = buf_addc(&out, '[');
	for (size_t i = 0; i < n && !err; i++) {
		const struct knowledge_chunk *c = hits[i].chunk;

		if (is_json && i > 0)
			err = buf_addc(&out, ',');
		if (!err && is_json)
			err = add_hit_json(&out, &hits[i]);
		else if (!err)
			err = buf_addf(&out, "%s%s:%d, score %.3g\n%.*s\n", i > 0 ? "\n" : "",
				c->file, c->line, hits[i].score, STR_FMT(c->text));
	}
	if (!err)
		err = buf_adds(&out, is_json ? "]\n" : n == 0 ? "nothing is found\n" : "");
	fputs(buf_text(&out), stdout);
	buf_fini(&out);
	return err ? CLI_SYSTEM : n > 0 ? CLI_OK : CLI_FINDINGS;
}

int cli_kb(const struct cli *c)
{
	const struct bot_source s = cli_source(c);
	const bool is_list = c->argc == 1 && strcmp(c->argv[0], "list") == 0;
	const bool is_query = c->argc == 2 && strcmp(c->argv[0], "query") == 0;
	struct conf_report report;
	struct bot_world *w = NULL;
	int code = CLI_CONFIG;

	if (!is_list && !is_query)
		return cli_usage(c);
	conf_report_init(&report);
	if (bot_world_load(&s, &report, &w)) {
		cli_complain(&report);
	} else if (!w->knowledge) {
		cli_say("there is no folder of knowledge; make one next to the folder of triggers");
		code = CLI_FINDINGS;
	} else {
		code = is_list ? print_list(w->knowledge, c->is_json)
			       : print_query(w, str_of(c->argv[1]), c->is_json);
	}
	bot_world_unref(w);
	conf_report_fini(&report);
	return code;
}
