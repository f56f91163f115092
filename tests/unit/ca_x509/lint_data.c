/*
 * lint_data FOLDER writes tests/data/lint anew; lint_data --check FOLDER says whether it is what would be written.
 */
#include "lint_data.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/file.h"

#define SIGNATURE_LEN 256
#define FILE_MAX 65536

static const char *folder;
static bool checking, differs;
static struct buf manifest;

static void
put(const char *name, const char *suffix, const void *data, size_t len)
{
	char path[512];
	struct fas_err e = {0};
	NEED(data &&
	     snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix) < (int)sizeof(path));
	if (!checking) {
		NEED(file_write_atomic(path, data, len, 0644, &e) == FAS_OK);
		return;
	}
	OWN(text) char *now = NULL;
	size_t now_len = 0;
	if (file_read(path, FILE_MAX, &now, &now_len, &e) == FAS_OK && now_len == len &&
	    memcmp(now, data, len) == 0)
		return;
	(void)fprintf(stderr, "%s is not what lint_data makes\n", path);
	differs = true;
}

/* A certificate of these signed bytes, with filling for a signature. */
static uint8_t *
assemble(const uint8_t *tbs, size_t tbs_len, size_t *len)
{
	uint8_t filling[SIGNATURE_LEN], *der = NULL;
	memset(filling, 0x5a, sizeof(filling));
	NEED(profile_assemble(SIGNATURE_RSA_SHA256, tbs, tbs_len, filling, sizeof(filling), &der,
		 len, NULL) == FAS_OK);
	return der;
}

static uint8_t *
make_ca(const struct world *w, enum world_ca issuer, const char *name, int path_len, int64_t life_d,
    size_t *len)
{
	const struct data_spki key = data_rsa(2048, 65537, name);
	const struct profile_ca_facts facts = {
	    .common_name = name,
	    .organization = "Example Corp",
	    .serial = {0x11, 1, 2, 3, 4, 5, 6, 7, 8, (uint8_t)name[0]},
	    .serial_len = 10,
	    .not_before_s = WORLD_NOW - 86400,
	    .not_after_s = WORLD_NOW + life_d * 86400,
	    .path_len = path_len,
	    .spki = key.der,
	    .spki_len = key.len,
	};
	OWN(bytes) uint8_t *tbs = NULL;
	size_t tbs_len = 0;
	NEED(profile_build_ca(issuer == WORLD_CAS ? NULL : &w->issuer[issuer], SIGNATURE_RSA_SHA256,
		 &facts, &tbs, &tbs_len, NULL) == FAS_OK);
	free(key.der);
	return assemble(tbs, tbs_len, len);
}

static uint8_t *
make_leaf(const struct world *w, const struct world_case *how, size_t *len)
{
	static const char *const names[] = {"vda1.corp.example.com"};
	const struct data_spki key = data_rsa(2048, 65537, how->name);
	struct dn subject = {0};
	NEED(dn_add(&subject, "DC", "com", NULL) == FAS_OK);
	NEED(dn_add(&subject, "DC", "corp", NULL) == FAS_OK);
	NEED(dn_add(&subject, "CN", "alice", NULL) == FAS_OK);
	const struct profile_facts facts = {
	    .kind = how->kind,
	    .own = how->own,
	    .serial = {0x6a, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
	    .serial_len = 16,
	    .not_before_s = WORLD_NOW - 300,
	    .not_after_s = WORLD_NOW + WORLD_LONGEST_S,
	    .spki = key.der,
	    .spki_len = key.len,
	    .subject = &subject,
	    .sid = &w->sid,
	    .upn = WORLD_UPN,
	    .dns_names = names,
	    .n_dns_names = 1,
	    .role = "host",
	    .account = WORLD_ACCOUNT,
	    .mail = WORLD_MAIL,
	    .realm = how->kind == PROFILE_KDC || how->own ? WORLD_REALM : NULL,
	};
	OWN(bytes) uint8_t *tbs = NULL;
	size_t tbs_len = 0;
	NEED(profile_build(&w->issuer[how->issuer], &facts, &tbs, &tbs_len, NULL) == FAS_OK);
	free(key.der);
	dn_done(&subject);
	return assemble(tbs, tbs_len, len);
}

static void
make_authorities(struct world *w)
{
	static const struct {
		enum world_ca ca, issuer;
		int path_len, life_d;
	} list[] = {
	    {WORLD_ROOT, WORLD_CAS, -1, 3650},
	    {WORLD_LOGON, WORLD_ROOT, 0, 1825},
	    {WORLD_SERVICE, WORLD_CAS, 0, 3650},
	};
	for (size_t i = 0; i < NELEMS(list); i++) {
		const char *name = world_ca_name(list[i].ca);
		size_t len = 0;
		OWN(bytes)
		uint8_t *der =
		    make_ca(w, list[i].issuer, name, list[i].path_len, list[i].life_d, &len);
		world_add(w, list[i].ca, der, len);
		put(name, ".der", der, len);
	}
}

static uint8_t *
make_good(const struct world *w, const struct world_case *how, enum world_ca issuer, size_t *len)
{
	uint8_t *der = NULL;
	if (how->shape == WORLD_LEAF)
		return make_leaf(w, how, len);
	if (how->shape == WORLD_AUTHORITY)
		return make_ca(w, how->self_issued ? WORLD_CAS : issuer, how->name,
		    how->self_issued ? -1 : 0, 365, len);
	struct data_crl *crl = data_crl_new(w);
	NEED(asn1_encode(ASN1_ITEM_rptr(data_crl), crl, &der, len, NULL) == FAS_OK);
	asn1_free(crl, ASN1_ITEM_rptr(data_crl));
	return der;
}

/* Decode, spoil, encode; *der is replaced. */
static void
spoil(const struct data_defect *defect, uint8_t **der, size_t *len)
{
	const ASN1_ITEM *item =
	    defect->spoil_crl ? ASN1_ITEM_rptr(data_crl) : ASN1_ITEM_rptr(asn1_certificate);
	if (!defect->spoil && !defect->spoil_crl)
		return;
	void *value = asn1_decode(item, *der, *len);
	NEED(value != NULL);
	if (defect->spoil_crl)
		defect->spoil_crl(value);
	else
		defect->spoil(value);
	free(*der);
	NEED(asn1_encode(item, value, der, len, NULL) == FAS_OK);
	asn1_free(value, item);
}

static void
make_defect(const struct world *w, const struct data_defect *defect)
{
	const struct world_case *how = world_case(defect->base);
	NEED(how != NULL);
	enum world_ca issuer = defect->issuer ? world_ca_parse(defect->issuer) : how->issuer;
	size_t len = 0;
	uint8_t *der = make_good(w, how, issuer, &len);
	spoil(defect, &der, &len);
	uint8_t *grown = realloc(der, len + 1);
	NEED(grown != NULL);
	if (defect->patch)
		defect->patch(grown, &len);
	put(defect->lint, ".der", grown, len);
	free(grown);
	buf_printf(&manifest, "%s %s %s %s\n", defect->lint, defect->base, world_ca_name(issuer),
	    defect->also ? defect->also : "-");
}

static void
make_all(struct world *w)
{
	static const struct {
		const struct data_defect *defects;
		const size_t *n;
	} groups[] = {{data_frame, &data_frame_n}, {data_extension, &data_extension_n},
	    {data_name, &data_name_n}, {data_crls, &data_crls_n}};
	make_authorities(w);
	for (size_t i = 0; world_case_at(i); i++) {
		const struct world_case *how = world_case_at(i);
		size_t len = 0;
		OWN(bytes) uint8_t *der = make_good(w, how, how->issuer, &len);
		put(how->name, ".good.der", der, len);
	}
	buf_text(
	    &manifest, "# lint, the good file it is made from, issuer, what else must find it\n");
	for (size_t g = 0; g < NELEMS(groups); g++) {
		for (size_t i = 0; i < *groups[g].n; i++)
			make_defect(w, &groups[g].defects[i]);
	}
	NEED(buf_check(&manifest, NULL) == FAS_OK);
	put("manifest", "", manifest.data, manifest.len);
}

int
main(int argc, char **argv)
{
	struct world world;
	checking = argc == 3 && strcmp(argv[1], "--check") == 0;
	if (argc != 2 && !checking) {
		(void)fprintf(stderr, "usage: lint_data [--check] FOLDER\n");
		return 2;
	}
	folder = argv[argc - 1];
	buf_init(&manifest, FILE_MAX);
	world_init(&world);
	make_all(&world);
	world_done(&world);
	buf_done(&manifest);
	return differs ? 1 : 0;
}
