/* fasctl doctor: asks fasd for the diagnosis, and shows it. */
#include <string.h>

#include "fas/base/buf.h"
#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/commands.h"
#include "fas/ctl/render.h"

#define LINE_MAX_BYTES (256 * 1024)

/* Foreign text, cleaned; a command of several lines goes on behind the same indent. */
static void
say(FILE *out, const char *head, const char *text)
{
	while (text && *text) {
		size_t len = strcspn(text, "\n");
		OWN(json) json_t *line = json_stringn(text, len);
		OWN(buf) struct buf clean;
		buf_init(&clean, LINE_MAX_BYTES);
		render_value(&clean, line, RENDER_TEXT);
		(void)fprintf(out, "%s%s\n", head, buf_str(&clean));
		text += len + (text[len] == '\n');
	}
}

static const char *
text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));
	return text ? text : "";
}

static void
show_finding(FILE *out, const json_t *finding)
{
	size_t i;
	json_t *step;
	const char *before = "";
	(void)fprintf(out, "FINDING  %s: ", text_of(finding, "check"));
	say(out, "", text_of(finding, "subject"));
	say(out, "  what     ", text_of(finding, "what"));
	say(out, "  meaning  ", text_of(finding, "meaning"));
	json_array_foreach(json_object_get(finding, "remedy"), i, step)
	{
		const char *at = text_of(step, "at");
		if (strcmp(at, before) != 0)
			(void)fprintf(out, "  remedy, %s:\n",
			    strcmp(at, "here") == 0 ? "on this machine" : "on a domain controller");
		before = at;
		say(out, "    ", text_of(step, "command"));
	}
	(void)fputc('\n', out);
}

static size_t
count(const json_t *checks, const char *state)
{
	size_t i, n = 0;
	json_t *check;
	json_array_foreach(checks, i, check) n += strcmp(text_of(check, "state"), state) == 0;
	return n;
}

static void
show_notes(FILE *out, const json_t *checks)
{
	size_t i, k;
	json_t *check, *note;
	json_array_foreach(checks, i, check)
	{
		json_array_foreach(json_object_get(check, "notes"), k, note)
		{
			(void)fprintf(out, "note     %s: ", text_of(check, "name"));
			say(out, "", json_string_value(note));
		}
	}
}

static void
show(const struct cli_args *args, const json_t *reply)
{
	size_t i;
	json_t *finding;
	const json_t *checks = json_object_get(reply, "checks");
	const json_t *findings = json_object_get(reply, "findings");
	json_array_foreach(findings, i, finding) show_finding(args->out, finding);
	show_notes(args->out, checks);
	(void)fprintf(args->out, "%zu checks: %zu good, %zu with findings (%zu), %zu not made\n",
	    json_array_size(checks), count(checks, "good"), count(checks, "finding"),
	    json_array_size(findings), count(checks, "not_checked"));
}

static const struct render_column list_columns[] = {
    {"CHECK", "name", RENDER_TEXT},
    {"A FINDING MEANS", "meaning", RENDER_TEXT},
};

static json_t *
names_of(const struct cli_args *args, const char *option)
{
	const char *name = cli_nth(args, option, 0);
	json_t *names = name ? json_array() : NULL;
	for (size_t i = 0; (name = cli_nth(args, option, i)); i++)
		(void)json_array_append_new(names, json_string(name));
	return names;
}

static int
run_list(const struct cli_args *args)
{
	return ctl_ask_table(args, CTL_FASD, json_pack("{s:s,s:b}", "op", "doctor", "list", 1),
	    &(struct ctl_table){"checks", list_columns, NELEMS(list_columns), ""});
}

int
ctl_doctor(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	if (cli_flag(args, "list"))
		return run_list(args);
	int rc = ctl_ask(args, CTL_FASD,
	    json_pack("{s:s,s:o*,s:o*}", "op", "doctor", "only", names_of(args, "only"), "skip",
		names_of(args, "skip")),
	    &reply);
	if (rc != CLI_OK)
		return rc;
	if (cli_flag(args, "json"))
		render_json(args->out, reply);
	else
		show(args, reply);
	return json_array_size(json_object_get(reply, "findings")) > 0 ? CLI_DEFECT : CLI_OK;
}
