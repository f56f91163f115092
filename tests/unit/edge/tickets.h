/*
 * Kerberos tickets made with the service's own key, as its KDC would make them: good tokens without a KDC, and such as
 * no KDC would give.
 */
#ifndef TESTS_EDGE_TICKETS_H
#define TESTS_EDGE_TICKETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <krb5.h>

#define TICKETS_REALM "CORP.EXAMPLE.COM"
#define TICKETS_SERVICE "HTTP/fas1.corp.example.com@" TICKETS_REALM

struct tickets {
	krb5_context ctx;
	char folder[96], keytab[128], conf[128], replay_cache[128];
};

/* A folder of its own below `base` with krb5.conf (KRB5_CONFIG points there) and the keytab of TICKETS_SERVICE. */
bool tickets_init(struct tickets *t, const char *base);
void tickets_done(struct tickets *t);

struct ticket_spec {
	const char *client;  /* VDA1$@CORP.EXAMPLE.COM */
	const char *service; /* NULL = TICKETS_SERVICE */
	bool spnego;         /* else bare Kerberos (RFC 4121) */
	bool foreign_key;    /* as another KDC would make it */
	int64_t began_s;     /* so long ago by the KDC's clock; the ticket lives for an hour */
	const uint8_t *binding;
	size_t binding_len;
};
/* The client's first token; malloc'ed.  NULL when libkrb5 makes none. */
uint8_t *tickets_token(struct tickets *t, const struct ticket_spec *spec, size_t *len);

#endif
