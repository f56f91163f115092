#include "fas/agent/commands.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/text.h"

enum fas_code
agent_setup(const struct cli_args *args, struct agent_config *config, struct fas_err *e)
{
	const char *path = cli_text(args, "config");
	if (!path)
		path = getenv("FAS_AGENT_CONFIG");
	return agent_config_load(path && *path ? path : AGENT_CONFIG_FILE, config, e);
}

/* Up to max_bytes of standard input, without the newline at its end. */
static enum fas_code
read_input(size_t max_bytes, struct secret *out, struct fas_err *e)
{
	size_t used = 0;
	enum fas_code rc = secret_init(out, max_bytes + 1, e);
	while (rc == FAS_OK && used < out->len) {
		ssize_t got = read(STDIN_FILENO, out->data + used, out->len - used);
		if (got < 0)
			return fas_fail_errno(e, "standard input");
		if (got == 0)
			break;
		used += (size_t)got;
	}
	if (rc != FAS_OK || used > max_bytes)
		return fas_fail(e, FAS_E_INPUT, "too_large", "standard input is too long");
	while (used > 0 && (out->data[used - 1] == '\n' || out->data[used - 1] == '\r'))
		used--;
	out->data[used] = 0;
	out->len = used;
	return FAS_OK;
}

static enum fas_code
read_secret(const char *path, size_t max_bytes, struct secret *out, struct fas_err *e)
{
	if (strcmp(path, "-") == 0)
		return read_input(max_bytes, out, e);
	return secret_load(out, path, max_bytes, e);
}

int
agent_secret(const struct cli_args *args, const char *option, const char *file_option,
    size_t max_bytes, struct secret *out)
{
	struct fas_err e = {0};
	char *text = cli_secret(args, option);
	const char *path = cli_text(args, file_option);
	if (!text == !path)
		return cli_usage(args, "either --%s or --%s", option, file_option);
	enum fas_code rc =
	    text ? secret_copy(out, text, strlen(text), &e) : read_secret(path, max_bytes, out, &e);
	if (text)
		secret_wipe(text, strlen(text));
	if (rc != FAS_OK)
		return cli_fail(args, &e);
	if (out->len == 0 || out->len > max_bytes || strlen((char *)out->data) != out->len ||
	    !utf8_is_valid((char *)out->data, out->len) || utf8_has_invisible((char *)out->data))
		return cli_usage(args, "--%s: this is none", option);
	return CLI_OK;
}

enum fas_code
agent_prove(const struct agent_config *config, struct identity *identity,
    struct account_ticket *ticket, struct fas_err *e)
{
	struct fas_err why = {0};
	enum fas_code rc = identity_load(config->state, identity, &why);
	bool joined = rc != FAS_E_NOTFOUND || strcmp(why.reason, "not_enrolled") != 0;
	if (rc == FAS_OK)
		return FAS_OK;
	if (joined || !config->keytab[0])
		return fas_fail(e, rc, why.reason, "%s", why.message);
	rc = account_trust(config, identity, e);
	return rc == FAS_OK ? account_ticket_get(config, ticket, e) : rc;
}

enum fas_code
agent_call(const struct upstream *up, const struct upstream_ask *ask, struct api_answer *out,
    struct fas_err *e)
{
	OWN(identity) struct identity identity = {0};
	OWN(account_ticket) struct account_ticket ticket = {0};
	OWN(trust) struct trust trust = {.identity = &identity, .state = up->config->state};
	enum fas_code rc = agent_prove(up->config, &identity, &ticket, e);
	if (rc != FAS_OK)
		return rc;
	const struct api api = {.config = up->config,
	    .trust = &trust,
	    .negotiate = ticket.cache[0] != 0,
	    .only = ask->server,
	    .total_ms = ask->total_ms};
	return api_call(&api, ask->method, ask->path, ask->body, out, e);
}
