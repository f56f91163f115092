/*
 * Where fasd listens: health and metrics, published objects, the API, the browser's front.
 *
 * The sockets of the last two are bound before there is anything to answer with, so that whoever connects is not refused.
 * While the signer is away they are shut: everything is answered with 503, the API under the certificate that it had last.
 */
#ifndef FAS_DOORS_H
#define FAS_DOORS_H

#include "fas/api.h"
#include "fas/config.h"
#include "fas/http/server.h"
#include "fas/identity.h"
#include "fas/ops.h"
#include "fas/publisher.h"

/* The browser's door, which others have made (fas/front_door.h); all borrowed. */
struct doors_front {
	const struct config_listen *listen;
	const struct http_route *routes;
	size_t n_routes;
	const struct http_browser *browser;
	void *app;
	struct workers *workers;
	struct http_tls *tls;
};

/* All borrowed; callers, tls and negotiation are needed from doors_open_api on. */
struct doors_config {
	const struct config *config;
	struct metrics *metrics;
	struct refusals *refusals;
	struct workers *workers, *ops_workers;
	struct ops *ops;
	struct publisher *publisher;
	const struct doors_front *front; /* NULL: there is none */
};

struct door {
	struct http_server *servers[2 * CONFIG_LISTEN_MAX];
	size_t n;
};

struct doors {
	struct doors_config c;
	struct door ops, public, api, front;
	struct door shut;               /* of both */
	int api_fds[CONFIG_LISTEN_MAX]; /* each server has a copy of its own */
	size_t n_api_fds;
	int front_fds[CONFIG_LISTEN_MAX]; /* in the same way */
	size_t n_front_fds;
	struct fas_err why_shut;
	struct http_tls *shut_tls;
};

/* What needs nobody else: health, metrics, CRLs; and the sockets of the API and the front. */
MUST_CHECK enum fas_code doors_open(
    struct doors *doors, const struct doors_config *config, struct fas_err *e);

/* Answer the requests of both with why.  Without a certificate from an earlier start they wait instead. */
void doors_shut_api(struct doors *doors, const struct identity_key *key, const struct fas_err *why);

/* api, tls and callers are borrowed until doors_close; negotiation may be NULL. */
MUST_CHECK enum fas_code doors_open_api(struct doors *doors, struct api *api, struct http_tls *tls,
    const struct http_negotiation *negotiation, struct fas_err *e);

/* Requests of the API under way are finished; then nobody uses what it works with. */
void doors_close_api(struct doors *doors);
void doors_close(struct doors *doors);

#endif
