/* What stands in a revocation list, as one pass has gathered it. */
#include "ca/lint_parts.h"

static void
crl_list_not_empty(struct lint_run *run)
{
	if (run->crl->empty_list)
		lint_say(run, "revokedCertificates is there and empty, want it absent");
}

static void
crl_entries_well_formed(struct lint_run *run)
{
	if (run->crl->entries.malformed)
		lint_say(run, "an entry is not { serial, date, extensions }");
}

static void
crl_entry_serials(struct lint_run *run)
{
	if (run->crl->entries.bad_serial)
		lint_say(run, "an entry's serial number is not positive or over 20 octets");
}

static void
crl_entry_reasons(struct lint_run *run)
{
	if (run->crl->entries.bad_reason)
		lint_say(run, "an entry's reason is unspecified, unused, removeFromCRL or unknown");
}

static void
crl_entry_dates(struct lint_run *run)
{
	if (run->crl->entries.future)
		lint_say(run, "an entry's revocation date lies in the future");
}

static void
crl_entries_known(struct lint_run *run)
{
	if (run->crl->entries.critical)
		lint_say(run, "an entry has a critical extension, which voids the list");
}

const struct lint lints_crl_entry[] = {
    {"crl_list_not_empty", "RFC 5280 5.1.2.6", LINT_CRL, LINT_ERROR, crl_list_not_empty},
    {"crl_entries_well_formed", "RFC 5280 5.1.2.6", LINT_CRL, LINT_ERROR, crl_entries_well_formed},
    {"crl_entry_serials", "RFC 5280 4.1.2.2, 5.1.2.6", LINT_CRL, LINT_ERROR, crl_entry_serials},
    {"crl_entry_reasons", "RFC 5280 5.3.1", LINT_CRL, LINT_ERROR, crl_entry_reasons},
    {"crl_entry_dates", "RFC 5280 5.1.2.6", LINT_CRL, LINT_ERROR, crl_entry_dates},
    {"crl_entries_known", "RFC 5280 5.3", LINT_CRL, LINT_ERROR, crl_entries_known},
};
const size_t lints_crl_entry_n = NELEMS(lints_crl_entry);
