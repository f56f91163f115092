/*
 * What a directory or a DNS server may answer: SIDs, GUIDs, names, times, SRV answers, entries made by hand, and LDAP
 * messages that go through libldap.  Byte 0 says which.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <ldap.h>
/* the one declaration of ldap_init_fd stands in a header that is not installed */
int ldap_init_fd(ber_socket_t fd, int proto, const char *url, LDAP **ld);
#define PROTO_TCP 1

#include "fas/agent/kdc.h"
#include "fas/base/clock.h"
#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/saml/when.h"
#include "ldap/account.h"
#include "ldap/conn_setup.h"
#include "ldap/discover.h"
#include "ldap/dn_text.h"
#include "ldap/filter.h"
#include "ldap/identity.h"
#include "ldap/publish.h"
#include "tests/fuzz/fuzz.h"

/* libldap 2.5 loses the buffer of a message that does not decode; what this project allocates is not hidden by it. */
const char *__lsan_default_suppressions(void);

const char *
__lsan_default_suppressions(void)
{
	return "leak:liblber\n";
}

#define NOW_S INT64_C(1795000000)
#define VALUES 4
#define RECORDS 24
#define ANSWER_MAX 16384

/* ---- texts ---- */

static void
try_sid(struct fuzz_input *in)
{
	struct sid sid, again;
	struct fas_err e = {0}, e_bytes = {0};
	char text[SID_TEXT_MAX];
	uint8_t bytes[SID_BYTES_MAX];
	size_t len = 0;
	struct fuzz_input copy = *in;
	OWN(bytes) uint8_t *raw = fuzz_bytes(&copy, copy.left, &len);
	if (sid_from_bytes(raw, len, &sid, &e_bytes) == FAS_OK) {
		FUZZ_CHECK(sid_to_bytes(&sid, bytes) == len && memcmp(bytes, raw, len) == 0);
		FUZZ_CHECK(sid_parse(sid_format(&sid, text), &again, &e) == FAS_OK);
		FUZZ_CHECK(sid_equal(&sid, &again));
	}
	OWN(text) char *line = fuzz_text(in, '\n');
	enum fas_code rc = sid_parse(line, &sid, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK) {
		FUZZ_CHECK(ascii_equal_nocase(sid_format(&sid, text), line));
		len = sid_to_bytes(&sid, bytes);
		FUZZ_CHECK(sid_from_bytes(bytes, len, &again, &e) == FAS_OK);
		FUZZ_CHECK(sid_equal(&sid, &again) && !sid_in_domain(&sid, &again));
	}
}

static void
try_guid(struct fuzz_input *in)
{
	struct guid guid, again;
	struct fas_err e = {0};
	char text[GUID_TEXT_MAX];
	OWN(text) char *line = fuzz_text(in, 0);
	enum fas_code rc = guid_parse(line, &guid, &e);
	fuzz_check_result(rc, &e);
	if (rc != FAS_OK)
		return;
	FUZZ_CHECK(guid.set && guid_parse(guid_format(&guid, text), &again, &e) == FAS_OK);
	FUZZ_CHECK(guid_equal(&guid, &again));
}

static void
try_dn(struct fuzz_input *in)
{
	struct dn dn = {0}, again = {0};
	struct fas_err e = {0};
	OWN(text) char *line = fuzz_text(in, 0);
	enum fas_code rc = dn_from_text(line, &dn, &e);
	fuzz_check_result(rc, &e);
	if (rc == FAS_OK) {
		json_t *json = dn_to_json(&dn);
		FUZZ_CHECK(dn.n > 0 && dn.n <= DN_RDNS_MAX && dn_is_below(&dn, &dn));
		FUZZ_CHECK(json && dn_from_json(json, &again, &e) == FAS_OK);
		FUZZ_CHECK(again.n == dn.n);
		for (size_t i = 0; i < dn.n; i++)
			FUZZ_CHECK(strcmp(dn.rdns[i].value, again.rdns[i].value) == 0 &&
				   utf8_is_valid(dn.rdns[i].value, strlen(dn.rdns[i].value)));
		json_decref(json);
	}
	dn_done(&dn);
	dn_done(&again);
}

static void
try_names(struct fuzz_input *in)
{
	struct fas_err e = {0};
	OWN(text) char *name = fuzz_text(in, '\n');
	OWN(text) char *pattern = fuzz_text(in, '\n');
	if (upn_check(name, &e) == FAS_OK) {
		FUZZ_CHECK(hostname_is_valid(upn_suffix(name)) && !utf8_has_invisible(name));
		FUZZ_CHECK(strlen(name) <= UPN_MAX && upn_equal(name, name));
	}
	bool matches = hostname_matches(pattern, name);
	FUZZ_CHECK(!matches || hostname_pattern_is_valid(pattern));
	FUZZ_CHECK(!matches || hostname_is_valid(name));
	FUZZ_CHECK(!hostname_is_valid(name) || hostname_matches(name, name));
}

static void
try_times(struct fuzz_input *in)
{
	char text[TIME_TEXT_MAX];
	int64_t at = 0, seconds = 0;
	uint64_t number = 0;
	OWN(text) char *line = fuzz_text(in, 0);
	if (time_parse(line, &at)) {
		FUZZ_CHECK(strcmp(time_format(at, text), line) == 0);
		FUZZ_CHECK(when_parse(line, &seconds) == (at >= 0));
	}
	if (when_parse(line, &at))
		FUZZ_CHECK(strncmp(time_format(at, text), line, 19) == 0);
	if (parse_duration(line, 0, 86400, &at))
		FUZZ_CHECK(at >= 0 && at <= 86400);
	if (parse_uint(line, 1, 1000, &number))
		FUZZ_CHECK(number >= 1 && number <= 1000);
}

/* What comes out holds nothing that ends an assertion, and is the value again when read back. */
static void
try_filter(struct fuzz_input *in)
{
	OWN(buf) struct buf filter;
	buf_init(&filter, 4 * FILTER_MAX);
	filter_value(&filter, in->at, in->left);
	if (filter.failed)
		return;
	const char *at = buf_str(&filter);
	for (size_t i = 0; i < in->left; i++) {
		uint8_t byte = (uint8_t)*at;
		FUZZ_CHECK(!strchr("()*", *at));
		if (*at == '\\') {
			char hex[3] = {at[1], at[2], 0};
			FUZZ_CHECK(hex_decode(hex, &byte, 1));
			at += 2;
		}
		FUZZ_CHECK(byte == in->at[i]);
		at++;
	}
	FUZZ_CHECK(*at == 0);
}

/* A URL of a certificate: what is followed names one object and one attribute of a PKI; the DN can be written as LDIF. */
static void
try_url(struct fuzz_input *in)
{
	struct directory nowhere = {NULL, 0};
	struct pki_object object = {.kind = PKI_CDP, .value = (const uint8_t *)"x", .len = 1};
	struct fas_err e = {0}, e_dn = {0};
	struct pki_fetched found;
	OWN(text) char *url = fuzz_text(in, 0);
	OWN(buf) struct buf ldif;
	buf_init(&ldif, 65536);
	enum fas_code rc = pki_fetch(&nowhere, url, &found, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc == FAS_E_INPUT || rc == FAS_E_NOTFOUND);
	pki_fetched_done(&found);
	if (pki_url_dn(url, object.dn, &e_dn) != FAS_OK)
		return;
	pki_ldif(&object, PKI_NO_VALUE, &ldif);
	const char *second = strchr(buf_str(&ldif), '\n');
	while (second && second[1] == ' ')
		second = strchr(second + 1, '\n');
	FUZZ_CHECK(second && strncmp(second, "\nchangetype: modify\n", 20) == 0);
}

/* ---- DNS ---- */

static uint32_t
draw_half(void *context, uint32_t max)
{
	(void)context;
	return max / 2;
}

static void
try_srv(struct fuzz_input *in)
{
	static struct srv records[CONTROLLERS_MAX];
	static struct kdc_names names;
	struct fas_err e = {0};
	size_t len = 0, n = 0;
	OWN(bytes) uint8_t *answer = fuzz_bytes(in, in->left, &len);
	enum fas_code rc = discover_parse(answer, len, "corp.example.com", records, &n, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc != FAS_OK || (n > 0 && n <= CONTROLLERS_MAX));
	for (size_t i = 0; rc == FAS_OK && i < n; i++)
		FUZZ_CHECK(hostname_matches("*.corp.example.com", records[i].host) ||
			   hostname_equal("corp.example.com", records[i].host));
	if (rc == FAS_OK)
		discover_order(records, n, draw_half, NULL);
	names.n = 0;
	kdc_names_from_srv(answer, len, &names);
	FUZZ_CHECK(names.n <= KDC_NAMES_MAX);
	for (size_t i = 0; i < names.n; i++)
		FUZZ_CHECK(hostname_is_valid(names.names[i]));
}

/* ---- entries ---- */

static char domain_name[] = "corp.example.com", domain_realm[] = "CORP.EXAMPLE.COM";
static char domain_netbios[] = "CORP", domain_base[] = "DC=corp,DC=example,DC=com";
static const struct domain_config domain = {
    .name = domain_name, .realm = domain_realm, .netbios = domain_netbios, .base = domain_base};

struct made {
	struct entry entry;
	struct attribute attributes[16];
	struct value values[16][VALUES];
	uint8_t *owned[RECORDS];
	size_t n_owned;
};

static void
put(struct made *m, size_t attribute, const void *bytes, size_t len)
{
	struct attribute *a = &m->attributes[attribute];
	if (a->n < VALUES)
		m->values[attribute][a->n++] = (struct value){bytes, len};
}

static const uint8_t alices_sid[] = {
    1, 5, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0x4f, 4, 0, 0};

/* An ordinary user, in the order of account_attributes. */
static void
make_alice(struct made *m)
{
	static const char *const texts[] = {"user", NULL, "0123456789abcdef",
	    "alice@corp.example.com", "alice", "805306368", "512", "0", "0", "9223372036854775807",
	    "0", NULL, "alice@example.com"};
	*m = (struct made){.entry = {.dn = "CN=alice,CN=Users,DC=corp,DC=example,DC=com"}};
	for (size_t i = 0; account_attributes[i]; i++) {
		m->attributes[i] =
		    (struct attribute){.name = account_attributes[i], .values = m->values[i]};
		m->entry.n++;
		if (texts[i])
			put(m, i, texts[i], strlen(texts[i]));
		else
			put(m, i, alices_sid, sizeof(alices_sid));
	}
	m->entry.attributes = m->attributes;
}

/* struct value: followed by a NUL that len does not count. */
static uint8_t *
with_nul(uint8_t *bytes, size_t len)
{
	uint8_t *grown = realloc(bytes, len + 1);
	FUZZ_CHECK(grown);
	grown[len] = 0;
	return grown;
}

/* Records: attribute, what (set, add, remove), length, bytes. */
static void
change(struct made *m, struct fuzz_input *in)
{
	while (in->left > 0 && m->n_owned < RECORDS) {
		size_t attribute = fuzz_below(in, m->entry.n), what = fuzz_below(in, 3), len = 0;
		if (what != 1)
			m->attributes[attribute].n = 0;
		if (what == 2)
			continue;
		size_t want = fuzz_byte(in);
		uint8_t *bytes = fuzz_bytes(in, want, &len);
		m->owned[m->n_owned] = with_nul(bytes, len);
		put(m, attribute, m->owned[m->n_owned++], len);
	}
}

/* Whatever the directory says, an account that comes out of it is whole. */
static void
check_account(const struct account *a)
{
	struct fas_err e = {0};
	const struct directory_claims claims = {.sid = &a->sid, .upn = a->upn, .guid = &a->guid};
	FUZZ_CHECK(sid_is_set(&a->sid) && a->guid.set && a->dn.n > 0 && a->dn_text);
	FUZZ_CHECK(upn_check(a->upn, &e) == FAS_OK);
	FUZZ_CHECK(a->sam_account_name[0] && !utf8_has_invisible(a->sam_account_name));
	FUZZ_CHECK(strcmp(a->realm, domain_realm) == 0);
	FUZZ_CHECK(account_match(a, &claims, &e) == FAS_OK);
	for (size_t i = 0; i < a->n_groups; i++)
		FUZZ_CHECK(account_is_member(a, &a->groups[i]));
	fuzz_check_result(account_check(a, &e), &e);
	if (a->disabled || a->expired || a->locked)
		FUZZ_CHECK(e.code == FAS_E_DENIED);
}

static void
try_entry(const struct entry *entry)
{
	struct account *account = NULL;
	struct fas_err e = {0};
	enum fas_code rc = account_build(entry, &domain, NOW_S, &account, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (account != NULL));
	FUZZ_CHECK(rc != FAS_E_INTERNAL && rc != FAS_E_IO);
	if (account)
		check_account(account);
	account_free(account);
}

static void
try_made_entry(struct fuzz_input *in)
{
	static struct made m;
	make_alice(&m);
	change(&m, in);
	try_entry(&m.entry);
	for (size_t i = 0; i < m.n_owned; i++)
		free(m.owned[i]);
}

static void
try_named_entry(struct fuzz_input *in)
{
	static struct made m;
	make_alice(&m);
	OWN(text) char *dn = fuzz_text(in, 0);
	m.entry.dn = dn;
	try_entry(&m.entry);
}

/* ---- LDAP messages: one search's whole answer from a controller that says what it likes ---- */

static void
try_result(LDAP *ld, int id)
{
	static struct entries entries;
	struct timeval wait = {.tv_usec = 100000};
	LDAPMessage *result = NULL;
	struct fas_err e = {0};
	if (ldap_result(ld, id, LDAP_MSG_ALL, &wait, &result) <= 0)
		return;
	entries = (struct entries){0};
	enum fas_code rc = entries_copy(&entries, ld, result, &e);
	fuzz_check_result(rc, &e);
	for (size_t i = 0; rc == FAS_OK && i < entries.n; i++)
		try_entry(&entries.items[i]);
	entries_done(&entries);
	(void)ldap_msgfree(result);
}

static void
try_messages(struct fuzz_input *in)
{
	int fds[2], id = 0;
	LDAP *ld = NULL;
	struct io_deadline deadline = {.at_us = clock_monotonic_us() + 100000};
	size_t len = in->left < ANSWER_MAX ? in->left : ANSWER_MAX;
	FUZZ_CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	FUZZ_CHECK(ldap_init_fd(fds[0], PROTO_TCP, "ldap://dc1.corp.example.com", &ld) == 0);
	FUZZ_CHECK(conn_prepare(ld, &deadline));
	FUZZ_CHECK(write(fds[1], in->at, len) == (ssize_t)len);
	(void)shutdown(fds[1], SHUT_WR);
	if (ldap_search_ext(ld, "DC=corp", LDAP_SCOPE_SUBTREE, "(a=b)", NULL, 0, NULL, NULL, NULL,
		0, &id) == LDAP_SUCCESS)
		try_result(ld, id);
	(void)ldap_unbind_ext(ld, NULL, NULL);
	close(fds[1]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct fuzz_input *) = {try_sid, try_guid, try_dn, try_names,
	    try_times, try_filter, try_srv, try_made_entry, try_named_entry, try_messages, try_url};
	struct fuzz_input in = {data, size};
	if (size > 0)
		tries[fuzz_below(&in, NELEMS(tries))](&in);
	return 0;
}
