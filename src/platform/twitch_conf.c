/* A copy of what a Twitch place's config says, for accounts that are made after it was read. */
#include "platform/twitch_place.h"

#include <string.h>

void platform_conf_fini(struct conf_place *c)
{
	char *owned[] = {c->name, c->ca_file, c->account, c->client_id, c->id_url, c->api_url,
		c->eventsub_url, c->token.name};

	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
		mem_free(owned[i]);
	conf_texts_free(&c->channels);
	secret_free(c->secret);
	secret_free(c->client);
	memset(c, 0, sizeof(*c));
}

/* False without memory; NULL stays NULL. */
static bool copy_text(char **to, const char *from)
{
	*to = mem_dup(from);
	return *to || !from;
}

static bool copy_texts(struct conf_texts *to, const struct conf_texts *from)
{
	to->at = mem_array(from->n + 1, sizeof(*to->at));
	for (size_t i = 0; to->at && i < from->n; i++) {
		if (!copy_text(&to->at[i], from->at[i]))
			return false;
		to->n++;
	}
	return to->at != NULL;
}

int platform_conf_copy(const struct conf_place *c, struct conf_place *out)
{
	struct conf_place copy = {.kind = c->kind, .chat = c->chat, .send = c->send,
		.support = c->support, .reply_threads = c->reply_threads,
		.stream_poll_ms = c->stream_poll_ms};

	copy.secret = secret_ref(c->secret);
	copy.client = secret_ref(c->client);
	copy.token.from = c->token.from;
	if (!copy_text(&copy.name, c->name) || !copy_text(&copy.ca_file, c->ca_file) ||
		!copy_text(&copy.account, c->account) ||
		!copy_text(&copy.client_id, c->client_id) || !copy_text(&copy.id_url, c->id_url) ||
		!copy_text(&copy.api_url, c->api_url) ||
		!copy_text(&copy.eventsub_url, c->eventsub_url) ||
		!copy_text(&copy.token.name, c->token.name) ||
		!copy_texts(&copy.channels, &c->channels)) {
		platform_conf_fini(&copy);
		return ERR_NOMEM;
	}
	platform_conf_fini(out);
	*out = copy;
	return 0;
}
