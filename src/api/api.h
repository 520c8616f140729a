/* api: the HTTP door on the bot's unix socket, and on a loopback port if the config asks for it.
 *
 * Floor 7. Routes are rows of one table. What needs a key over TCP needs none over the socket,
 * whose file mode is the permission. It answers from memory at once and never waits. */
#ifndef API_API_H
#define API_API_H

#include "bot/bot.h"

struct api;
/* Serves until api_free. The socket's path is api.socket of the config, relative to the state
 * folder. ERR_BUSY: another process serves there. */
int api_new(struct io *io, struct bot *bot, const struct conf *c, struct api **out) MUST_USE;
void api_free(struct api *a);

/* The socket's path for this config. GIVES; NULL = no memory. */
char *api_socket_path(const struct conf *c);

#endif
