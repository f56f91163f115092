/* fasctl crl verify: the places where certificates say that CRLs and certificates lie, looked at by hand. */
#include "fas/ctl/commands.h"

#include <string.h>

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

static const struct render_column place_columns[] = {
    {"WHAT", "kind", RENDER_TEXT},
    {"PLACE", "url", RENDER_TEXT},
    {"GOOD", "ok", RENDER_FLAG},
    {"NUMBER", "number", RENDER_TEXT},
    {"ENTRIES", "entries", RENDER_TEXT},
    {"NEXT UPDATE", "next_update", RENDER_TIME},
    {"FINDING", "message", RENDER_TEXT},
};

static const struct render_column link_fields[] = {
    {"certificates", "certificates", RENDER_TEXT},
    {"a fresh CRL is found", "ok", RENDER_FLAG},
};

static bool
all_good(const json_t *reply)
{
	const json_t *link, *place;
	size_t i, k;
	json_array_foreach(json_object_get(reply, "links"), i, link)
	{
		if (!json_is_true(json_object_get(link, "ok")))
			return false;
		json_array_foreach(json_object_get(link, "places"), k, place)
		{
			if (!json_is_true(json_object_get(place, "ok")))
				return false;
		}
	}
	return true;
}

static void
print_links(const struct cli_args *args, const json_t *reply)
{
	const json_t *links = json_object_get(reply, "links");
	json_t *link;
	size_t i;
	json_array_foreach(links, i, link)
	{
		render_fields(args->out, link, link_fields, NELEMS(link_fields));
		render_table(args->out, json_object_get(link, "places"), place_columns,
		    NELEMS(place_columns),
		    "The certificates name no place: every logon is refused.");
		(void)fputc('\n', args->out);
	}
	if (json_array_size(links) == 0)
		(void)fputs("No authority has a certificate yet.\n", args->out);
	if (json_is_true(json_object_get(reply, "logons_fail")))
		(void)fputs("Domain controllers refuse every logon.\n", args->out);
}

static int
run_verify(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "revocation.check"), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		print_links(args, reply);
	return all_good(reply) ? CLI_OK : CLI_DEFECT;
}

static const struct cli_command commands[] = {
    {"crl verify", NULL, "Fetch every CRL and CA certificate as a domain controller would",
	"From where the certificates that are being issued, and those of the chain, say that they\n"
	"lie; signer, number and times are verified.  Exit status 4: something is wrong.",
	NULL, 0, run_verify},
};

const struct cli_group ctl_place_group = {"published objects", commands, NELEMS(commands)};
