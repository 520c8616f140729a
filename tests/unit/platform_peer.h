/* A small chat server over WebSocket, on the loop of the test. It answers as Twitch does unless
 * told otherwise, and keeps what every client wrote. */
#ifndef UNIT_PLATFORM_PEER_H
#define UNIT_PLATFORM_PEER_H

#include "io/io.h"

#define PEER_CLIENTS 32

struct peer_client {
	struct peer *peer;
	int fd; /* -1 = gone */
	struct io_watch *watch;
	struct buf in, lines; /* bytes not taken yet; what it said, one line each */
	bool is_open, is_deaf; /* deaf: what it says is kept and not answered */
	char nick[64];
};

struct peer {
	struct io *io;
	int fd, port;
	struct io_watch *watch;
	struct peer_client clients[PEER_CLIENTS];
	size_t n; /* accepted so far */
	/* How it differs from a server in good health. */
	const char *refuse_login;  /* NOTICE * with this text instead of a welcome */
	bool is_silent;            /* says nothing at all after the upgrade */
	bool is_mute_on_upgrade;   /* does not even answer the upgrade */
	bool answers_no_join, answers_no_privmsg, answers_no_ping;
	bool is_plain_irc;         /* CAP LS, no Twitch states, PONG with its token */
	const char *userstate;     /* tags of USERSTATE after JOIN; NULL = "badges=;mod=0" */
	unsigned nicks_taken;      /* so many NICKs are refused with 433 */
};

void peer_start(struct peer *p, struct io *io);
void peer_stop(struct peer *p);
/* One frame, to one client; CRLF is added. */
void peer_say(struct peer *p, size_t client, const char *fmt, ...) PRINTF_LIKE(3, 4);
void peer_frame(struct peer *p, size_t client, const char *text); /* as it is */
void peer_cut(struct peer *p, size_t client); /* RST */
size_t peer_live(const struct peer *p);       /* connections that are open now */
/* How many lines of this client begin with text. */
size_t peer_count(const struct peer *p, size_t client, const char *text);

#endif
