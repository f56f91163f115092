/* A house with both trails: a signer in this process, fas.db with its admin socket, and fasctl. */
#ifndef TESTS_UNIT_AUDIT_HOUSE_H
#define TESTS_UNIT_AUDIT_HOUSE_H

#include "place.h"

#include "fas/admin.h"
#include "fas/audit_prune.h"
#include "fas/service.h"

#define HOUSE_KEEP_S (INT64_C(86400) * 400)

struct house {
	struct place *place;
	struct config config;
	struct service service;
	struct admin_config admin_config;
	struct admin *admin;
	unsigned logons;
	char *out; /* what fasctl said last */
};

/* The ledger keeps for ever what ended; or forgets it after a week, as delivered. */
int house_new(void **state);
int house_new_forgetful(void **state);
int house_free(void **state);

/* A logon as the pipeline leaves it: decided, issued by the signer, on record; `recorded` false: fasd kept silent. */
void house_logon(struct house *house, bool recorded);
/* Have both heads countersigned, as fasd's background does. */
void house_countersign(struct house *house);
/* The clock of the whole house moves ahead; and back to the real one (house_clock.c). */
void house_later(double days);
void house_real_time(void);
/* Prune as fasd's background does, until nothing is left to do. */
void house_prune(struct house *house);
/* Back up a database, and put that copy back; everything is stopped meanwhile. */
void house_keep(struct house *house, const char *database);
void house_put_back(struct house *house, const char *database);
/* SQL on a database of the house ("fas.db", "ca.db") with everything stopped, as somebody with the file in hand. */
void house_tamper(struct house *house, const char *database, const char *sql);
/* Does the database itself refuse this, its guards being there? */
bool house_is_guarded(struct house *house, const char *database, const char *sql);
/* The number that this query gives. */
int64_t house_count(struct house *house, const char *database, const char *sql);
/* Both processes end and start again. */
void house_restart(struct house *house);
/* Recompute all hashes of a trail behind a record, as somebody who knows how they are made. */
void house_rebuild(struct house *house, const char *database);
/* fasctl with these words; its exit status, house->out has what it printed. */
int house_fasctl(struct house *house, const char *line);
/* `audit verify` finds `what` (and `more`, unless NULL) and nothing else; NULL: all is well. */
void house_finds(struct house *house, const char *what, const char *more);
/* How many records of fasd's there are of this event with this reason (NULL = any). */
size_t house_records(struct house *house, const char *event, const char *reason);

#endif
