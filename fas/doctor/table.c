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
};
const size_t doctor_n_checks = NELEMS(doctor_checks);
