/* What the signer tells when it happens: acts of administrators, and the table of machines.  Whoever asks waits. */
#include "ca/client_parts.h"

#include <sys/socket.h>

#include "fas/base/json.h"
#include "fas/base/wire.h"

#define HOST_PAGES_MAX 256

static bool
begin_wait(struct signer *signer, int fd, size_t *at)
{
	bool good = false;
	(void)pthread_mutex_lock(&signer->lock);
	for (size_t i = 0; i < WAITERS_MAX && !good && !signer->stopped; i++) {
		if (signer->waiting[i] != 0)
			continue;
		signer->waiting[i] = fd + 1;
		*at = i;
		good = true;
	}
	(void)pthread_mutex_unlock(&signer->lock);
	return good;
}

static void
end_wait(struct signer *signer, size_t at)
{
	(void)pthread_mutex_lock(&signer->lock);
	signer->waiting[at] = 0;
	(void)pthread_mutex_unlock(&signer->lock);
}

void
signer_stop_waiting(struct signer *signer)
{
	(void)pthread_mutex_lock(&signer->lock);
	signer->stopped = true;
	for (size_t i = 0; i < WAITERS_MAX; i++) {
		if (signer->waiting[i] != 0)
			(void)shutdown(signer->waiting[i] - 1, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&signer->lock);
}

static enum fas_code
await_news(struct signer *signer, int fd, int wait_ms, json_t **news, struct fas_err *why)
{
	size_t at = 0;
	if (!begin_wait(signer, fd, &at))
		return fas_fail(why, FAS_E_UNAVAILABLE, "signer_away", "nobody waits any more");
	enum fas_code rc =
	    wire_receive(fd, WIRE_MESSAGE_MAX, wait_ms + signer->timeout_ms, news, why);
	end_wait(signer, at);
	return rc;
}

enum fas_code
signer_acts(struct signer *signer, int64_t after, json_t *applied, int wait_ms, json_t **reply,
    struct fas_err *e)
{
	OWN(fd) int fd = -1;
	struct fas_err why = {0};
	OWN(json) json_t *answer = NULL;
	OWN(json)
	json_t *request = json_pack("{s:s,s:I,s:i,s:O}", "op", "acts", "after", (json_int_t)after,
	    "wait_ms", wait_ms, "applied", applied);
	if (!request)
		return fas_fail_nomem(e);
	enum fas_code rc = wire_connect(signer->path, &fd, &why);
	if (rc == FAS_OK)
		rc = wire_send(fd, request, signer->timeout_ms, &why);
	if (rc == FAS_OK)
		rc = await_news(signer, fd, wait_ms, &answer, &why);
	if (rc != FAS_OK)
		return client_failed(&why, e);
	if ((rc = wire_check(answer, e)) == FAS_OK)
		*reply = TAKE(answer);
	return rc;
}

/* One page of the host table on fd. */
static enum fas_code
host_page(struct signer *signer, int fd, int64_t generation, int wait_ms, const char *after,
    json_t **page, struct fas_err *e)
{
	struct fas_err why = {0};
	OWN(json)
	json_t *request = json_pack("{s:s,s:I,s:i,s:s*}", "op", "hosts", "generation",
	    (json_int_t)generation, "wait_ms", wait_ms, "after", after);
	if (!request)
		return fas_fail_nomem(e);
	enum fas_code rc = wire_send(fd, request, signer->timeout_ms, &why);
	if (rc == FAS_OK)
		rc = await_news(signer, fd, wait_ms, page, &why);
	return rc == FAS_OK ? wire_check(*page, e) : client_failed(&why, e);
}

/* The serial behind which the next page begins, NULL after the last; the page's hosts join all. */
static enum fas_code
join_page(json_t *page, json_t *all, const char **after, struct fas_err *e)
{
	json_t *hosts = json_object_get(page, "hosts");
	size_t n = json_array_size(hosts);
	if (!json_is_array(hosts) || json_array_extend(all, hosts) != 0)
		return fas_fail(
		    e, FAS_E_INTERNAL, "signer_reply", "the signer's answer: no list of hosts");
	*after = NULL;
	if (n > 0 && json_is_true(json_object_get(page, "more")))
		*after = json_string_value(json_object_get(json_array_get(hosts, n - 1), "serial"));
	return FAS_OK;
}

enum fas_code
signer_hosts(
    struct signer *signer, int64_t generation, int timeout_ms, json_t **table, struct fas_err *e)
{
	OWN(fd) int fd = -1;
	OWN(json) json_t *all = json_array();
	OWN(json) json_t *page = NULL;
	struct fas_err why = {0};
	const char *after = NULL;
	if (wire_connect(signer->path, &fd, &why) != FAS_OK)
		return client_failed(&why, e);
	enum fas_code rc = host_page(signer, fd, generation, timeout_ms, NULL, &page, e);
	if (rc == FAS_OK)
		rc = join_page(page, all, &after, e);
	/* The first page's generation stands for all: what changes meanwhile raises it, and is asked for next. */
	OWN(json) json_t *first = json_incref(json_object_get(page, "generation"));
	for (size_t i = 0; rc == FAS_OK && after && i < HOST_PAGES_MAX; i++) {
		OWN(json) json_t *next = NULL;
		rc = host_page(signer, fd, -1, 0, after, &next, e);
		if (rc == FAS_OK)
			rc = join_page(next, all, &after, e);
		json_decref(page);
		page = TAKE(next);
	}
	if (rc != FAS_OK)
		return rc;
	*table = json_pack("{s:O,s:O}", "generation", first, "hosts", all);
	return *table ? FAS_OK : fas_fail_nomem(e);
}
