/*
 * The checks: each a name, what a finding of it means, and a pure function of what was looked at (exam.h).
 */
#ifndef FAS_DOCTOR_CHECKS_H
#define FAS_DOCTOR_CHECKS_H

#include "fas/doctor/exam.h"
#include "fas/doctor/report.h"

struct doctor_check {
	const char *name, *meaning;
	void (*run)(const struct exam *exam, struct report *report);
};

/* In the order in which they are run and told. */
extern const struct doctor_check doctor_checks[];
extern const size_t doctor_n_checks;

typedef void doctor_run_check(const struct exam *exam, struct report *report);

/* ---- check_controller.c ---- */
doctor_run_check check_controllers_known, check_controller_away, check_controller_clock,
    check_ldap_signing, check_ldap_channel_binding;
/* ---- check_certificate.c: domain controllers' ---- */
doctor_run_check check_certificate_there, check_certificate_life, check_certificate_purpose,
    check_certificate_name, check_certificate_key, check_certificate_chain,
    check_certificate_ntauth;
/* ---- check_authority.c ---- */
doctor_run_check check_authority_there, check_authority_ntauth, check_authority_root,
    check_authority_life, check_ntauth_ended, check_key_types;
/* ---- check_published.c ---- */
doctor_run_check check_crl_reachable, check_crl_good, check_issuer_reachable;
/* ---- check_domain.c ---- */
doctor_run_check check_functional_level, check_machine_quota, check_upn_suffixes;
/* ---- check_names.c ---- */
doctor_run_check check_upn_collisions, check_upn_duplicates, check_mappings;
/* ---- check_account.c ---- */
doctor_run_check check_own_readable, check_own_power, check_own_delegation, check_own_end,
    check_own_encryption, check_policy_groups, check_rule_accounts;

#endif
