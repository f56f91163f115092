#include "fas/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "fas/base/text.h"

/* Here stand the functions themselves. */
#undef fas_fail
#undef fas_wrap
#undef fas_fail_errno
#undef fas_fail_openssl
#undef fas_fail_nomem

/* A cut in mid-character leaves up to three bytes that are none. */
static void
drop_broken_end(char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < 3 && len > 0 && (text[len - 1] & 0x80); i++) {
		if (utf8_is_valid(text, len))
			return;
		text[--len] = 0;
	}
}

/*
 * A message may quote foreign bytes and ends in logs, JSON and terminals: one line of UTF-8, no control bytes
 * and nothing that only formats.
 */
static void
make_printable(char *text)
{
	for (char *at = text; *at; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			*at = '?';
	}
	if (strlen(text) == FAS_ERR_MESSAGE_MAX - 1)
		drop_broken_end(text);
	if (!utf8_has_invisible(text))
		return;
	for (char *at = text; *at; at++) {
		if (*at & 0x80)
			*at = '?';
	}
}

static bool
is_set(const struct fas_err *e)
{
	return e->code != FAS_OK;
}

PRINTF_LIKE(5, 0)
static enum fas_code
fail_va(struct fas_err *e, enum fas_code code, const char *reason, const char *detail,
    const char *fmt, va_list args)
{
	code = fas_failed(code);
	if (!e)
		return code;
	if (is_set(e))
		return e->code;
	e->code = code;
	(void)snprintf(e->reason, sizeof(e->reason), "%s", reason);
	(void)vsnprintf(e->message, sizeof(e->message), fmt, args);
	if (detail) {
		size_t used = strlen(e->message);
		(void)snprintf(e->message + used, sizeof(e->message) - used, ": %s", detail);
	}
	make_printable(e->message);
	return code;
}

enum fas_code
fas_fail(struct fas_err *e, enum fas_code code, const char *reason, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	code = fail_va(e, code, reason, NULL, fmt, args);
	va_end(args);
	return code;
}

enum fas_code
fas_fail_errno(struct fas_err *e, const char *fmt, ...)
{
	char detail[128];
	const char *text = strerror_r(errno, detail, sizeof(detail));
	va_list args;
	va_start(args, fmt);
	enum fas_code code = fail_va(e, FAS_E_IO, "io_error", text, fmt, args);
	va_end(args);
	return code;
}

enum fas_code
fas_fail_openssl(struct fas_err *e, const char *fmt, ...)
{
	char detail[160] = "no detail";
	unsigned long first = ERR_get_error();
	if (first != 0)
		ERR_error_string_n(first, detail, sizeof(detail));
	ERR_clear_error();
	va_list args;
	va_start(args, fmt);
	enum fas_code code = fail_va(e, FAS_E_CRYPTO, "crypto_error", detail, fmt, args);
	va_end(args);
	return code;
}

enum fas_code
fas_fail_nomem(struct fas_err *e)
{
	return fas_fail(e, FAS_E_NOMEM, "out_of_memory", "out of memory");
}

enum fas_code
fas_wrap(struct fas_err *e, const char *fmt, ...)
{
	if (!e)
		return FAS_E_INTERNAL;
	char context[FAS_ERR_MESSAGE_MAX];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	make_printable(context);
	size_t used = strlen(context);
	(void)snprintf(context + used, sizeof(context) - used, ": %s", e->message);
	drop_broken_end(context);
	memcpy(e->message, context, sizeof(context));
	return e->code;
}

void
fas_err_clear(struct fas_err *e)
{
	*e = (struct fas_err){0};
}

static const char *const code_names[] = {
    [FAS_OK] = "ok",
    [FAS_E_INPUT] = "input",
    [FAS_E_AUTH] = "auth",
    [FAS_E_DENIED] = "denied",
    [FAS_E_NOTFOUND] = "not_found",
    [FAS_E_CONFLICT] = "conflict",
    [FAS_E_LIMIT] = "limit",
    [FAS_E_UNAVAILABLE] = "unavailable",
    [FAS_E_TIMEOUT] = "timeout",
    [FAS_E_CONFIG] = "config",
    [FAS_E_IO] = "io",
    [FAS_E_CRYPTO] = "crypto",
    [FAS_E_NOMEM] = "out_of_memory",
    [FAS_E_INTERNAL] = "internal",
};

const char *
fas_code_name(enum fas_code code)
{
	return (size_t)code < NELEMS(code_names) ? code_names[code] : "unknown";
}

enum fas_code
fas_code_parse(const char *name)
{
	for (size_t i = FAS_OK + 1; i < NELEMS(code_names); i++) {
		if (strcmp(code_names[i], name) == 0)
			return (enum fas_code)i;
	}
	return FAS_E_INTERNAL;
}

const char *
fas_err_reason(const struct fas_err *e)
{
	return e->reason[0] ? e->reason : fas_code_name(e->code);
}
