#include "tests/unit/ldap/ldap_fixture.h"

#include <stdio.h>
#include <string.h>

#define SIDS_MAX 64

static char domain_name[] = "corp.example.com", domain_realm[] = "CORP.EXAMPLE.COM";
static char domain_netbios[] = "CORP", domain_base[] = "DC=corp,DC=example,DC=com";

const struct domain_config fake_domain = {
    .name = domain_name,
    .realm = domain_realm,
    .netbios = domain_netbios,
    .base = domain_base,
    .timeout_ms = 200,
    .connections = 2,
};

static struct attribute *
find_or_add(struct fake *fake, const char *name)
{
	for (size_t i = 0; i < fake->entry.n; i++) {
		if (strcmp(fake->attributes[i].name, name) == 0)
			return &fake->attributes[i];
	}
	assert_true(fake->entry.n < FAKE_ATTRIBUTES);
	struct attribute *a = &fake->attributes[fake->entry.n];
	*a = (struct attribute){.name = name, .values = fake->values[fake->entry.n]};
	fake->entry.n++;
	return a;
}

void
fake_add_bytes(struct fake *fake, const char *name, const void *bytes, size_t len)
{
	struct attribute *a = find_or_add(fake, name);
	assert_true(a->n < FAKE_VALUES);
	fake->values[a - fake->attributes][a->n++] = (struct value){.data = bytes, .len = len};
}

void
fake_set_bytes(struct fake *fake, const char *name, const void *bytes, size_t len)
{
	find_or_add(fake, name)->n = 0;
	fake_add_bytes(fake, name, bytes, len);
}

void
fake_set(struct fake *fake, const char *name, const char *text)
{
	fake_set_bytes(fake, name, text, strlen(text));
}

void
fake_remove(struct fake *fake, const char *name)
{
	find_or_add(fake, name)->n = 0;
}

void
fake_add_sid(struct fake *fake, const char *name, const char *text)
{
	static uint8_t bytes[SIDS_MAX][SID_BYTES_MAX];
	static size_t used;
	struct sid sid;
	uint8_t *place = bytes[used++ % SIDS_MAX];
	assert_int_equal(sid_parse(text, &sid, NULL), FAS_OK);
	fake_add_bytes(fake, name, place, sid_to_bytes(&sid, place));
}

void
fake_alice(struct fake *fake)
{
	memset(fake, 0, sizeof(*fake));
	(void)snprintf(fake->dn, sizeof(fake->dn), "CN=alice,CN=Users,DC=corp,DC=example,DC=com");
	fake->entry.dn = fake->dn;
	fake->entry.attributes = fake->attributes;
	fake_set(fake, "objectClass", "top");
	fake_add_bytes(fake, "objectClass", "person", 6);
	fake_add_bytes(fake, "objectClass", "user", 4);
	fake_add_sid(fake, "objectSid", FAKE_SID);
	fake_set_bytes(fake, "objectGUID", "0123456789abcdef", 16);
	fake_set(fake, "userPrincipalName", "alice@corp.example.com");
	fake_set(fake, "sAMAccountName", "alice");
	fake_set(fake, "sAMAccountType", "805306368");
	fake_set(fake, "userAccountControl", "512");
	fake_set(fake, "msDS-User-Account-Control-Computed", "0");
	fake_set(fake, "accountExpires", "9223372036854775807");
	fake_add_sid(fake, "tokenGroups", "S-1-5-21-1-2-3-1500");
	fake_add_sid(fake, "tokenGroups", "S-1-5-21-1-2-3-513");
	fake_add_sid(fake, "tokenGroups", "S-1-5-32-545");
}
