#include "fas/agent/discover.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#define SRV_ANSWER_MAX 16384
#define SRV_FIXED 6 /* RFC 2782: priority, weight, port before the target */
#define RECORDS_MAX 64
#define DNS_TIMEOUT_S 2
#define DNS_TRIES 2

struct record {
	unsigned priority, port;
	char target[NS_MAXDNAME];
};

static bool
read_record(ns_msg *message, int i, struct record *out)
{
	ns_rr rr;
	if (ns_parserr(message, ns_s_an, i, &rr) != 0 || ns_rr_type(rr) != ns_t_srv ||
	    ns_rr_rdlen(rr) <= SRV_FIXED)
		return false;
	out->priority = ns_get16(ns_rr_rdata(rr));
	out->port = ns_get16(ns_rr_rdata(rr) + 4);
	return ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message),
		   ns_rr_rdata(rr) + SRV_FIXED, out->target, sizeof(out->target)) >= 0 &&
	       out->port != 0 && hostname_is_valid(out->target);
}

/* Sorted by priority; which of them a user meets, rendezvous hashing says (servers.h), not the weights. */
static size_t
insert(struct record *list, size_t n, const struct record *new)
{
	size_t at = n < AGENT_SERVERS_MAX ? n : AGENT_SERVERS_MAX - 1;
	if (n == AGENT_SERVERS_MAX && list[at].priority <= new->priority)
		return n;
	for (; at > 0 && list[at - 1].priority > new->priority; at--)
		list[at] = list[at - 1];
	list[at] = *new;
	return n < AGENT_SERVERS_MAX ? n + 1 : n;
}

void
discover_read(const unsigned char *answer, size_t len, struct server_order *out)
{
	ns_msg message;
	struct record list[AGENT_SERVERS_MAX], one;
	size_t n = 0;
	out->n = 0;
	if (len > SRV_ANSWER_MAX || ns_initparse(answer, (int)len, &message) != 0)
		return;
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && i < RECORDS_MAX; i++) {
		if (read_record(&message, i, &one))
			n = insert(list, n, &one);
	}
	for (; out->n < n; out->n++)
		(void)snprintf(out->urls[out->n], AGENT_URL_MAX, "https://%.253s:%u",
		    list[out->n].target, list[out->n].port);
}

void
discover_servers(const char *domain, struct server_order *out)
{
	unsigned char answer[SRV_ANSWER_MAX];
	char name[HOSTNAME_MAX + 16];
	struct __res_state resolver = {0};
	out->n = 0;
	if (res_ninit(&resolver) != 0)
		return;
	resolver.retrans = DNS_TIMEOUT_S;
	resolver.retry = DNS_TRIES;
	(void)snprintf(name, sizeof(name), "_fas._tcp.%s", domain);
	int len = res_nquery(&resolver, name, ns_c_in, ns_t_srv, answer, (int)sizeof(answer));
	res_nclose(&resolver);
	if (len > 0 && len <= (int)sizeof(answer))
		discover_read(answer, (size_t)len, out);
}
