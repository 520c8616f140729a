/* The fixture of the tests of Discord's REST side: a loop, a small peer that answers as Discord
 * does unless a rule says otherwise, and what it was asked. */
#ifndef DISCORD_WORLD_H
#define DISCORD_WORLD_H

#include "unit.h"

#include "platform/discord_rest.h"
#include "unit/provider_peer.h"

#define TOKEN "MTE4MDAwMDAwMDAwMDAwMDAwMQ.Fake00.kelpforest-reef-tidal"
#define BOT "1180000000000000001"
#define CHANNEL "1180000000000000200"
#define OTHER_CHANNEL "1180000000000000201"
#define ALICE "1180000000000000011"
#define INTERACTION "1180000000000002001"
#define INTERACTION_TOKEN "aW50ZXJhY3Rpb24tdG9rZW4"
#define JSON_HEAD(status, more)                                                                    \
	"HTTP/1.1 " status "\r\nContent-Type: application/json\r\nVia: 1.1 google\r\n" more        \
	"Connection: close\r\n\r\n"
#define NOTHING "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
#define ASKED_MAX 400

/* One request as it came. */
struct asked {
	char line[512]; /* "POST /channels/..." */
	char *head;     /* all of it */
	const char *body;
	int64_t at_ms;
};
/* How requests that begin like this are answered; the first that fits and is not used up. */
struct rule {
	const char *begin, *bytes;
	unsigned times; /* left; 0 = used up */
};
#define FOR_EVER 1000000u

struct world {
	struct io *io;
	struct peer peer;
	char url[64];
	struct conf_place conf;
	struct secret *token;
	struct platform_rest *rest;
	struct rule rules[16];
	size_t rule_count;
	struct asked asked[ASKED_MAX];
	size_t asked_count;
	unsigned long next_id;
	char made[16][256]; /* the answers that are being played */
	size_t refusals; /* of the token */
	/* what the last call was told */
	size_t answers;
	int err, status, code;
	int64_t wait_ms;
	bool has_body;
	char field[64], why[400];
	bool frees_in_done;
};
void world_open(struct world *w);
void world_close(struct world *w);
/* The next `times` requests that begin so are answered with these bytes (static). */
void world_rule(struct world *w, const char *begin, unsigned times, const char *bytes);
/* Turns the loop until *n (may be NULL) reaches `until`, at most ms. */
void turn(struct world *w, int64_t ms, const size_t *n, size_t until);
/* Lets everything that is under way end, and what comes of it at once. */
void settle(struct world *w);
/* Lets time pass until *n reaches `until`: for what waits between two tries. */
void wait_out(struct world *w, const size_t *n, size_t until);
/* How many requests began so. */
size_t asked(const struct world *w, const char *begin);
/* The n-th of them, from 0. */
const struct asked *asked_at(const struct world *w, const char *begin, size_t n);
struct platform_rest_task *call(struct world *w, const char *method, const char *path,
	int64_t deadline_ms);
/* The same, and waits for its end. */
void call_and_wait(struct world *w, const char *method, const char *path);

#endif
