#include "fas/front_door.h"

#include "fas/base/file.h"
#include "fas/base/secret.h"

#define KEY_FILE_MAX 16384
#define CERTIFICATE_FILE_MAX 65536
#define WORKERS_MAX                                                                                \
	8 /* of them at most so many, that logons go on while a crowd stands at the door */
#define QUEUE_EACH 32

/* ---- the certificate ---- */

static enum fas_code
load_identity(struct front_door *door, struct fas_err *e)
{
	const struct front_config *config = door->config;
	struct http_tls **tls = &door->tls;
	int64_t from_s = 0, to_s = 0;
	OWN(secret) struct secret key = {0};
	OWN(text) char *certificate = NULL;
	size_t len = 0;
	enum fas_code rc = secret_load(&key, config->key, KEY_FILE_MAX, e);
	if (rc == FAS_OK)
		rc = file_read(config->certificate, CERTIFICATE_FILE_MAX, &certificate, &len, e);
	if (rc != FAS_OK)
		return fas_wrap(e, "front");
	rc = *tls ? http_tls_replace(*tls, (const char *)key.data, certificate, e)
		  : http_tls_new(NULL, (const char *)key.data, certificate, tls, e);
	if (rc == FAS_OK)
		rc = http_tls_life(*tls, &from_s, &to_s, e);
	if (rc != FAS_OK)
		return fas_wrap(e, "%s, %s", config->certificate, config->key);
	atomic_store(&door->service->front_not_before_s, from_s);
	atomic_store(&door->service->front_not_after_s, to_s);
	return FAS_OK;
}

enum fas_code
front_door_load(struct front_door *door, const struct config *config, struct service *service,
    struct metrics *metrics, struct fas_err *e)
{
	door->config = config->front;
	door->service = service;
	if (!door->config)
		return FAS_OK;
	enum fas_code rc = front_check(door->config, service->trust, e);
	if (rc == FAS_OK)
		rc = front_new(door->config, service, metrics, &door->front, e);
	return rc == FAS_OK ? load_identity(door, e) : rc;
}

enum fas_code
front_door_start(struct front_door *door, const struct config *config, struct fas_err *e)
{
	size_t n = config->workers < WORKERS_MAX ? config->workers : WORKERS_MAX;
	if (!door->config)
		return FAS_OK;
	enum fas_code rc = workers_start(n, n * QUEUE_EACH, http_server_work, &door->workers, e);
	door->door = (struct doors_front){.listen = &door->config->listen,
	    .routes = front_routes,
	    .n_routes = front_n_routes,
	    .browser = &front_browser,
	    .app = door->front,
	    .workers = door->workers,
	    .tls = door->tls};
	return rc;
}

enum fas_code
front_door_reload(struct front_door *door, struct fas_err *e)
{
	return door->config ? load_identity(door, e) : FAS_OK;
}

const struct doors_front *
front_door_doors(const struct front_door *door)
{
	return door->config ? &door->door : NULL;
}

void
front_door_stop(struct front_door *door)
{
	workers_stop(door->workers);
	door->workers = NULL;
}

void
front_door_free(struct front_door *door)
{
	front_free(door->front);
	http_tls_free(door->tls);
	*door = (struct front_door){0};
}
