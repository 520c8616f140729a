/* The list of model prices: one JSON object by model name, as LiteLLM keeps it (ai-providers.md 7):
 * input_cost_per_token and output_cost_per_token in dollars, 2.5e-06. */
#include "conf/room.h"

#include <math.h>
#include <stdio.h>

#define PRICES_BYTES (8 * 1024 * 1024) /* LiteLLM's own has 1.3 MiB */
#define TOKENS 1e6                     /* what our prices are for */

static const struct json *find(const struct json *prices, const char *vendor, const char *model)
{
	const struct json *found = json_get(prices, model);
	char name[512];

	if (found)
		return found;
	snprintf(name, sizeof(name), "%s/%s", vendor, model);
	return json_get(prices, name);
}

static int64_t price(const struct json *entry, const char *key)
{
	const double dollars = json_number(entry, key, 0) * TOKENS;

	if (!(dollars > 0))
		return 0;
	return llround((dollars < CONF_MONEY_MAX ? dollars : CONF_MONEY_MAX) * (double)CONF_DOLLAR);
}

/* Is its price to be looked up? */
static bool is_asked_for(const struct conf_provider *p)
{
	return p->type != CONF_SCRIPTED && p->price_in == 0 && p->price_out == 0 && p->model;
}

/* The models that it may be asked for besides its own: what the list does not know costs as much as
 * its own, which is more than nothing. */
static void fill_others(struct conf_provider *p, const struct json *prices, const char *vendor)
{
	for (size_t i = 0; i < p->other_count; i++) {
		struct conf_model *m = &p->others[i];
		const struct json *entry = find(prices, vendor, m->name);

		m->price_in = price(entry, "input_cost_per_token");
		m->price_out = price(entry, "output_cost_per_token");
	}
}

static void fill(struct conf *c, const struct json *prices, const struct conf_file *f,
	struct conf_report *r)
{
	static const char *const vendors[] = {
		[CONF_OLLAMA] = "ollama", [CONF_OPENAI] = "openai",
		[CONF_ANTHROPIC] = "anthropic", [CONF_WADDLEAI] = "waddleai",
	};

	const struct conf_node *n = f ? conf_node_find(conf_file_root(f), "prices") : NULL;

	for (size_t i = 0; i < c->provider_count; i++) {
		struct conf_provider *p = &c->providers[i];
		const struct json *entry;

		if (!is_asked_for(p))
			continue;
		entry = find(prices, vendors[p->type], p->model);
		if (!entry && p->remote_ok)
			conf_complain(r, f, n, 0, CONF_WARNING,
				"give its provider price_in: and price_out:, or add it to the list",
				"the list of prices does not know the model \"%s\"", p->model);
		p->price_in = price(entry, "input_cost_per_token");
		p->price_out = price(entry, "output_cost_per_token");
		fill_others(p, prices, vendors[p->type]);
	}
}

int conf_prices_read(struct conf *c, const struct conf_file *f, struct conf_report *r)
{
	struct json *prices = NULL;
	const char *why = "";
	struct buf text;
	bool is_needed = false;
	int err;

	for (size_t i = 0; c->prices && i < c->provider_count && !is_needed; i++)
		is_needed = is_asked_for(&c->providers[i]);
	if (!is_needed)
		return 0;
	buf_init(&text, PRICES_BYTES);
	err = file_read(c->prices, &text);
	if (err)
		why = err_text(err);
	else
		err = json_parse(buf_str(&text), PRICES_BYTES, &prices, &why);
	if (!err && !json_is_object(prices)) {
		err = ERR_PARSE;
		why = "it is no object";
	}
	if (!err)
		fill(c, prices, f, r);
	else if (err != ERR_NOMEM)
		conf_complain(r, f, f ? conf_node_find(conf_file_root(f), "prices") : NULL, 0,
			CONF_ERROR, "LiteLLM calls it model_prices_and_context_window.json",
			"the list of prices cannot be read: %s", why);
	json_free(prices);
	buf_fini(&text);
	return err == ERR_NOMEM ? err : 0;
}
