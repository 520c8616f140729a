/* io/certificate.c: says what is wrong with a server's certificate, in words an admin can use. */
#include <openssl/x509v3.h>
#include <stdio.h>

#include "io/tls.h"

/* The first name the certificate is good for: a DNS name, or its common name. */
static void name_of(X509 *cert, char *out, size_t size)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
	int i;

	snprintf(out, size, "nobody");
	for (i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type != GEN_DNS)
			continue;
		snprintf(out, size, "%.*s", ASN1_STRING_length(g->d.dNSName),
			(const char *)ASN1_STRING_get0_data(g->d.dNSName));
		GENERAL_NAMES_free(names);
		return;
	}
	GENERAL_NAMES_free(names);
	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, out, (int)size);
}

static void time_of(const ASN1_TIME *t, char *out, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(t, &tm) || strftime(out, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(out, size, "an unreadable date");
}

void io_certificate_why(X509_STORE_CTX *step, const char *host, char *why)
{
	X509 *cert = X509_STORE_CTX_get_current_cert(step);
	int err = X509_STORE_CTX_get_error(step);
	const char *text = X509_verify_cert_error_string(err);
	char name[80];

	switch (cert ? err : X509_V_ERR_UNSPECIFIED) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		name_of(cert, name, sizeof(name));
		snprintf(why, IO_TLS_WHY_BYTES, "certificate is for %s, not %s", name, host);
		break;
	case X509_V_ERR_CERT_HAS_EXPIRED:
		time_of(X509_get0_notAfter(cert), name, sizeof(name));
		snprintf(why, IO_TLS_WHY_BYTES, "certificate of %s has expired on %s", host, name);
		break;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		time_of(X509_get0_notBefore(cert), name, sizeof(name));
		snprintf(why, IO_TLS_WHY_BYTES, "certificate of %s is not valid before %s", host,
			name);
		break;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		snprintf(why, IO_TLS_WHY_BYTES,
			"certificate of %s is from an unknown authority (%s)", host, text);
		break;
	default:
		snprintf(why, IO_TLS_WHY_BYTES, "certificate of %s is refused: %s", host, text);
		break;
	}
}
