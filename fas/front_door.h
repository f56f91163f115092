/* The browser's door as fasd keeps it: its pages, its own TLS identity, and workers that nothing else waits for. */
#ifndef FAS_FRONT_DOOR_H
#define FAS_FRONT_DOOR_H

#include "fas/doors.h"
#include "fas/front/front.h"

struct front_door {
	const struct front_config *config;
	struct service *service; /* learns when the certificate ends */
	struct front *front;
	struct http_tls *tls;
	struct workers *workers;
	struct doors_front door; /* for doors_config; borrows from the members above */
};

/*
 * What `front` names, read and checked: providers, texts, certificate and key.  Without `front`: FAS_OK and nothing.
 * FAS_E_CONFIG, and the errors of the files.
 */
MUST_CHECK enum fas_code front_door_load(struct front_door *door, const struct config *config,
    struct service *service, struct metrics *metrics, struct fas_err *e);
/* Before the doors open. */
MUST_CHECK enum fas_code front_door_start(
    struct front_door *door, const struct config *config, struct fas_err *e);
/* Certificate and key anew, as the configuration of the start names them; on an error the old ones stay. */
MUST_CHECK enum fas_code front_door_reload(struct front_door *door, struct fas_err *e);
/* For doors_config: NULL without `front`. */
const struct doors_front *front_door_doors(const struct front_door *door);

/* Behind doors_close_api: what requests under way need is gone. */
void front_door_stop(struct front_door *door);
void front_door_free(struct front_door *door);

#endif
