/* XML as this room writes it: into a buffer, every value escaped. */
#ifndef FAS_SAML_WRITE_H
#define FAS_SAML_WRITE_H

#include <stdint.h>

#include "fas/base/buf.h"

/* name="value" with a blank in front; nothing when value is NULL. */
void write_attr(struct buf *b, const char *name, const char *value);
/* The same with a time as SAML writes it (core 1.3.3). */
void write_time(struct buf *b, const char *name, int64_t when_s);
/* <name>value</name>; nothing when value is NULL. */
void write_leaf(struct buf *b, const char *name, const char *value);
/* The value alone. */
void write_text(struct buf *b, const char *value);

/* As in a query string: all but RFC 3986 2.3's unreserved characters in %XX. */
void write_percent(struct buf *b, const char *value);

#define WRITE_ID_MAX 42 /* with NUL */
/* An xs:ID of 160 random bits (SAML core 1.3.4).  FAS_E_CRYPTO. */
MUST_CHECK enum fas_code write_new_id(char out[WRITE_ID_MAX], struct fas_err *e);

#endif
