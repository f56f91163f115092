/*
 * The error of the house: a class, a stable reason, and one bounded message.
 *
 * The first cause wins: fas_fail on an error that is already set changes nothing, so a clean-up
 * that fails afterwards never hides why.  fas_wrap puts context in front of the message.
 */
#ifndef FAS_BASE_ERR_H
#define FAS_BASE_ERR_H

#include "fas/base/macros.h"

/* What a caller can do about it decides the class; fas/http/problem.c alone maps classes to HTTP
 * statuses. */
enum fas_code {
	FAS_OK = 0,
	FAS_E_INPUT,       /* the bytes are wrong: the sender has to change them */
	FAS_E_AUTH,        /* the caller or the proof is not who it says */
	FAS_E_DENIED,      /* understood, and refused by policy, state of the account or limits */
	FAS_E_NOTFOUND,    /* no such thing, or not for this caller */
	FAS_E_CONFLICT,    /* used already, or in the wrong state */
	FAS_E_LIMIT,       /* too much at once or in this period: try later */
	FAS_E_UNAVAILABLE, /* something we depend on is away: try later */
	FAS_E_TIMEOUT,     /* a deadline has passed */
	FAS_E_CONFIG,      /* the administrator's files are wrong */
	FAS_E_IO,          /* the operating system said no */
	FAS_E_CRYPTO,      /* the cryptographic library said no */
	FAS_E_NOMEM,
	FAS_E_INTERNAL, /* a promise between our own parts is broken */
};

#define FAS_ERR_MESSAGE_MAX 512
#define FAS_ERR_REASON_MAX 48

/* Zero-initialise: struct fas_err e = {0}. */
struct fas_err {
	enum fas_code code;
	char reason[FAS_ERR_REASON_MAX]; /* snake_case, stable: audit records, tests and problems
					    name it */
	char message[FAS_ERR_MESSAGE_MAX];
};

/*
 * Set the error unless one is set.  e may be NULL.  reason is copied.
 * The message states clause, finding and expectation; control bytes in it are replaced by '?'.
 * Returns the code that stands in e (the first cause), or code when e is NULL.
 */
enum fas_code fas_fail(struct fas_err *e, enum fas_code code, const char *reason, const char *fmt,
    ...) PRINTF_LIKE(4, 5);

/* Put "context: " in front of the message, which is cut at its end.  Returns e's code. */
enum fas_code fas_wrap(struct fas_err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* fas_fail with ": strerror(errno)" appended; class FAS_E_IO, reason "io_error". */
enum fas_code fas_fail_errno(struct fas_err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* fas_fail with OpenSSL's first queued error appended, the queue emptied; FAS_E_CRYPTO,
 * "crypto_error". */
enum fas_code fas_fail_openssl(struct fas_err *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

enum fas_code fas_fail_nomem(struct fas_err *e);

/* A failure is never FAS_OK, whatever it was handed; said here, in sight of compilers and analysers. */
static inline enum fas_code
fas_failed(enum fas_code code)
{
	return code == FAS_OK ? FAS_E_INTERNAL : code;
}
#define fas_fail(...) fas_failed((fas_fail)(__VA_ARGS__))
#define fas_wrap(...) fas_failed((fas_wrap)(__VA_ARGS__))
#define fas_fail_errno(...) fas_failed((fas_fail_errno)(__VA_ARGS__))
#define fas_fail_openssl(...) fas_failed((fas_fail_openssl)(__VA_ARGS__))
#define fas_fail_nomem(e) fas_failed((fas_fail_nomem)(e))

void fas_err_clear(struct fas_err *e);

/* The class's name for logs ("input", "denied", ...); never NULL. */
const char *fas_code_name(enum fas_code code);

/* The reverse, for an error that came over the wire; FAS_E_INTERNAL for an unknown name. */
enum fas_code fas_code_parse(const char *name);

/* reason, or the class's name when none was given; never NULL. */
const char *fas_err_reason(const struct fas_err *e);

#endif
