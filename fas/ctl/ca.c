/* fasctl ca ..., kdc issue: the authorities. */
#include "fas/ctl/commands.h"

#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/file.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/ca_file.h"
#include "fas/ctl/key_types.h"
#include "fas/ctl/render.h"

#define LIFE_MAX_S (825LL * 86400)
#define DEFAULT_AUTHORITY "main"

static const char *
authority_of(const struct cli_args *args)
{
	const char *name = cli_text(args, "authority");
	return name ? name : DEFAULT_AUTHORITY;
}

/* ---- ca init ---- */

static int
show_request(const struct cli_args *args, const json_t *reply)
{
	struct fas_err e = {0};
	const char *csr = json_string_value(json_object_get(reply, "csr"));
	if (!csr)
		csr = "";
	if (ctl_write_out(args, "out", csr, 0644, &e) != FAS_OK)
		return ctl_fail(args, &e);
	ctl_key_type_say(args->err, reply);
	(void)fprintf(args->err,
	    "The key of authority %s is made; it stays where it is.\n"
	    "Next: have the request signed by your root (docs/ADMIN.md, offline root), then\n"
	    "  fasctl ca install --authority %s --chain CHAIN.pem --root ROOT.pem "
	    "--root-crl ROOT.crl\n",
	    authority_of(args), authority_of(args));
	return CLI_OK;
}

static int
show_lab_root(const struct cli_args *args, const json_t *reply)
{
	struct fas_err e = {0};
	OWN(buf) struct buf chain;
	const char *own = json_string_value(json_object_get(reply, "certificate"));
	const char *root = json_string_value(json_object_get(reply, "root_certificate"));
	buf_init(&chain, CTL_PEM_FILE_MAX);
	buf_text(&chain, own ? own : "");
	buf_text(&chain, root ? root : "");
	if (buf_check(&chain, &e) != FAS_OK ||
	    ctl_write_out(args, "out", buf_str(&chain), 0644, &e) != FAS_OK)
		return ctl_fail(args, &e);
	ctl_key_type_say(args->err, reply);
	(void)fprintf(args->err,
	    "Authority %s has its certificate under a root made on the spot: for a lab only.\n",
	    authority_of(args));
	return CLI_OK;
}

static int
run_ca_init(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	bool root = cli_flag(args, "root");
	OWN(json)
	json_t *request = json_pack(
	    "{s:s,s:s,s:b}", "op", "ca.init", "authority", authority_of(args), "root", root);
	if (cli_flag(args, "next"))
		(void)json_object_set_new(request, "next", json_true());
	int rc = ctl_put_option(request, "key", args, "key");
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	return root ? show_lab_root(args, reply) : show_request(args, reply);
}

/* ---- ca install ---- */

enum fas_code
ctl_put_certificates(json_t *request, const char *member, const char *path, struct fas_err *e)
{
	OWN(text) char *data = NULL;
	OWN(text) char *encoded = NULL;
	size_t len = 0;
	enum fas_code rc = file_read(path, CTL_PEM_FILE_MAX, &data, &len, e);
	if (rc != FAS_OK)
		return rc;
	if (!strstr(data, "-----BEGIN ")) {
		encoded = base64_encode(data, len);
		if (!encoded)
			return fas_fail_nomem(e);
	}
	if (json_object_set_new(request, member, json_string(encoded ? encoded : data)) != 0)
		return fas_fail(e, FAS_E_INPUT, "file_text", "%s is neither PEM nor DER", path);
	return FAS_OK;
}

static const struct render_column ca_fields[] = {
    {"authority", "name", RENDER_TEXT},
    {"generation", "generation", RENDER_TEXT},
    {"state", "state", RENDER_TEXT},
    {"key", "key", RENDER_TEXT},
    {"subject", "subject", RENDER_TEXT},
    {"issuer", "issuer", RENDER_TEXT},
    {"serial", "serial", RENDER_TEXT},
    {"not before", "not_before", RENDER_TIME},
    {"not after", "not_after", RENDER_TIME},
    {"sha256", "sha256", RENDER_TEXT},
    {"CRL at", "cdp", RENDER_TEXT},
    {"certificate at", "aia", RENDER_TEXT},
    {"in NTAuth since", "in_ntauth", RENDER_TIME},
    {"last certificate ends", "last_end", RENDER_TIME},
    {"renewed, not after", "renewal.not_after", RENDER_TIME},
    {"renewed, sha256", "renewal.sha256", RENDER_TEXT},
    {"trouble", "trouble", RENDER_TEXT},
};

static enum fas_code
put_install(json_t *request, const struct cli_args *args, struct fas_err *e)
{
	const char *crl = cli_text(args, "root-crl");
	const char *root = cli_text(args, "root");
	enum fas_code rc = ctl_put_certificates(request, "chain", cli_text(args, "chain"), e);
	if (rc == FAS_OK && root)
		rc = ctl_put_certificates(request, "root", root, e);
	if (rc == FAS_OK && crl)
		rc = ctl_put_certificates(request, "root_crl", crl, e);
	return rc;
}

static void
say_next_step(const struct cli_args *args, const json_t *summary)
{
	const char *state = json_string_value(json_object_get(summary, "state"));
	bool renewal = json_object_get(summary, "renewal") != NULL;
	if (renewal || (state && strcmp(state, "ready") == 0)) {
		(void)fprintf(args->err,
		    "Next: publish the new certificate in NTAuth (docs/ADMIN.md), say so (fasctl "
		    "ca "
		    "ntauth-seen),\nwait until each domain controller has read it, then: fasctl ca "
		    "rotate --authority %s%s\n",
		    authority_of(args), renewal ? " --renewal" : "");
		return;
	}
	(void)fprintf(args->err,
	    "Authority %s can issue.  Next: publish its certificate in NTAuth (docs/ADMIN.md);\n"
	    "domain members read NTAuth from a copy that may be 8 hours old.\n",
	    authority_of(args));
}

static int
run_ca_install(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request =
	    json_pack("{s:s,s:s}", "op", "ca.install", "authority", authority_of(args));
	if (put_install(request, args, &e) != FAS_OK)
		return ctl_fail(args, &e);
	int rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	json_t *summary = json_object_get(reply, "certificate");
	render_fields(
	    args->out, json_is_object(summary) ? summary : reply, ca_fields, NELEMS(ca_fields));
	say_next_step(args, summary);
	return CLI_OK;
}

/* ---- ca show ---- */

/* The present certificate, and the one that waits for the switch. */
static void
print_pem(const struct cli_args *args, const json_t *authority)
{
	const json_t *renewal = json_object_get(authority, "renewal");
	const char *present = json_string_value(json_object_get(authority, "certificate"));
	const char *renewed = json_string_value(json_object_get(renewal, "certificate"));
	if (present)
		(void)fputs(present, args->out);
	if (renewed)
		(void)fputs(renewed, args->out);
}

static int
run_ca_show(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	size_t i;
	json_t *authority;
	OWN(json) json_t *request = json_pack("{s:s}", "op", "ca.show");
	int rc = ctl_put_option(request, "authority", args, "authority");
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	json_array_foreach(json_object_get(reply, "authorities"), i, authority)
	{
		if (i > 0)
			(void)fputc('\n', args->out);
		render_fields(args->out, authority, ca_fields, NELEMS(ca_fields));
		if (cli_flag(args, "pem"))
			print_pem(args, authority);
	}
	return CLI_OK;
}

/* ---- kdc issue ---- */

static json_t *
dns_names(const struct cli_args *args)
{
	json_t *names = json_array();
	const char *name;
	for (size_t i = 0; (name = cli_nth(args, "dns", i)); i++)
		(void)json_array_append_new(names, json_string(name));
	return names;
}

static int
write_kdc(const struct cli_args *args, const json_t *reply)
{
	struct fas_err e = {0};
	OWN(buf) struct buf chain;
	const char *pem = json_string_value(json_object_get(reply, "pem"));
	const char *rest = json_string_value(json_object_get(reply, "chain"));
	buf_init(&chain, CTL_PEM_FILE_MAX);
	buf_text(&chain, pem ? pem : "");
	buf_text(&chain, rest ? rest : "");
	if (buf_check(&chain, &e) != FAS_OK ||
	    ctl_write_out(args, "out", buf_str(&chain), 0644, &e) != FAS_OK)
		return ctl_fail(args, &e);
	(void)fprintf(
	    args->err, "The certificate and its chain are in %s.\n", cli_text(args, "out"));
	return CLI_OK;
}

static int
run_kdc_issue(const struct cli_args *args)
{
	struct fas_err e = {0};
	OWN(json) json_t *reply = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:s,s:o}", "op", "kdc.issue", "authority",
	    authority_of(args), "dns_names", dns_names(args));
	if (ctl_put_certificates(request, "csr", cli_text(args, "csr"), &e) != FAS_OK)
		return ctl_fail(args, &e);
	int rc = ctl_put_option(request, "realm", args, "realm");
	if (rc == CLI_OK)
		rc = ctl_put_duration(request, "validity_s", args, "life", LIFE_MAX_S);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc == CLI_OK)
		rc = write_kdc(args, reply);
	if (rc == CLI_OK && cli_flag(args, "json"))
		render_json(args->out, reply);
	return rc;
}

static const struct cli_option init_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"key", "TYPE", "rsa-2048, rsa-3072, rsa-4096, p-256, p-384; default as signer.yaml says", 0},
    {"out", "FILE", "where the request goes; default standard output", 0},
    {"next", NULL, "the next generation, while the present one issues", 0},
    {"root", NULL, "lab only: sign with a root made on the spot", 0},
};

static const struct cli_option install_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"chain", "FILE", "the signed certificate and its issuers: PEM, DER or PKCS#7", CLI_NEED},
    {"root", "FILE", "the root that the chain must end in; default the chain's own", 0},
    {"root-crl", "FILE", "the root's CRL, PEM or DER: published beside the CA's own", 0},
};

static const struct cli_option show_options[] = {
    {"authority", "NAME", "only this one", 0},
    {"pem", NULL, "with the certificate as PEM", 0},
};

static const struct cli_option kdc_options[] = {
    {"authority", "NAME", "as in signer.yaml; default main", 0},
    {"csr", "FILE", "PEM request with the domain controller's key", CLI_NEED},
    {"dns", "NAME", "DNS name of the domain controller", CLI_NEED | CLI_MANY},
    {"realm", "REALM", "adds krbtgt/REALM@REALM, which MIT clients like", 0},
    {"life", "TIME", "such as 365d", 0},
    {"out", "FILE", "where certificate and chain go", CLI_NEED},
};

static const struct cli_command commands[] = {
    {"ca init", NULL, "Make an authority's key and the request for its certificate",
	"The key never leaves the signer.  The request is signed at your offline root; its answer\n"
	"comes back by: fasctl ca install.  With --next it is the key of the next generation: see\n"
	"fasctl ca rotate.\n\n" CTL_KEY_TYPES_HELP,
	init_options, NELEMS(init_options), run_ca_init},
    {"ca install", NULL, "Check and install an authority's certificate chain",
	"Checked: the key is ours, CA:TRUE, keyCertSign and cRLSign, path length, validity, a CRL\n"
	"distribution point of its own, and that the chain verifies to the given root.",
	install_options, NELEMS(install_options), run_ca_install},
    {"ca show", NULL, "Show the authorities and their certificates", NULL, show_options,
	NELEMS(show_options), run_ca_show},
    {"kdc issue", NULL, "Issue a domain controller's certificate",
	"For Samba domains without a CA of their own.  The domain controller then trusts this CA\n"
	"for its own identity as well.",
	kdc_options, NELEMS(kdc_options), run_kdc_issue},
};

const struct cli_group ctl_ca_group = {"authorities", commands, NELEMS(commands)};
