/* fasctl status: what is wrong and what to do, before any number. */
#include "fas/ctl/status.h"

#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/commands.h"
#include "fas/ctl/render.h"

static const struct render_column fasd_fields[] = {
    {"node", "node", RENDER_TEXT},
    {"version", "version", RENDER_TEXT},
    {"running since", "started_at", RENDER_TIME},
    {"live sessions", "sessions", RENDER_TEXT},
    {"open tickets", "tickets", RENDER_TEXT},
    {"policy rules", "policy.rules", RENDER_TEXT},
};

static const struct render_column signer_fields[] = {
    {"certificates", "certificates", RENDER_TEXT},
    {"signatures", "signatures", RENDER_TEXT},
};

static const struct render_column authority_columns[] = {
    {"AUTHORITY", "name", RENDER_TEXT},
    {"STATE", "state", RENDER_TEXT},
    {"NOT AFTER", "not_after", RENDER_TIME},
    {"CRL", "crl.number", RENDER_TEXT},
    {"REVOKED", "crl.entries", RENDER_TEXT},
    {"NEXT CRL BY", "crl.next_update", RENDER_TIME},
};

static const struct render_column directory_columns[] = {
    {"DOMAIN", "domain", RENDER_TEXT},
    {"CONTROLLER", "controller", RENDER_TEXT},
    {"REACHABLE", "reachable", RENDER_FLAG},
    {"CONNECTIONS", "connections", RENDER_TEXT},
    {"FAILURES", "failures", RENDER_TEXT},
};

static void
clean_line(FILE *out, const char *head, const char *text)
{
	OWN(json) json_t *value = json_string(text);
	OWN(buf) struct buf line;
	buf_init(&line, 1024);
	render_value(&line, value, RENDER_TEXT);
	(void)fprintf(out, "%s%s\n", head, buf_str(&line));
}

static void
print_findings(const struct cli_args *args, const struct findings *f)
{
	if (f->n == 0)
		(void)fprintf(args->out, "All is well: people can log on.\n");
	for (size_t i = 0; i < f->n; i++) {
		clean_line(
		    args->out, f->items[i].error ? "ERROR    " : "warning  ", f->items[i].what);
		clean_line(args->out, "  remedy ", f->items[i].remedy);
	}
}

static void
print_numbers(const struct cli_args *args, const json_t *signer, const json_t *fasd)
{
	(void)fputc('\n', args->out);
	render_fields(args->out, fasd, fasd_fields, NELEMS(fasd_fields));
	render_fields(args->out, signer, signer_fields, NELEMS(signer_fields));
	if (signer) {
		(void)fputc('\n', args->out);
		render_table(args->out, json_object_get(signer, "authorities"), authority_columns,
		    NELEMS(authority_columns), "No authority.");
	}
	if (json_array_size(json_object_get(fasd, "directory")) > 0) {
		(void)fputc('\n', args->out);
		render_table(args->out, json_object_get(fasd, "directory"), directory_columns,
		    NELEMS(directory_columns), "");
	}
}

static void
print_json(const struct cli_args *args, json_t *signer, json_t *fasd, const struct findings *f)
{
	OWN(json) json_t *list = json_array();
	for (size_t i = 0; i < f->n; i++)
		(void)json_array_append_new(
		    list, json_pack("{s:b,s:s,s:s}", "error", (int)f->items[i].error, "what",
			      f->items[i].what, "remedy", f->items[i].remedy));
	OWN(json)
	json_t *answer =
	    json_pack("{s:O,s:O?,s:O?}", "findings", list, "signer", signer, "fasd", fasd);
	render_json(args->out, answer);
}

/* One of the two: an answer or NULL; anything but "away" is worth a line of its own. */
static json_t *
ask_one(const struct cli_args *args, enum ctl_peer peer, bool *away)
{
	struct fas_err e = {0};
	json_t *reply = NULL;
	if (ctl_request(args, peer, json_pack("{s:s}", "op", "status"), &reply, &e) == FAS_OK)
		return reply;
	*away = *away || cli_exit_of(e.code) == CLI_AWAY;
	(void)fprintf(
	    args->err, "%s: %s (%s)\n", args->program->name, e.message, fas_err_reason(&e));
	return NULL;
}

static int
run_status(const struct cli_args *args)
{
	struct findings findings;
	bool away = false;
	OWN(json) json_t *signer = ask_one(args, CTL_SIGNER, &away);
	OWN(json) json_t *fasd = ask_one(args, CTL_FASD, &away);
	status_judge(signer, fasd, clock_now(), &findings);
	if (cli_flag(args, "json")) {
		print_json(args, signer, fasd, &findings);
	} else {
		print_findings(args, &findings);
		print_numbers(args, signer, fasd);
	}
	if (away)
		return CLI_AWAY;
	if (!signer || !fasd)
		return CLI_FAILED;
	return findings.errors ? CLI_DEFECT : CLI_OK;
}

static const struct cli_option doctor_options[] = {
    {"only", "CHECK", "this check alone", CLI_MANY},
    {"skip", "CHECK", "all but this one", CLI_MANY},
    {"list", NULL, "the checks, and what a finding of each means", 0},
};

static const struct cli_command commands[] = {
    {"status", NULL, "Say whether people can log on; if not, what is wrong and the remedy",
	"Exit status 0: all is well or warnings only; 3: a process does not answer; 4: it "
	"answers,\n"
	"and something is wrong.",
	NULL, 0, run_status},
    {"doctor", NULL, "Look at the domain: what would make logons fail or unsafe, and the remedy",
	"Domain controllers, their certificates and clocks, NTAuth and roots, CRLs, names, the "
	"service's\n"
	"account, and the users of each rule.  Nothing is changed.  Remedies are commands to be "
	"read, then\n"
	"pasted: on a domain controller, or here.  Exit status 4: there are findings.",
	doctor_options, NELEMS(doctor_options), ctl_doctor},
};

const struct cli_group ctl_status_group = {"state", commands, NELEMS(commands)};
