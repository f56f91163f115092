#include "ldap/discover.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"

#define ANSWER_MAX 65535
#define SRV_RDATA_MIN 7

static int
by_priority(const void *a, const void *b)
{
	const struct srv *x = a, *y = b;
	if (x->priority != y->priority)
		return x->priority < y->priority ? -1 : 1;
	/* RFC 2782: those with weight 0 stand first, so that they have a small chance. */
	if ((x->weight == 0) != (y->weight == 0))
		return x->weight == 0 ? -1 : 1;
	return 0;
}

/* Move records[pick] to the front; the others keep their order. */
static void
move_to_front(struct srv *records, size_t pick)
{
	struct srv chosen = records[pick];
	memmove(records + 1, records, pick * sizeof(*records));
	records[0] = chosen;
}

/* Which of the n records of one priority comes next: the first whose running sum reaches the number drawn. */
static size_t
pick_by_weight(const struct srv *records, size_t n, discover_random *draw, void *context)
{
	uint32_t sum = 0, running = 0;
	for (size_t i = 0; i < n; i++)
		sum += records[i].weight;
	uint32_t drawn = draw(context, sum);
	for (size_t i = 0; i < n; i++) {
		running += records[i].weight;
		if (running >= drawn)
			return i;
	}
	return n - 1;
}

void
discover_order(struct srv *records, size_t n, discover_random *draw, void *context)
{
	qsort(records, n, sizeof(*records), by_priority);
	for (size_t done = 0; done < n; done++) {
		size_t group = 1;
		while (done + group < n && records[done + group].priority == records[done].priority)
			group++;
		move_to_front(records + done, pick_by_weight(records + done, group, draw, context));
	}
}

static bool
lies_in(const char *host, const char *domain)
{
	size_t host_len = strlen(host), domain_len = strlen(domain);
	return host_len > domain_len && host[host_len - domain_len - 1] == '.' &&
	       ascii_equal_nocase(host + host_len - domain_len, domain);
}

static bool
read_record(ns_msg *message, ns_rr *record, const char *domain, struct srv *out)
{
	char target[NS_MAXDNAME];
	const uint8_t *data = ns_rr_rdata(*record);
	if (ns_rr_type(*record) != ns_t_srv || ns_rr_rdlen(*record) < SRV_RDATA_MIN)
		return false;
	if (dn_expand(
		ns_msg_base(*message), ns_msg_end(*message), data + 6, target, sizeof(target)) < 0)
		return false;
	if (!hostname_is_valid(target) || !lies_in(target, domain))
		return false;
	out->priority = (uint16_t)ns_get16(data);
	out->weight = (uint16_t)ns_get16(data + 2);
	out->port = (uint16_t)ns_get16(data + 4);
	(void)snprintf(out->host, sizeof(out->host), "%s", target);
	return out->port != 0;
}

enum fas_code
discover_parse(const uint8_t *answer, size_t len, const char *domain,
    struct srv out[CONTROLLERS_MAX], size_t *n, struct fas_err *e)
{
	ns_msg message;
	*n = 0;
	if (len > ANSWER_MAX || ns_initparse(answer, (int)len, &message) != 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "srv_malformed",
		    "RFC 1035 4: DNS answer for the controllers of %s does not parse", domain);
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && *n < CONTROLLERS_MAX; i++) {
		ns_rr record;
		if (ns_parserr(&message, ns_s_an, i, &record) != 0)
			return fas_fail(e, FAS_E_UNAVAILABLE, "srv_malformed",
			    "RFC 1035 4.1.3: record %d for the controllers of %s does not parse", i,
			    domain);
		if (read_record(&message, &record, domain, &out[*n]))
			(*n)++;
	}
	if (*n == 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "srv_empty",
		    "RFC 2782: no SRV record names a domain controller within %s", domain);
	return FAS_OK;
}

static uint32_t
draw_random(void *context, uint32_t max)
{
	(void)context;
	return max == UINT32_MAX ? arc4random() : arc4random_uniform(max + 1);
}

/* With a state of its own: the resolver's global one is not for threads. */
static int
query(const char *name, uint8_t *answer, size_t size)
{
	struct __res_state state = {0};
	if (res_ninit(&state) != 0)
		return -1;
	int len = res_nquery(&state, name, ns_c_in, ns_t_srv, answer, (int)size);
	res_nclose(&state);
	return len;
}

enum fas_code
discover_srv(const char *domain, struct srv out[CONTROLLERS_MAX], size_t *n, struct fas_err *e)
{
	char name[NS_MAXDNAME];
	OWN(bytes) uint8_t *answer = calloc(1, ANSWER_MAX);
	if (!answer)
		return fas_fail_nomem(e);
	(void)snprintf(name, sizeof(name), "_ldap._tcp.dc._msdcs.%s", domain);
	int len = query(name, answer, ANSWER_MAX);
	if (len < 0 || len > ANSWER_MAX)
		return fas_fail(e, FAS_E_UNAVAILABLE, "srv_no_answer",
		    "RFC 2782: no DNS answer for SRV %s", name);
	enum fas_code rc = discover_parse(answer, (size_t)len, domain, out, n, e);
	if (rc == FAS_OK)
		discover_order(out, *n, draw_random, NULL);
	return rc;
}

DEFINE_OWN(addrinfo, struct addrinfo *, freeaddrinfo);

enum fas_code
discover_addresses(const char *host, uint16_t port, struct address out[ADDRESSES_MAX], size_t *n,
    struct fas_err *e)
{
	OWN(addrinfo) struct addrinfo *found = NULL;
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
	char service[8];
	(void)snprintf(service, sizeof(service), "%u", (unsigned)port);
	int rc = getaddrinfo(host, service, &hints, &found);
	*n = 0;
	if (rc != 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "host_unknown", "address of %s: %s", host,
		    gai_strerror(rc));
	for (struct addrinfo *a = found; a && *n < ADDRESSES_MAX; a = a->ai_next) {
		if (a->ai_addrlen > sizeof(out->addr))
			continue;
		memcpy(&out[*n].addr, a->ai_addr, a->ai_addrlen);
		out[(*n)++].len = a->ai_addrlen;
	}
	if (*n == 0)
		return fas_fail(e, FAS_E_UNAVAILABLE, "host_unknown", "%s has no address", host);
	return FAS_OK;
}
