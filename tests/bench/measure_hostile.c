/*
 * What a response of up to SAML_RESPONSE_MAX may cost at most, whoever has made it: a corpus of what is dear to parsers,
 * canonicalisation and keys, each document judged by saml_verify in a process of its own.
 *
 * Most are signed by the provider, blob and all: so they go the whole way, where a stranger's end at the signature.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "fas/base/buf.h"
#include "fas/saml/saml.h"
#include "fas/saml/sp.h"
#include "measure.h"
#include "saml_sign.h"
#include "table.h"

#define NOW_S INT64_C(1767225600)
#define IDP "https://idp/hostile"
#define ACS "https://fas.example/acs"
#define BLOB_MAX (SAML_RESPONSE_MAX - 8192)
#define GOAL_MS 50
#define GOAL_MB 64
#define KEY_BITS 4096 /* the largest that a provider is likely to be given */

static struct {
	EVP_PKEY *idp, *ours;
	struct saml_trust *trust;
	struct saml_sp *sp;
	char folder[64];
} world;

/* ---- the service ---- */

static void
write_pair(const char *name, EVP_PKEY *key)
{
	char path[128];
	X509 *cert = saml_sign_new_cert(key, name, NOW_S);
	(void)snprintf(path, sizeof(path), "%s/%s.pem", world.folder, name);
	if (!cert || saml_sign_write_cert(path, cert) < 0)
		lab_die("no certificate");
	X509_free(cert);
	(void)snprintf(path, sizeof(path), "%s/%s.key", world.folder, name);
	FILE *file = fopen(path, "w");
	if (!file || chmod(path, 0600) < 0 ||
	    PEM_write_PKCS8PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) != 1 ||
	    fclose(file) != 0)
		lab_die("no key file");
}

static void
remove_pair(const char *name)
{
	char path[128];
	(void)snprintf(path, sizeof(path), "%s/%s.pem", world.folder, name);
	(void)unlink(path);
	(void)snprintf(path, sizeof(path), "%s/%s.key", world.folder, name);
	(void)unlink(path);
}

static void
open_world(void)
{
	static const char idps[] = "- name: h\n  entity_id: " IDP "\n  certificates: [idp.pem]\n"
				   "  audiences: [urn:a]\n  recipients: [\"" ACS "\"]\n"
				   "  allow_unsolicited: true\n";
	static const char keys[] = "signing: [{key: ours.key, certificate: ours.pem}]\n"
				   "decryption:\n  - {key: ours.key, certificate: ours.pem}\n"
				   "  - {key: ours.key, certificate: ours.pem}\n";
	struct yaml_doc *doc = NULL;
	struct fas_err e = {0};
	(void)snprintf(world.folder, sizeof(world.folder), "/tmp/hostile.XXXXXX");
	world.idp = saml_sign_new_rsa(2048);
	world.ours = saml_sign_new_rsa(KEY_BITS);
	if (!mkdtemp(world.folder) || !world.idp || !world.ours)
		lab_die("no keys");
	write_pair("idp", world.idp);
	write_pair("ours", world.ours);
	lab_check(yaml_parse("idps", idps, strlen(idps), &doc, &e), &e);
	lab_check(saml_trust_load(yaml_root(doc), world.folder, &world.trust, &e), &e);
	yaml_doc_free(doc);
	lab_check(yaml_parse("keys", keys, strlen(keys), &doc, &e), &e);
	lab_check(saml_sp_load(yaml_root(doc), world.folder, &world.sp, &e), &e);
	yaml_doc_free(doc);
	remove_pair("idp");
	remove_pair("ours");
	(void)rmdir(world.folder);
}

static void
close_world(void)
{
	saml_trust_free(world.trust);
	saml_sp_free(world.sp);
	EVP_PKEY_free(world.idp);
	EVP_PKEY_free(world.ours);
}

/* ---- the corpus: what stands in Extensions ---- */

static void
put_towers(struct buf *b, int towers)
{
	for (int tower = 0; tower < towers; tower++) {
		for (int i = 0; i < 28; i++)
			buf_printf(b, "<x:e%d xmlns:x=\"urn:x\" a=\"%d\">", i, tower);
		for (int i = 27; i >= 0; i--)
			buf_printf(b, "</x:e%d>", i);
	}
}

static void
put_deep(struct buf *b)
{
	put_towers(b, 60);
}

static void
put_less_deep(struct buf *b)
{
	put_towers(b, 38);
}

static void
put_namespaces(struct buf *b)
{
	for (int e = 0; e < 250; e++) {
		buf_printf(b, "<p0:e");
		for (int n = 0; n < 16; n++)
			buf_printf(b, " xmlns:p%d=\"urn:%d:%d\" p%d:a=\"\"", n, e, n, n);
		buf_text(b, "/>");
	}
}

/* 60 in scope, and each element of many uses those that its parent has not rendered. */
static void
put_scope(struct buf *b, int elements)
{
	for (int level = 0; level < 3; level++) {
		buf_printf(b, "<x%d", level);
		for (int n = 0; n < 16; n++)
			buf_printf(b, " xmlns:n%d=\"urn:%040d\"", level * 16 + n, n);
		buf_text(b, ">");
	}
	for (int e = 0; e < elements; e++)
		buf_printf(b, "<n%d:e n%d:a=\"\" n%d:b=\"\" n%d:c=\"\" n%d:d=\"\" n%d:f=\"\"/>",
		    e % 48, (e + 7) % 48, (e + 13) % 48, (e + 19) % 48, (e + 29) % 48,
		    (e + 37) % 48);
	buf_text(b, "</x2></x1></x0>");
}

static void
put_namespaces_in_scope(struct buf *b)
{
	put_scope(b, 1500);
}

static void
put_less_in_scope(struct buf *b)
{
	put_scope(b, 600);
}

static void
put_attributes(struct buf *b)
{
	for (int e = 0; e < 700; e++) {
		buf_text(b, "<e");
		for (int a = 31; a >= 0; a--)
			buf_printf(b, " a%d=\"%d\"", a, e);
		buf_text(b, "/>");
	}
}

static void
put_text(struct buf *b)
{
	for (int part = 0; part < 3; part++) {
		buf_text(b, "<t>");
		for (int i = 0; i < 4090; i++)
			buf_text(b, "huge text       ");
		buf_text(b, "</t>");
	}
}

static void
put_references(struct buf *b)
{
	for (int part = 0; part < 3; part++) {
		buf_text(b, "<t>");
		for (int i = 0; i < 13000; i++)
			buf_text(b, "&lt;");
		buf_text(b, "</t>");
	}
}

static void
put_elements(struct buf *b)
{
	for (int e = 0; e < 1950; e++)
		buf_printf(b, "<x:e xmlns:x=\"urn:x:%d\"/>", e);
}

static void
put_signatures(struct buf *b)
{
	for (int s = 0; s < 300; s++)
		buf_text(b, "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"><ds:"
			    "SignedInfo><ds:Reference URI=\"#x\"/></ds:SignedInfo></ds:Signature>");
}

static void
put_entities(struct buf *b)
{
	(void)b;
}

/* ---- documents ---- */

static struct saml_sign_spec
spec_of(enum saml_sign_what sign)
{
	static const struct saml_sign_attribute upn = {"cip_upn", "alice@corp.example.com"};
	return (struct saml_sign_spec){.idp = IDP,
	    .audience = "urn:a",
	    .recipient = ACS,
	    .destination = ACS,
	    .name_id = "alice",
	    .sign = sign,
	    .now_s = NOW_S,
	    .prefix_list = "n0 n1 n2 n3 n4 n5 n6 n7 n8 n9 n10 n11 n12 n13 n14 n15 n16 n17 n18 n19",
	    .attributes = &upn,
	    .n_attributes = 1};
}

/* text with what put writes in front of mark; takes text. */
static char *
insert(char *text, const char *mark, const char *open, void (*put)(struct buf *), const char *close)
{
	OWN(buf) struct buf out;
	const char *at = strstr(text, mark);
	if (!at)
		lab_die("a document without its mark");
	buf_init(&out, 4 * SAML_RESPONSE_MAX);
	buf_append(&out, text, (size_t)(at - text));
	buf_text(&out, open);
	put(&out);
	buf_text(&out, close);
	buf_text(&out, at);
	free(text);
	return buf_take(&out, NULL);
}

static char *
with_extensions(void (*put)(struct buf *))
{
	const struct saml_sign_spec spec = spec_of(SAML_SIGN_BOTH);
	char *xml = insert(saml_sign_template(&spec), "<samlp:Status>", "<samlp:Extensions>", put,
	    "</samlp:Extensions>");
	char *finished = saml_sign_finish(xml, world.idp);
	free(xml);
	return finished;
}

static char *
with_doctype(void (*put)(struct buf *))
{
	const struct saml_sign_spec spec = spec_of(SAML_SIGN_ASSERTION);
	char *xml = saml_sign_response(&spec, world.idp);
	return insert(xml, "<samlp:Response",
	    "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>",
	    put, "");
}

static void
put_statement(struct buf *b)
{
	for (int a = 0; a < 900; a++)
		buf_printf(b,
		    "<saml:Attribute Name=\"group%d\" FriendlyName=\"g\"><saml:AttributeValue>CN=%d"
		    "</saml:AttributeValue></saml:Attribute>",
		    a, a);
}

static char *
with_claims(void (*put)(struct buf *))
{
	const struct saml_sign_spec spec = spec_of(SAML_SIGN_BOTH);
	char *xml = insert(saml_sign_template(&spec), "</saml:AttributeStatement>", "", put, "");
	char *finished = saml_sign_finish(xml, world.idp);
	free(xml);
	return finished;
}

/* The dearest way of keys: two of the message, two of ours, two masks, none of which opens. */
static char *
seal(const char *plain, const char *bad_key)
{
	const struct saml_sign_spec spec = spec_of(SAML_SIGN_NOTHING);
	const struct saml_sign_seal how = {.to = world.ours, .digest = "sha256"};
	OWN(text) char *sealed = saml_sign_encrypt(plain, "EncryptedAssertion", &how);
	char *xml = saml_sign_template(&spec);
	char *begin = xml ? strstr(xml, "<saml:Assertion") : NULL;
	OWN(buf) struct buf out;
	buf_init(&out, 4 * SAML_RESPONSE_MAX);
	if (!sealed || !begin)
		lab_die("nothing was encrypted");
	char *key = strstr(sealed, "<xenc:EncryptedKey"), *end = strstr(sealed, "</ds:KeyInfo>");
	buf_append(&out, xml, (size_t)(begin - xml));
	buf_append(&out, sealed, (size_t)(end - sealed));
	if (bad_key) { /* once more, behind itself; then no key fits any more */
		buf_append(&out, key, (size_t)(end - key));
		for (char *at = (char *)out.data; (at = strstr(at, bad_key)); at++)
			at[strlen(bad_key)] ^= 1;
	}
	buf_text(&out, end);
	buf_text(&out, "</samlp:Response>");
	free(xml);
	return buf_take(&out, NULL);
}

static char *
with_bad_keys(void (*put)(struct buf *))
{
	OWN(buf) struct buf plain;
	buf_init(&plain, SAML_RESPONSE_MAX);
	put(&plain);
	plain.len = plain.len < 47000 ? plain.len : 47000;
	plain.data[plain.len] = 0;
	return seal(buf_str(&plain),
	    "#sha256\"/></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue>");
}

/* Signed inside, so that what is opened goes the whole way too. */
static char *
with_sealed_bomb(void (*put)(struct buf *))
{
	const struct saml_sign_spec spec = spec_of(SAML_SIGN_ASSERTION);
	char *xml = insert(saml_sign_template(&spec), "<saml:AuthnStatement", "<saml:Advice>", put,
	    "</saml:Advice>");
	OWN(text) char *finished = saml_sign_finish(xml, world.idp);
	free(xml);
	char *begin = finished ? strstr(finished, "<saml:Assertion ") : NULL;
	char *end = begin ? strstr(begin, "</samlp:Response>") : NULL;
	if (!end)
		lab_die("no assertion to encrypt");
	*end = 0;
	OWN(buf) struct buf plain;
	buf_init(&plain, SAML_RESPONSE_MAX);
	buf_text(&plain, "<saml:Assertion xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\"");
	buf_text(&plain, begin + strlen("<saml:Assertion"));
	return seal(buf_str(&plain), NULL);
}

static const struct {
	const char *name;
	char *(*make)(void (*put)(struct buf *));
	void (*put)(struct buf *);
} corpus[] = {
    {"deep nesting", with_extensions, put_deep},
    {"4000 namespaces", with_extensions, put_namespaces},
    {"namespaces in scope", with_extensions, put_namespaces_in_scope},
    {"many attributes", with_extensions, put_attributes},
    {"huge text", with_extensions, put_text},
    {"character references", with_extensions, put_references},
    {"many elements", with_extensions, put_elements},
    {"many signatures", with_extensions, put_signatures},
    {"many claims", with_claims, put_statement},
    {"document type", with_doctype, put_entities},
    {"keys that do not fit", with_bad_keys, put_text},
    {"sealed nesting", with_sealed_bomb, put_less_deep},
    {"sealed namespaces", with_sealed_bomb, put_less_in_scope},
};

/* ---- measuring ---- */

struct cost {
	double ms, mb;
	char reason[40];
};

static double
cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

static void
judge_once(const char *xml, struct cost *out)
{
	struct rusage before, after;
	struct saml_assertion *a = NULL;
	struct fas_err e = {0};
	const struct saml_expectation expected = {.sp = world.sp};
	(void)getrusage(RUSAGE_SELF, &before);
	enum fas_code rc =
	    saml_verify(world.trust, (const uint8_t *)xml, strlen(xml), &expected, NOW_S, &a, &e);
	(void)getrusage(RUSAGE_SELF, &after);
	saml_assertion_free(a);
	out->ms = cpu_ms(&after) - cpu_ms(&before);
	out->mb = (double)(after.ru_maxrss - before.ru_maxrss) / 1024;
	(void)snprintf(
	    out->reason, sizeof(out->reason), "%s", rc == FAS_OK ? "accepted" : fas_err_reason(&e));
}

static void
judge_apart(const char *xml, struct cost *out)
{
	int ends[2], status = 0;
	if (pipe(ends) < 0)
		lab_die("no pipe");
	pid_t child = fork();
	if (child == 0) {
		struct cost cost = {0};
		judge_once(xml, &cost);
		_exit(write(ends[1], &cost, sizeof(cost)) == (ssize_t)sizeof(cost) ? 0 : 1);
	}
	(void)close(ends[1]);
	ssize_t got = child > 0 ? read(ends[0], out, sizeof(*out)) : -1;
	(void)close(ends[0]);
	if (got != (ssize_t)sizeof(*out) || waitpid(child, &status, 0) != child || status != 0)
		lab_die("a document has ended the process");
}

void
measure_hostile(void)
{
	struct cost worst = {0}, most = {0};
	const char *slowest = "", *largest = "";
	static char slow_name[96], large_name[96];
	open_world();
	for (size_t i = 0; i < NELEMS(corpus); i++) {
		struct cost cost;
		OWN(text) char *xml = corpus[i].make(corpus[i].put);
		if (!xml || strlen(xml) > SAML_RESPONSE_MAX)
			lab_die("%s: no document, or longer than is read", corpus[i].name);
		judge_apart(xml, &cost);
		(void)fprintf(stderr, "    %-22s %7zu bytes %8.2f ms %7.2f MB  %s\n",
		    corpus[i].name, strlen(xml), cost.ms, cost.mb, cost.reason);
		if (cost.ms > worst.ms) {
			worst = cost;
			slowest = corpus[i].name;
		}
		if (cost.mb > most.mb) {
			most = cost;
			largest = corpus[i].name;
		}
	}
	close_world();
	(void)snprintf(slow_name, sizeof(slow_name), "SAML, hostile: %s", slowest);
	(void)snprintf(large_name, sizeof(large_name), "SAML, hostile: %s", largest);
	table_add(&(struct row){.name = slow_name,
	    .value = worst.ms,
	    .unit = "ms CPU",
	    .goal = GOAL_MS,
	    .of_value = true});
	table_add(&(struct row){
	    .name = large_name, .value = most.mb, .unit = "MB", .goal = GOAL_MB, .of_value = true});
}
