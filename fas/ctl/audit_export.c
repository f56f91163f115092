/* fasctl audit export: the trails as a file, before they are pruned or for whoever asks. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/text.h"
#include "fas/ctl/audit_verify.h"
#include "fas/ctl/commands.h"

#define PAGES_MAX 1000000
#define AGO_MAX_S (INT64_C(86400) * 36500)

struct export
{
	const struct cli_args *args;
	int64_t since_ms, until_ms;
	FILE *file;
	char path[PATH_MAX], part[PATH_MAX]; /* "" for standard output */
	int64_t records;
};

/* ---- times ---- */

/* A day, a second, or how long ago. */
static bool
parse_when(const char *text, int64_t *ms)
{
	char day[TIME_TEXT_MAX];
	int64_t seconds = 0;
	if (parse_duration(text, 0, AGO_MAX_S, &seconds)) {
		*ms = clock_now_ms() - seconds * 1000;
		return true;
	}
	(void)snprintf(day, sizeof(day), "%.20sT00:00:00Z", text);
	if (!time_parse(text, &seconds) && !time_parse(day, &seconds))
		return false;
	*ms = seconds * 1000;
	return *ms >= 0;
}

static int
read_when(const struct cli_args *args, const char *option, int64_t *ms)
{
	const char *text = cli_text(args, option);
	if (!text || parse_when(text, ms))
		return CLI_OK;
	return cli_usage(args,
	    "--%s %s: want a day (2026-01-31), a time (2026-01-31T08:00:00Z) or how long ago (30d)",
	    option, text);
}

/* ---- the file ---- */

static enum fas_code
open_file(struct export *x, struct fas_err *e)
{
	const char *path = x->args->argument;
	if (strcmp(path, "-") == 0) {
		x->file = x->args->out;
		return FAS_OK;
	}
	int n = snprintf(x->path, sizeof(x->path), "%s", path);
	int m = snprintf(x->part, sizeof(x->part), "%s.part", path);
	if (n < 0 || m < 0 || m >= (int)sizeof(x->part))
		return fas_fail(e, FAS_E_INPUT, "path_too_long", "%s: path is too long", path);
	int fd = open(x->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	x->file = fd < 0 ? NULL : fdopen(fd, "w");
	if (x->file)
		return FAS_OK;
	enum fas_code rc = fas_fail_errno(e, "%s", x->part);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

static enum fas_code
close_file(struct export *x, struct fas_err *e)
{
	bool good = fflush(x->file) == 0 && !ferror(x->file);
	if (!x->path[0])
		return good ? FAS_OK : fas_fail_errno(e, "standard output");
	good = good && fsync(fileno(x->file)) == 0;
	good = fclose(x->file) == 0 && good;
	x->file = NULL;
	if (good && rename(x->part, x->path) == 0)
		return FAS_OK;
	return fas_fail_errno(e, "%s", x->path);
}

/* What is not whole is not left behind. */
static void
abandon(struct export *x)
{
	if (x->file && x->path[0])
		(void)fclose(x->file);
	if (x->path[0])
		(void)unlink(x->part);
}

/* ---- the records ---- */

/* The text as it was hashed stands at the end of its line; a damaged one is no JSON, and goes as a string. */
static void
write_line(struct export *x, enum ctl_peer peer, const json_t *record)
{
	char time_text[TIME_TEXT_MAX];
	const char *text = json_string_value(json_object_get(record, "body"));
	const char *hash = json_string_value(json_object_get(record, "hash"));
	int64_t time_ms = (int64_t)json_integer_value(json_object_get(record, "time_ms"));
	OWN(json) json_t *body = text ? json_loads(text, 0, NULL) : NULL;
	(void)fprintf(x->file,
	    "{\"trail\":\"%s\",\"seq\":%lld,\"time\":\"%s\",\"time_ms\":%lld,\"hash\":\"%.64s\","
	    "\"record\":",
	    verify_trail(peer), (long long)json_integer_value(json_object_get(record, "seq")),
	    time_format(time_ms / 1000, time_text), (long long)time_ms, hash ? hash : "");
	if (body && !strchr(text, '\n'))
		(void)fputs(text, x->file);
	else
		(void)json_dumpf(json_object_get(record, "body"), x->file, JSON_ENCODE_ANY);
	(void)fputs("}\n", x->file);
	x->records++;
}

/* False: what comes now is later than what is wanted. */
static bool
write_page(struct export *x, enum ctl_peer peer, const json_t *records)
{
	size_t i;
	const json_t *record;
	json_array_foreach(records, i, record)
	{
		int64_t at_ms = (int64_t)json_integer_value(json_object_get(record, "time_ms"));
		if (at_ms >= x->until_ms && at_ms - x->until_ms > AUDIT_CLOCK_MARGIN_MS)
			return false;
		if (at_ms >= x->since_ms && at_ms < x->until_ms)
			write_line(x, peer, record);
	}
	return !ferror(x->file);
}

static int
export_trail(struct export *x, enum ctl_peer peer)
{
	OWN(json)
	json_t *from = json_pack("{s:I}", "since_ms", (json_int_t)x->since_ms);
	for (size_t i = 0; i < PAGES_MAX; i++) {
		OWN(json) json_t *reply = NULL;
		OWN(json) json_t *request = json_pack("{s:s}", "op", "audit.export");
		(void)json_object_update(request, from);
		int rc = ctl_ask(x->args, peer, json_incref(request), &reply);
		if (rc != CLI_OK)
			return rc;
		const json_t *records = json_object_get(reply, "records");
		json_t *last = json_object_get(reply, "last");
		if (!write_page(x, peer, records) || json_array_size(records) == 0)
			return CLI_OK;
		json_decref(from);
		from = json_pack("{s:O}", "after", last);
		ctl_progress(x->args, ctl_peer_name(peer), (int64_t)json_integer_value(last),
		    (int64_t)json_integer_value(json_object_get(reply, "total")));
	}
	return CLI_OK;
}

static int
export_all(struct export *x)
{
	bool fasd = cli_flag(x->args, "fasd"), signer = cli_flag(x->args, "signer");
	int rc = fasd || !signer ? export_trail(x, CTL_FASD) : CLI_OK;
	if (rc == CLI_OK && (signer || !fasd))
		rc = export_trail(x, CTL_SIGNER);
	ctl_progress(x->args, NULL, 0, 0);
	return rc;
}

int
ctl_audit_export(const struct cli_args *args)
{
	struct fas_err e = {0};
	struct export x = {.args = args, .until_ms = INT64_MAX};
	int rc = read_when(args, "since", &x.since_ms);
	if (rc == CLI_OK)
		rc = read_when(args, "until", &x.until_ms);
	if (rc != CLI_OK)
		return rc;
	if (open_file(&x, &e) != FAS_OK)
		return ctl_fail(args, &e);
	rc = export_all(&x);
	if (rc == CLI_OK && close_file(&x, &e) != FAS_OK)
		rc = ctl_fail(args, &e);
	if (rc != CLI_OK) {
		abandon(&x);
		return rc;
	}
	if (x.path[0])
		(void)fprintf(args->out,
		    cli_flag(args, "json") ? "{\"records\": %lld}\n" : "%lld records\n",
		    (long long)x.records);
	return CLI_OK;
}
