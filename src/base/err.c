/* Names of errors, and what errno values mean to us. */
#include "base/err.h"

#include <errno.h>
#include <stddef.h>

const char *err_name(int err)
{
	static const char *const names[] = {
		[0] = "ok",
		[-ERR_NOMEM] = "nomem",
		[-ERR_IO] = "io",
		[-ERR_PARSE] = "parse",
		[-ERR_LIMIT] = "limit",
		[-ERR_NOTFOUND] = "notfound",
		[-ERR_INVALID] = "invalid",
		[-ERR_DENIED] = "denied",
		[-ERR_TIMEOUT] = "timeout",
		[-ERR_CLOSED] = "closed",
		[-ERR_BUSY] = "busy",
		[-ERR_CANCELLED] = "cancelled",
		[-ERR_CONNECT] = "connect",
		[-ERR_NAME] = "name",
		[-ERR_TLS] = "tls",
	};
	const int n = sizeof(names) / sizeof(names[0]);

	return err <= 0 && err > -n ? names[-err] : "unknown";
}

const char *err_text(int err)
{
	static const char *const texts[] = {
		[0] = "nothing is wrong",
		[-ERR_NOMEM] = "there is no memory",
		[-ERR_IO] = "the system could not do it",
		[-ERR_PARSE] = "it is not what its format asks for",
		[-ERR_LIMIT] = "it is too large",
		[-ERR_NOTFOUND] = "it is not there",
		[-ERR_INVALID] = "it is of the wrong kind",
		[-ERR_DENIED] = "that is not permitted",
		[-ERR_TIMEOUT] = "it took too long",
		[-ERR_CLOSED] = "the other side hung up",
		[-ERR_BUSY] = "it is in use",
		[-ERR_CANCELLED] = "it was taken back",
		[-ERR_CONNECT] = "there is no connection",
		[-ERR_NAME] = "its host name has no address",
		[-ERR_TLS] = "its certificate is not trusted",
	};
	const int n = sizeof(texts) / sizeof(texts[0]);

	return err <= 0 && err > -n ? texts[-err] : "of a reason that is not known";
}

int err_from_errno(int sys)
{
	switch (sys) {
	case ENOMEM: return ERR_NOMEM;
	case ENOENT:
	case ENOTDIR: return ERR_NOTFOUND;
	case EACCES:
	case EPERM:
	case EROFS: return ERR_DENIED;
	case EISDIR:
	case EINVAL:
	case ELOOP:
	case ENAMETOOLONG: return ERR_INVALID;
	case EFBIG: return ERR_LIMIT;
	case ETIMEDOUT: return ERR_TIMEOUT;
	case EPIPE: return ERR_CLOSED;
	case EAGAIN:
	case EBUSY:
	case ETXTBSY: return ERR_BUSY;
	case ECANCELED: return ERR_CANCELLED;
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case ENETUNREACH:
	case ENETDOWN: return ERR_CONNECT;
	default: return ERR_IO;
	}
}
