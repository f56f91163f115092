/* fasctl pool ...: users' keys that the signer has made ahead. */
#include "fas/ctl/commands.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fas/base/json.h"
#include "fas/ctl/ask.h"
#include "fas/ctl/render.h"

#define DEPTH_MAX 10000
#define LOOK_EACH_NS 500000000L

static const struct render_column columns[] = {
    {"TYPE", "type", RENDER_TEXT},
    {"READY", "depth", RENDER_TEXT},
    {"TARGET", "target", RENDER_TEXT},
    {"WANTED", "wanted", RENDER_TEXT},
    {"MADE", "made", RENDER_TEXT},
    {"TAKEN", "taken", RENDER_TEXT},
    {"IN VAIN", "refused", RENDER_TEXT},
    {"MS A KEY", "key_ms", RENDER_TEXT},
};

static int
show(const struct cli_args *args, json_t *reply)
{
	if (cli_flag(args, "json")) {
		render_json(args->out, reply);
		return CLI_OK;
	}
	render_table(args->out, json_object_get(reply, "pools"), columns, NELEMS(columns),
	    "No pool: with `pool: {}` in signer.yaml every key is made on its host.");
	(void)fprintf(args->out, "%lld keys are held for sessions; %lld signatures since start\n",
	    (long long)json_integer_value(json_object_get(reply, "held")),
	    (long long)json_integer_value(json_object_get(reply, "signatures")));
	return CLI_OK;
}

static int
run_show(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	int rc = ctl_ask(args, CTL_SIGNER, json_pack("{s:s}", "op", "pool.show"), &reply);
	return rc == CLI_OK ? show(args, reply) : rc;
}

static const json_t *
find_shelf(const json_t *reply, const char *type)
{
	const json_t *shelf;
	size_t i;
	json_array_foreach(json_object_get(reply, "pools"), i, shelf)
	{
		const char *name = json_string_value(json_object_get(shelf, "type"));
		if (name && strcmp(name, type) == 0)
			return shelf;
	}
	return NULL;
}

/* One line that is written over on a terminal, a line each time where there is none. */
static void
show_progress(const struct cli_args *args, const json_t *shelf)
{
	bool terminal = isatty(fileno(args->err)) == 1;
	(void)fprintf(args->err, "%s%lld of %lld keys lie ready%s", terminal ? "\r" : "",
	    (long long)json_integer_value(json_object_get(shelf, "depth")),
	    (long long)json_integer_value(json_object_get(shelf, "wanted")), terminal ? " " : "\n");
	(void)fflush(args->err);
}

/* Until the keys are there.  Logons go on taking some meanwhile. */
static int
await(const struct cli_args *args, const char *type, json_t **reply)
{
	const struct timespec pause = {.tv_nsec = LOOK_EACH_NS};
	int rc = CLI_OK;
	for (;;) {
		const json_t *shelf = find_shelf(*reply, type);
		json_int_t wanted = json_integer_value(json_object_get(shelf, "wanted"));
		if (!shelf || json_integer_value(json_object_get(shelf, "depth")) >= wanted ||
		    wanted == json_integer_value(json_object_get(shelf, "target")))
			break;
		show_progress(args, shelf);
		(void)nanosleep(&pause, NULL);
		json_decref(*reply);
		*reply = NULL;
		rc = ctl_ask(args, CTL_SIGNER, json_pack("{s:s}", "op", "pool.show"), reply);
		if (rc != CLI_OK)
			break;
	}
	if (isatty(fileno(args->err)) == 1)
		(void)fputc('\n', args->err);
	return rc;
}

static int
run_fill(const struct cli_args *args)
{
	OWN(json) json_t *reply = NULL;
	const char *type = cli_text(args, "type");
	OWN(json)
	json_t *request =
	    json_pack("{s:s,s:s}", "op", "pool.fill", "type", type ? type : "rsa-2048");
	int rc = ctl_put_number(request, "depth", args, "depth", DEPTH_MAX);
	if (rc == CLI_OK)
		rc = ctl_ask(args, CTL_SIGNER, TAKE(request), &reply);
	if (rc == CLI_OK && !cli_flag(args, "no-wait"))
		rc = await(args, type ? type : "rsa-2048", &reply);
	return rc == CLI_OK ? show(args, reply) : rc;
}

static const struct cli_option fill_options[] = {
    {"depth", "NUMBER", "how many keys shall lie ready, 1 to 10000", CLI_NEED},
    {"type", "TYPE", "rsa-2048 (default) or another type of the pool", 0},
    {"no-wait", NULL, "do not wait until they are made", 0},
};

static const struct cli_command commands[] = {
    {"pool show", NULL, "Keys made ahead, and how many sessions have one", NULL, NULL, 0, run_show},
    {"pool fill", NULL, "Make more keys once, before a rush",
	"They are made while nothing else wants the processor, some six a second and core\n"
	"(rsa-2048).  They live in the signer's memory alone: a restart empties the pool.",
	fill_options, NELEMS(fill_options), run_fill},
};

const struct cli_group ctl_pool_group = {"keys of sessions", commands, NELEMS(commands)};
