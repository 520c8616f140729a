/* The fixture of the tests of Twitch's REST interface: a loop, a small peer, a token that does what
 * the test says, and what the calls were told. */
#ifndef HELIX_WORLD_H
#define HELIX_WORLD_H

#include "unit.h"

#include "platform/twitch_helix.h"
#include "unit/provider_peer.h"

#define TOKEN "faketoken00kelp11reef22tidal33"
#define JSON_HEAD(status, more)                                                                    \
	"HTTP/1.1 " status "\r\nContent-Type: application/json; charset=utf-8\r\n" more            \
	"Connection: close\r\n\r\n"
#define SENT JSON_HEAD("200 OK", "") "{\"data\":[{\"message_id\":\"1\",\"is_sent\":true}]}"
#define NOTHING JSON_HEAD("200 OK", "") "{\"data\":[]}"
#define UNAUTHORIZED JSON_HEAD("401 Unauthorized", "")                                             \
	"{\"error\":\"Unauthorized\",\"status\":401,\"message\":\"Invalid OAuth token\"}"

/* The token: twitch_token.h's functions, as the test wants them. */
struct platform_token {
	enum platform_token_state state;
	struct secret *secret;
	const char *user_id, *client_id, *scopes;
	unsigned rejected;
};
void token_set(struct platform_token *t, const char *bytes);

struct world {
	struct io *io;
	struct peer peer;
	char url[64];
	struct conf_place conf;
	struct platform_token token;
	struct platform_helix *helix;
	/* what the last call was told */
	size_t answers;
	int err, status;
	bool has_body;
	char message[256], why[400];
	/* what the last say was told */
	size_t outcomes;
	enum reason reason;
	char turn[64], code[128];
	bool frees_in_done;
};
void world_open(struct world *w);
void world_close(struct world *w);
/* Turns the loop until *n (may be NULL) reaches `until`, at most ms. */
void turn(struct world *w, int64_t ms, const size_t *n, size_t until);
struct platform_helix_task *call(struct world *w, const char *method, const char *path);
/* The same, and waits for its end. */
void call_and_wait(struct world *w, const char *method, const char *path);
struct reply *reply_of(const char *text, const char *channel_id, const char *to_id);
void say(struct world *w, struct reply *r);
void say_and_wait(struct world *w, struct reply *r);

#endif
