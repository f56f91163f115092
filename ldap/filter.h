/*
 * Search filters (RFC 4515): the only way by which a value gets into one.
 *
 * A filter is built in a struct buf, its frame as literal text, each value through one of these functions; so no value
 * can ever end its own assertion.  buf_check tells afterwards whether all of it fitted.
 */
#ifndef LDAP_FILTER_H
#define LDAP_FILTER_H

#include <stddef.h>

#include "fas/base/buf.h"
#include "fas/base/names.h"

#define FILTER_MAX 8192

/* Append value with NUL, '(', ')', '*', '\' and every byte outside printable ASCII as \hh (RFC 4515 3). */
void filter_value(struct buf *filter, const void *value, size_t len);

/* Append "(attribute=value)"; attribute is a literal of ours. */
void filter_text(struct buf *filter, const char *attribute, const char *value);
void filter_sid(struct buf *filter, const char *attribute, const struct sid *sid);

#endif
