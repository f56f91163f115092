/* The last published lists that are given to `fasctl restore`: each of an authority of the backup, and none left out. */
#ifndef FAS_CTL_RESTORE_CRL_H
#define FAS_CTL_RESTORE_CRL_H

#include "fas/base/restore.h"
#include "fas/ctl/backup_manifest.h"

struct restore_crls {
	size_t n;
	struct {
		uint8_t *der;
		size_t len;
	} lists[RESTORE_CRLS_MAX];
	char missing[256]; /* "main 1, ..."; "": each logon CA has its list */
};
void restore_crls_done(struct restore_crls *crls);

/*
 * PEM or DER.  FAS_E_INPUT "restore_crl": none, or no authority of the backup has signed it; "restore_crl_twice": of the same
 * authority.
 */
MUST_CHECK enum fas_code restore_crls_add(struct restore_crls *crls,
    const struct backup_manifest *manifest, const char *path, struct fas_err *e);
/* Fill in `missing`. */
MUST_CHECK enum fas_code restore_crls_judge(
    struct restore_crls *crls, const struct backup_manifest *manifest, struct fas_err *e);

DEFINE_OWN_IN_PLACE(restore_crls, struct restore_crls, restore_crls_done);

#endif
