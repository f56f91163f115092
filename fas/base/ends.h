/*
 * What ends: certificates and CRLs, and how soon.  Both services judge theirs by this one rule, log it, and show it in
 * their state, metrics and `fasctl status`.
 */
#ifndef FAS_BASE_ENDS_H
#define FAS_BASE_ENDS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

/* One that ends; all borrowed. */
struct end {
	const char *
	    what; /* "authority", "root", "root_crl", "crl", "service_ca", "tls", "front", "provider" */
	const char *name;     /* which one: "main-1" */
	int64_t from_s, to_s; /* from_s 0: nobody knows since when it lives */
};
typedef void end_visit(const struct end *end, void *arg);

enum ends_alarm { ENDS_FAR, ENDS_IN_90_DAYS, ENDS_IN_30_DAYS, ENDS_IN_7_DAYS, ENDS_OVER };

/*
 * 90, 30 and 7 days ahead; a threshold above half of its life says nothing of one that is renewed in time, and is left
 * out.  Of what lives less than 14 days the last quarter is like the last 7 days.
 */
enum ends_alarm ends_judge(const struct end *end, int64_t now_s);

/* {"what", "name", "not_after", "alarm" (0 to 4)}; a new reference, or NULL. */
json_t *ends_describe(const struct end *end, int64_t now_s);

/* What has been said in the log: each alarm once, and once a day as long as it lasts.  Zero-initialise; one thread's. */
#define ENDS_SAID_MAX 256
struct ends_said {
	size_t n;
	struct {
		char of[96]; /* what and name */
		enum ends_alarm alarm;
		int64_t time_s;
	} items[ENDS_SAID_MAX];
};
void ends_log(struct ends_said *said, const struct end *end, int64_t now_s);

#endif
