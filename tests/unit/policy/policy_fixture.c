#include "tests/unit/policy/policy_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fas/base/file.h"

static char folder[FIXTURE_PATH_MAX];
static char path[FIXTURE_PATH_MAX];
static char rule_text[8192];

static const char *const idps[] = {"okta", "adfs"};
static const char *const authorities[] = {"main", "backup"};
static const char *const logon_profiles[] = {"staff-logon"};
static const char *const client_profiles[] = {"staff-client"};
static const char *const policies[] = {"1.3.6.1.4.1.99999.1.402", "1.3.6.1.4.1.99999.1.403"};
static const char *const domains[] = {"corp.example.com", "CORP", "lab.example.com"};

const struct policy_world fixture_world = {
    .idps = idps,
    .n_idps = NELEMS(idps),
    .authorities = authorities,
    .n_authorities = NELEMS(authorities),
    .logon_profiles = logon_profiles,
    .n_logon_profiles = NELEMS(logon_profiles),
    .client_profiles = client_profiles,
    .n_client_profiles = NELEMS(client_profiles),
    .policies = policies,
    .n_policies = NELEMS(policies),
    .domains = domains,
    .n_domains = NELEMS(domains),
};

int
fixture_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/fas-policy-XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

void
fixture_clear(void)
{
	char file[FIXTURE_PATH_MAX + 300];
	DIR *dir = opendir(folder);
	assert_non_null(dir);
	struct dirent *entry;
	while ((entry = readdir(dir)) != NULL) {
		(void)snprintf(file, sizeof(file), "%s/%s", folder, entry->d_name);
		if (entry->d_name[0] != '.' || strlen(entry->d_name) > 2)
			assert_int_equal(remove(file), 0);
	}
	(void)closedir(dir);
}

int
fixture_teardown(void **state)
{
	(void)state;
	fixture_clear();
	return rmdir(folder);
}

const char *
fixture_folder(void)
{
	return folder;
}

const char *
fixture_write(const char *name, const char *text)
{
	struct fas_err e = {0};
	assert_int_equal(file_join(path, sizeof(path), folder, name, &e), FAS_OK);
	if (file_write_atomic(path, text, strlen(text), 0600, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return path;
}

struct policy *
fixture_load(const char *text)
{
	struct fas_err e = {0};
	struct policy *policy = NULL;
	if (policy_load(fixture_write("policy.yaml", text), &fixture_world, &policy, &e) != FAS_OK)
		fail_msg("%s", e.message);
	return policy;
}

const char *
fixture_rule(const char *extra)
{
	(void)snprintf(rule_text, sizeof(rule_text),
	    "rules:\n"
	    "  - name: eng\n"
	    "    identity_providers: [okta]\n"
	    "    storefronts: [sf1.corp.example.com]\n"
	    "    hosts: [\"*.vdi.corp.example.com\"]\n"
	    "%s",
	    extra);
	return rule_text;
}

struct sid
fixture_sid(const char *text)
{
	struct sid sid = {0};
	assert_int_equal(sid_parse(text, &sid, NULL), FAS_OK);
	return sid;
}

const struct sid alice = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 1104}};
const struct sid vdi = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 2000}};
const struct sid guests = {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 2001}};
static struct sid alices_groups[] = {
    {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 513}},
    {.count = 5, .authority = 5, .sub = {21, 1, 2, 3, 2000}},
    {.count = 2, .authority = 5, .sub = {32, 545}},
};

struct policy_facts
alice_asks(void)
{
	return (struct policy_facts){
	    .idp = "okta",
	    .front_end = FRONT_END_STOREFRONT,
	    .storefront = "sf1.corp.example.com",
	    .host = "vda1.vdi.corp.example.com",
	    .upn = "alice@corp.example.com",
	    .sid = &alice,
	    .groups = alices_groups,
	    .n_groups = NELEMS(alices_groups),
	    .claimed_sid = true,
	    .claimed_upn = true,
	};
}

struct policy *
load(const char *text)
{
	struct policy *policy = fixture_load(text);
	for (size_t i = 0; i < policy_group_count(policy); i++) {
		const char *name = policy_group_name(policy, i);
		if (strstr(name, "VDI"))
			policy_group_set(policy, i, &vdi);
		if (strstr(name, "Guests"))
			policy_group_set(policy, i, &guests);
	}
	return policy;
}

void
expect(const struct policy *policy, const struct policy_facts *facts, const char *reason,
    const char *rule)
{
	struct policy_verdict v;
	bool allow = strcmp(reason, "policy_allow") == 0;
	memset(&v, 0xff, sizeof(v));
	policy_decide(policy, facts, &v);
	assert_string_equal(v.reason, reason);
	assert_int_equal(v.outcome, allow ? VERDICT_ALLOW : VERDICT_DENY);
	if (rule)
		assert_string_equal(v.rule, rule);
	else
		assert_null(v.rule);
	if (!allow) {
		assert_null(v.grant.rule);
		assert_int_equal(v.grant.keys, 0);
		assert_int_equal(v.grant.validity_s, 0);
	}
}

void
expect_rule(const char *extra, const struct policy_facts *facts, const char *reason)
{
	OWN(policy) struct policy *policy = load(fixture_rule(extra));
	expect(policy, facts, reason, strcmp(reason, "policy_no_rule") == 0 ? NULL : "eng");
}
