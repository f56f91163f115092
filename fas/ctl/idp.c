/* fasctl idp ...: identity providers, as fasd has them and as they are outside. */
#include "fas/ctl/idp.h"

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/commands.h"

static const struct render_column columns[] = {
    {"NAME", "name", RENDER_TEXT},
    {"CERTIFICATE ENDS", "certificate_not_after", RENDER_TEXT},
    {"METADATA", "metadata.location", RENDER_TEXT},
    {"FRESH", "metadata.ok", RENDER_FLAG},
    {"FETCHED", "metadata.fetched_at", RENDER_TEXT},
    {"VALID UNTIL", "metadata.valid_until", RENDER_TEXT},
};

static int
run_list(const struct cli_args *args)
{
	OWN(json) json_t *status = NULL;
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "status"), &status);
	const json_t *list = json_object_get(status, "identity_providers");
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, list);
	else
		render_table(args->out, list, columns, NELEMS(columns), "No identity provider.");
	return CLI_OK;
}

static const struct cli_option import_options[] = {
    {"name", "NAME", "how rules and records shall call it", 0},
    {"entity-id", "ID", "which one, where several are in it", 0},
    {"ca-file", "FILE", "authorities of the URL's server; default: the system's", 0},
    {"out", "FILE", "keep the certificate of who has signed it there (a new file)", 0},
};

static const struct cli_option test_options[] = {
    {"config", "FILE", "default: the installed fasd.yaml", 0},
};

static const struct cli_command commands[] = {
    {"idp import", "FILE|URL", "The entry of fasd.yaml for a provider, from its SAML metadata",
	"Prints the entry, and what has to be compared by hand with what the provider shows: "
	"SHA-256\n"
	"fingerprints of its certificates, and of who has signed the metadata.  Nothing is "
	"changed.",
	import_options, NELEMS(import_options), ctl_idp_import},
    {"idp list", NULL, "The identity providers in force, and how fresh their metadata are", NULL,
	NULL, 0, run_list},
    {"idp test", "NAME", "Try a provider from here: metadata, certificates, sign-on URL, clock",
	"By the entry in fasd.yaml as it is in the file.  Exit status 4: something is wrong.",
	test_options, NELEMS(test_options), ctl_idp_test},
};

const struct cli_group ctl_idp_group = {"identity providers", commands, NELEMS(commands)};
