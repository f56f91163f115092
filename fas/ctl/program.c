/* fasctl as a table. */
#include "fas/ctl/commands.h"

static const struct cli_group *const groups[] = {
    &ctl_status_group,
    &ctl_config_group,
    &ctl_ca_group,
    &ctl_ca_life_group,
    &ctl_proposal_group,
    &ctl_machine_group,
    &ctl_certificate_group,
    &ctl_lint_group,
    &ctl_idp_group,
    &ctl_saml_group,
    &ctl_place_group,
    &ctl_pool_group,
    &ctl_policy_group,
    &ctl_session_group,
    &ctl_audit_group,
    &ctl_backup_group,
    &ctl_explain_group,
};

static const struct cli_option common[] = {
    {"json", NULL, "for programs: the answer as JSON", 0},
    {"signer-socket", "PATH", "admin socket of fas-signer", 0},
    {"fasd-socket", "PATH", "admin socket of fasd", 0},
    {"help", NULL, "this text", 0},
};

const struct cli_program ctl_program = {
    .name = "fasctl",
    .summary = "Administer the federated authentication service on this machine.",
    .groups = groups,
    .n_groups = NELEMS(groups),
    .common = common,
    .n_common = NELEMS(common),
    .footer = "environment: FAS_SIGNER_ADMIN, FAS_ADMIN (admin sockets)\n"
	      "exit status: 0 done, 1 refused or failed, 2 wrong command line, 3 the service does "
	      "not answer,\n"
	      "             4 it answered, and the answer is a defect (status, doctor, lint, idp "
	      "test, saml check,\n"
	      "             audit verify, crl verify, publish)\n"
	      "             5 the act waits for a second person (proposal approve)\n",
};
