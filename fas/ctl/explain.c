/* fasctl explain: one logon's whole story, the records of both processes in the order of their times. */
#include <stdlib.h>
#include <string.h>

#include "fas/base/audit.h"
#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/commands.h"
#include "fas/ctl/render.h"

#define PAGE 300
#define PAGES_MAX 100
#define STORY_MAX (2 * PAGE * PAGES_MAX)

static const char *
text_of(const json_t *record, const char *name)
{
	const char *text = json_string_value(json_object_get(record, name));
	return text ? text : "";
}

/* All records of one process with this id join the story. */
static int
gather(const struct cli_args *args, enum ctl_peer peer, json_t *story)
{
	json_int_t after = 0;
	for (size_t page = 0; page < PAGES_MAX; page++) {
		OWN(json) json_t *reply = NULL;
		json_t *record;
		size_t i, n;
		int rc = ctl_ask(args, peer,
		    json_pack("{s:s,s:s,s:I,s:i}", "op", "audit.tail", "correlation_id",
			args->argument, "after", after, "limit", PAGE),
		    &reply);
		if (rc != CLI_OK)
			return rc;
		const json_t *records = json_object_get(reply, "records");
		json_array_foreach(records, i, record)
		{
			after = json_integer_value(json_object_get(record, "seq"));
			(void)json_object_set_new(
			    record, "process", json_string(ctl_peer_name(peer)));
			(void)json_array_append(story, record);
		}
		n = json_array_size(records);
		if (n == 0)
			return CLI_OK;
	}
	return CLI_OK;
}

static int
by_time(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	json_int_t tx = json_integer_value(json_object_get(*x, "time_ms"));
	json_int_t ty = json_integer_value(json_object_get(*y, "time_ms"));
	if (tx != ty)
		return tx < ty ? -1 : 1;
	/* In the same millisecond: each process in its own order, the signer's answer before what fasd makes of it. */
	int process = strcmp(text_of(*y, "process"), text_of(*x, "process"));
	json_int_t sx = json_integer_value(json_object_get(*x, "seq"));
	json_int_t sy = json_integer_value(json_object_get(*y, "seq"));
	return process ? process : (sx > sy) - (sx < sy);
}

static json_t *
in_order(const json_t *story)
{
	size_t n = json_array_size(story);
	json_t **records = calloc(n ? n : 1, sizeof(json_t *));
	OWN(json) json_t *sorted = json_array();
	if (!records)
		return NULL;
	for (size_t i = 0; i < n; i++)
		records[i] = json_array_get(story, i);
	qsort(records, n, sizeof(json_t *), by_time);
	for (size_t i = 0; i < n; i++)
		(void)json_array_append(sorted, records[i]);
	free(records);
	return TAKE(sorted);
}

/* ---- for people ---- */

static const struct render_column who[] = {
    {"user", "upn", RENDER_TEXT},
    {"sid", "sid", RENDER_TEXT},
    {"identity provider", "idp", RENDER_TEXT},
    {"authentication", "authn_context", RENDER_TEXT},
    {"storefront", "storefront", RENDER_TEXT},
    {"host", "host", RENDER_TEXT},
    {"rule", "rule", RENDER_TEXT},
    {"session", "session", RENDER_TEXT},
    {"certificate", "serial", RENDER_TEXT},
    {"issuance policies", "issuance_policies", RENDER_TEXT},
};

static const struct render_column columns[] = {
    {"TIME", "time", RENDER_TIME},
    {"+MS", "since_ms", RENDER_TEXT},
    {"PROCESS", "process", RENDER_TEXT},
    {"EVENT", "event", RENDER_TEXT},
    {"OUTCOME", "outcome", RENDER_TEXT},
    {"BY", "caller", RENDER_TEXT},
    {"REASON", "reason", RENDER_TEXT},
    {"MESSAGE", "message", RENDER_TEXT},
};

/* What the records say of the logon: the latest word on each. */
static json_t *
sum_up(const json_t *story)
{
	json_t *sum = json_object();
	size_t i;
	json_t *record;
	json_array_foreach(story, i, record)
	{
		for (size_t k = 0; k < NELEMS(who); k++) {
			json_t *value = json_object_get(record, who[k].member);
			if (value)
				(void)json_object_set(sum, who[k].member, value);
		}
	}
	return sum;
}

static void
count_from_first(json_t *story)
{
	json_int_t first = json_integer_value(json_object_get(json_array_get(story, 0), "time_ms"));
	size_t i;
	json_t *record;
	json_array_foreach(story, i, record)
	{
		json_int_t at = json_integer_value(json_object_get(record, "time_ms"));
		(void)json_object_set_new(record, "since_ms", json_integer(at - first));
	}
}

static void
print_story(const struct cli_args *args, json_t *story)
{
	OWN(json) json_t *sum = sum_up(story);
	count_from_first(story);
	render_fields(args->out, sum, who, NELEMS(who));
	(void)fputc('\n', args->out);
	render_table(args->out, story, columns, NELEMS(columns), "");
}

static int
run_explain(const struct cli_args *args)
{
	OWN(json) json_t *gathered = json_array();
	if (!correlation_id_is_valid(args->argument))
		return cli_usage(
		    args, "\"%s\" is no correlation id: want 32 digits and a to f", args->argument);
	int rc = gather(args, CTL_FASD, gathered);
	if (rc == CLI_OK)
		rc = gather(args, CTL_SIGNER, gathered);
	if (rc != CLI_OK)
		return rc;
	OWN(json) json_t *story = in_order(gathered);
	if (json_array_size(story) == 0) {
		struct fas_err e = {0};
		(void)fas_fail(
		    &e, FAS_E_NOTFOUND, "story_unknown", "neither trail has a record with this id");
		return cli_fail(args, &e);
	}
	if (cli_flag(args, "json")) {
		OWN(json) json_t *answer = json_pack("{s:O}", "records", story);
		render_json(args->out, answer);
	} else {
		print_story(args, story);
	}
	return CLI_OK;
}

static const struct cli_command commands[] = {
    {"explain", "CORRELATION-ID", "Tell one logon's whole story, from assertion to last signature",
	"The id stands in every answer (X-Correlation-Id), problem document and audit record.",
	NULL, 0, run_explain},
};

const struct cli_group ctl_explain_group = {"explain", commands, NELEMS(commands)};
