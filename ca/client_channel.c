/* The kept connections to the signer, and one question on one of them. */
#include "ca/client_parts.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fas/base/clock.h"
#include "fas/base/json.h"
#include "fas/base/wire.h"

enum fas_code
signer_new(const char *socket_path, size_t max_connections, int timeout_ms, struct signer **out,
    struct fas_err *e)
{
	if (max_connections == 0 || max_connections > SIGNER_CONNECTIONS_MAX || timeout_ms <= 0)
		return fas_fail(e, FAS_E_CONFIG, "signer_connections",
		    "signer: %zu connections and a time-out of %d ms, want 1 to %d and above 0",
		    max_connections, timeout_ms, SIGNER_CONNECTIONS_MAX);
	struct signer *signer = calloc(1, sizeof(*signer));
	char *path = strdup(socket_path);
	if (!signer || !path) {
		free(signer);
		free(path);
		return fas_fail_nomem(e);
	}
	signer->path = path;
	signer->timeout_ms = timeout_ms;
	signer->max = max_connections;
	(void)pthread_mutex_init(&signer->lock, NULL);
	(void)pthread_mutex_init(&signer->chain_lock, NULL);
	clock_cond_init(&signer->returned);
	*out = signer;
	return FAS_OK;
}

void
signer_free(struct signer *signer)
{
	if (!signer)
		return;
	for (size_t i = 0; i < signer->n_idle; i++)
		(void)close(signer->idle[i]);
	(void)pthread_mutex_destroy(&signer->lock);
	(void)pthread_mutex_destroy(&signer->chain_lock);
	(void)pthread_cond_destroy(&signer->returned);
	free(signer->path);
	free(signer->chain);
	free(signer);
}

enum fas_code
client_failed(const struct fas_err *why, struct fas_err *e)
{
	if (why->code == FAS_E_TIMEOUT)
		return fas_fail(e, FAS_E_TIMEOUT, "signer_timeout", "signer: %s", why->message);
	if (why->code == FAS_E_UNAVAILABLE || why->code == FAS_E_NOTFOUND)
		return fas_fail(e, FAS_E_UNAVAILABLE, "signer_away", "signer: %s", why->message);
	return fas_fail(e, why->code, why->reason, "signer: %s", why->message);
}

/* A kept connection, or -1 and the right to open one; waits for either until the deadline. */
static enum fas_code
take_slot(struct signer *signer, int64_t deadline_us, int *fd, struct fas_err *e)
{
	enum fas_code rc = FAS_OK;
	const struct timespec until = clock_deadline_at(deadline_us);
	(void)pthread_mutex_lock(&signer->lock);
	while (signer->n_idle == 0 && signer->n_open >= signer->max && rc == FAS_OK) {
		if (pthread_cond_timedwait(&signer->returned, &signer->lock, &until) != 0)
			rc = fas_fail(e, FAS_E_TIMEOUT, "signer_timeout",
			    "signer: all %zu connections are busy", signer->max);
	}
	*fd = -1;
	if (rc == FAS_OK && signer->n_idle > 0)
		*fd = signer->idle[--signer->n_idle];
	else if (rc == FAS_OK)
		signer->n_open++;
	(void)pthread_mutex_unlock(&signer->lock);
	return rc;
}

/* fd -1: the connection is gone, and with it its place. */
static void
give_slot(struct signer *signer, int fd)
{
	(void)pthread_mutex_lock(&signer->lock);
	if (fd >= 0)
		signer->idle[signer->n_idle++] = fd;
	else
		signer->n_open--;
	(void)pthread_cond_signal(&signer->returned);
	(void)pthread_mutex_unlock(&signer->lock);
}

static int
left_ms(int64_t deadline_us)
{
	int64_t left = (deadline_us - clock_monotonic_us()) / 1000;
	return left > 1 ? (int)left : 1;
}

/* One question on one connection, which is closed and -1 afterwards if it is of no more use. */
static enum fas_code
ask_on(int *fd, json_t *request, int64_t deadline_us, json_t **reply, struct fas_err *why)
{
	enum fas_code rc = wire_send(*fd, request, left_ms(deadline_us), why);
	if (rc == FAS_OK)
		rc = wire_receive(*fd, WIRE_MESSAGE_MAX, left_ms(deadline_us), reply, why);
	if (rc == FAS_OK)
		return FAS_OK;
	(void)close(*fd);
	*fd = -1;
	return rc;
}

/*
 * A kept connection may have died with an earlier signer: then one new one is tried.  That repeats the request, which
 * is safe, since each either names its request id or changes nothing when it is repeated.
 */
static enum fas_code
exchange(struct signer *signer, int *fd, json_t *request, int64_t deadline_us, json_t **reply,
    struct fas_err *e)
{
	struct fas_err why = {0};
	if (*fd >= 0) {
		if (ask_on(fd, request, deadline_us, reply, &why) == FAS_OK)
			return FAS_OK;
		if (why.code != FAS_E_UNAVAILABLE && why.code != FAS_E_NOTFOUND)
			return client_failed(&why, e);
		fas_err_clear(&why);
	}
	enum fas_code rc = wire_connect(signer->path, fd, &why);
	if (rc == FAS_OK)
		rc = ask_on(fd, request, deadline_us, reply, &why);
	return rc == FAS_OK ? FAS_OK : client_failed(&why, e);
}

enum fas_code
client_call(struct signer *signer, json_t *request, json_t **reply, struct fas_err *e)
{
	OWN(json) json_t *owned = request;
	OWN(json) json_t *answer = NULL;
	int64_t deadline_us = clock_monotonic_us() + (int64_t)signer->timeout_ms * 1000;
	int fd = -1;
	if (!owned && json_starved())
		return fas_fail_nomem(e);
	if (!owned)
		return fas_fail(e, FAS_E_INPUT, "signer_request",
		    "a request to the signer cannot be written as JSON: text is not UTF-8");
	enum fas_code rc = take_slot(signer, deadline_us, &fd, e);
	if (rc != FAS_OK)
		return rc;
	rc = exchange(signer, &fd, owned, deadline_us, &answer, e);
	give_slot(signer, fd);
	if (rc == FAS_OK)
		rc = wire_check(answer, e);
	if (rc == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}
