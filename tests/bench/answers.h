/* tests/bench/answers.h: an HTTP server with ready answers, in a process of its own: what a place
 * wants to know before anything is worth measuring. */
#ifndef BENCH_ANSWERS_H
#define BENCH_ANSWERS_H

#include <stddef.h>

/* The first row whose begins is how the request line begins ("GET /users/@me") gives the answer;
 * none is a 404. */
struct answer {
	const char *begins;
	int status;
	const char *body;
};

/* Gives its pid; it ends with us. */
int answers_serve(const struct answer *rows, size_t n, int *port);

#endif
