#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io_peer.h"

#define DAY 86400L

/* ---- Certificates ---------------------------------------------------------------------------- */

static void add_extension(X509 *x, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(e);
	X509_add_ext(x, e, -1);
	X509_EXTENSION_free(e);
}

/* names is NULL for an authority. */
static X509 *certificate(const char *subject, const char *names, EVP_PKEY *key, X509 *issuer,
	EVP_PKEY *issuer_key, long begins, long ends)
{
	static long serial = 1;
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
	X509_gmtime_adj(X509_getm_notBefore(x), begins);
	X509_gmtime_adj(X509_getm_notAfter(x), ends);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
		(const unsigned char *)subject, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
	add_extension(x, NID_basic_constraints, names ? "CA:FALSE" : "critical,CA:TRUE");
	if (names)
		add_extension(x, NID_subject_alt_name, names);
	assert_int_not_equal(X509_sign(x, issuer_key, EVP_sha256()), 0);
	return x;
}

static void write_pem(const char *dir, const char *name, X509 *x, EVP_PKEY *key)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.pem", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	if (key)
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
	PEM_write_X509(f, x);
	fclose(f);
}

static void make_certificates(const char *dir)
{
	static const struct {
		const char *name, *subject, *names;
		long begins, ends;
		bool is_unknown;
	} servers[] = {
		{"good", "localhost", "DNS:localhost,IP:127.0.0.1", -DAY, DAY, false},
		{"wrong", "other.test", "DNS:other.test", -DAY, DAY, false},
		{"expired", "localhost", "DNS:localhost", -9 * DAY, -2 * DAY, false},
		{"unknown", "localhost", "DNS:localhost", -DAY, DAY, true},
	};
	EVP_PKEY *keys[2] = {EVP_EC_gen("P-256"), EVP_EC_gen("P-256")};
	X509 *authorities[2];
	size_t i;

	for (i = 0; i < 2; i++)
		authorities[i] = certificate(i ? "Stranger" : "Test CA", NULL, keys[i], NULL,
			keys[i], -10 * DAY, 10 * DAY);
	write_pem(dir, "ca", authorities[0], NULL);
	write_pem(dir, "stranger", authorities[1], NULL);
	for (i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		int by = servers[i].is_unknown;
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = certificate(servers[i].subject, servers[i].names, key, authorities[by],
			keys[by], servers[i].begins, servers[i].ends);

		write_pem(dir, servers[i].name, x, key);
		X509_free(x);
		EVP_PKEY_free(key);
	}
	for (i = 0; i < 2; i++) {
		X509_free(authorities[i]);
		EVP_PKEY_free(keys[i]);
	}
}

/* ---- The peer -------------------------------------------------------------------------------- */

void peer_start(struct peer *p)
{
	const char *python = getenv("PYTHON");
	char line[256] = "";
	int in[2], out[2];
	FILE *f;

	memset(p, 0, sizeof(*p));
	snprintf(p->dir, sizeof(p->dir), "/tmp/io_test.XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(p->ca_file, sizeof(p->ca_file), "%s/ca.pem", p->dir);
	make_certificates(p->dir);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	p->pid = fork();
	if (p->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		execl(python ? python : "/usr/bin/python3", "python3",
			unit_tree_path("tests/unit/peers/io_peer.py"), p->dir, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	p->in = in[1];
	f = fdopen(out[0], "r");
	if (!fgets(line, sizeof(line), f) ||
		sscanf(line, "plain %d good %d wrong %d expired %d unknown %d", &p->plain,
			&p->good, &p->wrong, &p->expired, &p->unknown) != 5)
		fail_msg("the peer did not start: %s", line);
	fclose(f);
}

void peer_stop(struct peer *p)
{
	static const char *const files[] = {"ca", "good", "wrong", "expired", "unknown"};
	char path[128];
	size_t i;

	close(p->in);
	kill(p->pid, SIGTERM);
	waitpid(p->pid, NULL, 0);
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s.pem", p->dir, files[i]);
		unlink(path);
	}
	rmdir(p->dir);
}

/* ---- The rest -------------------------------------------------------------------------------- */

void peer_renew(const struct peer *p, const char *name)
{
	char path[160];
	struct buf bytes;

	snprintf(path, sizeof(path), "%s/%s.pem", p->dir, name);
	buf_init(&bytes, 1 << 16);
	assert_int_equal(file_read(path, &bytes), 0);
	assert_int_equal(file_replace(p->ca_file, buf_str(&bytes), 0600), 0);
	buf_fini(&bytes);
}

bool turn_until(struct io *io, const bool *flag, int64_t ms)
{
	int64_t until = clock_mono_us() / 1000 + ms;

	while (!*flag && clock_mono_us() / 1000 < until)
		io_turn(io, 20);
	return *flag;
}

void turn_for(struct io *io, int64_t ms)
{
	int64_t until = clock_mono_us() / 1000 + ms;

	/* So many turns at least, even if nobody let us run meanwhile. */
	for (int64_t turns = 0; turns < ms / 20 || clock_mono_us() / 1000 < until; turns++)
		io_turn(io, 20);
}

int listen_silent(int *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	return fd;
}

int port_refused(void)
{
	int port;

	close(listen_silent(&port));
	return port;
}
