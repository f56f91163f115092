/* fasctl ca csr, list, rotate, retire, ntauth-seen, root-crl, renew-service: the life of authorities. */
#include "fas/ctl/commands.h"

#include <string.h>

#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/ca_file.h"
#include "fas/ctl/render.h"

#define DEFAULT_AUTHORITY "main"

static const char *
authority_of(const struct cli_args *args)
{
	const char *name = cli_text(args, "authority");
	return name ? name : DEFAULT_AUTHORITY;
}

/* ---- ca csr ---- */

static int
run_csr(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_SIGNER,
	    json_pack("{s:s,s:s,s:b}", "op", "ca.csr", "authority", authority_of(args), "renewal",
		cli_flag(args, "renewal")),
	    &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	const char *csr = json_string_value(json_object_get(reply, "csr"));
	if (ctl_write_out(args, "out", csr ? csr : "", 0644, &e) != FAS_OK)
		return ctl_fail(args, &e);
	return CLI_OK;
}

/* ---- ca list ---- */

static const struct render_column list_columns[] = {
    {"AUTHORITY", "name", RENDER_TEXT},
    {"GENERATION", "generation", RENDER_TEXT},
    {"STATE", "state", RENDER_TEXT},
    {"KEY", "key", RENDER_TEXT},
    {"NOT AFTER", "not_after", RENDER_TIME},
    {"IN NTAUTH SINCE", "in_ntauth", RENDER_TIME},
    {"NEXT CRL BY", "crl.next_update", RENDER_TIME},
    {"LAST CERTIFICATE ENDS", "last_end", RENDER_TIME},
    {"RENEWED, NOT AFTER", "renewal.not_after", RENDER_TIME},
};

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *request = json_pack("{s:s}", "op", "ca.show");
	int rc = ctl_put_option(request, "authority", args, "authority");
	return rc == CLI_OK
		   ? ctl_ask_table(args, CTL_SIGNER, TAKE(request),
			 &(struct ctl_table){"authorities", list_columns, NELEMS(list_columns),
			     "No authority has a key yet: fasctl ca init."})
		   : rc;
}

/* ---- ca rotate ---- */

static int
run_rotate(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	bool renewal = cli_flag(args, "renewal");
	int rc = ctl_ask(args, CTL_SIGNER,
	    json_pack("{s:s,s:s,s:b,s:b}", "op", "ca.rotate", "authority", authority_of(args),
		"renewal", renewal, "now", cli_flag(args, "now")),
	    &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	const json_t *to = json_object_get(reply, "certificate");
	const char *fails = json_string_value(json_object_get(reply, "fails"));
	(void)fprintf(args->out, "Authority %s issues by generation %lld%s from now on.\n",
	    authority_of(args), json_integer_value(json_object_get(to, "generation")),
	    renewal ? " under its renewed certificate" : "");
	if (fails)
		(void)fprintf(args->err, "What will fail: %s.\n", fails);
	if (!renewal)
		(void)fprintf(args->err,
		    "The old one goes on publishing its CRL until its last certificate has "
		    "expired: fasctl ca list.\n");
	return CLI_OK;
}

/* ---- acts with a line of answer ---- */

static int
put_generation(json_t *request, const struct cli_args *args)
{
	uint64_t number = 0;
	const char *text = cli_text(args, "generation");
	if (!text)
		return CLI_OK;
	if (!parse_uint(text, 1, INT32_MAX, &number))
		return cli_usage(args, "--generation \"%s\" is not a number", text);
	(void)json_object_set_new(request, "generation", json_integer((json_int_t)number));
	return CLI_OK;
}

static int
say(const struct cli_args *args, const json_t *reply, const char *line)
{
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		(void)fprintf(args->out, "%s\n", line);
	return CLI_OK;
}

static int
run_retire(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:s,s:b}", "op", "ca.retire", "authority",
	    authority_of(args), "renewal", cli_flag(args, "renewal"));
	int rc = put_generation(request, args);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	return rc == CLI_OK ? say(args, reply, "Retired.  Take its certificate out of NTAuth.")
			    : rc;
}

static int
run_ntauth_seen(const struct cli_args *args)
{
	bool gone = cli_flag(args, "gone");
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:s,s:b}", "op", "ca.in_ntauth", "authority",
	    authority_of(args), "renewal", cli_flag(args, "renewal"));
	int rc = put_generation(request, args);
	if (rc == CLI_OK && gone)
		(void)json_object_set_new(request, "since", json_integer(0));
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	return rc == CLI_OK ? say(args, reply,
				  gone ? "Noted: it does not stand in NTAuth."
				       : "Noted: it stands in NTAuth.")
			    : rc;
}

/* ---- ca root-crl ---- */

static const struct render_column crl_columns[] = {
    {"AUTHORITY", "authority", RENDER_TEXT},
    {"GENERATION", "generation", RENDER_TEXT},
    {"NUMBER", "number", RENDER_TEXT},
    {"NEXT UPDATE", "next_update", RENDER_TIME},
    {"FILE", "file", RENDER_TEXT},
};

static int
run_root_crl(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(json) json_t *request = json_pack("{s:s}", "op", "ca.root_crl");
	if (ctl_put_certificates(request, "root_crl", cli_text(args, "crl"), &e) != FAS_OK)
		return ctl_fail(args, &e);
	return ctl_ask_table(args, CTL_SIGNER, TAKE(request),
	    &(struct ctl_table){"published", crl_columns, NELEMS(crl_columns), ""});
}

/* ---- ca renew-service ---- */

static int
run_renew_service(const struct cli_args *args)
{
	struct fas_err e = {0};
	char end[TIME_TEXT_MAX];
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_SIGNER, json_pack("{s:s}", "op", "ca.renew_service"), &reply);
	if (rc != CLI_OK)
		return rc;
	const char *pem = json_string_value(json_object_get(reply, "certificate"));
	if (cli_text(args, "out") && ctl_write_out(args, "out", pem ? pem : "", 0644, &e) != FAS_OK)
		return ctl_fail(args, &e);
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	(void)fprintf(args->err,
	    "The service CA is good until %s, with the same key.\n"
	    "Hosts and storefronts take its certificate with their next renewal (fas-agent renew); "
	    "those with\na keytab need it in their service_ca file.  Enrolment tokens that are out "
	    "are void: make them anew.\n",
	    time_format(json_integer_value(json_object_get(reply, "not_after")), end));
	return CLI_OK;
}

static const struct cli_option csr_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"renewal", NULL, "another certificate for the key that issues", 0},
    {"out", "FILE", "where the request goes; default standard output", 0},
};

static const struct cli_option list_options[] = {
    {"authority", "NAME", "only this one", 0},
};

static const struct cli_option rotate_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"renewal", NULL, "to the renewed certificate of the same key", 0},
    {"now", NULL, "do not wait for NTAuth; says what will fail", 0},
};

static const struct cli_option retire_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"generation", "N", "as in fasctl ca list", CLI_NEED},
    {"renewal", NULL, "give up its renewed certificate only", 0},
};

static const struct cli_option ntauth_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"generation", "N", "as in fasctl ca list; default the newest", 0},
    {"renewal", NULL, "its renewed certificate", 0},
    {"gone", NULL, "it does not stand there any more", 0},
};

static const struct cli_option root_crl_options[] = {
    {"crl", "FILE", "the root's new CRL, PEM or DER", CLI_NEED},
};

static const struct cli_option renew_service_options[] = {
    {"out", "FILE", "also write the certificate there (PEM)", 0},
};

static const struct cli_command commands[] = {
    {"ca csr", NULL, "Write an authority's certificate request again, or one for a renewal", NULL,
	csr_options, NELEMS(csr_options), run_csr},
    {"ca list", NULL, "List the generations of the authorities and their states", NULL,
	list_options, NELEMS(list_options), run_list},
    {"ca rotate", NULL, "Let the next generation of an authority issue",
	"Refused until the new certificate has stood in NTAuth for ntauth_wait (24 h): domain\n"
	"controllers read a local copy.  The old generation publishes its CRL until its last\n"
	"certificate has expired, and retires then by itself.",
	rotate_options, NELEMS(rotate_options), run_rotate},
    {"ca retire", NULL, "Give up a generation that does not issue (any more)",
	"Refused while certificates of it are good: somebody may ask for its CRL.", retire_options,
	NELEMS(retire_options), run_retire},
    {"ca ntauth-seen", NULL, "Note that an authority's certificate stands in NTAuth",
	"fasd notes it by itself where it can read the directory.", ntauth_options,
	NELEMS(ntauth_options), run_ntauth_seen},
    {"ca root-crl", NULL, "Publish the offline root's next CRL",
	"Checked: issuer, signature, time, and that it is not older than the present one.",
	root_crl_options, NELEMS(root_crl_options), run_root_crl},
    {"ca renew-service", NULL, "Renew the certificate of the service CA (same key)",
	"For ten more years.  What it has issued stays good, and so do machines that know its\n"
	"earlier certificate, until that ends: do it in time for each to renew its own.",
	renew_service_options, NELEMS(renew_service_options), run_renew_service},
};

const struct cli_group ctl_ca_life_group = {"life of authorities", commands, NELEMS(commands)};
