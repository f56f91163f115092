/* What the tests of the ground share: cmocka's includes, a folder of the test's own, and one assertion on errors. */
#ifndef TESTS_UNIT_BASE_FIXTURE_H
#define TESTS_UNIT_BASE_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "fas/base/err.h"
#include "fas/base/macros.h"
#include "fas/base/own.h"

/* cmocka's set-up and tear-down of a group: the folder and all in it. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* "folder/name"; valid until the fourth call after it. */
const char *fixture_path(const char *name);

/* The call failed with this class and reason. */
void assert_failed(
    enum fas_code rc, const struct fas_err *e, enum fas_code code, const char *reason);
/* rc is FAS_OK; the message otherwise. */
void assert_good(enum fas_code rc, const struct fas_err *e);

#endif
