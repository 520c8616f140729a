#include "conf/room.h"

#include <stdio.h>
#include <string.h>

/* The rules of `routes:`, and what of a provider no table can read: its headers, and the models
 * that rules and `smaller:` ask it for. */

#define HEADERS_MAX 8         /* beside some six of ours */
#define HEADER_NAME_BYTES 64
#define HEADER_VALUE_BYTES 512

/* ---- Rules ----------------------------------------------------------------------------------- */

static int read_route(struct conf *c, const struct conf_node *n, const struct conf_file *f,
	struct conf_report *r)
{
	const struct conf_part_table *part = &conf_parts[CONF_PART_ROUTES];
	int err = conf_read(r, f, n, part->options, part->n, &c->routes[c->route_count++]);

	return err == ERR_NOMEM ? err : 0;
}

int conf_routes_read(struct conf *c, const struct conf_node *list, const struct conf_file *f,
	struct conf_report *r)
{
	size_t n = list ? conf_node_count(list) : 0;
	int err = 0;

	if (!list || conf_node_is_null(list))
		return 0;
	if (conf_node_kind(list) != CONF_LIST || n > CONF_ROUTES_MAX) {
		conf_complain(r, f, list, 0, CONF_ERROR,
			"begin every rule with \"- \", as in - {trigger: story, ask: [big]}",
			"routes: is a list of at most %d rules", CONF_ROUTES_MAX);
		return 0;
	}
	if (n == 0)
		return 0;
	c->routes = mem_array(n, sizeof(*c->routes));
	if (!c->routes)
		return ERR_NOMEM;
	for (size_t i = 0; i < n && !err; i++)
		err = read_route(c, conf_node_at(list, i), f, r);
	return err;
}

void conf_routes_free(struct conf *c)
{
	const struct conf_part_table *part = &conf_parts[CONF_PART_ROUTES];

	for (size_t i = 0; i < c->route_count; i++)
		conf_free_options(part->options, part->n, &c->routes[i]);
	mem_free(c->routes);
}

/* ---- Models ---------------------------------------------------------------------------------- */

static bool is_asked(const struct conf_texts *ask, const char *name)
{
	for (size_t i = 0; i < ask->n; i++)
		if (strcmp(ask->at[i], name) == 0)
			return true;
	return false;
}

static void add_model(struct conf_provider *p, const char *name)
{
	for (size_t i = 0; i < p->other_count; i++)
		if (strcmp(p->others[i].name, name) == 0)
			return;
	if (!p->model || strcmp(p->model, name) != 0)
		p->others[p->other_count++].name = name;
}

int conf_models_note(struct conf *c)
{
	for (size_t i = 0; i < c->provider_count; i++) {
		struct conf_provider *p = &c->providers[i];

		p->others = mem_array(c->route_count + 1, sizeof(*p->others));
		if (!p->others)
			return ERR_NOMEM;
		if (p->smaller)
			add_model(p, p->smaller);
		for (size_t k = 0; k < c->route_count; k++)
			if (c->routes[k].model && is_asked(&c->routes[k].ask, p->name))
				add_model(p, c->routes[k].model);
	}
	return 0;
}

/* ---- Headers --------------------------------------------------------------------------------- */

static bool is_token(struct str name)
{
	return conf_is_word(name, "-_") && name.len <= HEADER_NAME_BYTES;
}

static bool is_printable(struct str value)
{
	for (size_t i = 0; i < value.len; i++)
		if ((unsigned char)value.at[i] < ' ' || (unsigned char)value.at[i] >= 0x7f)
			return false;
	return value.len > 0 && value.len <= HEADER_VALUE_BYTES;
}

/* Those that the request lives by, and the keys, which have an option that keeps them secret. */
static bool is_ours(struct str name)
{
	static const char *const ours[] = {"Accept", "Accept-Encoding", "Authorization",
		"Connection",
		"Content-Length", "Content-Type", "Host", "Transfer-Encoding", "X-Request-ID",
		"X-Api-Key", "anthropic-version"};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (str_is_nocase(name, ours[i]))
			return true;
	return false;
}

/* Is it a header that may be added? Complains. */
static bool judge_header(const struct conf_node *key, const struct conf_node *value,
	const struct conf_file *f, struct conf_report *r)
{
	const struct str name = conf_node_text(key);

	if (!is_token(name) || is_ours(name)) {
		conf_complain(r, f, key, 0, CONF_ERROR,
			"letters, digits, - and _; keys belong under key:, in a secret",
			"\"%.*s\" cannot be a header of your own", STR_FMT(conf_shown(name)));
		return false;
	}
	if (conf_node_kind(value) == CONF_SCALAR && is_printable(conf_node_text(value)))
		return true;
	conf_complain(r, f, value, 0, CONF_ERROR, "plain letters, digits and signs, on one line",
		"a header's value is a text of at most %d bytes", HEADER_VALUE_BYTES);
	return false;
}

int conf_headers_read(struct conf_provider *p, const struct conf_node *n, const struct conf_file *f,
	struct conf_report *r)
{
	const size_t count = n ? conf_node_count(n) : 0;
	char line[HEADER_NAME_BYTES + HEADER_VALUE_BYTES + 3];

	if (!n || conf_node_is_null(n))
		return 0;
	if (conf_node_kind(n) != CONF_MAP || count > HEADERS_MAX) {
		conf_complain(r, f, n, 0, CONF_ERROR, "write headers: {X-Title: mynah}",
			"\"headers\" is a map of at most %d names with a text each", HEADERS_MAX);
		return 0;
	}
	p->headers.at = mem_array(count + 1, sizeof(char *));
	for (size_t i = 0; p->headers.at && i < count; i++) {
		const struct conf_node *key = conf_node_key(n, i), *value = conf_node_value(n, i);

		if (!judge_header(key, value, f, r))
			continue;
		snprintf(line, sizeof(line), "%.*s: %.*s", STR_FMT(conf_node_text(key)),
			STR_FMT(conf_node_text(value)));
		p->headers.at[p->headers.n] = mem_dup(line);
		if (!p->headers.at[p->headers.n])
			return ERR_NOMEM;
		p->headers.n++;
	}
	return p->headers.at ? 0 : ERR_NOMEM;
}
