/*
 * application/x-www-form-urlencoded (URL standard 5.1), as a query string or a form's body: strictly.
 *
 * A name that stands there twice means one thing to one reader and another to the next, so it is refused; and so are escapes
 * that are none, text that is not UTF-8, and NUL.  Fields that nobody asks for are let be: providers add their own.
 */
#ifndef FAS_FRONT_FORM_H
#define FAS_FRONT_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

#define FORM_FIELDS_MAX 16
#define FORM_NAME_MAX 64 /* octets */

struct form {
	char *text; /* owned: names and values, decoded */
	size_t n;
	struct form_field {
		const char *name, *value;
	} fields[FORM_FIELDS_MAX];
};

/* FAS_E_INPUT "form_malformed", "form_repeated", "form_too_long"; out is empty then. */
MUST_CHECK enum fas_code form_parse(
    const char *text, size_t len, struct form *out, struct fas_err *e);
void form_done(struct form *form);

/* "" when there is none. */
const char *form_get(const struct form *form, const char *name);
/* The same; FAS_E_INPUT "form_too_long" beyond max octets. */
MUST_CHECK enum fas_code form_want(const struct form *form, const char *name, size_t max_bytes,
    const char **out, struct fas_err *e);

/* text as a query's value, appended to out of size; false when it does not fit. */
bool form_append_escaped(char *out, size_t size, const char *text);

DEFINE_OWN_IN_PLACE(form, struct form, form_done);

#endif
