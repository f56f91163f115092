/*
 * A layer of liblber's socket stack that keeps the deadline inside an operation.
 *
 * libldap watches its timeouts only between messages, and its TLS handshake (GnuTLS) repeats an interrupted read for
 * ever: a controller that accepts and then falls silent would hold the thread.  This layer sits on the socket, below
 * TLS and SASL; it waits for the socket itself, and a passed deadline is the end of the connection.
 *
 * It reads ahead: TLS asks for a record's head and then its body, and gets both by one call of the system.
 */
#ifndef LDAP_IO_DEADLINE_H
#define LDAP_IO_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include <lber.h>

struct io_deadline {
	int64_t at_us; /* of clock_monotonic_us; the connection's user moves it */
	bool more;     /* what is written may wait for the next write, which is about to come */
};

/*
 * Put the layer on sb, which has its socket layer already.  What has been read ahead counts as LBER_SB_OPT_DATA_READY.
 * deadline is borrowed and outlives sb.
 */
bool io_deadline_install(Sockbuf *sb, struct io_deadline *deadline);

#endif
