/*
 * What is due: leases, in-session certificates, Kerberos tickets, sessions that have ended or were never opened, the
 * machine's own certificate, the spare key, servers that were away.
 */
#ifndef FAS_AGENT_KEEPER_H
#define FAS_AGENT_KEEPER_H

#include "fas/agent/daemon.h"

/* How often keeper_tick is to be called at least. */
#define KEEPER_TICK_MS 1000

/* From the loop: hands what is due to the workers, as far as they have room. */
void keeper_tick(struct daemon *d);

/* Open a session and watch its login.  leader: a pidfd that is taken over, -1 = none. */
MUST_CHECK enum fas_code keeper_open(
    struct daemon *d, struct session *s, int leader, struct fas_err *e);
/* The login of this card's session has ended. */
void keeper_leader_gone(struct daemon *d, uint32_t card_id);

/*
 * End it now: when this returns, its card is gone, its cache destroyed, and the service has been told; where that is away,
 * it is tried again later.  false: it had ended already.
 */
bool keeper_end_now(struct daemon *d, struct session *s, const char *why);

/* The sessions that an earlier agent has left are ended. */
MUST_CHECK enum fas_code keeper_take_leftovers(struct daemon *d, struct fas_err *e);

/* When a ticket-granting ticket is to be renewed: at two thirds of its life; 0 = never. */
int64_t keeper_tgt_due(int64_t start_s, int64_t end_s, int64_t renew_till_s);
/* When the next lease is due, from now: often enough that a change is seen within a minute. */
int64_t keeper_lease_us(int64_t lease_s);

#endif
