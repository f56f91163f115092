/* What of fasd's ends, and how soon: the certificates of the API, the front and the identity providers. */
#ifndef FAS_ENDS_H
#define FAS_ENDS_H

#include "fas/base/ends.h"
#include "fas/service.h"

void service_each_end(struct service *service, end_visit *visit, void *arg);
/* As the signer's state has them; a new reference. */
json_t *service_describe_ends(struct service *service);
/* Log what is near its end: each alarm once, and once a day.  One thread's. */
void service_log_ends(struct service *service, struct ends_said *said);

#endif
