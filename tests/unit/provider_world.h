/* The fixture of provider's pool tests: a loop, small peers, a config that points at them, and asks
 * that write down what they are told. */
#ifndef PROVIDER_WORLD_H
#define PROVIDER_WORLD_H

#include "unit.h"

#include "provider/provider.h"
#include "unit/provider_peer.h"

#define PROVIDERS 3
#define ROWS 16
#define KEY "sk-0123456789abcdefghij"

#define HEAD(status, type) "HTTP/1.1 " status "\r\nContent-Type: " type "\r\n" \
	"Connection: close\r\n\r\n"
#define STREAM HEAD("200 OK", "application/x-ndjson")
#define LINE(text) "{\"model\":\"m-real\",\"message\":{\"content\":\"" text "\"},\"done\":false}\n"
#define LAST "{\"model\":\"m-real\",\"done\":true,\"done_reason\":\"stop\"," \
	"\"prompt_eval_count\":9,\"eval_count\":2}\n"
#define HI STREAM LINE("Hi") LINE(" there") LAST
#define BUSY HEAD("503 Busy", "application/json") "{\"error\":\"server busy\"}"
#define X16 "0123456789abcdef"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X4K X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256

struct row {
	char provider[16], model[32], message[300], text[300];
	enum provider_error error;
	int status, number;
	bool is_fallback;
	int64_t tokens_in, tokens_out, first_token_ms, at_ms;
};

struct ask {
	struct world *world;
	struct provider_call *call;
	struct row rows[ROWS];
	size_t row_count;
	int done;
	struct row answer;
	bool was_cut;
	int attempts;
	size_t order;         /* the n-th done of the world */
	void (*in_attempt)(struct ask *a);
	void (*in_done)(struct ask *a);
	size_t told;          /* how often of an answer so far, and of what last */
	char so_far[300];
	void (*in_so_far)(struct ask *a);
};

struct world {
	struct io *io;
	struct peer peers[PROVIDERS];
	char urls[PROVIDERS][64];
	struct conf conf;
	struct conf_provider providers[PROVIDERS];
	char *names[PROVIDERS];
	struct provider_pool *pool;
	struct prompt_message message;
	struct prompt prompt;
	struct persona persona;
	size_t done;
};

/* n Ollama providers "one", "two", "three", asked in this order; a test may change w->conf and
 * w->providers before world_start. */
void world_open(struct world *w, size_t n);
void world_start(struct world *w);
void world_close(struct world *w);
/* Begins an ask with a deadline in so many ms. */
void ask_within(struct world *w, struct ask *a, int64_t in_ms);
/* The same with a zeroed `a`, and turns the loop until it ended. */
void ask_and_wait(struct world *w, struct ask *a);
/* Turns the loop for so long, or until *n (may be NULL) reaches `until`. */
void turn(struct world *w, int64_t ms, const size_t *n, size_t until);
void expect(const struct ask *a, enum provider_error e, const char *text);
void on_attempt(void *ctx, const struct provider_attempt *a);
void on_done(void *ctx, const struct provider_answer *a);

#endif
