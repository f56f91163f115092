/* Policies from texts, in a folder of the test's own. */
#ifndef TESTS_UNIT_POLICY_FIXTURE_H
#define TESTS_UNIT_POLICY_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/policy.h"

#define FIXTURE_PATH_MAX 512

/* okta, adfs; main, backup; corp.example.com, CORP, lab.example.com */
extern const struct policy_world fixture_world;

/* cmocka's set-up and tear-down of a group: the folder. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Write text as name into the folder (mode 0600); returns the path, valid until the next call. */
const char *fixture_write(const char *name, const char *text);
const char *fixture_folder(void);
/* Remove all files of the folder. */
void fixture_clear(void);

/* Load this text as policy.yaml against fixture_world; fails the test when it does not load. */
struct policy *fixture_load(const char *text);
/* "rules:\n" and one good rule, with extra lines of the rule at its end. */
const char *fixture_rule(const char *extra);

struct sid fixture_sid(const char *text);

#endif
