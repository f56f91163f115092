/* The host table: hosts and storefronts with a certificate of the service CA, and who waits for a change of it. */
#ifndef CA_HOSTS_H
#define CA_HOSTS_H

#include "ca/ca.h"

MUST_CHECK enum fas_code hosts_init(
    struct host_table *hosts, struct db_pool *db, struct fas_err *e);
void hosts_done(struct host_table *hosts);
/* The table has become this generation: wake who waits. */
void hosts_changed(struct host_table *hosts, int64_t generation);
int64_t hosts_generation(struct host_table *hosts);
/* No more waiting: the signer ends. */
void hosts_stop(struct host_table *hosts);

call_fn op_hosts;     /* issue socket */
call_fn op_host_list; /* admin socket */

#endif
