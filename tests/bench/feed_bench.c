/* What events cost that come as JSON: the real binary, with triggers none of which matches.
 *
 *   feed_bench [MYNAH [f][g]]
 *
 * f  Twitch's EventSub: follows and lines of chat
 * g  Discord's gateway: messages, plain and compressed; memory with many servers
 *
 * README.md says how each is measured and why so. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <zlib.h>

#include "answers.h"
#include "corpus.h"
#include "daemon.h"
#include "wire.h"

#define ROUNDS 5
#define BLOCK 1000 /* messages sent in one piece */
#define USERS 2000
#define TRIGGERS 100
#define GUILDS 100
#define GUILD_CHANNELS 500
#define TEXT_BYTES 2048

static char patterns[TRIGGERS][CORPUS_PATTERN_BYTES];
static struct daemon bot;
static struct wire wire;
static uint64_t last_number = 1000000000; /* ids and sequence numbers are made of it */
static z_stream deflater;
static bool is_compressed;

static void pause_ms(int64_t ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* ---- A block of messages ----------------------------------------------------------------- */

#define NUMBERS 3  /* in each message, of ten digits */
#define DIGITS "0000000000"

struct block {
	struct buf bytes;
	size_t ends[BLOCK], numbers[BLOCK][NUMBERS];
};

/* One message. text is a JSON string. */
typedef void make(struct buf *out, unsigned user, struct str text);

static void make_block(struct block *k, make *one)
{
	struct trigger_set *set = corpus_set(patterns, TRIGGERS);
	struct buf text, quoted;

	buf_init(&text, TEXT_BYTES);
	buf_init(&quoted, 8 * TEXT_BYTES);
	buf_init(&k->bytes, 8 * 1024 * 1024);
	for (size_t i = 0; i < BLOCK; i++) {
		const size_t from = k->bytes.len;
		size_t at = from;

		buf_clear(&text);
		buf_clear(&quoted);
		corpus_quiet_line(&text, set);
		bench_must(json_add_string(&quoted, buf_str(&text)));
		one(&k->bytes, corpus_below(USERS), buf_str(&quoted));
		k->ends[i] = k->bytes.len;
		for (size_t n = 0; n < NUMBERS; n++) {
			char *found = memmem(k->bytes.at + at, k->bytes.len - at, DIGITS,
				sizeof(DIGITS) - 1);

			k->numbers[i][n] = found ? (size_t)(found - k->bytes.at) : 0;
			at = found ? k->numbers[i][n] + 1 : at;
		}
	}
	buf_fini(&text);
	buf_fini(&quoted);
	trigger_set_free(set);
}

static void write_number(char *at, uint64_t n)
{
	for (size_t i = sizeof(DIGITS) - 1; i-- > 0; n /= 10)
		at[i] = (char)('0' + n % 10);
}

/* A frame; where it is asked for, compressed as one stream that lasts as long as the connection. */
static void add_frame(struct str payload)
{
	static unsigned char packed[4 * 1024 * 1024];

	if (!is_compressed) {
		wire_frame(&wire.out, WIRE_TEXT, payload);
		return;
	}
	deflater.next_in = (unsigned char *)(uintptr_t)payload.at;
	deflater.avail_in = (unsigned)payload.len;
	deflater.next_out = packed;
	deflater.avail_out = sizeof(packed);
	if (deflate(&deflater, Z_SYNC_FLUSH) != Z_OK || deflater.avail_in > 0)
		bench_die("zlib");
	wire_frame(&wire.out, WIRE_BINARY,
		(struct str){(char *)packed, sizeof(packed) - deflater.avail_out});
}

static void send_block(struct block *k)
{
	for (size_t i = 0; i < BLOCK; i++) {
		const size_t from = i > 0 ? k->ends[i - 1] : 0;

		last_number++;
		for (size_t n = 0; n < NUMBERS; n++) {
			if (k->numbers[i][n] > 0)
				write_number(k->bytes.at + k->numbers[i][n], last_number);
		}
		add_frame((struct str){k->bytes.at + from, k->ends[i] - from});
	}
	wire_flush(&wire);
}

/* ---- What is measured -------------------------------------------------------------------- */

/* served: looked at between two blocks, so that the client gets its answers. */
static void flood(struct block *k, size_t n, void (*serve)(void))
{
	for (; n > 0; n -= BLOCK) {
		send_block(k);
		serve();
	}
	wire_barrier(&wire);
}

static void bench_flood(const char *what, struct block *k, void (*serve)(void), double target_us)
{
	const size_t n = 100000;
	double us[ROUNDS], allocations, seen;

	flood(k, 20 * BLOCK, serve);
	allocations = daemon_metric(&bot, "mynah_allocations_total");
	seen = daemon_metric(&bot, "mynah_events_total");
	for (int r = 0; r < ROUNDS; r++) {
		double from = daemon_cpu_us(&bot);

		flood(k, n, serve);
		us[r] = (daemon_cpu_us(&bot) - from) / (double)n;
	}
	allocations = daemon_metric(&bot, "mynah_allocations_total") - allocations;
	seen = daemon_metric(&bot, "mynah_events_total") - seen;
	printf("%-34s %5.0f bytes %8.2f us of CPU each   target %.0f\n", what,
		(double)k->bytes.len / BLOCK, bench_median(us, ROUNDS), target_us);
	printf("%-34s of %zu heard %.0f; allocations %.0f\n", "", ROUNDS * n, seen, allocations);
}

/* ---- (f) EventSub ------------------------------------------------------------------------ */

#define CHANNEL_ID "40010001"
#define SESSION "AgoQx7KelpForestSessionIdEgZjZWxsLWE"
#define STAMP "2026-01-01T12:00:00.123456789Z"

/* Ids are UUIDs; their last ten digits differ. */
#define EVENT_ID "b34ccfc7-4977-403a-8a94-11" DIGITS

static void add_notification(struct buf *out, const char *type, const char *version,
	const char *condition)
{
	bench_must(buf_addf(out, "{\"metadata\":{\"message_id\":\"" EVENT_ID "\",\"message_type\":"
		"\"notification\",\"message_timestamp\":\"" STAMP "\",\"subscription_type\":\"%s\","
		"\"subscription_version\":\"%s\"},\"payload\":{\"subscription\":{\"id\":"
		"\"41039a6b-75c9-51a5-88b8-b5168eb03e65\",\"status\":\"enabled\",\"type\":\"%s\","
		"\"version\":\"%s\",\"cost\":0,\"condition\":{\"broadcaster_user_id\":\"" CHANNEL_ID
		"\",\"%s\":\"60030003\"},\"transport\":{\"method\":\"websocket\",\"session_id\":\""
		SESSION "\"},\"created_at\":\"2026-01-01T11:59:58.001002003Z\"},\"event\":", type,
		version, type, version, condition));
}

static void make_follow(struct buf *out, unsigned user, struct str text)
{
	(void)text;
	add_notification(out, "channel.follow", "2", "moderator_user_id");
	bench_must(buf_addf(out, "{\"user_id\":\"%u\",\"user_login\":\"pebblewren%u\","
		"\"user_name\":\"PebbleWren%u\",\"broadcaster_user_id\":\"" CHANNEL_ID "\","
		"\"broadcaster_user_login\":\"kelpforest\","
		"\"broadcaster_user_name\":\"KelpForest\",\"followed_at\":\"" STAMP "\"}}}",
		50020007 + user, user, user));
}

static void make_line(struct buf *out, unsigned user, struct str text)
{
	add_notification(out, "channel.chat.message", "1", "user_id");
	bench_must(buf_addf(out, "{\"broadcaster_user_id\":\"" CHANNEL_ID "\","
		"\"broadcaster_user_login\":\"kelpforest\","
		"\"broadcaster_user_name\":\"KelpForest\",\"source_broadcaster_user_id\":null,"
		"\"source_broadcaster_user_login\":null,\"source_broadcaster_user_name\":null,"
		"\"chatter_user_id\":\"%u\",\"chatter_user_login\":\"pebblewren%u\","
		"\"chatter_user_name\":\"PebbleWren%u\",\"message_id\":\"" EVENT_ID "\","
		"\"source_message_id\":null,\"is_source_only\":null,",
		50020007 + user, user, user));
	bench_must(buf_addf(out, "\"message\":{\"text\":%.*s,\"fragments\":[{\"type\":\"text\","
		"\"text\":%.*s,\"cheermote\":null,\"emote\":null,\"mention\":null}]},\"color\":"
		"\"#1E90FF\",\"badges\":[{\"set_id\":\"subscriber\",\"id\":\"12\","
		"\"info\":\"14\"}],\"source_badges\":null,\"message_type\":\"text\",\"cheer\":null,"
		"\"reply\":null,\"channel_points_custom_reward_id\":null,"
		"\"channel_points_animation_id\":null}}}",
		STR_FMT(text), STR_FMT(text)));
}

static const struct answer twitch_answers[] = {
	{"GET /oauth2/validate", 200, "{\"client_id\":\"hof5gwx0su6owfnys0yan9c87zr6t\","
		"\"login\":\"tidalbot\",\"scopes\":[\"chat:read\",\"chat:edit\",\"user:read:chat\","
		"\"user:write:chat\",\"moderator:read:followers\"],\"user_id\":\"60030003\","
		"\"expires_in\":0}"},
	{"GET /helix/users", 200, "{\"data\":[{\"id\":\"" CHANNEL_ID "\",\"login\":\"kelpforest\","
		"\"display_name\":\"KelpForest\"}]}"},
	{"POST /helix/eventsub/subscriptions", 202, "{\"data\":[{\"id\":"
		"\"41039a6b-75c9-51a5-88b8-b5168eb03e65\",\"status\":\"enabled\",\"cost\":0}],"
		"\"total\":1,\"total_cost\":0,\"max_total_cost\":10}"},
	{"GET /helix/", 200, "{\"data\":[],\"total\":0,\"total_cost\":0,\"max_total_cost\":10,"
		"\"pagination\":{}}"},
	{"POST /helix/chat/messages", 200,
		"{\"data\":[{\"message_id\":\"abc\",\"is_sent\":true}]}"},
};

static void serve_nothing(void)
{
}

static void begin_eventsub(void)
{
	daemon_start(&bot);
	wire_accept(&wire);
	wire_frame(&wire.out, WIRE_TEXT, STR("{\"metadata\":{\"message_id\":\"w\",\"message_type\":"
		"\"session_welcome\",\"message_timestamp\":\"" STAMP "\"},"
		"\"payload\":{\"session\":{\"id\":\"" SESSION "\",\"status\":\"connected\","
		"\"connected_at\":\"" STAMP "\","
		"\"keepalive_timeout_seconds\":600,\"reconnect_url\":null}}}"));
	wire_flush(&wire);
	pause_ms(1500); /* it subscribes */
	wire_barrier(&wire);
}

static void end(void)
{
	daemon_stop(&bot);
	wire_gone(&wire);
}

static void write_triggers(const char *more)
{
	struct buf yaml;

	buf_init(&yaml, CONF_FILE_BYTES);
	corpus_triggers(&yaml, patterns, 0, TRIGGERS);
	daemon_write(&bot, "triggers/corpus.yaml", "%s%s", buf_text(&yaml), more);
	buf_fini(&yaml);
}

static void bench_eventsub(void)
{
	static struct block follows, lines;
	int port, pid = answers_serve(twitch_answers, COUNT(twitch_answers), &port);

	make_block(&follows, make_follow);
	make_block(&lines, make_line);
	daemon_configure(&bot, "twitch: {account: tidalbot, token: {file: %s/token}, channels: "
		"[kelpforest], chat: eventsub, send: helix, id_url: 'http://127.0.0.1:%d/oauth2', "
		"api_url: 'http://127.0.0.1:%d/helix', eventsub_url: 'ws://127.0.0.1:%d/ws'}\n",
		bot.folder,
		port, port, wire.port);
	/* Follows are heard where a trigger wants them, and gathered; this one answers none. */
	write_triggers("follow: {on: follow, game: Chess, reply: x}\n");
	begin_eventsub();
	bench_flood("f  follow", &follows, serve_nothing, 12);
	bench_flood("f  line of chat", &lines, serve_nothing, 12);
	printf("f  after them                              %8.1f MiB resident\n",
		daemon_rss_mib(&bot));
	flood(&follows, 1000 * BLOCK, serve_nothing);
	printf("f  after 1,000,000 follows more            %8.1f MiB                target flat\n",
		daemon_rss_mib(&bot));
	end();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	buf_fini(&follows.bytes);
	buf_fini(&lines.bytes);
}

/* ---- (g) Discord ------------------------------------------------------------------------- */

#define GUILD_ID "11800000000001%05u"
#define BOT_ID "1180000000000000001"

static void serve_heartbeats(void)
{
	while (wire_receive(&wire, clock_mono_us()))
		;
	if (strstr(buf_text(&wire.text), "\"op\":1,")) {
		add_frame(STR("{\"op\":11}"));
		wire_flush(&wire);
	}
	buf_clear(&wire.text);
}

static void make_message(struct buf *out, unsigned user, struct str text)
{
	const unsigned channel = corpus_below(GUILD_CHANNELS);

	bench_must(buf_addf(out, "{\"t\":\"MESSAGE_CREATE\",\"s\":" DIGITS ",\"op\":0,\"d\":{"
		"\"type\":0,\"tts\":false,\"timestamp\":\"2026-01-02T03:04:05.678000+00:00\","
		"\"pinned\":false,\"nonce\":\"118000000" DIGITS "\",\"mentions\":[],"
		"\"mention_roles\":[],\"mention_everyone\":false,\"member\":{\"roles\":["
		"\"1180000000000000301\",\"1180000000000000302\",\"1180000000000000303\","
		"\"1180000000000000304\",\"1180000000000000305\",\"1180000000000000306\","
		"\"1180000000000000307\",\"1180000000000000308\",\"1180000000000000309\"],"
		"\"premium_since\":null,\"pending\":false,\"nick\":\"Pebble Wren\",\"mute\":false,"
		"\"joined_at\":\"2025-10-01T12:00:00.123000+00:00\",\"flags\":0,\"deaf\":false,"
		"\"communication_disabled_until\":null,\"banner\":null,\"avatar\":null},"
		"\"id\":\"118000000" DIGITS "\","));
	bench_must(buf_addf(out, "\"flags\":0,\"embeds\":[],\"edited_timestamp\":null,"
		"\"content\":%.*s,\"components\":[],\"channel_type\":0,\"channel_id\":"
		"\"1180000000%09u\",\"author\":{\"username\":\"pebblewren%u\",\"public_flags\":64,"
		"\"primary_guild\":{\"tag\":\"WREN\",\"identity_guild_id\":\"1180000000000000100\","
		"\"identity_enabled\":true,\"badge\":\"7d1734ae5a615e82bc7a4033b98fade8\"},"
		"\"id\":\"11800000000%08u\",\"global_name\":\"PebbleWren%u\","
		"\"discriminator\":\"0\",\"display_name_styles\":null,\"collectibles\":null,"
		"\"clan\":{\"tag\":\"WREN\",\"identity_guild_id\":\"1180000000000000100\","
		"\"identity_enabled\":true,\"badge\":\"7d1734ae5a615e82bc7a4033b98fade8\"},"
		"\"avatar_decoration_data\":{\"sku_id\":\"1144058522808614923\","
		"\"expires_at\":null,\"asset\":\"a_10b9f886b513b77ccdd67c8784f1a496\"},\"avatar\":"
		"\"a_0123456789abcdef0123456789abcdef\"},\"attachments\":[],"
		"\"guild_id\":\"" GUILD_ID "\"}}", STR_FMT(text), channel, user, user, user, 0u));
}

static void add_guild(unsigned guild)
{
	struct buf b;

	buf_init(&b, 1024 * 1024);
	bench_must(buf_addf(&b, "{\"t\":\"GUILD_CREATE\",\"s\":%u,\"op\":0,"
		"\"d\":{\"id\":\"" GUILD_ID "\",\"name\":\"Server %u\","
		"\"owner_id\":\"1180000000000000011\",\"joined_at\":"
		"\"2025-11-01T10:00:00.000000+00:00\",\"large\":true,\"unavailable\":false,"
		"\"member_count\":3000,\"roles\":[{\"id\":\"" GUILD_ID "\",\"name\":\"@everyone\","
		"\"permissions\":\"1071698660929\",\"position\":0}],\"emojis\":[],\"threads\":[],"
		"\"voice_states\":[],\"presences\":[],\"members\":[{\"user\":{\"id\":\"" BOT_ID
		"\",\"username\":\"examplebot\",\"bot\":true},\"roles\":[],\"joined_at\":"
		"\"2025-11-01T10:00:00.000000+00:00\"}],\"channels\":[", guild + 2, guild, guild,
		guild));
	for (unsigned i = 0; i < GUILD_CHANNELS; i++)
		bench_must(buf_addf(&b, "%s{\"version\":1700000000000,\"type\":0,\"topic\":null,"
			"\"rate_limit_per_user\":0,\"position\":%u,"
			"\"permission_overwrites\":[{\"type\":0,\"id\":\"" GUILD_ID "\","
			"\"deny\":\"0\",\"allow\":\"2048\"}],\"parent_id\":null,"
			"\"nsfw\":false,\"name\":\"channel-%u\",\"last_message_id\":"
			"\"1190000000000000000\",\"id\":\"1180000000%09u\",\"flags\":0}",
			i > 0 ? "," : "", i, guild, i, guild * GUILD_CHANNELS + i));
	bench_must(buf_adds(&b, "]}}"));
	add_frame(buf_str(&b));
	buf_fini(&b);
}

static void begin_discord(void)
{
	struct buf ready;

	buf_init(&ready, 65536);
	daemon_start(&bot);
	wire_accept(&wire);
	if (deflateInit(&deflater, 1) != Z_OK)
		bench_die("zlib");
	add_frame(STR("{\"op\":10,\"d\":{\"heartbeat_interval\":41250}}"));
	wire_flush(&wire);
	while (!strstr(buf_text(&wire.text), "\"op\":2,"))
		if (!wire_receive(&wire, clock_mono_us() + WIRE_WAIT_US))
			bench_die("no identify");
	bench_must(buf_addf(&ready, "{\"t\":\"READY\",\"s\":1,\"op\":0,\"d\":{\"v\":10,\"user\":{"
		"\"id\":\"" BOT_ID "\",\"username\":\"examplebot\",\"discriminator\":\"4321\","
		"\"global_name\":null,\"avatar\":null,\"bot\":true},\"session_id\":"
		"\"5f2d0c1e9a7b4c3d8e6f001122334455\",\"resume_gateway_url\":\"ws://127.0.0.1:%d\","
		"\"shard\":[0,1],\"application\":{\"id\":\"" BOT_ID "\",\"flags\":565248},"
		"\"guilds\":[", wire.port));
	for (unsigned i = 0; i < GUILDS; i++)
		bench_must(buf_addf(&ready, "%s{\"id\":\"" GUILD_ID "\",\"unavailable\":true}",
			i > 0 ? "," : "", i));
	bench_must(buf_adds(&ready, "]}}"));
	add_frame(buf_str(&ready));
	wire_flush(&wire);
	for (unsigned i = 0; i < GUILDS; i++) {
		add_guild(i);
		wire_flush(&wire);
	}
	wire_barrier(&wire);
	buf_fini(&ready);
}

static void bench_discord(void)
{
	static struct block messages;
	char gateway[256];
	const struct answer answers[] = {
		{"GET /gateway/bot", 200, gateway},
		{"GET /applications/@me", 200, "{\"id\":\"" BOT_ID "\",\"name\":\"x\","
			"\"flags\":565248}"},
		{"GET /users/@me", 200, "{\"id\":\"" BOT_ID "\",\"username\":\"examplebot\","
			"\"discriminator\":\"4321\",\"global_name\":null,\"bot\":true}"},
		{"GET /applications/", 200, "[]"},
		{"PUT /applications/", 200, "[]"},
	};
	int port, pid;

	snprintf(gateway, sizeof(gateway), "{\"url\":\"ws://127.0.0.1:%d\",\"shards\":1,"
		"\"session_start_limit\":{\"total\":1000,\"remaining\":1000,"
		"\"reset_after\":14400000,\"max_concurrency\":1}}", wire.port);
	pid = answers_serve(answers, COUNT(answers), &port);
	make_block(&messages, make_message);
	write_triggers("");
	for (int i = 0; i < 2; i++) {
		is_compressed = i == 1;
		daemon_configure(&bot, "discord: {token: {file: %s/discord}, compress: %s, "
			"commands: 'off', api_url: 'http://127.0.0.1:%d'}\n", bot.folder,
			is_compressed ? "true" : "false", port);
		begin_discord();
		pause_ms(500);
		printf("g  just started                           %8.1f MiB resident\n",
			daemon_rss_mib(&bot));
		daemon_settle();
		printf("g  %u servers of %u channels, idle      %8.1f MiB resident   target 16\n",
			GUILDS, GUILD_CHANNELS, daemon_rss_mib(&bot));
		bench_flood(is_compressed ? "g  message, zlib-stream" : "g  message, plain",
			&messages, serve_heartbeats, is_compressed ? 9 : 7);
		printf("g  after them                             %8.1f MiB resident   target 16\n",
			daemon_rss_mib(&bot));
		end();
		deflateEnd(&deflater);
	}
	is_compressed = false;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	buf_fini(&messages.bytes);
}

int main(int argc, char **argv)
{
	const char *wanted = argc > 2 ? argv[2] : "fg";

	setvbuf(stdout, NULL, _IOLBF, 0);
	bench_warn_build();
	corpus_init();
	for (size_t i = 0; i < TRIGGERS; i++)
		corpus_pattern(patterns[i], i);
	wire_open(&wire);
	daemon_init(&bot, argc > 1 ? argv[1] : "./mynah");
	daemon_write(&bot, "discord", "MTE4MDAwMDAwMDAwMDAwMDAwMQ.Gabcde."
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL\n");
	if (strchr(wanted, 'f'))
		bench_eventsub();
	if (strchr(wanted, 'g'))
		bench_discord();
	daemon_fini(&bot);
	wire_shut(&wire);
	return 0;
}
