/* A published file in its other form: PEM (RFC 7468) beside DER, for KDCs and tools that take no DER. */
#ifndef CA_PEM_FILE_H
#define CA_PEM_FILE_H

#include "fas/base/err.h"

/*
 * Write the file der as PEM with this label over path, by rename (file_commit).  In pieces, with a pause behind each: a CRL of a
 * million entries is not held in memory, and those who log on meanwhile have processor and disk between them.
 */
MUST_CHECK enum fas_code pem_file_write(
    const char *der, const char *path, const char *label, struct fas_err *e);

#endif
