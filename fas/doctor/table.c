#include "fas/doctor/checks.h"

#include "fas/base/macros.h"

/* Names are stable: scripts and `--skip` use them. */
const struct doctor_check doctor_checks[] = {
    {"controllers_known",
	"Nobody can be asked: fasd finds controllers by its configuration or by SRV records.",
	check_controllers_known},
    {"controller_away", "This controller does not serve fasd; if none does, nobody can log on.",
	check_controller_away},
    {"controller_clock",
	"Kerberos fails beyond 5 minutes, and certificates of 15 minutes look as if they had not "
	"begun or had ended.",
	check_controller_clock},
    {"ldap_signing",
	"Anybody between can read passwords of other services and change what they are told. "
	"fasd's "
	"own connections are sealed.",
	check_ldap_signing},
    {"ldap_channel_binding",
	"Somebody who gets a client to log on to him can pass that logon on to this controller.",
	check_ldap_channel_binding},
    {"controller_certificate",
	"A KDC without a certificate cannot do PKINIT: \"the request is not supported\".",
	check_certificate_there},
    {"controller_certificate_life",
	"Once it has ended, hosts refuse the KDC and every logon fails.", check_certificate_life},
    {"controller_certificate_purpose",
	"Hosts want the KDC's certificate to say that it is one: else they refuse it.",
	check_certificate_purpose},
    {"controller_certificate_name",
	"Hosts compare the KDC's certificate with the name by which they found it.",
	check_certificate_name},
    {"controller_certificate_key", "Hosts and libraries refuse such certificates, or soon will.",
	check_certificate_key},
    {"controller_certificate_chain",
	"Members of the domain take their roots from there: they do not trust this controller.",
	check_certificate_chain},
    {"controller_certificate_ntauth",
	"Windows hosts with strict KDC validation refuse a KDC whose issuer is not in NTAuth.",
	check_certificate_ntauth},
    {"authority", "No certificate can be issued.", check_authority_there},
    {"authority_ntauth",
	"Domain controllers take logon certificates of authorities in NTAuth only: every logon "
	"fails. "
	"They read a copy that may be 8 hours old.",
	check_authority_ntauth},
    {"authority_root",
	"Controllers and hosts take their roots from there: without it they do not trust users' "
	"certificates.",
	check_authority_root},
    {"authority_life", "Nothing is issued past its end.", check_authority_life},
    {"ntauth_ended",
	"It makes no logon, but hides which authorities can: whatever is in NTAuth can log on "
	"anybody.",
	check_ntauth_ended},
    {"crl_reachable",
	"A controller that cannot fetch a CRL of the chain refuses every logon, once its cached "
	"one "
	"has ended.",
	check_crl_reachable},
    {"crl_good",
	"A CRL that has ended, or that another key has signed, is as good as none: every logon "
	"fails.",
	check_crl_good},
    {"issuer_reachable",
	"Hosts that lack the intermediate certificate fetch it there to build the chain.",
	check_issuer_reachable},
    {"functional_level",
	"Below it, keys of accounts may be RC4 only, and what a KDC does for PKINIT is not what "
	"was "
	"tested.",
	check_functional_level},
    {"machine_quota",
	"A computer that a user made passes rules for machines that go by a name's pattern or an "
	"OU.",
	check_machine_quota},
    {"upn_suffixes",
	"A KDC of another domain cannot tell whose such a name is: \"client not found\".",
	check_upn_suffixes},
    {"upn_collisions", "A KDC may take the name for either account: fasd refuses both.",
	check_upn_collisions},
    {"upn_duplicates", "A KDC may take the name for either account: fasd refuses both.",
	check_upn_duplicates},
    {"certificate_mappings",
	"A mapping by name says who a certificate is for; the SID in it says so too. Where they "
	"differ, "
	"the logon fails, or somebody else is logged on.",
	check_mappings},
    {"service_account_rights", "What fasd cannot read it cannot judge: it refuses.",
	check_own_readable},
    {"service_account_power", "Whoever gets hold of fasd's keytab then has the domain.",
	check_own_power},
    {"service_account_delegation",
	"Whoever gets hold of fasd's keytab can then act as whoever comes to it.",
	check_own_delegation},
    {"service_account_end", "Then fasd cannot read the directory, and nobody can log on.",
	check_own_end},
    {"service_account_encryption",
	"RC4 keys are guessed from captured tickets; binds without AES fail where RC4 is off.",
	check_own_encryption},
    {"policy_groups", "A rule that hangs on an unknown group denies, and so do all behind it.",
	check_policy_groups},
    {"key_types", "Such users are refused at the controller, after all else went well.",
	check_key_types},
    {"rule_accounts", "This person cannot log on.", check_rule_accounts},
};
const size_t doctor_n_checks = NELEMS(doctor_checks);
