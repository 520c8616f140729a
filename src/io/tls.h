/* io/tls.h: TLS of one client connection, over OpenSSL: bytes in, bytes out, no socket.
 *
 * libwebsockets 4.1 cannot do TLS on a raw connection (it begins before there is a socket:
 * libraries.md 1.3), so what it brings goes through here. TLS 1.2 and newer; the server's
 * certificate has to be right for the host, name or number. */
#ifndef IO_TLS_H
#define IO_TLS_H

#include <openssl/ssl.h>

#include "io/loop.h"

#define IO_TLS_WHY_BYTES 200
#define IO_TLS_RECORD_BYTES 16384 /* RFC 8446 5.1: plain bytes of one record */

struct io_tls;

/* When the file was put there, on clock_wall_ms: what was read before is to be read again. 0 =
 * there is none. */
int64_t io_tls_changed_ms(const char *ca_file);

/* ca_file: NULL = the system's authorities; a file that has changed is read again. ERR_TLS (they
 * cannot be used), ERR_NOMEM. */
int io_tls_new(struct io *io, const char *ca_file, const char *host, struct io_tls **out) MUST_USE;
void io_tls_free(struct io_tls *t);

/* Bytes that the peer has sent. */
int io_tls_feed(struct io_tls *t, struct str bytes) MUST_USE;
/* Goes on with the handshake: 1 = done, 0 = the peer is to say more, ERR_TLS. */
int io_tls_greet(struct io_tls *t) MUST_USE;
/* Plain bytes of the peer: their number; 0 = none before more is fed, ERR_CLOSED = it has ended. */
int io_tls_read(struct io_tls *t, char *out, size_t size) MUST_USE;
/* Plain bytes for the peer. */
int io_tls_write(struct io_tls *t, const void *bytes, size_t n) MUST_USE;
/* Takes at most size bytes that have to be sent to the peer. */
size_t io_tls_take(struct io_tls *t, void *out, size_t size);
bool io_tls_has_more(const struct io_tls *t);

/* What is wrong with the server's certificate; "" = nothing was found. */
const char *io_tls_certificate(const struct io_tls *t);
/* Why the handshake failed. */
const char *io_tls_why(const struct io_tls *t);

/* certificate.c: says in why (IO_TLS_WHY_BYTES) what one step of the verification found wrong. */
void io_certificate_why(X509_STORE_CTX *step, const char *host, char *why);

#endif
