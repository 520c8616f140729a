/* base/err.h: the closed set of errors that rooms hand to each other.
 *
 * A function that can fail gives 0 or one of these, all negative. Codes of libraries and of the
 * system are translated at the door of the room that hides the library. The sentence for a person
 * is made where the knowledge is (log_event, conf_report_add), not from the code. */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err {
	ERR_NOMEM = -1,     /* allocation failed: the turn or attempt is given up, the bot lives */
	ERR_IO = -2,        /* the system or a disk said no */
	ERR_PARSE = -3,     /* bytes that are not what their format asks for */
	ERR_LIMIT = -4,     /* larger or more than the named maximum */
	ERR_NOTFOUND = -5,  /* no such thing */
	ERR_INVALID = -6,   /* well-formed, but not a value that is allowed here */
	ERR_DENIED = -7,    /* permission, authentication, authenticity */
	ERR_TIMEOUT = -8,   /* a deadline passed */
	ERR_CLOSED = -9,    /* the peer or the owner closed it */
	ERR_BUSY = -10,     /* try later: locked, in use, at its limit */
	ERR_CANCELLED = -11,/* the caller took it back */
	ERR_CONNECT = -12,  /* no connection: refused, unreachable, reset before any answer */
	ERR_NAME = -13,     /* the host name has no address */
	ERR_TLS = -14,      /* no trust: certificate, name or protocol */
};

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* The name of an error as logs and metrics spell it: "timeout". Never NULL; "ok" for 0. */
const char *err_name(int err);

/* The same for people, as the end of a sentence that says of what: "x cannot be read: it is not
 * there". Never NULL. */
const char *err_text(int err);

/* Translates an errno value. Never gives 0. */
int err_from_errno(int sys);

#endif
