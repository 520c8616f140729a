#include "conf/room.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>

/* What each option may be alone is in its table; here is how they go together. */

#define TWITCH_LOGIN_MAX 25  /* Twitch's own limit */
#define IRC_CHANNEL_MAX  50  /* RFC 1459; servers differ, none takes a line of nothing else */
#define DISCORD_PRESENCE_MAX 128 /* characters of an activity's name */
#define NAME_BYTES       64

struct judge {
	const struct conf *c;
	const struct conf_file *f;
	struct conf_report *r;
};

/* The node of an option, by up to three names from the top; as deep as the file goes. NULL when the
 * first is not in the file. */
static const struct conf_node *node_of(
	const struct judge *j, const char *a, const char *b, const char *c)
{
	const char *names[] = {a, b, c};
	const struct conf_node *n = j->f ? conf_file_root(j->f) : NULL, *found = NULL;

	for (size_t i = 0; n && i < ARRAY_LEN(names) && names[i]; i++) {
		n = conf_node_kind(n) == CONF_MAP ? conf_node_find(n, names[i]) : NULL;
		found = n ? n : found;
	}
	return found;
}

/* Does the file give it, be it a value that was refused? Then its absence is no news. */
static bool is_given(const struct judge *j, const char *a, const char *b, const char *c)
{
	const struct conf_node *n = node_of(j, a, b, c), *up = node_of(j, a, c ? b : NULL, NULL);

	return n && n != up && !conf_node_is_null(n);
}

static void complain(const struct judge *j, const struct conf_node *n, enum conf_severity s,
	const char *hint, const char *fmt, ...) PRINTF_LIKE(5, 6);
static void complain(const struct judge *j, const struct conf_node *n, enum conf_severity s,
	const char *hint, const char *fmt, ...)
{
	char what[CONF_SENTENCE_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (n)
		conf_complain(j->r, j->f, n, 0, s, hint, "%s", what);
	else
		conf_report_add(j->r, s, j->c->path, hint, "%s", what);
}

static struct str shown(const char *text)
{
	return conf_shown(str_of(text));
}

static bool is_only(const char *s, const char *characters)
{
	return s[0] != '\0' && s[strspn(s, characters)] == '\0';
}

/* ---- Names ----------------------------------------------------------------------------------- */

static void judge_names(const struct judge *j)
{
	const struct conf *c = j->c;

	if (str_trim(str_of(c->name)).len == 0 || strlen(c->name) > NAME_BYTES)
		complain(j, node_of(j, "name", NULL, NULL), CONF_ERROR, "write name: Mynah",
			"the bot needs a name of 1 to %d bytes", NAME_BYTES);
	if (c->persona[0] == '\0' || c->persona[0] == '.' || strchr(c->persona, '/'))
		complain(j, node_of(j, "persona", NULL, NULL), CONF_ERROR,
			"name a file of the personas folder, without .yaml",
			"\"%.*s\" is no name of a persona", STR_FMT(shown(c->persona)));
}

static const struct conf_provider *find_provider(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->provider_count; i++)
		if (strcmp(c->providers[i].name, name) == 0)
			return &c->providers[i];
	return NULL;
}

/* The node of the i-th text of a list, or of the one text. */
static const struct conf_node *item_of(const struct conf_node *n, size_t i)
{
	return n && conf_node_kind(n) == CONF_LIST ? conf_node_at(n, i) : n;
}

static bool stood_before(const struct conf_texts *t, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (strcmp(t->at[k], t->at[i]) == 0)
			return true;
	return false;
}

/* Names of providers, which stand at n. */
static void judge_ask(const struct judge *j, const struct conf_texts *ask,
	const struct conf_node *n)
{
	const struct conf *c = j->c;
	const char **names = mem_array(c->provider_count + 1, sizeof(char *));
	char hint[CONF_ADVICE_BYTES];

	for (size_t i = 0; names && i < c->provider_count; i++)
		names[i] = c->providers[i].name;
	for (size_t i = 0; i < ask->n; i++) {
		const char *near =
			names ? conf_nearest(str_of(ask->at[i]), names, c->provider_count) : NULL;

		if (find_provider(c, ask->at[i])) {
			if (stood_before(ask, i))
				complain(j, item_of(n, i), CONF_WARNING, "remove it",
					"\"%s\" is asked twice", ask->at[i]);
			continue;
		}
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", near ? near : "");
		complain(j, item_of(n, i), CONF_ERROR,
			near ? hint : "list it under providers:, with its type and url",
			"there is no provider \"%.*s\"", STR_FMT(shown(ask->at[i])));
	}
	mem_free(names);
}

/* Where a rule without a condition stands, none after it is ever reached. */
static bool fits_all(const struct conf_route *t)
{
	return t->triggers.n == 0 && t->events.n == 0 && t->in.n == 0 && t->longer_than == 0;
}

static void judge_routes(const struct judge *j)
{
	const struct conf_node *list = node_of(j, "routes", NULL, NULL);
	const struct conf *c = j->c;

	for (size_t i = 0; i < c->route_count; i++) {
		const struct conf_route *t = &c->routes[i];
		const struct conf_node *rule = item_of(list, i);
		const struct conf_node *ask = conf_node_kind(rule) == CONF_MAP
			? conf_node_find(rule, "ask") : NULL;

		const bool is_empty = ask && conf_node_kind(ask) != CONF_SCALAR &&
			conf_node_count(ask) == 0;

		if (!ask || is_empty || conf_node_is_null(ask))
			complain(j, ask ? ask : rule, CONF_ERROR, "add ask: [NAME]",
				"this rule does not say who is asked");
		else
			judge_ask(j, &t->ask, ask);
		if (fits_all(t) && i + 1 < c->route_count)
			complain(j, item_of(list, i + 1), CONF_WARNING,
				"put the rule that fits always last",
				"the rule above fits always, so this one is never reached");
	}
}

/* ---- Providers ------------------------------------------------------------------------------- */

/* A URL with a password in it is not shown. */
static void complain_url(const struct judge *j, const struct conf_node *n, const char *text,
	const struct conf_url *url, const char *why, const char *hint)
{
	complain(j, n, CONF_ERROR,
		url->has_user ? "write passwords and keys as {secret: NAME} in their own option"
			      : hint,
		"\"%.*s\" cannot be used: %s", STR_FMT(shown(url->has_user ? "the URL" : text)),
		why);
}

static bool is_http(const struct conf_url *url)
{
	return str_eq_nocase(url->scheme, STR("http")) || str_eq_nocase(url->scheme, STR("https"));
}

static void judge_provider_url(const struct judge *j, const struct conf_provider *p,
	const char *text, const struct conf_node *n)
{
	struct conf_url url;
	const char *why;

	if (conf_url_read(str_of(text), &url, &why)) {
		complain_url(j, n, text, &url, why, "write http://HOST:PORT or https://HOST");
		return;
	}
	if (!is_http(&url)) {
		complain(j, n, CONF_ERROR, "it begins with http:// or https://",
			"a provider does not speak \"%.*s\"", STR_FMT(conf_shown(url.scheme)));
		return;
	}
	if (!url.is_loopback && !p->remote_ok)
		complain(j, n, CONF_ERROR, "if chat may be sent there, add remote_ok: true",
			"\"%.*s\" is not on this machine", STR_FMT(conf_shown(url.host)));
	if (!url.is_loopback && p->key.from != CONF_SECRET_NONE &&
		str_eq_nocase(url.scheme, STR("http")))
		complain(j, n, CONF_WARNING, "use https://",
			"the key goes to \"%.*s\" without encryption",
			STR_FMT(conf_shown(url.host)));
}

static void judge_provider_urls(const struct judge *j, const struct conf_provider *p)
{
	const struct conf_node *n = node_of(j, "providers", p->name, "url");

	if (p->urls.n > CONF_ENDPOINTS_MAX)
		complain(j, n, CONF_ERROR, "leave some out", "a provider has %d URLs at most",
			CONF_ENDPOINTS_MAX);
	for (size_t i = 0; i < p->urls.n; i++) {
		if (stood_before(&p->urls, i))
			complain(j, item_of(n, i), CONF_WARNING, "remove it",
				"this URL is listed twice");
		judge_provider_url(j, p, p->urls.at[i], item_of(n, i));
	}
}

static void judge_providers(const struct judge *j)
{
	const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

	for (size_t i = 0; i < j->c->provider_count; i++) {
		const struct conf_provider *p = &j->c->providers[i];
		const struct conf_node *n = node_of(j, "providers", p->name, NULL);

		if (!is_only(p->name, letters) || strlen(p->name) > NAME_BYTES)
			complain(j, n, CONF_ERROR, "letters, digits, _ . and - only",
				"\"%.*s\" is no name for a provider", STR_FMT(shown(p->name)));
		if (p->type == CONF_SCRIPTED)
			continue;
		if (!p->url && !is_given(j, "providers", p->name, "url"))
			complain(j, n, CONF_ERROR,
				"add url: http://127.0.0.1:8080/v1, or where it is",
				"provider \"%s\" needs a url", p->name);
		judge_provider_urls(j, p);
		if (p->warm_up && p->type != CONF_OLLAMA)
			complain(j, node_of(j, "providers", p->name, "warm_up"), CONF_WARNING,
				"remove it", "only an ollama server loads its model when told to");
		if (!p->model && !is_given(j, "providers", p->name, "model"))
			complain(j, n, CONF_ERROR, "add model: NAME",
				"provider \"%s\" needs a model", p->name);
		if (p->context_tokens <= p->max_tokens)
			complain(j, node_of(j, "providers", p->name, "context_tokens"), CONF_ERROR,
				"lower max_tokens, or raise context_tokens to what the model takes",
				"an answer of %lld tokens leaves no room for the question in %lld",
				(long long)p->max_tokens, (long long)p->context_tokens);
	}
}

/* ---- Places ---------------------------------------------------------------------------------- */

/* One URL that tokens go to. plain: its scheme without TLS, "ws" or "http". */
static void judge_token_url(const struct judge *j, const struct conf_place *p, const char *option,
	const char *text, const char *plain)
{
	const struct conf_node *n = node_of(j, p->name, option, NULL);
	char hint[CONF_ADVICE_BYTES], secure[8];
	struct conf_url url;
	const char *why;

	snprintf(secure, sizeof(secure), "%ss", plain);
	snprintf(hint, sizeof(hint), "write %s://HOST:PORT/", secure);
	if (conf_url_read(str_of(text), &url, &why)) {
		complain_url(j, n, text, &url, why, hint);
	} else if (!str_is_nocase(url.scheme, secure) &&
		   !str_is_nocase(url.scheme, plain)) {
		complain(j, n, CONF_ERROR, hint, "\"%s\" does not speak \"%.*s\"", p->name,
			STR_FMT(conf_shown(url.scheme)));
	} else if (!url.is_loopback && str_is_nocase(url.scheme, plain)) {
		snprintf(hint, sizeof(hint), "write %s:// instead", secure);
		complain(j, n, CONF_ERROR, hint,
			"%s:// would send the token to \"%.*s\" without encryption", plain,
			STR_FMT(conf_shown(url.host)));
	}
}

static void judge_place_urls(const struct judge *j, const struct conf_place *p)
{
	if (p->kind == CONF_DISCORD) {
		judge_token_url(j, p, "api_url", p->api_url, "http");
		return;
	}
	if (p->url)
		judge_token_url(j, p, "url", p->url, "ws");
	else if (!is_given(j, p->name, "url", NULL))
		complain(j, node_of(j, p->name, "url", NULL), CONF_ERROR,
			"add url: wss://HOST:PORT/", "\"%s\" needs a url", p->name);
	if (p->kind != CONF_TWITCH)
		return;
	judge_token_url(j, p, "id_url", p->id_url, "http");
	judge_token_url(j, p, "api_url", p->api_url, "http");
	judge_token_url(j, p, "eventsub_url", p->eventsub_url, "ws");
}

/* Ids of Discord, each once. what: "channel" or "role". */
static void judge_snowflakes(const struct judge *j, const struct conf_texts *ids,
	const char *option, const char *what)
{
	const struct conf_node *n = node_of(j, "discord", option, NULL);
	char hint[CONF_ADVICE_BYTES];

	snprintf(hint, sizeof(hint),
		"switch on Developer Mode (User Settings, Advanced), then right-click the %s and "
		"choose Copy %s ID",
		what, strcmp(what, "role") == 0 ? "Role" : "Channel");
	for (size_t i = 0; i < ids->n; i++) {
		if (!conf_is_snowflake(ids->at[i]))
			complain(j, item_of(n, i), CONF_ERROR, hint, "\"%.*s\" is no id of a %s",
				STR_FMT(shown(ids->at[i])), what);
		else if (stood_before(ids, i))
			complain(j, item_of(n, i), CONF_ERROR, "remove it", "%s %s is listed twice",
				what, ids->at[i]);
	}
}

static void judge_discord(const struct judge *j, const struct conf_place *p)
{
	judge_snowflakes(j, &p->channels, "channels", "channel");
	judge_snowflakes(j, &p->broadcasters, "broadcasters", "role");
	judge_snowflakes(j, &p->moderators, "moderators", "role");
	judge_snowflakes(j, &p->vips, "vips", "role");
	judge_snowflakes(j, &p->subscribers, "subscribers", "role");
	if (p->presence && text_points(str_of(p->presence)) > DISCORD_PRESENCE_MAX)
		complain(j, node_of(j, p->name, "presence", NULL), CONF_ERROR, "shorten it",
			"presence: has more than %d characters", DISCORD_PRESENCE_MAX);
}

static bool is_channel(const struct conf_place *p, const char *name)
{
	size_t len = strlen(name);

	if (p->kind == CONF_TWITCH)
		return len <= TWITCH_LOGIN_MAX &&
		       is_only(name, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return len > 0 && len <= IRC_CHANNEL_MAX && !strpbrk(name, " ,:\a\r\n\t");
}

static void judge_channels(const struct judge *j, const struct conf_place *p)
{
	const struct conf_node *n = node_of(j, p->name, "channels", NULL);
	const char *hint =
		p->kind == CONF_TWITCH
			? "a channel is a login: 1 to 25 of a-z, 0-9 and _"
			: "a channel has 1 to 50 characters, none of them a space, comma or colon";

	if (p->channels.n == 0 && !is_given(j, p->name, "channels", NULL))
		complain(j, n, CONF_WARNING, "add channels: [NAME]", "\"%s\" joins no channel",
			p->name);
	if (p->kind == CONF_TWITCH && p->channels.n > CONF_TWITCH_ROOMS)
		complain(j, n, CONF_WARNING,
			"put those where the bot is no moderator first, or run a second account",
			"%zu channels: an account can be in %d where it is neither moderator nor "
			"broadcaster; they are joined in this order, what is past it never",
			p->channels.n, CONF_TWITCH_ROOMS);
	for (size_t i = 0; i < p->channels.n; i++) {
		if (!is_channel(p, p->channels.at[i]))
			complain(j, item_of(n, i), CONF_ERROR, hint, "\"%.*s\" is no channel",
				STR_FMT(shown(p->channels.at[i])));
		else if (stood_before(&p->channels, i))
			complain(j, item_of(n, i), CONF_ERROR, "remove it",
				"channel \"%s\" is listed twice", p->channels.at[i]);
	}
}

static void judge_account(const struct judge *j, const struct conf_place *p)
{
	bool has_account = p->account && p->account[0];
	const struct conf_node *n = node_of(j, p->name, "account", NULL);

	if (p->kind == CONF_IRC) {
		if (!has_account || strpbrk(p->account, " ,:@!#*?\r\n\t") ||
			strlen(p->account) > NAME_BYTES)
			complain(j, n, CONF_ERROR, "add account: NAME", "\"irc\" needs a nickname");
		return;
	}
	if (has_account && (strlen(p->account) > TWITCH_LOGIN_MAX ||
				   !is_only(p->account, "abcdefghijklmnopqrstuvwxyz0123456789_")))
		complain(j, n, CONF_ERROR, "a login is 1 to 25 of a-z, 0-9 and _",
			"\"%.*s\" is no Twitch login", STR_FMT(shown(p->account)));
	if (has_account && p->token.from == CONF_SECRET_NONE && !p->client_id &&
		!is_given(j, p->name, "token", NULL))
		complain(j, n, CONF_ERROR,
			"register an application at https://dev.twitch.tv/console, add its "
			"client_id: and run mynah login twitch; or add "
			"token: {secret: twitch.token}, and run mynah secret set twitch.token",
			"account \"%.*s\" needs a login or a token", STR_FMT(shown(p->account)));
	if (p->client_secret.from != CONF_SECRET_NONE && !p->client_id)
		complain(j, node_of(j, p->name, "client_secret", NULL), CONF_ERROR,
			"add client_id: ID, that of the same application",
			"a client_secret needs a client_id");
	if (!has_account && p->token.from != CONF_SECRET_NONE)
		complain(j, node_of(j, p->name, "token", NULL), CONF_ERROR,
			"add account: LOGIN, the login that the token was made for",
			"a token needs an account");
}

/* IRC speaks only in rooms it has joined, and would bring their chat a second time. */
static void judge_sources(const struct judge *j, const struct conf_place *p)
{
	bool has_account = p->account && p->account[0];

	if (p->kind != CONF_TWITCH)
		return;
	if (p->chat == CONF_BY_EVENTSUB && p->send == CONF_SEND_IRC)
		complain(j, node_of(j, p->name, "chat", NULL), CONF_ERROR, "add send: helix",
			"chat: eventsub cannot go with send: irc");
	if (!has_account && p->chat == CONF_BY_EVENTSUB)
		complain(j, node_of(j, p->name, "chat", NULL), CONF_ERROR,
			"add account: LOGIN and run mynah login twitch",
			"chat: eventsub needs an account");
	if (!has_account && p->support == CONF_BY_EVENTSUB)
		complain(j, node_of(j, p->name, "support", NULL), CONF_ERROR,
			"add account: LOGIN and run mynah login twitch",
			"support: eventsub needs an account");
}

/* ---- The rest -------------------------------------------------------------------------------- */

static void judge_memory(const struct judge *j)
{
	const struct conf_node *n = node_of(j, "memory", "url", NULL);
	struct conf_url url;
	const char *why;

	if (j->c->memory.backend == CONF_MEMORY_LOCAL)
		return;
	if (conf_url_read(str_of(j->c->memory.url), &url, &why))
		complain_url(j, n, j->c->memory.url, &url, why, "write redis://HOST:PORT");
	else if (!str_eq_nocase(url.scheme, STR("redis")))
		complain(j, n, CONF_ERROR, "write redis://HOST:PORT",
			"the memory does not speak \"%.*s\"", STR_FMT(conf_shown(url.scheme)));
}

static void judge_api(const struct judge *j)
{
	const struct conf_api *api = &j->c->api;
	const struct conf_node *n = node_of(j, "api", "listen", NULL);
	struct sockaddr_un un;
	struct conf_url url;
	const char *why;

	if (strlen(api->socket) >= sizeof(un.sun_path))
		complain(j, node_of(j, "api", "socket", NULL), CONF_ERROR, "choose a shorter path",
			"the path of a socket has less than %zu bytes", sizeof(un.sun_path));
	if (!api->listen)
		return;
	if (conf_listen_read(str_of(api->listen), &url, &why))
		complain(j, n, CONF_ERROR, "write HOST:PORT, like 127.0.0.1:8005",
			"\"%.*s\" cannot be listened on: %s", STR_FMT(shown(api->listen)), why);
	else if (!url.is_loopback && api->key.from == CONF_SECRET_NONE)
		complain(j, n, CONF_ERROR, "add key: {secret: api.key}, or listen on 127.0.0.1",
			"others can reach \"%.*s\", so a key is needed",
			STR_FMT(conf_shown(url.host)));
}

static void judge_limits(const struct judge *j)
{
	const struct conf_limits *l = &j->c->limits;

	if (l->lane > l->total)
		complain(j, node_of(j, "limits", "lane", NULL), CONF_ERROR,
			"raise total, or lower lane",
			"one channel may not hold more replies (%lld) than all together (%lld)",
			(long long)l->lane, (long long)l->total);
	if (l->deadline_ms > l->reply_ttl_ms)
		complain(j, node_of(j, "limits", "deadline", NULL), CONF_WARNING,
			"keep deadline below reply_ttl",
			"answers may come when they are already too old to be sent");
}

static void judge_guard(const struct judge *j)
{
	const struct conf_safety *s = &j->c->safety;
	const struct conf_node *n = node_of(j, "safety", "model", NULL);
	char *name[] = {s->model};
	const struct conf_texts names = {name, 1};
	const struct conf_provider *p = s->model ? find_provider(j->c, s->model) : NULL;

	if (s->model)
		judge_ask(j, &names, n);
	if (p && s->model_kind == CONF_GUARD_MODERATIONS && p->type != CONF_OPENAI)
		complain(j, n, CONF_ERROR,
			"name a provider of type openai, or say model_kind: guard",
			"provider \"%s\" has no moderations", s->model);
	if (p && !conf_provider_is_local(p) && !j->c->privacy.send_names)
		complain(j, n, CONF_ERROR, "say privacy: {send_names: yes}, or let one here judge",
			"provider \"%s\" is on another machine, and may not see what people say "
			"with their names", s->model);
}

/* What has no price never comes near a cap. Who writes price_in: 0 knows that it is free. */
static void judge_prices(const struct judge *j)
{
	const struct conf_limits *l = &j->c->limits;
	const bool has_cap = l->cost_hour > 0 || l->cost_day > 0 || l->cost_channel_hour > 0 ||
		l->cost_channel_day > 0 || l->cost_user_hour > 0 || l->cost_user_day > 0 ||
		l->cost_persona_hour > 0 || l->cost_persona_day > 0;

	for (size_t i = 0; i < j->c->provider_count; i++) {
		const struct conf_provider *p = &j->c->providers[i];

		if (p->price_in > 0 || p->price_out > 0 || conf_provider_is_local(p) ||
			!(has_cap || p->cost_day > 0) ||
			is_given(j, "providers", p->name, "price_in"))
			continue;
		complain(j, node_of(j, "providers", p->name, NULL), CONF_WARNING,
			"add price_in: and price_out:, or price_in: 0 if it is free",
			"provider \"%s\" has no price, so no cap of cost stops it", p->name);
	}
}

static void judge_embeddings(const struct judge *j)
{
	const struct conf_embeddings *e = &j->c->embeddings;
	const struct conf_node *n = node_of(j, "embeddings", "use", NULL);
	char *name[] = {e->use};
	const struct conf_texts names = {name, 1};
	const struct conf_provider *p = e->use ? find_provider(j->c, e->use) : NULL;

	if (e->use)
		judge_ask(j, &names, n);
	if (e->use && !e->model)
		complain(j, n, CONF_ERROR, "add model: nomic-embed-text, or another that embeds",
			"embeddings: does not say which model of \"%s\" makes them", e->use);
	if (!e->use && e->model)
		complain(j, node_of(j, "embeddings", "model", NULL), CONF_ERROR,
			"add use: NAME, a provider that has this model",
			"embeddings: does not say who makes them");
	if (p && p->type != CONF_OLLAMA && p->type != CONF_OPENAI)
		complain(j, n, CONF_ERROR, "name a provider of type ollama or openai",
			"provider \"%s\" has no embeddings", e->use);
	if (p && !conf_provider_is_local(p) && !j->c->privacy.send_names)
		complain(j, n, CONF_ERROR, "say privacy: {send_names: yes}, or use one here",
			"provider \"%s\" is on another machine, and may not see what people say "
			"with their names", e->use);
}

void conf_judge(const struct conf *c, const struct conf_file *f, struct conf_report *r)
{
	struct judge j = {c, f, r};

	judge_names(&j);
	judge_providers(&j);
	judge_ask(&j, &c->ask, node_of(&j, "ask", NULL, NULL));
	judge_routes(&j);
	judge_prices(&j);
	judge_guard(&j);
	judge_embeddings(&j);
	for (size_t i = 0; i < c->place_count; i++) {
		judge_place_urls(&j, &c->places[i]);
		if (c->places[i].kind == CONF_DISCORD) {
			judge_discord(&j, &c->places[i]);
			continue;
		}
		judge_account(&j, &c->places[i]);
		judge_sources(&j, &c->places[i]);
		judge_channels(&j, &c->places[i]);
	}
	judge_memory(&j);
	judge_api(&j);
	judge_limits(&j);
}
