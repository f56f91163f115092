/* The groups of fasctl's commands, one file each. */
#ifndef FAS_CTL_COMMANDS_H
#define FAS_CTL_COMMANDS_H

#include "fas/ctl/cli.h"

extern const struct cli_group ctl_ca_group;
extern const struct cli_group ctl_ca_life_group;
extern const struct cli_group ctl_proposal_group;
extern const struct cli_group ctl_config_group;
extern const struct cli_group ctl_machine_group;
extern const struct cli_group ctl_certificate_group;
extern const struct cli_group ctl_lint_group;
extern const struct cli_group ctl_idp_group;
extern const struct cli_group ctl_saml_group;
extern const struct cli_group ctl_place_group;
extern const struct cli_group ctl_pool_group;
extern const struct cli_group ctl_policy_group;
extern const struct cli_group ctl_session_group;
extern const struct cli_group ctl_audit_group;
extern const struct cli_group ctl_explain_group;
extern const struct cli_group ctl_backup_group;
extern const struct cli_group ctl_status_group;

/* "audit verify": audit_verify.c and what it is made of. */
cli_run ctl_audit_verify;
cli_run ctl_audit_acknowledge;
cli_run ctl_audit_export;

/* "doctor", of the group "state". */
cli_run ctl_doctor;

/* "restore": restore.c and what it is made of. */
cli_run ctl_restore;

/* The whole of fasctl. */
extern const struct cli_program ctl_program;

#endif
