/* What administrators ask for on the admin socket, but for tokens (token.h), hosts (hosts.h) and revocation (revoke.h). */
#ifndef CA_ADMINISTER_H
#define CA_ADMINISTER_H

#include "ca/ca.h"

call_fn op_ca_init;
call_fn op_ca_install;
call_fn op_ca_show;
call_fn op_kdc_issue;
call_fn op_cert_list;
call_fn op_cert_show;
call_fn op_crl_publish;
call_fn op_crl_show;
call_fn op_audit_tail;

#endif
