/* Domain controllers: there, on time, and strict about who speaks LDAP to them. */
#include <string.h>

#include "fas/doctor/checks.h"

void
check_controllers_known(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_domains; i++) {
		const struct exam_domain *d = &x->domains[i];
		const char *name = d->survey.config->name;
		size_t n = 0;
		for (size_t k = 0; k < x->n_controllers; k++)
			n += x->controllers[k].domain == d;
		if (n > 0)
			continue;
		json_t *f = report_finding(r, name, "no domain controller of %s is known: %.300s",
		    name, d->targets_why.message);
		remedy(f, REMEDY_HERE, "dig +short SRV _ldap._tcp.dc._msdcs.%s", name);
		remedy(f, REMEDY_HERE,
		    "printf 'nameserver ADDRESS\\n%%s\\n' \"$(cat /etc/resolv.conf)\" > "
		    "/etc/resolv.conf  "
		    "    # no answer: ADDRESS of a name server that knows %s; or list "
		    "`controllers:` in "
		    "fasd.yaml",
		    name);
	}
}

static void
remedy_away(json_t *f, const struct exam_controller *c)
{
	const struct domain_config *config = c->target.config;
	if (strcmp(c->bind_why.reason, "ldap_bind") == 0 ||
	    strcmp(c->bind_why.reason, "kerberos_no_ticket") == 0) {
		remedy(f, REMEDY_HERE, "klist -k -t %s      # is it the account's present key?",
		    config->keytab ? config->keytab : "KEYTAB");
		return;
	}
	if (c->domain->vendor != VENDOR_WINDOWS)
		remedy(f, REMEDY_CONTROLLER, "systemctl restart samba-ad-dc      # Samba");
	if (c->domain->vendor != VENDOR_SAMBA)
		remedy(f, REMEDY_CONTROLLER, "Start-Service NTDS, KDC            # Windows");
}

void
check_controller_away(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		if (c->bind_why.code == FAS_OK)
			continue;
		remedy_away(report_finding(r, c->target.host, "%s", c->bind_why.message), c);
	}
}

void
check_controller_clock(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		int64_t ahead = c->root.time_s - c->root.asked_s;
		if (c->root_why.code != FAS_OK) {
			report_unknown(r, c->target.host, &c->root_why);
			continue;
		}
		if (ahead <= x->skew_s && -ahead <= x->skew_s)
			continue;
		json_t *f = report_finding(r, c->target.host,
		    "its clock is %lld s %s of this machine's; up to %lld s are taken",
		    (long long)(ahead > 0 ? ahead : -ahead), ahead > 0 ? "ahead" : "behind",
		    (long long)x->skew_s);
		remedy(f, REMEDY_CONTROLLER, "%s",
		    c->root.is_samba ? "chronyc makestep" : "w32tm /resync /rediscover");
		remedy(f, REMEDY_HERE,
		    "chronyc makestep      # if this machine's clock is the wrong one");
	}
}

/* The one setting of Samba is for both. */
static void
remedy_strict(json_t *f)
{
	remedy(f, REMEDY_CONTROLLER,
	    "sed -i -e '/^[[:space:]]*ldap server require strong auth/d' "
	    "-e '/^\\[global\\]/a ldap server require strong auth = yes' /etc/samba/smb.conf");
	remedy(f, REMEDY_CONTROLLER, "systemctl restart samba-ad-dc");
}

/* MS-ADTS; the values that "Default Domain Controllers Policy" should set for all. */
static void
remedy_policy(json_t *f, const char *value)
{
	remedy(f, REMEDY_CONTROLLER,
	    "Set-GPRegistryValue -Name 'Default Domain Controllers Policy' -Key "
	    "'HKLM\\SYSTEM\\CurrentControlSet\\Services\\NTDS\\Parameters' -ValueName %s -Type "
	    "DWord "
	    "-Value 2",
	    value);
	remedy(f, REMEDY_CONTROLLER, "gpupdate /force");
}

static void
check_probe(const struct exam_controller *c, enum probe_answer answer, const struct fas_err *why,
    const char *what, const char *value, struct report *r)
{
	const struct fas_err unclear = {
	    .code = FAS_E_UNAVAILABLE, .message = "its answer leaves it open"};
	if (why->code != FAS_OK || answer == PROBE_UNKNOWN) {
		report_unknown(r, c->target.host, why->code != FAS_OK ? why : &unclear);
		return;
	}
	if (answer == PROBE_REFUSED)
		return;
	json_t *f = report_finding(r, c->target.host, "%s", what);
	if (c->domain->vendor == VENDOR_SAMBA)
		remedy_strict(f);
	else
		remedy_policy(f, value);
}

void
check_ldap_signing(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		check_probe(c, c->clear, &c->clear_why,
		    "it looks at a name and a password that come in the clear: LDAP signing is not "
		    "required",
		    "LDAPServerIntegrity", r);
	}
}

void
check_ldap_channel_binding(const struct exam *x, struct report *r)
{
	for (size_t i = 0; i < x->n_controllers; i++) {
		const struct exam_controller *c = &x->controllers[i];
		check_probe(c, c->unbound, &c->unbound_why,
		    "it takes a Kerberos bind over TLS that is not bound to the TLS connection",
		    "LdapEnforceChannelBinding", r);
	}
}
