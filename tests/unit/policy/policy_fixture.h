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

#define LOGON "    logon: { authority: main }\n"
#define ANY_RULE(name)                                                                             \
	"  - name: " name                                                                          \
	"\n    identity_providers: ['*']\n    storefronts: ['*']\n    hosts: ['*']\n"              \
	"    users: { sids: ['*'] }\n" LOGON

/* alice of okta at sf1 asks for vda1; members of VDI (S-1-5-21-1-2-3-2000) and Domain Users. */
struct policy_facts alice_asks(void);
extern const struct sid alice, vdi, guests;
/* Load; groups named ...VDI are vdi, ...Guests guests; all others stay unresolved. */
struct policy *load(const char *text);
/* Reason, rule (NULL: none), and that a denial grants nothing. */
void expect(const struct policy *policy, const struct policy_facts *facts, const char *reason,
    const char *rule);
/* The good rule with these lines, alone. */
void expect_rule(const char *extra, const struct policy_facts *facts, const char *reason);

#endif
