/* Directory entries made by hand, and the configuration of a domain, for the pure parts of ldap/. */
#ifndef TESTS_UNIT_LDAP_FIXTURE_H
#define TESTS_UNIT_LDAP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ldap/account.h"
#include "ldap/entry.h"

#define FAKE_ATTRIBUTES 16
#define FAKE_VALUES 8

struct fake {
	struct entry entry;
	struct attribute attributes[FAKE_ATTRIBUTES];
	struct value values[FAKE_ATTRIBUTES][FAKE_VALUES];
	char dn[ENTRY_DN_MAX];
};

#define FAKE_NOW INT64_C(1795000000)
#define FAKE_SID "S-1-5-21-1-2-3-1103"

extern const struct domain_config fake_domain; /* corp.example.com, CORP */

/* An ordinary user: alice, enabled, in Domain Users and one group.  fake is filled in place, not moved afterwards. */
void fake_alice(struct fake *fake);
/* Replace or add an attribute with one value; text is borrowed. */
void fake_set(struct fake *fake, const char *name, const char *text);
void fake_set_bytes(struct fake *fake, const char *name, const void *bytes, size_t len);
/* One more value. */
void fake_add_bytes(struct fake *fake, const char *name, const void *bytes, size_t len);
void fake_remove(struct fake *fake, const char *name);
/* The bytes stay valid for the whole program. */
void fake_add_sid(struct fake *fake, const char *name, const char *sid);

#endif
