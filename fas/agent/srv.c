#include "fas/agent/srv.h"

#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdio.h>
#include <string.h>

#define ANSWER_MAX 16384
#define FIXED 6 /* RFC 2782: priority, weight, port before the target */
#define RECORDS_MAX 64
#define TIMEOUT_S 2
#define TRIES 2

static bool
read_record(ns_msg *message, int i, struct srv_record *out)
{
	ns_rr rr;
	char target[NS_MAXDNAME];
	if (ns_parserr(message, ns_s_an, i, &rr) != 0 || ns_rr_type(rr) != ns_t_srv ||
	    ns_rr_rdlen(rr) <= FIXED ||
	    ns_name_uncompress(ns_msg_base(*message), ns_msg_end(*message), ns_rr_rdata(rr) + FIXED,
		target, sizeof(target)) < 0 ||
	    !hostname_is_valid(target))
		return false;
	out->priority = ns_get16(ns_rr_rdata(rr));
	out->port = ns_get16(ns_rr_rdata(rr) + 4);
	(void)snprintf(out->target, sizeof(out->target), "%s", target);
	return true;
}

static size_t
insert(struct srv_record *list, size_t n, const struct srv_record *new)
{
	size_t at = n < SRV_MAX ? n : SRV_MAX - 1;
	if (n == SRV_MAX && list[at].priority <= new->priority)
		return n;
	for (; at > 0 && list[at - 1].priority > new->priority; at--)
		list[at] = list[at - 1];
	list[at] = *new;
	return n < SRV_MAX ? n + 1 : n;
}

size_t
srv_read(const unsigned char *answer, size_t len, struct srv_record out[SRV_MAX])
{
	ns_msg message;
	struct srv_record one;
	size_t n = 0;
	if (len > ANSWER_MAX || ns_initparse(answer, (int)len, &message) != 0)
		return 0;
	for (int i = 0; i < ns_msg_count(message, ns_s_an) && i < RECORDS_MAX; i++) {
		if (read_record(&message, i, &one))
			n = insert(out, n, &one);
	}
	return n;
}

size_t
srv_find(const char *name, struct srv_record out[SRV_MAX])
{
	unsigned char answer[ANSWER_MAX];
	struct __res_state resolver = {0};
	if (res_ninit(&resolver) != 0)
		return 0;
	resolver.retrans = TIMEOUT_S;
	resolver.retry = TRIES;
	int len = res_nquery(&resolver, name, ns_c_in, ns_t_srv, answer, (int)sizeof(answer));
	res_nclose(&resolver);
	return len > 0 && len <= (int)sizeof(answer) ? srv_read(answer, (size_t)len, out) : 0;
}
