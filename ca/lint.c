/* The table's runner: parse once, run what applies, keep the findings. */
#include "ca/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "ca/lint_parts.h"

#define CERTIFICATE_MAX 65536 /* some lints hold each name against all others */

static const struct {
	const struct lint *lints;
	const size_t *n;
} groups[] = {
    {lints_body, &lints_body_n},
    {lints_names, &lints_names_n},
    {lints_key, &lints_key_n},
    {lints_extension, &lints_extension_n},
    {lints_location, &lints_location_n},
    {lints_user, &lints_user_n},
    {lints_own, &lints_own_n},
    {lints_machine, &lints_machine_n},
    {lints_ca, &lints_ca_n},
    {lints_crl, &lints_crl_n},
    {lints_crl_entry, &lints_crl_entry_n},
};

void
lint_say(struct lint_run *run, const char *fmt, ...)
{
	struct lint_report *report = run->report;
	if (report->n == LINT_FINDINGS_MAX)
		return;
	struct lint_finding *finding = &report->findings[report->n++];
	finding->name = run->lint->name;
	finding->citation = run->lint->citation;
	finding->severity = run->lint->severity;
	finding->remedy = lint_remedy(run->lint->name);
	finding->logon = lint_logon(run->lint->name);
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(finding->message, sizeof(finding->message), fmt, args);
	va_end(args);
}

/* The first lint of a group for its kind is the one that says "malformed"; the rest then have nothing to look at. */
static void
run_table(struct lint_run *run)
{
	for (size_t g = 0; g < NELEMS(groups); g++) {
		for (size_t i = 0; i < *groups[g].n; i++) {
			run->lint = &groups[g].lints[i];
			if (!(run->lint->applies & run->kind))
				continue;
			run->lint->check(run);
			if (!run->certificate && !run->crl)
				return;
		}
	}
}

static void
read_certificate(struct lint_run *run)
{
	if (run->len <= CERTIFICATE_MAX)
		run->certificate =
		    asn1_decode(ASN1_ITEM_rptr(asn1_certificate), run->der, run->len);
	if (!run->certificate)
		return;
	struct asn1_tbs *tbs = run->tbs = run->certificate->tbs;
	run->times_ok = asn1_time_to_unix(tbs->validity->notBefore, &run->not_before_s) &&
			asn1_time_to_unix(tbs->validity->notAfter, &run->not_after_s);
	run->key_ok = asn1_key_read(tbs->spki, &run->key);
	run->self_issued = tbs->issuer->type == V_ASN1_SEQUENCE &&
			   asn1_is_canonical(ASN1_ITEM_rptr(asn1_name), tbs->subject,
			       ASN1_STRING_get0_data(tbs->issuer->value.sequence),
			       (size_t)ASN1_STRING_length(tbs->issuer->value.sequence));
	lint_extensions_read(tbs->extensions, &run->extensions);
}

static void
lint_any(const uint8_t *der, size_t len, unsigned kind, const struct lint_context *context,
    struct lint_report *out)
{
	struct lint_run run = {
	    .context = context, .report = out, .kind = kind, .der = der, .len = len};
	out->n = 0;
	read_certificate(&run);
	run_table(&run);
	lint_extensions_done(&run.extensions);
	asn1_key_done(&run.key);
	asn1_certificate_free(run.certificate);
	ERR_clear_error();
}

void
lint_certificate(
    const uint8_t *der, size_t len, const struct lint_context *context, struct lint_report *out)
{
	lint_any(der, len, LINT_FOR(context->kind), context, out);
}

void
lint_ca_certificate(
    const uint8_t *der, size_t len, const struct lint_context *context, struct lint_report *out)
{
	lint_any(der, len, LINT_CA, context, out);
}

void
lint_crl(const uint8_t *der, size_t len, const struct lint_context *context,
    uint64_t previous_number, struct lint_report *out)
{
	OWN(lint_crl) struct lint_crl *crl = lint_crl_read(der, len, context->now_s);
	struct lint_run run = {.context = context,
	    .report = out,
	    .kind = LINT_CRL,
	    .der = der,
	    .len = len,
	    .crl = crl,
	    .previous_number = previous_number};
	out->n = 0;
	if (crl)
		lint_extensions_read(crl->extensions, &run.extensions);
	run_table(&run);
	lint_extensions_done(&run.extensions);
	ERR_clear_error();
}

enum fas_code
lint_check(const struct lint_report *report, struct fas_err *e)
{
	char text[FAS_ERR_MESSAGE_MAX] = "";
	size_t used = 0;
	for (size_t i = 0; i < report->n && used < sizeof(text); i++) {
		const struct lint_finding *finding = &report->findings[i];
		if (finding->severity == LINT_WARNING)
			continue;
		int more = snprintf(text + used, sizeof(text) - used, "%s%s (%s): %s",
		    used ? "; " : "", finding->name, finding->citation, finding->message);
		used += more > 0 ? (size_t)more : 0;
	}
	if (used == 0)
		return FAS_OK;
	return fas_fail(e, FAS_E_INTERNAL, "lint_failed", "%s", text);
}

static const struct lint *
at(size_t i)
{
	for (size_t g = 0; g < NELEMS(groups); g++) {
		if (i < *groups[g].n)
			return &groups[g].lints[i];
		i -= *groups[g].n;
	}
	return NULL;
}

size_t
lint_count(void)
{
	size_t n = 0;
	for (size_t g = 0; g < NELEMS(groups); g++)
		n += *groups[g].n;
	return n;
}

const char *
lint_name(size_t i)
{
	const struct lint *lint = at(i);
	return lint ? lint->name : NULL;
}

const char *
lint_citation(size_t i)
{
	const struct lint *lint = at(i);
	return lint ? lint->citation : NULL;
}
