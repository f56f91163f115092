/* fasctl crl verify, publish: the places where CRLs and certificates lie, looked at and seen to by hand. */
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

/* ---- publish ---- */

static const struct render_column object_columns[] = {
    {"PLACE", "place", RENDER_TEXT},
    {"OBJECT", "object", RENDER_TEXT},
    {"GOOD", "ok", RENDER_FLAG},
    {"FINDING", "message", RENDER_TEXT},
};

/* Comments of LDIF (RFC 2849), so that the whole can be imported as it is. */
static void
print_grants(FILE *out, const json_t *grants)
{
	const json_t *grant;
	size_t i;
	json_array_foreach(grants, i, grant)
	{
		const char *container = json_string_value(json_object_get(grant, "container"));
		const char *sid = json_string_value(json_object_get(grant, "sid"));
		bool known = sid && *sid;
		(void)fprintf(out,
		    "# Least privilege: let the service write its CRLs below its own container, "
		    "once,\n"
		    "# after the import.  Samba:\n"
		    "#   samba-tool dsacl set --objectdn=\"%s\" "
		    "--sddl=\"(A;CI;RPWPCCDCLCLO;;;%s)\"\n"
		    "# Windows:\n"
		    "#   dsacls \"%s\" /I:T /G \"%s:CCDCLCRPWPLO\"\n\n",
		    container ? container : "", known ? sid : "SID-OF-THE-ACCOUNT",
		    container ? container : "", "DOMAIN\\ACCOUNT");
	}
}

static int
print_ldif(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "publish.ldif"), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	if (json_integer_value(json_object_get(reply, "missing")) == 0) {
		(void)fputs("# Nothing is missing in the directory.\n", args->out);
		return CLI_OK;
	}
	const char *ldif = json_string_value(json_object_get(reply, "ldif"));
	(void)fputs("# For an administrator of the forest: ldifde -i -f FILE (Windows),\n"
		    "# ldapmodify -f FILE, or ldbmodify -H sam.ldb FILE (Samba).\n\n",
	    args->out);
	print_grants(args->out, json_object_get(reply, "grants"));
	(void)fputs(ldif ? ldif : "", args->out);
	return CLI_OK;
}

static int
run_publish(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	const json_t *object;
	size_t i;
	bool good = true;
	if (cli_flag(args, "ldif"))
		return print_ldif(args);
	int rc = ctl_ask(args, CTL_FASD, json_pack("{s:s}", "op", "publish.run"), &reply);
	if (rc != CLI_OK)
		return rc;
	const json_t *objects = json_object_get(reply, "objects");
	json_array_foreach(objects, i, object) good =
	    good && json_is_true(json_object_get(object, "ok"));
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		render_table(args->out, objects, object_columns, NELEMS(object_columns),
		    "No authority has a certificate yet.");
	if (!good)
		(void)fputs("What the service may not write an administrator imports: "
			    "fasctl publish --ldif\n",
		    args->err);
	return good ? CLI_OK : CLI_DEFECT;
}

static const struct cli_option publish_options[] = {
    {"ldif", NULL, "write nothing: print what is missing, for an administrator, and the grant", 0},
};

static const struct cli_command commands[] = {
    {"crl verify", NULL, "Fetch every CRL and CA certificate as a domain controller would",
	"From where the certificates that are being issued, and those of the chain, say that they\n"
	"lie; signer, number and times are verified.  Exit status 4: something is wrong.",
	NULL, 0, run_verify},
    {"publish", NULL, "Publish in the directory now what publish: in fasd.yaml names",
	"CRLs (cdp), the authorities' certificates (aia), their roots (authorities) and the logon\n"
	"authorities (ntauth).  What is there already is left as it is.  Exit status 4: something "
	"is\n"
	"not there afterwards.",
	publish_options, NELEMS(publish_options), run_publish},
};

const struct cli_group ctl_place_group = {"published objects", commands, NELEMS(commands)};
