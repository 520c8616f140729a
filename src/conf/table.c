#include "conf/room.h"

#include <stddef.h>

/* The options of mynah.yaml. Numbers come from spec.md sections 2.5 and 10 and faults.md section 7
 * unless a row says otherwise. */

static const char *const log_levels[] = {"system", "audit", "error", "info", "debug", NULL};
static const char *const memory_backends[] = {"in-process", "redis", NULL};
static const char *const payloads[] = {"none", "redacted", "full", NULL};
static const char *const provider_types[] = {"ollama", "openai", "anthropic", "waddleai",
	"scripted", NULL};
static const char *const token_caps[] = {"max_tokens", "max_completion_tokens", NULL};

static const char *const sources[] = {"irc", "eventsub", NULL};
static const char *const senders[] = {"irc", "helix", NULL};
static const char *const commands[] = {"global", "guild", "off", NULL};

#define SECOND 1000.0
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define MEBI   (1024.0 * 1024)

#define AT(type, member) offsetof(struct type, member)

/* Options that stand behind scalar ones in the top table are the sections, in the order of
 * enum conf_part. */
static const struct conf_option top_options[] = {
	{"name", CONF_TEXT, AT(conf, name), "mynah", 0, 0, NULL, CONF_LIVE,
		"What people call the bot; a message with this name in it speaks to it."},
	{"persona", CONF_TEXT, AT(conf, persona), "mynah", 0, 0, NULL, CONF_LIVE,
		"The persona of triggers that name none: a file in the personas folder, without "
		".yaml."},
	{"state_dir", CONF_PATH, AT(conf, state_dir), NULL, 0, 0, NULL, CONF_RESTART,
		"The folder for what must survive a restart: ledger, sealed secrets, send budgets. "
		"Without it $STATE_DIRECTORY, else $XDG_STATE_HOME/mynah, else "
		"~/.local/state/mynah."},
	{"triggers", CONF_PATH, AT(conf, triggers_dir), NULL, 0, 0, NULL, CONF_LIVE,
		"The folder of trigger files. Without it the folder triggers next to this file, "
		"else "
		"the installed ones."},
	{"personas", CONF_PATH, AT(conf, personas_dir), NULL, 0, 0, NULL, CONF_LIVE,
		"The folder of persona files. Without it the folder personas next to this file, "
		"else "
		"the installed ones."},
	{"prompts", CONF_PATH, AT(conf, prompts_dir), NULL, 0, 0, NULL, CONF_LIVE,
		"The folder of prompt files, NAME@VERSION.yaml. Without it the folder prompts next "
		"to that of the triggers, if there is one."},
	{"knowledge", CONF_PATH, AT(conf, knowledge_dir), NULL, 0, 0, NULL, CONF_LIVE,
		"The folder of what the bot shall know, files in Markdown for triggers that say "
		"knowledge: true. Without it the folder knowledge next to the folder of triggers, "
		"if there is one."},
	{"prices", CONF_PATH, AT(conf, prices), NULL, 0, 0, NULL, CONF_LIVE,
		"A list of model prices in LiteLLM's JSON format, for providers without price_in "
		"and price_out."},
	{"ask", CONF_TEXTS, AT(conf, ask), NULL, 0, 0, NULL, CONF_LIVE,
		"Names of providers in the order they are asked; the next is asked when one cannot "
		"answer. Without it all providers: those on this machine first, else in the order "
		"of this file."},
#define PART(name, part)                                                                      \
	{                                                                                     \
		name, CONF_NODE, AT(conf_draft, parts[part]), NULL, 0, 0, NULL, CONF_LIVE, "" \
	}
	PART("log", CONF_PART_LOG),
	PART("memory", CONF_PART_MEMORY),
	PART("ledger", CONF_PART_LEDGER),
	PART("api", CONF_PART_API),
	PART("safety", CONF_PART_SAFETY),
	PART("embeddings", CONF_PART_EMBEDDINGS),
	PART("privacy", CONF_PART_PRIVACY),
	PART("limits", CONF_PART_LIMITS),
	PART("twitch", CONF_PART_TWITCH),
	PART("irc", CONF_PART_IRC),
	PART("discord", CONF_PART_DISCORD),
	PART("providers", CONF_PART_PROVIDERS),
	PART("routes", CONF_PART_ROUTES),
#undef PART
};

static const struct conf_option log_options[] = {
	{"file", CONF_PATH, AT(conf_log, file), NULL, 0, 0, NULL, CONF_LIVE,
		"The file that log lines go to; without it standard error."},
	{"level", CONF_CHOICE, AT(conf_log, level), "info", 0, 0, log_levels, CONF_LIVE,
		"The least important lines that are written; system and audit always are."},
	{"plain_users", CONF_BOOL, AT(conf_log, plain_users), "false", 0, 0, NULL, CONF_LIVE,
		"Write user names and ids as they are, instead of keyed hashes."},
};

static const struct conf_option memory_options[] = {
	{"backend", CONF_CHOICE, AT(conf_memory, backend), "in-process", 0, 0, memory_backends,
		CONF_RESTART, "Where the last lines of a conversation are kept."},
	{"url", CONF_TEXT, AT(conf_memory, url), "redis://127.0.0.1:6379", 0, 0, NULL, CONF_RESTART,
		"The Redis server: redis://HOST:PORT or redis://HOST:PORT/DATABASE."},
	{"password", CONF_SECRET, AT(conf_memory, password), NULL, 0, 0, NULL, CONF_RESTART,
		"The password of the Redis server."},
	{"lines", CONF_INT, AT(conf_memory, lines), "10", 0, 100, NULL, CONF_RESTART,
		"Lines remembered of each user in each channel; 0 remembers nothing."},
	{"for", CONF_DURATION, AT(conf_memory, for_ms), "30m", SECOND, 30 * DAY, NULL, CONF_RESTART,
		"How long a line is remembered."},
	{"users", CONF_INT, AT(conf_memory, users), "10000", 1, 1000000, NULL, CONF_RESTART,
		"Users remembered at once in this process; the longest silent go first."},
	{"bytes", CONF_BYTES, AT(conf_memory, bytes), "16M", 64 * 1024, 1024 * MEBI, NULL,
		CONF_RESTART, "Memory that remembered lines may take in this process."},
	{"recall", CONF_DURATION, AT(conf_memory, recall_ms), "150ms", 10, 5 * SECOND, NULL,
		CONF_RESTART, "How long an answer waits for the memory before it goes on without."},
};

static const struct conf_option ledger_options[] = {
	{"enabled", CONF_BOOL, AT(conf_ledger, is_on), "true", 0, 0, NULL, CONF_RESTART,
		"Keep a row for each model call. \"ledger: off\" says the same in short."},
	{"file", CONF_TEXT, AT(conf_ledger, file), "ledger.sqlite", 0, 0, NULL, CONF_RESTART,
		"The SQLite file; a relative path is meant from state_dir."},
	{"payload", CONF_CHOICE, AT(conf_ledger, payload), "none", 0, 0, payloads, CONF_LIVE,
		"Whether prompts and answers are kept: not at all, without personal data, or "
		"whole."},
	{"keep", CONF_DURATION, AT(conf_ledger, keep_ms), "0", 0, 3650 * DAY, NULL, CONF_RESTART,
		"Rows older than this are removed; 0 keeps them for ever."},
	{"queue", CONF_INT, AT(conf_ledger, queue), "1000", 10, 100000, NULL, CONF_RESTART,
		"Rows that may wait for the disk; past it the oldest are lost, and counted."},
};

static const struct conf_option api_options[] = {
	{"socket", CONF_TEXT, AT(conf_api, socket), "mynah.sock", 0, 0, NULL, CONF_RESTART,
		"The unix socket for mynah status, reload and quiet; a relative path is meant from "
		"state_dir."},
	{"listen", CONF_TEXT, AT(conf_api, listen), NULL, 0, 0, NULL, CONF_RESTART,
		"HOST:PORT on which the same is served over HTTP; without it nowhere. An address "
		"that others can reach needs a key."},
	{"key", CONF_SECRET, AT(conf_api, key), NULL, 0, 0, NULL, CONF_RESTART,
		"The key that HTTP clients must present."},
};

/* In the order of enum safety_policy. */
static const char *const safety_policies[] = {"strict", "balanced", "permissive", NULL};

/* In the order of enum conf_guard and enum conf_doubt. */
static const char *const guards[] = {"guard", "moderations", NULL};
static const char *const doubts[] = {"refuse", "allow", NULL};

static const struct conf_option safety_options[] = {
	{"links", CONF_BOOL, AT(conf_safety, links), "false", 0, 0, NULL, CONF_LIVE,
		"Let every link pass in answers."},
	{"allow_hosts", CONF_TEXTS, AT(conf_safety, allow_hosts), NULL, 0, 0, NULL, CONF_LIVE,
		"Hosts whose links, and those of their subdomains, may pass."},
	{"words_files", CONF_TEXTS, AT(conf_safety, words_files), NULL, 0, 0, NULL, CONF_LIVE,
		"Files of words and phrases that are never said, one a line."},
	{"prefix", CONF_TEXT, AT(conf_safety, prefix), NULL, 0, 0, NULL, CONF_LIVE,
		"Stands before everything that is said."},
	{"max_length", CONF_INT, AT(conf_safety, max_length), "500", 20, 500, NULL, CONF_LIVE,
		"Characters of a reply of one line, its prefix included; 500 is what Twitch "
		"takes."},
	{"mentions", CONF_INT, AT(conf_safety, mentions), "1", 0, 5, NULL, CONF_LIVE,
		"How many @names may stand in a reply."},
	{"regenerate", CONF_BOOL, AT(conf_safety, regenerate), "true", 0, 0, NULL, CONF_LIVE,
		"Ask a model once more, and more strictly, when its answer is refused."},
	{"policy", CONF_CHOICE, AT(conf_safety, policy), "balanced", 0, 0, safety_policies,
		CONF_LIVE,
		"What chat may ask a model: nothing that any rule is met by, nothing that scores "
		"high by them, or everything (what is met is only logged)."},
	{"toxicity", CONF_NUMBER, AT(conf_safety, toxicity), "0.8", 0.1, 1, NULL, CONF_LIVE,
		"A reply whose score for insults and threats is that high is not said."},
	{"bias", CONF_NUMBER, AT(conf_safety, bias), "0.8", 0.1, 1, NULL, CONF_LIVE,
		"A reply that speaks so ill of people for what they are is not said."},
	{"rules_dir", CONF_PATH, AT(conf_safety, rules_dir), NULL, 0, 0, NULL, CONF_LIVE,
		"The folder of rule files that add to the built-in rules or change them."},
	{"model", CONF_TEXT, AT(conf_safety, model), NULL, 0, 0, NULL, CONF_LIVE,
		"A provider whose model judges as well, after all the rules; none if absent."},
	{"model_kind", CONF_CHOICE, AT(conf_safety, model_kind), "guard", 0, 0, guards, CONF_LIVE,
		"How it judges: guard answers safe or unsafe as Llama Guard does, moderations is "
		"the interface of that name of an openai provider."},
	{"model_input", CONF_BOOL, AT(conf_safety, model_input), "true", 0, 0, NULL, CONF_LIVE,
		"Whether it judges what people ask, before a model is asked."},
	{"model_output", CONF_BOOL, AT(conf_safety, model_output), "true", 0, 0, NULL, CONF_LIVE,
		"Whether it judges what a model answers."},
	{"model_wait", CONF_DURATION, AT(conf_safety, model_wait_ms), "2s", 100, 60000, NULL,
		CONF_LIVE, "How long it may take."},
	{"model_on_error", CONF_CHOICE, AT(conf_safety, model_on_error), "refuse", 0, 0, doubts,
		CONF_LIVE, "What happens where it gives no verdict."},
};

static const struct conf_option embeddings_options[] = {
	{"use", CONF_TEXT, AT(conf_embeddings, use), NULL, 0, 0, NULL, CONF_LIVE,
		"A provider of type ollama or openai whose embeddings rank what the words of a "
		"question find; without it the words alone do."},
	{"model", CONF_TEXT, AT(conf_embeddings, model), NULL, 0, 0, NULL, CONF_LIVE,
		"Its model for embeddings, like nomic-embed-text. It is not the one that chats."},
	{"wait", CONF_DURATION, AT(conf_embeddings, wait_ms), "1s", 50, 10 * SECOND, NULL,
		CONF_LIVE,
		"How long a question waits for its embedding before it goes on without."},
};

static const struct conf_option privacy_options[] = {
	{"send_names", CONF_BOOL, AT(conf_privacy, send_names), "false", 0, 0, NULL, CONF_LIVE,
		"Tell models on other machines what people are called; without it they read "
		"Viewer1, Viewer2, and the answer gets the names back here. Hidden are the author, "
		"whoever is mentioned with @, who is in what is remembered, and on Twitch the "
		"channel; where those are more than 64 people, nothing of what is remembered is "
		"sent. Any other name that somebody types is a word like others and goes out; "
		"so do titles, and what you write into personas, prompts and knowledge."},
};

static const struct conf_option limits_options[] = {
	{"turns", CONF_INT, AT(conf_limits, turns), "64", 1, 1024, NULL, CONF_LIVE,
		"Replies in preparation at once."},
	{"asks", CONF_INT, AT(conf_limits, asks), "4", 1, 64, NULL, CONF_LIVE,
		"Model calls under way at once; more wait in order."},
	{"reply_ttl", CONF_DURATION, AT(conf_limits, reply_ttl_ms), "30s", SECOND, 10 * MINUTE,
		NULL, CONF_LIVE, "A reply that could not be sent for this long is dropped."},
	{"event_ttl", CONF_DURATION, AT(conf_limits, event_ttl_ms), "2m", SECOND, HOUR, NULL,
		CONF_LIVE, "The same for thanks to subs, raids, gifts and cheers."},
	/* Discord takes an answer to an interaction for 15 minutes (2026-08) */
	{"slash_ttl", CONF_DURATION, AT(conf_limits, slash_ttl_ms), "5m", SECOND, 14 * MINUTE, NULL,
		CONF_LIVE, "The same for the answer to a slash command."},
	{"lane", CONF_INT, AT(conf_limits, lane), "100", 1, 1000, NULL, CONF_RESTART,
		"Replies that may wait in one channel."},
	{"total", CONF_INT, AT(conf_limits, total), "1000", 1, 10000, NULL, CONF_RESTART,
		"Replies that may wait in all channels together."},
	{"deadline", CONF_DURATION, AT(conf_limits, deadline_ms), "25s", SECOND, 5 * MINUTE, NULL,
		CONF_LIVE, "An answer to chat must be there by then, retries included."},
	{"event_deadline", CONF_DURATION, AT(conf_limits, event_deadline_ms), "60s", SECOND,
		10 * MINUTE, NULL, CONF_LIVE,
		"The same for thanks to subs, raids, gifts and cheers."},
	{"slash_deadline", CONF_DURATION, AT(conf_limits, slash_deadline_ms), "60s", SECOND,
		14 * MINUTE, NULL, CONF_LIVE, "The same for the answer to a slash command."},
	{"calls_hour", CONF_INT, AT(conf_limits, calls_hour), "600", 0, 1000000, NULL, CONF_LIVE,
		"Model calls an hour in all; 0 asks no model."},
	{"calls_day", CONF_INT, AT(conf_limits, calls_day), "5000", 0, 10000000, NULL, CONF_LIVE,
		"Model calls a day in all."},
	{"calls_user_hour", CONF_INT, AT(conf_limits, calls_user_hour), "60", 0, 100000, NULL,
		CONF_LIVE, "Model calls an hour for one user."},
	{"calls_channel_hour", CONF_INT, AT(conf_limits, calls_channel_hour), "300", 0, 1000000,
		NULL, CONF_LIVE, "Model calls an hour for one channel."},
#define DAILY(name, level, fallback)                                                       \
	{name, CONF_INT, AT(conf_limits, asks_day[level]), fallback, 0, 100000, NULL, CONF_LIVE, \
		"Model calls a day for one person of that level."}
	DAILY("everyone_day", 0, "100"),
	DAILY("subscriber_day", 1, "200"),
	DAILY("vip_day", 2, "200"),
	DAILY("moderator_day", 3, "100000"),
	DAILY("broadcaster_day", 4, "100000"),
	{"cost_hour", CONF_MONEY, AT(conf_limits, cost_hour), "0", 0, 0, NULL, CONF_LIVE,
		"US dollars that model calls may cost an hour, all together; 0 = no limit."},
	{"cost_day", CONF_MONEY, AT(conf_limits, cost_day), "0", 0, 0, NULL, CONF_LIVE,
		"The same a day (UTC)."},
	{"cost_channel_hour", CONF_MONEY, AT(conf_limits, cost_channel_hour), "0", 0, 0, NULL,
		CONF_LIVE, "The same an hour for one channel."},
	{"cost_channel_day", CONF_MONEY, AT(conf_limits, cost_channel_day), "0", 0, 0, NULL,
		CONF_LIVE, "The same a day for one channel."},
	{"cost_user_hour", CONF_MONEY, AT(conf_limits, cost_user_hour), "0", 0, 0, NULL,
		CONF_LIVE, "The same an hour for one person."},
	{"cost_user_day", CONF_MONEY, AT(conf_limits, cost_user_day), "0", 0, 0, NULL, CONF_LIVE,
		"The same a day for one person."},
	{"cost_persona_hour", CONF_MONEY, AT(conf_limits, cost_persona_hour), "0", 0, 0, NULL,
		CONF_LIVE, "The same an hour for one persona."},
	{"cost_persona_day", CONF_MONEY, AT(conf_limits, cost_persona_day), "0", 0, 0, NULL,
		CONF_LIVE, "The same a day for one persona."},
	/* faults.md A10: bots that answer bots */
	{"turns_minute", CONF_INT, AT(conf_limits, turns_minute), "6", 0, 60, NULL, CONF_LIVE,
		"Replies a minute in one channel, so that two bots do not talk for ever; 0 = no "
		"limit."},
	{"in_a_row", CONF_INT, AT(conf_limits, in_a_row), "2", 0, 60, NULL, CONF_LIVE,
		"Replies a minute to one person while nobody else speaks with the bot; 0 = no "
		"limit."},
	/* faults.md P8: three attempts fit into the deadline */
	{"retries", CONF_INT, AT(conf_limits, retries), "2", 0, 10, NULL, CONF_LIVE,
		"Further attempts at one provider for one answer, after growing waits."},
	{"breaker_failures", CONF_INT, AT(conf_limits, breaker_failures), "5", 1, 100, NULL,
		CONF_LIVE, "Failures after which a provider is left alone for a while."},
	{"breaker_window", CONF_DURATION, AT(conf_limits, breaker_window_ms), "30s", SECOND, HOUR,
		NULL, CONF_LIVE, "The time within which these failures count."},
	{"breaker_open", CONF_DURATION, AT(conf_limits, breaker_open_ms), "60s", SECOND, HOUR, NULL,
		CONF_LIVE, "How long a provider is left alone before one call tries it."},
	{"drain", CONF_DURATION, AT(conf_limits, drain_ms), "10s", 0, MINUTE, NULL, CONF_LIVE,
		"How long a stop waits for replies that are under way."},
	{"gather", CONF_DURATION, AT(conf_limits, gather_ms), "10s", 100, MINUTE, NULL, CONF_LIVE,
		"Follows, raids, gifts, subscriptions and cheers that come within this time are "
		"told as one."},
	{"otherwise", CONF_DURATION, AT(conf_limits, otherwise_ms), "5m", 0, DAY, NULL, CONF_LIVE,
		"While no model answers, otherwise: lines are said at most this often in a "
		"channel."},
};

/* Well-known chat bots of Twitch, by login. */
#define KNOWN_BOTS                                                                          \
	"[nightbot, streamelements, streamlabs, moobot, fossabot, wizebot, botrixoficial, " \
	"soundalerts, sery_bot, phantombot, deepbot, coebot, cloudbot, pokemoncommunitygame]"

#define PLACE_LISTS                                                                        \
	{"channels", CONF_TEXTS, AT(conf_place, channels), NULL, 0, 0, NULL, CONF_LIVE,    \
		"The channels to join, with or without #."},                               \
	{                                                                                  \
		"ignore", CONF_TEXTS, AT(conf_place, ignore), NULL, 0, 0, NULL, CONF_LIVE, \
			"Logins or user ids that are never answered."                      \
	}
#define PLACE_END                                                                                  \
	{"reply_threads", CONF_BOOL, AT(conf_place, reply_threads), "true", 0, 0, NULL, CONF_LIVE, \
		"Answer as a reply to the message, where the place can."},                         \
	{                                                                                          \
		"ca_file", CONF_PATH, AT(conf_place, ca_file), NULL, 0, 0, NULL, CONF_RECONNECT,   \
			"Trust the certificates in this PEM file instead of the system's."         \
	}

/* The ranges end one below what Twitch allows (twitch_limits.h): the account is locked for an hour
 * when that is passed. */
static const struct conf_option twitch_options[] = {
	{"account", CONF_TEXT, AT(conf_place, account), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The login of the bot's account; without it the bot listens and never speaks."},
	{"client_id", CONF_TEXT, AT(conf_place, client_id), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The client id of your application on Twitch, with which mynah login twitch logs "
		"the account in."},
	{"client_secret", CONF_SECRET, AT(conf_place, client_secret), NULL, 0, 0, NULL,
		CONF_RECONNECT,
		"The secret of an application of type confidential; a public one has none."},
	{"token", CONF_SECRET, AT(conf_place, token), NULL, 0, 0, NULL, CONF_RECONNECT,
		"A user access token of the account, with or without oauth: in front, instead of a "
		"login; it is never renewed."},
	PLACE_LISTS,
	{"bots", CONF_TEXTS, AT(conf_place, bots), KNOWN_BOTS, 0, 0, NULL, CONF_LIVE,
		"Logins of bots, which are never answered."},
	{"url", CONF_TEXT, AT(conf_place, url), "wss://irc-ws.chat.twitch.tv:443/", 0, 0, NULL,
		CONF_RECONNECT, "The chat server; ws:// only on this machine."},
	{"chat", CONF_CHOICE, AT(conf_place, chat), "irc", 0, 0, sources, CONF_RESTART,
		"Where chat comes from: IRC, or EventSub, which needs send: helix."},
	{"send", CONF_CHOICE, AT(conf_place, send), "irc", 0, 0, senders, CONF_LIVE,
		"Which way replies go: the chat connection, or Helix, Twitch's REST interface, "
		"which needs the scope user:write:chat."},
	{"support", CONF_CHOICE, AT(conf_place, support), "irc", 0, 0, sources, CONF_LIVE,
		"Where subs, gifts, cheers and raids come from: what chat shows of them, or "
		"EventSub, which needs the broadcaster's login."},
	{"id_url", CONF_TEXT, AT(conf_place, id_url), "https://id.twitch.tv/oauth2", 0, 0, NULL,
		CONF_RECONNECT, "Where logins are made and renewed; http:// only on this machine."},
	{"api_url", CONF_TEXT, AT(conf_place, api_url), "https://api.twitch.tv/helix", 0, 0, NULL,
		CONF_RECONNECT, "Twitch's REST interface; http:// only on this machine."},
	{"eventsub_url", CONF_TEXT, AT(conf_place, eventsub_url), "wss://eventsub.wss.twitch.tv/ws",
		0, 0, NULL, CONF_RECONNECT, "Where events come from; ws:// only on this machine."},
	{"stream_poll", CONF_DURATION, AT(conf_place, stream_poll_ms), "60s", SECOND, HOUR, NULL,
		CONF_RESTART, "How often Twitch is asked which channels are live, their title and "
		"category, while a trigger wants to know."},
	{"sends", CONF_INT, AT(conf_place, sends), "19", 1, CONF_TWITCH_SENDS - 1, NULL, CONF_LIVE,
		"Messages within a window."},
	{"sends_mod", CONF_INT, AT(conf_place, sends_mod), "99", 1, CONF_TWITCH_SENDS_MOD - 1, NULL,
		CONF_LIVE,
		"Messages within a window where the bot is moderator, VIP or broadcaster."},
	{"window", CONF_DURATION, AT(conf_place, window_ms), "30500ms", 30500, 10 * MINUTE, NULL,
		CONF_LIVE, "The window in which messages are counted."},
	{"gap", CONF_DURATION, AT(conf_place, gap_ms), "1100ms", 1000, MINUTE, NULL, CONF_LIVE,
		"Time between two messages in a channel where the bot is no moderator."},
	{"joins", CONF_INT, AT(conf_place, joins), "18", 1, CONF_TWITCH_JOINS - 1, NULL, CONF_LIVE,
		"Channels joined within a join window."},
	{"join_window", CONF_DURATION, AT(conf_place, join_window_ms), "12s", 10500, 10 * MINUTE,
		NULL, CONF_LIVE, "The window in which joins are counted."},
	PLACE_END,
};

/* Networks differ; these keep below the flood limits of common servers: a burst of 5, then a line
 * every two seconds (RFC 1459, 8.10). */
static const struct conf_option irc_options[] = {
	{"account", CONF_TEXT, AT(conf_place, account), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The nickname of the bot."},
	{"token", CONF_SECRET, AT(conf_place, token), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The password of the server, if it wants one."},
	PLACE_LISTS,
	{"bots", CONF_TEXTS, AT(conf_place, bots), NULL, 0, 0, NULL, CONF_LIVE,
		"Nicknames of bots, which are never answered."},
	{"url", CONF_TEXT, AT(conf_place, url), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The server's WebSocket: wss://HOST:PORT/; ws:// only on this machine."},
	{"sends", CONF_INT, AT(conf_place, sends), "5", 1, 100, NULL, CONF_LIVE,
		"Messages within a window."},
	{"sends_mod", CONF_INT, AT(conf_place, sends_mod), "5", 1, 100, NULL, CONF_LIVE,
		"Messages within a window where the bot is channel operator."},
	{"window", CONF_DURATION, AT(conf_place, window_ms), "10s", SECOND, 10 * MINUTE, NULL,
		CONF_LIVE, "The window in which messages are counted."},
	{"gap", CONF_DURATION, AT(conf_place, gap_ms), "1s", 0, MINUTE, NULL, CONF_LIVE,
		"Time between two messages in a channel where the bot is no operator."},
	{"joins", CONF_INT, AT(conf_place, joins), "5", 1, 100, NULL, CONF_LIVE,
		"Channels joined within a join window."},
	{"join_window", CONF_DURATION, AT(conf_place, join_window_ms), "10s", SECOND, 10 * MINUTE,
		NULL, CONF_LIVE, "The window in which joins are counted."},
	PLACE_END,
};

/* Discord tells its limits with every answer, and they are kept by them; sends and window only keep
 * a flood of our own away from the 50 requests a second of one application (discord.md 8.3). */
static const struct conf_option discord_options[] = {
	{"token", CONF_SECRET, AT(conf_place, token), NULL, 0, 0, NULL, CONF_RECONNECT,
		"The token of the bot, from the page Bot of its application; without it the secret "
		"discord.bot."},
	{"channels", CONF_TEXTS, AT(conf_place, channels), NULL, 0, 0, NULL, CONF_LIVE,
		"Ids of the channels that are heard, their threads with them; without it every "
		"channel that the bot may write to."},
	{"direct", CONF_BOOL, AT(conf_place, direct), "true", 0, 0, NULL, CONF_LIVE,
		"Hear and answer direct messages."},
	{"ignore", CONF_TEXTS, AT(conf_place, ignore), NULL, 0, 0, NULL, CONF_LIVE,
		"User names or user ids that are never answered."},
	{"bots", CONF_TEXTS, AT(conf_place, bots), NULL, 0, 0, NULL, CONF_LIVE,
		"User names or user ids to be taken for bots, besides those that Discord marks as "
		"such."},
	{"hears_bots", CONF_BOOL, AT(conf_place, hears_bots), "false", 0, 0, NULL, CONF_LIVE,
		"Answer other bots when they mention this one."},
	{"broadcasters", CONF_TEXTS, AT(conf_place, broadcasters), NULL, 0, 0, NULL, CONF_LIVE,
		"Ids of roles whose members count as broadcaster; the owner of a server always "
		"does."},
	{"moderators", CONF_TEXTS, AT(conf_place, moderators), NULL, 0, 0, NULL, CONF_LIVE,
		"Ids of roles whose members count as moderator; without it who may manage "
		"messages."},
	{"vips", CONF_TEXTS, AT(conf_place, vips), NULL, 0, 0, NULL, CONF_LIVE,
		"Ids of roles whose members count as VIP."},
	{"subscribers", CONF_TEXTS, AT(conf_place, subscribers), NULL, 0, 0, NULL, CONF_LIVE,
		"Ids of roles whose members count as subscriber."},
	{"reply_threads", CONF_BOOL, AT(conf_place, reply_threads), "true", 0, 0, NULL, CONF_LIVE,
		"Answer as a reply to the message."},
	{"pings", CONF_BOOL, AT(conf_place, pings), "false", 0, 0, NULL, CONF_LIVE,
		"A reply notifies whom it answers; nobody else is ever notified."},
	{"parts", CONF_INT, AT(conf_place, parts), "1", 1, 3, NULL, CONF_LIVE,
		"Messages that one answer may take."},
	{"typing", CONF_BOOL, AT(conf_place, typing), "true", 0, 0, NULL, CONF_LIVE,
		"Show that the bot is typing while a model works."},
	{"edits", CONF_BOOL, AT(conf_place, edits), "false", 0, 0, NULL, CONF_LIVE,
		"Show a long answer while it is being written, by editing it."},
	{"commands", CONF_CHOICE, AT(conf_place, commands), "global", 0, 0, commands, CONF_LIVE,
		"Where slash commands are offered: everywhere, in each server by itself, which "
		"shows at once what changed, or nowhere. What the bot registered elsewhere before "
		"is taken back; what others registered is left alone where it offers none."},
	{"presence", CONF_TEXT, AT(conf_place, presence), NULL, 0, 0, NULL, CONF_LIVE,
		"What people see the bot watching."},
	{"shards", CONF_TEXTS, AT(conf_place, shard_words), "auto", 0, 0, NULL, CONF_RECONNECT,
		"How many connections share the servers: auto, a number, or [WHICH, NUMBER] where "
		"other processes have the rest; WHICH is one or a range, 0-3."},
	{"compress", CONF_BOOL, AT(conf_place, compress), "true", 0, 0, NULL, CONF_RECONNECT,
		"Let Discord compress what it sends."},
	{"api_url", CONF_TEXT, AT(conf_place, api_url), "https://discord.com/api/v10", 0, 0, NULL,
		CONF_RECONNECT, "Discord's REST interface; http:// only on this machine."},
	{"sends", CONF_INT, AT(conf_place, sends), "40", 1, 45, NULL, CONF_LIVE,
		"Messages within a window, in all channels together."},
	{"window", CONF_DURATION, AT(conf_place, window_ms), "1s", SECOND, 10 * MINUTE, NULL,
		CONF_LIVE, "The window in which messages are counted."},
	{"ca_file", CONF_PATH, AT(conf_place, ca_file), NULL, 0, 0, NULL, CONF_RECONNECT,
		"Trust the certificates in this PEM file instead of the system's."},
};

static const struct conf_option provider_options[] = {
	{"type", CONF_CHOICE, AT(conf_provider, type), "ollama", 0, 0, provider_types, CONF_LIVE,
		"What it speaks: Ollama's own API, the OpenAI one that most servers know, "
		"Anthropic's, WaddleAI's, or fixed answers from a file for trying things out."},
	{"url", CONF_TEXTS, AT(conf_provider, urls), NULL, 0, 0, NULL, CONF_LIVE,
		"Its base URL, or several, of servers that share the work: the one with the fewest "
		"calls under way is asked, and one that fails is left out until it is well. "
		"Without it http://127.0.0.1:11434 for ollama and https://api.anthropic.com for "
		"anthropic; openai and waddleai need one, like http://127.0.0.1:8080/v1."},
	{"model", CONF_TEXT, AT(conf_provider, model), NULL, 0, 0, NULL, CONF_LIVE,
		"The model to ask. Without it llama3.2 for ollama; the others need one."},
	{"smaller", CONF_TEXT, AT(conf_provider, smaller), NULL, 0, 0, NULL, CONF_LIVE,
		"The model that is asked instead, once, when the server's memory does not suffice. "
		"Without it an ollama server is asked for half the context_tokens, where the "
		"prompt fits."},
	{"key", CONF_SECRET, AT(conf_provider, key), NULL, 0, 0, NULL, CONF_LIVE, "Its API key."},
	{"headers", CONF_NODE, AT(conf_provider_draft, headers), NULL, 0, 0, NULL, CONF_LIVE,
		"Further headers of every request, like {X-Title: mynah}; a key belongs under "
		"key:."},
	{"remote_ok", CONF_BOOL, AT(conf_provider, remote_ok), "false", 0, 0, NULL, CONF_LIVE,
		"Must be true when the URL is not on this machine: chat is then sent there."},
	{"remote", CONF_BOOL, AT(conf_provider, is_remote), "false", 0, 0, NULL, CONF_LIVE,
		"It is on another machine although its URL is on this one: a proxy, a tunnel."},
	{"temperature", CONF_NUMBER, AT(conf_provider, temperature), "0.7", 0, 2, NULL, CONF_LIVE,
		"How freely it chooses its words, where a persona says nothing else."},
	{"max_tokens", CONF_INT, AT(conf_provider, max_tokens), "500", 1, 4096, NULL, CONF_LIVE,
		"How long an answer may become, where a persona says nothing else."},
	{"token_cap", CONF_CHOICE, AT(conf_provider, token_cap), "max_tokens", 0, 0, token_caps,
		CONF_LIVE,
		"The name under which an openai server takes max_tokens; newer models "
		"know only the second."},
	{"context_tokens", CONF_INT, AT(conf_provider, context_tokens), "4096", 512, 2000000, NULL,
		CONF_LIVE, "The tokens that the model can take in, prompt and answer together."},
	{"price_in", CONF_MONEY, AT(conf_provider, price_in), NULL, 0, 0, NULL, CONF_LIVE,
		"What a million tokens of the prompt cost, in US dollars. Without it what the list "
		"of prices says, else nothing."},
	{"price_out", CONF_MONEY, AT(conf_provider, price_out), NULL, 0, 0, NULL, CONF_LIVE,
		"What a million tokens of the answer cost."},
	{"keep_alive", CONF_TEXT, AT(conf_provider, keep_alive), "10m", 0, 0, NULL, CONF_LIVE,
		"How long ollama keeps the model loaded after a call; -1m is for ever."},
	{"warm_up", CONF_BOOL, AT(conf_provider, warm_up), "false", 0, 0, NULL, CONF_LIVE,
		"Have ollama load the model at the start, not at the first question."},
	{"file", CONF_PATH, AT(conf_provider, file), NULL, 0, 0, NULL, CONF_LIVE,
		"The answers of a scripted provider: a YAML list of when: and reply:."},
	{"ca_file", CONF_PATH, AT(conf_provider, ca_file), NULL, 0, 0, NULL, CONF_LIVE,
		"Trust the certificates in this PEM file instead of the system's."},
	{"connect", CONF_DURATION, AT(conf_provider, connect_ms), "5s", 100, 5 * MINUTE, NULL,
		CONF_LIVE, "Time to connect."},
	{"first_byte", CONF_DURATION, AT(conf_provider, first_byte_ms), "30s", 100, 5 * MINUTE,
		NULL, CONF_LIVE, "Time until the answer begins."},
	{"idle", CONF_DURATION, AT(conf_provider, idle_ms), "10s", 100, 5 * MINUTE, NULL, CONF_LIVE,
		"Time without a further piece of the answer."},
	{"total", CONF_DURATION, AT(conf_provider, total_ms), "20s", 100, 10 * MINUTE, NULL,
		CONF_LIVE, "Time for the whole call; the shortest of these counts."},
	{"at_once", CONF_INT, AT(conf_provider, at_once), "0", 0, 64, NULL, CONF_LIVE,
		"Calls under way at once; the next provider is asked for more. 0 = no limit of its "
		"own, in this and the next three."},
	{"calls_hour", CONF_INT, AT(conf_provider, calls_hour), "0", 0, 1000000, NULL, CONF_LIVE,
		"Calls an hour; past it the next provider is asked."},
	{"calls_day", CONF_INT, AT(conf_provider, calls_day), "0", 0, 10000000, NULL, CONF_LIVE,
		"The same a day (UTC)."},
	{"cost_day", CONF_MONEY, AT(conf_provider, cost_day), "0", 0, 0, NULL, CONF_LIVE,
		"US dollars that its calls may cost a day (UTC)."},
};

static const struct conf_option route_options[] = {
	{"trigger", CONF_TEXTS, AT(conf_route, triggers), NULL, 0, 0, NULL, CONF_LIVE,
		"Names of the triggers that it is for."},
	{"on", CONF_TEXTS, AT(conf_route, events), NULL, 0, 0, NULL, CONF_LIVE,
		"Kinds of event, spelled as in triggers: mynah help events lists them."},
	{"in", CONF_TEXTS, AT(conf_route, in), NULL, 0, 0, NULL, CONF_LIVE,
		"Platforms, channels or platform:channel."},
	{"longer_than", CONF_INT, AT(conf_route, longer_than), "0", 0, 2000000, NULL, CONF_LIVE,
		"Only for prompts of more tokens than this; 0 is for all."},
	{"ask", CONF_TEXTS, AT(conf_route, ask), NULL, 0, 0, NULL, CONF_LIVE,
		"Names of the providers that are asked, in their order, and no others. Each rule "
		"needs it."},
	{"model", CONF_TEXT, AT(conf_route, model), NULL, 0, 0, NULL, CONF_LIVE,
		"The model to ask these providers for. Without it each is asked for its own."},
};

const struct conf_part_table conf_parts[CONF_PART_COUNT] = {
#define PART(options) options, ARRAY_LEN(options)
	[CONF_PART_LOG] = {"log", PART(log_options), AT(conf, log),
		"What is written about itself."},
	[CONF_PART_MEMORY] = {"memory", PART(memory_options), AT(conf, memory),
		"What was said lately; it goes into prompts."},
	[CONF_PART_LEDGER] = {"ledger", PART(ledger_options), AT(conf, ledger),
		"A row for each model call."},
	[CONF_PART_API] = {"api", PART(api_options), AT(conf, api),
		"The door for mynah's own commands, health, metrics and other programs."},
	[CONF_PART_SAFETY] = {"safety", PART(safety_options), AT(conf, safety),
		"What a reply must be like before it is said."},
	[CONF_PART_EMBEDDINGS] = {"embeddings", PART(embeddings_options), AT(conf, embeddings),
		"What ranks the notes of the knowledge folder, beside their words."},
	[CONF_PART_PRIVACY] = {"privacy", PART(privacy_options), AT(conf, privacy),
		"What of people leaves this machine."},
	[CONF_PART_LIMITS] = {"limits", PART(limits_options), AT(conf, limits),
		"How much, how often, how long."},
	[CONF_PART_TWITCH] = {"twitch", PART(twitch_options), 0,
		"An account on Twitch. Without this section the bot is not there."},
	[CONF_PART_IRC] = {"irc", PART(irc_options), 0,
		"An account on an IRC network that has a WebSocket. Without this section the bot "
		"is "
		"not there."},
	[CONF_PART_DISCORD] = {"discord", PART(discord_options), 0,
		"A bot on Discord. Without this section it is not there."},
	[CONF_PART_PROVIDERS] = {"providers", PART(provider_options), 0,
		"Model servers, each under a name of your choice: providers: {NAME: {...}}. "
		"Without "
		"this section there is one, local, of type ollama."},
	[CONF_PART_ROUTES] = {"routes", PART(route_options), 0,
		"Who is asked for what: a list of rules, each with what it is for. The first rule "
		"that fits decides; where none does, ask: at the left edge."},
#undef PART
};

const struct conf_option *conf_top_options(size_t *n)
{
	*n = ARRAY_LEN(top_options);
	return top_options;
}

const char *conf_section(size_t i, const struct conf_option **options, size_t *n, const char **help)
{
	if (i > CONF_PART_COUNT)
		return NULL;
	if (i == 0) {
		*options = top_options;
		*n = ARRAY_LEN(top_options) - CONF_PART_COUNT;
		*help = "These stand at the left edge of the file.";
		return "";
	}
	*options = conf_parts[i - 1].options;
	*n = conf_parts[i - 1].n;
	*help = conf_parts[i - 1].help;
	return conf_parts[i - 1].name;
}

static bool has_option(const struct conf_option *options, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_is(name, options[i].name))
			return true;
	return false;
}

const char *conf_home_of(const struct conf_option *searched, struct str name)
{
	const struct conf_option *options;
	const char *section, *help, *home = NULL;
	bool is_ours = false;
	size_t n;

	for (size_t i = 0; (section = conf_section(i, &options, &n, &help)); i++) {
		is_ours = is_ours || options == searched;
		if (!home && has_option(options, n, name))
			home = section;
	}
	return is_ours ? home : NULL;
}
