/* io/curl.h: libcurl's multi interface on our loop, for http.c.
 *
 * Born with the first request. While curl is on the stack no transfer may be added or removed:
 * http.c adds in a lookup's callback and removes at quiet points, when it never is. */
#ifndef IO_CURL_H
#define IO_CURL_H

#include <curl/curl.h>

#include "io/loop.h"

/* The multi handle; NULL when curl cannot start. */
CURLM *io_curl_door_open(struct io *io);
/* http.c: a transfer ended by itself. Never called from inside curl. */
void io_http_transfer_done(CURL *easy, CURLcode result);
/* http.c: there is no memory to watch the transfer's socket. Called from inside curl. */
void io_http_starved(CURL *easy);

#endif
