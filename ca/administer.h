/* What administrators ask for on the admin socket, but for tokens (token.h), hosts (hosts.h) and revocation (revoke.h). */
#ifndef CA_ADMINISTER_H
#define CA_ADMINISTER_H

#include "ca/ca.h"

/* FAS_E_NOTFOUND "authority_unknown". */
MUST_CHECK enum fas_code authority_check_known(
    const struct ca *ca, const char *name, struct fas_err *e);
/* Load anew what has changed in ca.db, then publish this generation, and first its root. */
MUST_CHECK enum fas_code publish_with_root(struct ca *ca, int64_t id, struct fas_err *e);

call_fn op_ca_init;
call_fn op_ca_csr;
call_fn op_ca_install;
call_fn op_ca_root_crl;
call_fn op_ca_rotate;
call_fn op_ca_retire;
call_fn op_ca_renew_service;
call_fn op_ca_in_ntauth;
call_fn op_ca_show;
call_fn op_kdc_issue;
call_fn op_cert_list;
call_fn op_cert_show;
call_fn op_crl_publish;
call_fn op_crl_show;
call_fn op_audit_tail;

#endif
