/* io/tls.c: one TLS connection between two buffers of memory. */
#include "io/tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <utlist.h>

#define AUTHORITIES_MAX 8 /* different ca_file values; the system's hold about 1 MiB */

/* Whom to trust; shared by all connections with the same ca_file, for as long as that stays as it
 * is. */
struct tls_authority {
	struct tls_authority *prev, *next;
	SSL_CTX *ctx;
	int64_t changed_ms;
	char ca_file[]; /* "" = the system's */
};

struct io_tls {
	SSL *ssl;
	BIO *in, *out; /* of ssl */
	char host[256];
	char certificate[IO_TLS_WHY_BYTES], why[IO_TLS_WHY_BYTES];
};

/* ---- Whom to trust --------------------------------------------------------------------------- */

/* A step of the verification. */
static int on_step(int is_right, X509_STORE_CTX *step)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(step, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct io_tls *t = SSL_get_app_data(ssl);

	if (!is_right)
		io_certificate_why(step, t->host, t->certificate);
	return is_right;
}

static SSL_CTX *new_ctx(const char *ca_file)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int is_right;

	if (!ctx)
		return NULL;
	is_right = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	if (is_right && *ca_file)
		is_right = SSL_CTX_load_verify_locations(ctx, ca_file, NULL);
	else if (is_right)
		is_right = SSL_CTX_set_default_verify_paths(ctx);
	if (is_right != 1) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_step);
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION); /* io_tls_write cannot wait for it */
	return ctx;
}

int64_t io_tls_changed_ms(const char *ca_file)
{
	struct stat st;

	if (*ca_file == '\0' || stat(ca_file, &st) < 0)
		return 0;
	return (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
}

/* Reads a file that has changed, once. Of one that cannot be used the version before counts. */
static void renew(struct tls_authority *a)
{
	const int64_t changed_ms = io_tls_changed_ms(a->ca_file);
	SSL_CTX *fresh;

	if (changed_ms == a->changed_ms || changed_ms == 0)
		return;
	a->changed_ms = changed_ms;
	fresh = new_ctx(a->ca_file);
	if (!fresh) {
		log_event(LOG_ERROR, "io", "ca_file", "result", "FAILED", "file", a->ca_file,
			"message", "it has changed and cannot be used: WebSockets trust what it "
			"said before, HTTPS trusts nobody", NULL);
		return;
	}
	SSL_CTX_free(a->ctx); /* connections keep theirs */
	a->ctx = fresh;
}

/* NULL = ca_file cannot be used. */
static SSL_CTX *find_ctx(struct io *io, const char *ca_file)
{
	const size_t n = strlen(ca_file);
	struct tls_authority *a;
	int count;

	DL_FOREACH(io->authorities, a) {
		if (strcmp(a->ca_file, ca_file) == 0) {
			renew(a);
			return a->ctx;
		}
	}
	DL_COUNT(io->authorities, a, count);
	a = count < AUTHORITIES_MAX ? mem_new(sizeof(*a) + n + 1) : NULL;
	if (!a)
		return NULL;
	memcpy(a->ca_file, ca_file, n + 1);
	a->changed_ms = io_tls_changed_ms(ca_file);
	a->ctx = new_ctx(ca_file);
	if (!a->ctx) {
		mem_free(a);
		return NULL;
	}
	DL_APPEND(io->authorities, a);
	return a->ctx;
}

void io_tls_forget(struct io *io)
{
	struct tls_authority *a, *tmp;

	DL_FOREACH_SAFE(io->authorities, a, tmp) {
		SSL_CTX_free(a->ctx);
		mem_free(a);
	}
	io->authorities = NULL;
}

/* ---- A connection ---------------------------------------------------------------------------- */

/* Says whom the certificate has to name, and asks a server of many names for this one. */
static bool set_host(struct io_tls *t, const char *host)
{
	static const unsigned char alpn[] = "\x08http/1.1"; /* each word behind its length */

	snprintf(t->host, sizeof(t->host), "%s", host);
	if (SSL_set_alpn_protos(t->ssl, alpn, sizeof(alpn) - 1) != 0)
		return false;
	if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(t->ssl), host) == 1)
		return true;
	SSL_set_hostflags(t->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(t->ssl, host) == 1 && SSL_set_tlsext_host_name(t->ssl, host) == 1;
}

int io_tls_new(struct io *io, const char *ca_file, const char *host, struct io_tls **out)
{
	SSL_CTX *ctx = find_ctx(io, ca_file ? ca_file : "");
	struct io_tls *t;

	*out = NULL;
	ERR_clear_error();
	if (!ctx)
		return ERR_TLS;
	t = mem_new(sizeof(*t));
	if (!t)
		return ERR_NOMEM;
	t->ssl = SSL_new(ctx);
	t->in = BIO_new(BIO_s_mem());
	t->out = BIO_new(BIO_s_mem());
	if (!t->ssl || !t->in || !t->out) {
		BIO_free(t->in);
		BIO_free(t->out);
		SSL_free(t->ssl);
		mem_free(t);
		return ERR_NOMEM;
	}
	SSL_set_bio(t->ssl, t->in, t->out); /* they are its own now */
	SSL_set_app_data(t->ssl, t);
	SSL_set_connect_state(t->ssl);
	if (!set_host(t, host)) {
		io_tls_free(t);
		return ERR_NOMEM;
	}
	*out = t;
	return 0;
}

void io_tls_free(struct io_tls *t)
{
	if (!t)
		return;
	SSL_free(t->ssl);
	mem_free(t);
}

int io_tls_feed(struct io_tls *t, struct str bytes)
{
	/* It grows; the callers hand over one read of a socket each. */
	return BIO_write(t->in, bytes.at, (int)bytes.len) == (int)bytes.len ? 0 : ERR_NOMEM;
}

int io_tls_greet(struct io_tls *t)
{
	const char *reason;
	int r;

	ERR_clear_error(); /* OpenSSL has one list of errors for everybody */
	r = SSL_do_handshake(t->ssl);
	if (r == 1)
		return 1;
	if (SSL_get_error(t->ssl, r) == SSL_ERROR_WANT_READ)
		return 0;
	reason = ERR_reason_error_string(ERR_peek_last_error());
	snprintf(t->why, sizeof(t->why), "%s", reason ? reason : "no reason given");
	ERR_clear_error();
	return ERR_TLS;
}

int io_tls_read(struct io_tls *t, char *out, size_t size)
{
	int n;

	ERR_clear_error();
	n = SSL_read(t->ssl, out, (int)size);
	if (n > 0)
		return n;
	n = SSL_get_error(t->ssl, n) == SSL_ERROR_WANT_READ ? 0 : ERR_CLOSED;
	ERR_clear_error();
	return n;
}

int io_tls_write(struct io_tls *t, const void *bytes, size_t n)
{
	ERR_clear_error();
	return SSL_write(t->ssl, bytes, (int)n) == (int)n ? 0 : ERR_TLS;
}

size_t io_tls_take(struct io_tls *t, void *out, size_t size)
{
	const int n = BIO_read(t->out, out, (int)size);

	return n > 0 ? (size_t)n : 0;
}

bool io_tls_has_more(const struct io_tls *t)
{
	return BIO_ctrl_pending(t->out) > 0;
}

const char *io_tls_certificate(const struct io_tls *t)
{
	return t->certificate;
}

const char *io_tls_why(const struct io_tls *t)
{
	return t->why;
}
