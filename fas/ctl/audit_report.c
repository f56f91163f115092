/* fasctl audit verify: what was found, for people and for programs. */
#include "fas/ctl/audit_verify.h"

#include <stdio.h>

#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/render.h"

static const struct render_column columns[] = {
    {"TRAIL", "trail", RENDER_TEXT},
    {"SEQ", "seq", RENDER_TEXT},
    {"WHAT", "what", RENDER_TEXT},
    {"MEANING", "meaning", RENDER_TEXT},
};

static json_t *
begin_json(const struct audit_begin *begin)
{
	char text[TIME_TEXT_MAX];
	return json_pack("{s:I,s:s}", "seq", (json_int_t)begin->seq, "time",
	    begin->seq ? time_format(begin->time_ms / 1000, text) : "");
}

static json_t *
acknowledged_json(const struct verification *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_acknowledged; i++) {
		const struct verify_acknowledged *a = &v->acknowledged[i];
		const struct audit_gap *gap = &a->stated.gap;
		char text[TIME_TEXT_MAX];
		(void)json_array_append_new(
		    list, json_pack("{s:s,s:I,s:I,s:I,s:I,s:s,s:s,s:s}", "trail", a->stated.trail,
			      "from", (json_int_t)gap->from, "to", (json_int_t)gap->to, "heads",
			      (json_int_t)a->heads, "missing", (json_int_t)a->missing, "time",
			      time_format(a->stated.time_ms / 1000, text), "by", gap->by, "reason",
			      gap->reason));
	}
	return list;
}

static void
print_json(const struct verification *v)
{
	OWN(json)
	json_t *answer = json_pack("{s:O,s:o,s:{s:I,s:I},s:{s:o,s:o},s:I,s:I,s:I,s:I}", "findings",
	    v->findings, "acknowledged", acknowledged_json(v), "records", TRAIL_FASD,
	    (json_int_t)v->records[CTL_FASD], TRAIL_SIGNER, (json_int_t)v->records[CTL_SIGNER],
	    "since", TRAIL_FASD, begin_json(&v->begins[CTL_FASD]), TRAIL_SIGNER,
	    begin_json(&v->begins[CTL_SIGNER]), "countersignatures", (json_int_t)v->heads,
	    "certificates", (json_int_t)v->certificates, "decisions", (json_int_t)v->decisions,
	    "pruned", (json_int_t)v->pruned);
	for (enum ctl_peer peer = CTL_SIGNER; peer <= CTL_FASD; peer++) {
		if (v->restored_s[peer])
			(void)json_object_set_new(answer,
			    peer == CTL_FASD ? "restored_fasd" : "restored_signer",
			    json_pack("{s:I,s:I}", "made_at", (json_int_t)v->restored_made_s[peer],
				"at", (json_int_t)v->restored_s[peer]));
	}
	(void)json_object_set_new(answer, "ledger",
	    json_pack("{s:I,s:I}", "ended_before", (json_int_t)v->ended_before_s, "ended",
		(json_int_t)v->ended));
	render_json(v->args->out, answer);
}

static const struct render_column acknowledged_columns[] = {
    {"TRAIL", "trail", RENDER_TEXT},
    {"FROM", "from", RENDER_TEXT},
    {"TO", "to", RENDER_TEXT},
    {"MISSING", "missing", RENDER_TEXT},
    {"ACCEPTED", "time", RENDER_TIME},
    {"BY", "by", RENDER_TEXT},
    {"REASON", "reason", RENDER_TEXT},
};

static void
print_since(const struct verification *v, enum ctl_peer peer)
{
	char text[TIME_TEXT_MAX];
	const struct audit_begin *begin = &v->begins[peer];
	if (begin->seq > 0)
		(void)fprintf(v->args->out, "The trail of %s reaches back to %s (record %lld%s).\n",
		    ctl_peer_name(peer), time_format(begin->time_ms / 1000, text),
		    (long long)begin->seq, begin->seq > 1 ? ", older ones were pruned" : "");
}

/* What was recorded between the two is in no database any more. */
static void
print_restored(const struct verification *v, enum ctl_peer peer)
{
	char made[TIME_TEXT_MAX], at[TIME_TEXT_MAX];
	if (v->restored_s[peer] > 0)
		(void)fprintf(v->args->out,
		    "%s was restored from a backup of %s at %s: what was recorded in between is "
		    "gone.\n",
		    ctl_peer_name(peer), time_format(v->restored_made_s[peer], made),
		    time_format(v->restored_s[peer], at));
}

static void
print_ended(const struct verification *v)
{
	char text[TIME_TEXT_MAX];
	if (v->ended > 0)
		(void)fprintf(v->args->out,
		    "Of %lld decisions the certificate is no longer in ca.db: it ended before "
		    "%s.\n",
		    (long long)v->ended, time_format(v->ended_before_s, text));
}

static void
print_text(const struct verification *v)
{
	FILE *out = v->args->out;
	size_t n = json_array_size(v->findings);
	OWN(json) json_t *acknowledged = acknowledged_json(v);
	if (n > 0)
		render_table(out, v->findings, columns, NELEMS(columns), "");
	if (n >= VERIFY_FINDINGS_MAX)
		(void)fprintf(out, "... and more\n");
	if (v->n_acknowledged > 0) {
		(void)fprintf(out, "%sAcknowledged gaps:\n", n ? "\n" : "");
		render_table(
		    out, acknowledged, acknowledged_columns, NELEMS(acknowledged_columns), "");
	}
	(void)fprintf(out,
	    "%s%lld records of fasd, %lld of fas-signer, %lld countersigned heads, "
	    "%lld certificates, %lld decisions\n",
	    n                       ? "\nlooked at "
	    : v->n_acknowledged > 0 ? "\nBut for that all agree: "
				    : "All agree: ",
	    (long long)v->records[CTL_FASD], (long long)v->records[CTL_SIGNER], (long long)v->heads,
	    (long long)v->certificates, (long long)v->decisions);
	print_since(v, CTL_FASD);
	print_since(v, CTL_SIGNER);
	print_restored(v, CTL_FASD);
	print_restored(v, CTL_SIGNER);
	print_ended(v);
}

void
verify_report(const struct verification *v)
{
	if (cli_flag(v->args, "json"))
		print_json(v);
	else
		print_text(v);
}
