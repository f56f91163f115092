/* fasctl audit ... */
#include "fas/ctl/commands.h"

#include <signal.h>
#include <string.h>
#include <time.h>

#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

#define FIRST_RECORDS 20
#define LIMIT_MAX 1000
#define FOLLOW_PAUSE_NS 500000000L
#define LINE_MAX_BYTES 8192

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int number)
{
	interrupted = number;
}

static enum ctl_peer
peer_of(const struct cli_args *args)
{
	return cli_flag(args, "signer") ? CTL_SIGNER : CTL_FASD;
}

/* In the order in which a person reads them; other members of the record follow. */
static const char *const line_members[] = {"caller", "reason", "idp", "storefront", "host", "rule",
    "upn", "sid", "serial", "session", "message"};

static const struct render_column line_head[] = {
    {"", "time", RENDER_TIME}, {"", "event", RENDER_TEXT}, {"", "outcome", RENDER_TEXT}};

/* What a line does not repeat: its head, and what only the chain is about. */
static const char *const silent_members[] = {
    "time", "time_ms", "event", "outcome", "seq", "hash", "previous", "correlation_id"};

static bool
is_among(const char *name, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void
append_member(struct buf *line, const json_t *record, const char *name)
{
	OWN(buf) struct buf value;
	buf_init(&value, LINE_MAX_BYTES);
	render_value(&value, json_object_get(record, name), RENDER_TEXT);
	if (value.len == 0)
		return;
	bool quote = strchr(buf_str(&value), ' ') != NULL;
	buf_printf(
	    line, "  %s=%s%s%s", name, quote ? "\"" : "", buf_str(&value), quote ? "\"" : "");
}

static void
append_record(struct buf *line, json_t *record)
{
	const char *name;
	json_t *value;
	for (size_t i = 0; i < NELEMS(line_head); i++) {
		buf_text(line, i ? " " : "");
		render_value(line, json_object_get(record, line_head[i].member), line_head[i].kind);
	}
	for (size_t i = 0; i < NELEMS(line_members); i++)
		append_member(line, record, line_members[i]);
	json_object_foreach(record, name, value)
	{
		if (!is_among(name, line_members, NELEMS(line_members)) &&
		    !is_among(name, silent_members, NELEMS(silent_members)))
			append_member(line, record, name);
	}
	append_member(line, record, "correlation_id");
}

static void
print_record(const struct cli_args *args, json_t *record)
{
	OWN(buf) struct buf line = {0};
	if (cli_flag(args, "json")) {
		(void)json_dumpf(record, args->out, JSON_COMPACT);
		(void)fputc('\n', args->out);
		return;
	}
	buf_init(&line, LINE_MAX_BYTES);
	append_record(&line, record);
	(void)fprintf(args->out, "%s\n", buf_str(&line));
}

/* One page; *after is moved behind its last record. */
static int
print_page(const struct cli_args *args, json_t *request, json_int_t *after)
{
	OWN(json) json_t *reply = NULL;
	size_t i;
	json_t *record;
	int rc = ctl_ask(args, peer_of(args), request, &reply);
	if (rc != CLI_OK)
		return rc;
	json_array_foreach(json_object_get(reply, "records"), i, record)
	{
		json_int_t seq = json_integer_value(json_object_get(record, "seq"));
		print_record(args, record);
		*after = seq > *after ? seq : *after;
	}
	(void)fflush(args->out);
	return CLI_OK;
}

static json_t *
tail_request(const struct cli_args *args, json_int_t after, json_int_t limit)
{
	OWN(json) json_t *request = json_pack("{s:s,s:I}", "op", "audit.tail", "limit", limit);
	if (after > 0)
		(void)json_object_set_new(request, "after", json_integer(after));
	if (ctl_put_option(request, "correlation_id", args, "correlation") != CLI_OK)
		return NULL;
	return TAKE(request);
}

static int
follow(const struct cli_args *args, json_int_t after)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
	const struct sigaction action = {.sa_handler = on_interrupt};
	int rc = CLI_OK;
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	while (rc == CLI_OK && !interrupted) {
		(void)nanosleep(&pause, NULL);
		if (!interrupted)
			rc = print_page(args, tail_request(args, after, LIMIT_MAX), &after);
	}
	return interrupted ? CLI_OK : rc;
}

static int
run_tail(const struct cli_args *args)
{
	OWN(json) json_t *limit = json_pack("{s:I}", "limit", (json_int_t)FIRST_RECORDS);
	json_int_t after = 0;
	int rc = ctl_put_number(limit, "limit", args, "limit", LIMIT_MAX);
	if (rc == CLI_OK)
		rc = print_page(args,
		    tail_request(args, 0, json_integer_value(json_object_get(limit, "limit"))),
		    &after);
	return rc == CLI_OK && cli_flag(args, "follow") ? follow(args, after) : rc;
}

static const struct cli_option tail_options[] = {
    {"follow", NULL, "go on as records arrive, until interrupted", 0},
    {"correlation", "ID", "only one logon's records", 0},
    {"signer", NULL, "the signer's trail instead of fasd's", 0},
    {"limit", "N", "how many of the last ones; default 20", 0},
};

static const struct cli_option verify_options[] = {
    {"fasd", NULL, "only the chain of fasd's trail", 0},
    {"signer", NULL, "only the chain of the signer's trail", 0},
};

static const struct cli_option acknowledge_options[] = {
    {"reason", "TEXT", "why records are gone; it goes on record with your name", CLI_NEED},
};

static const struct cli_option export_options[] = {
    {"since", "TIME", "2026-01-31, 2026-01-31T08:00:00Z, or how long ago: 30d", 0},
    {"until", "TIME", "the same; up to, but not including", 0},
    {"fasd", NULL, "only fasd's trail", 0},
    {"signer", NULL, "only the signer's trail", 0},
};

static const struct cli_command commands[] = {
    {"audit tail", NULL, "Show the last audit records", NULL, tail_options, NELEMS(tail_options),
	run_tail},
    {"audit verify", NULL, "Recompute both audit trails and compare them with each other",
	"Finds a record that was edited, removed, reordered or cut, a chain that was rebuilt, a\n"
	"certificate without its decision and a decision without its certificate.  Exit status 4\n"
	"when there is a finding.  Says how far back the trails reach, and which gaps were\n"
	"acknowledged.",
	verify_options, NELEMS(verify_options), ctl_audit_verify},
    {"audit acknowledge", NULL, "Accept that records are gone, since an old database was put back",
	"What audit verify finds must be nothing but that: countersigned records that are not\n"
	"there, and certificates whose decisions are gone with them.  Both services put your name\n"
	"and reason on record, the signer countersigns it, and fasd's trail goes on behind the "
	"gap.",
	acknowledge_options, NELEMS(acknowledge_options), ctl_audit_acknowledge},
    {"audit export", "FILE", "Write both trails to a file, one JSON object a line",
	"FILE is replaced whole when all is there; - is standard output.  Each line has trail "
	"(fasd or\n"
	"signer), seq, time, time_ms, hash, and record as it was hashed.",
	export_options, NELEMS(export_options), ctl_audit_export},
};

const struct cli_group ctl_audit_group = {"audit", commands, NELEMS(commands)};
