/* Copies of what a config says of a provider, and whether two say the same: a provider that did not
 * change keeps all that is known of it over a reload. */
#include "provider/room.h"

#include <string.h>

/* The strings of a provider: copied, compared and freed alike. */
static const size_t strings[] = {
	offsetof(struct conf_provider, name),    offsetof(struct conf_provider, model),
	offsetof(struct conf_provider, smaller), offsetof(struct conf_provider, ca_file),
	offsetof(struct conf_provider, file),    offsetof(struct conf_provider, keep_alive),
};
#define STRINGS (sizeof(strings) / sizeof(strings[0]))

static char **string_at(struct conf_provider *c, size_t i)
{
	return (char **)((char *)c + strings[i]);
}

static const char *string_of(const struct conf_provider *c, size_t i)
{
	return *(char *const *)((const char *)c + strings[i]);
}

int provider_texts_copy(struct conf_texts *to, const struct conf_texts *from)
{
	*to = (struct conf_texts){0};
	if (from->n == 0)
		return 0;
	to->at = mem_array(from->n, sizeof(char *));
	if (!to->at)
		return ERR_NOMEM;
	for (; to->n < from->n; to->n++) {
		to->at[to->n] = mem_dup(from->at[to->n]);
		if (!to->at[to->n])
			return ERR_NOMEM;
	}
	return 0;
}

static int copy_models(struct conf_provider *to, const struct conf_provider *from)
{
	if (from->other_count == 0)
		return 0;
	to->others = mem_array(from->other_count, sizeof(*to->others));
	if (!to->others)
		return ERR_NOMEM;
	for (; to->other_count < from->other_count; to->other_count++) {
		struct conf_model *m = &to->others[to->other_count];

		*m = from->others[to->other_count];
		m->name = mem_dup(m->name);
		if (!m->name)
			return ERR_NOMEM;
	}
	return 0;
}

/* The URLs of from, or its one where it has no list of them. */
static int copy_urls(struct conf_provider *to, const struct conf_provider *from)
{
	char *only[] = {from->url};
	const struct conf_texts one = {only, from->url ? 1 : 0};
	int err = provider_texts_copy(&to->urls, from->urls.n > 0 ? &from->urls : &one);

	to->url = to->urls.n > 0 ? to->urls.at[0] : NULL;
	return err;
}

int provider_settings_copy(struct conf_provider *to, const struct conf_provider *from)
{
	int err;

	*to = *from;
	memset(&to->key, 0, sizeof(to->key)); /* the fetched secret is all we need */
	for (size_t i = 0; i < STRINGS; i++)
		*string_at(to, i) = NULL;
	to->urls = to->headers = (struct conf_texts){0};
	to->url = NULL;
	to->others = NULL;
	to->other_count = 0;
	to->secret = secret_ref(from->secret);
	for (size_t i = 0; i < STRINGS; i++) {
		*string_at(to, i) = mem_dup(string_of(from, i));
		if (string_of(from, i) && !*string_at(to, i))
			return ERR_NOMEM;
	}
	err = copy_urls(to, from);
	if (!err)
		err = provider_texts_copy(&to->headers, &from->headers);
	return err ? err : copy_models(to, from);
}

void provider_settings_free(struct conf_provider *c)
{
	secret_free(c->secret);
	for (size_t i = 0; i < STRINGS; i++)
		mem_free(*string_at(c, i));
	conf_texts_free(&c->urls);
	conf_texts_free(&c->headers);
	for (size_t i = 0; i < c->other_count; i++)
		mem_free((char *)c->others[i].name);
	mem_free(c->others);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool are_same_texts(const struct conf_texts *a, const struct conf_texts *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->at[i], b->at[i]) != 0)
			return false;
	return true;
}

static bool are_same_models(const struct conf_provider *a, const struct conf_provider *b)
{
	if (a->other_count != b->other_count)
		return false;
	for (size_t i = 0; i < a->other_count; i++)
		if (strcmp(a->others[i].name, b->others[i].name) != 0 ||
				a->others[i].price_in != b->others[i].price_in ||
				a->others[i].price_out != b->others[i].price_out)
			return false;
	return true;
}

static bool are_same_numbers(const struct conf_provider *a, const struct conf_provider *b)
{
	return a->type == b->type && a->token_cap == b->token_cap &&
		a->temperature == b->temperature && a->max_tokens == b->max_tokens &&
		a->context_tokens == b->context_tokens && a->price_in == b->price_in &&
		a->price_out == b->price_out && a->connect_ms == b->connect_ms &&
		a->first_byte_ms == b->first_byte_ms && a->idle_ms == b->idle_ms &&
		a->total_ms == b->total_ms && a->remote_ok == b->remote_ok &&
		a->is_remote == b->is_remote &&
		a->warm_up == b->warm_up && a->at_once == b->at_once &&
		a->calls_hour == b->calls_hour && a->calls_day == b->calls_day &&
		a->cost_day == b->cost_day;
}

bool provider_settings_same(const struct conf_provider *a, const struct conf_provider *b)
{
	for (size_t i = 0; i < STRINGS; i++)
		if (!is_same_text(string_of(a, i), string_of(b, i)))
			return false;
	return are_same_numbers(a, b) && is_same_text(a->url, b->url) &&
		(b->urls.n == 0 || are_same_texts(&a->urls, &b->urls)) &&
		are_same_texts(&a->headers, &b->headers) && are_same_models(a, b) &&
		!a->secret == !b->secret && str_eq(secret_use(a->secret), secret_use(b->secret));
}
