/* Messages on fasd's admin socket, above a made-up pipeline: framing, reading, the operation, the reply. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fakes.h"
#include "fas/admin.h"
#include "fas/base/audit_statement.h"
#include "fas/base/json.h"
#include "fas/base/log.h"
#include "fas/base/macros.h"
#include "fas/http/server.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/message.h"

static const char *const schema[] = {AUDIT_SCHEMA AUDIT_HEADS_SCHEMA AUDIT_STATEMENTS_SCHEMA(
    TRAIL_FASD) "CREATE TABLE tickets(state TEXT, session TEXT) STRICT;"
		"CREATE TABLE orders(state TEXT, session TEXT) STRICT;"};
static const struct db_migrations migrations = {schema, NELEMS(schema)};
static struct config *config;
static struct service service = {.node = "fas1"};
static struct ops ops;
static struct admin_config admin;
static int signer_is_there;

static const char fasd_yaml[] =
    "node: fas1\nstate: s\npolicy: p\nsigner: {socket: x}\npublic_folder: p\n"
    "admin: {socket: a.sock}\n"
    "listen: {api: ['127.0.0.1:1'], public: ['127.0.0.1:2'], ops: ['127.0.0.1:3']}\n"
    "identity_providers: [{name: okta}]\ndomains: [{name: example.com, netbios: CORP}]\n";

static enum fas_code
look_at_places(void *arg, json_t **seen, struct fas_err *e)
{
	(void)arg;
	*seen = json_pack("{s:[]}", "links");
	return *seen ? FAS_OK : fas_fail_nomem(e);
}

static const struct admin_places places = {
    .look = look_at_places, .publish = look_at_places, .ldif = look_at_places};

static void
set_up(void)
{
	static struct reloader *reloader;
	struct fas_err e = {0};
	char path[300];
	log_set_level(LOG_LEVEL_ERROR);
	FUZZ_CHECK(config_load(fuzz_file("fasd.yaml", fasd_yaml, sizeof(fasd_yaml) - 1), &config,
		       &e) == FAS_OK);
	(void)snprintf(path, sizeof(path), "%s/fas.db", fuzz_folder());
	FUZZ_CHECK(db_pool_open(path, &migrations, 1, &service.db, &e) == FAS_OK);
	FUZZ_CHECK(metrics_new(&ops.metrics, &e) == FAS_OK);
	FUZZ_CHECK(reloader_new(config, &service, ops.metrics, &reloader, &e) == FAS_OK);
	FUZZ_CHECK(workers_start(1, 1, http_server_work, &ops.workers, &e) == FAS_OK);
	service.signer = (struct signer *)(void *)&signer_is_there;
	ops.service = &service;
	ops.started_s = 1700000000;
	admin = (struct admin_config){config, &service, &ops, reloader, NULL, &places, NULL};
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!config)
		set_up();
	OWN(json) json_t *message = message_receive(data, size);
	if (!message)
		return 0;
	fakes_reset();
	OWN(json) json_t *reply = admin_answer(&admin, "uid:0", message);
	message_check_reply(reply);
	return 0;
}
