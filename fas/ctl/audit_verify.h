/* The parts of `fasctl audit verify`: each asks both services and adds what it finds. */
#ifndef FAS_CTL_AUDIT_VERIFY_H
#define FAS_CTL_AUDIT_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "fas/base/audit_statement.h"
#include "fas/ctl/ask.h"

#define VERIFY_FINDINGS_MAX 1000
#define VERIFY_ACKNOWLEDGED_MAX 64

/* A gap that an administrator has accepted, and what it explains. */
struct verify_acknowledged {
	struct audit_stated stated;
	int64_t heads, missing;
};

/* Countersigned records that are gone: what an old database explains, until somebody has said so. */
struct verify_lost {
	int64_t from, to; /* 0: none */
	int64_t
	    missing; /* certificates without decision (fasd), decisions without certificate (signer) */
};

/* Trails by enum ctl_peer. */
struct verification {
	const struct cli_args *args;
	json_t *findings; /* {"trail", "seq"?, "what", "meaning"} */
	int64_t others;   /* findings that no old database explains */
	int64_t records[2], heads, certificates, decisions; /* what was looked at */
	struct audit_begin begins[2];
	struct audit_checkpoint checkpoints[2]; /* that both processes hold; at.seq 0: none */
	int64_t pruned;                         /* certificates whose records were pruned */
	int64_t
	    ended_before_s; /* certificates that ended before are not in ca.db any more; 0: all are */
	int64_t ended;      /* decisions on such ones */
	/* By peer, the last restore: when the backup was made, and when it was put back; 0: there was none. */
	int64_t restored_made_s[2], restored_s[2];
	size_t n_acknowledged;
	struct verify_acknowledged acknowledged[VERIFY_ACKNOWLEDGED_MAX];
	struct verify_lost lost[2];
	struct audit_place ends[2]; /* the last record looked at */
	char node[AUDIT_NODE_MAX];  /* of fasd; "": none was countersigned */
	int64_t counters[2];        /* of the last countersignature in either database */
};

/* One finding; seq 0 = of no record.  meaning is a format. */
void verify_found(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...) PRINTF_LIKE(5, 6);
/* The same for what an old database explains. */
void verify_found_lost(struct verification *v, const char *trail, int64_t seq, const char *what,
    const char *meaning, ...) PRINTF_LIKE(5, 6);
/* "fasd", "signer", and back. */
const char *verify_trail(enum ctl_peer peer);
enum ctl_peer verify_peer(const char *trail);

/* Is a certificate of this time older than this trail's pruned beginning? */
bool verify_is_pruned(const struct verification *v, enum ctl_peer peer, int64_t created_ms);
/* The acknowledgement that explains why this countersigned record is gone; NULL. */
struct verify_acknowledged *verify_explains_head(
    struct verification *v, const struct audit_head *head);
/* The same for one of the certificates or decisions that lost their other half. */
struct verify_acknowledged *verify_explains_missing(
    struct verification *v, const char *trail, int64_t time_ms);

/* All of it, or (one of the two) one chain alone; resets what v has seen.  Returns an enum cli_exit. */
int verify_all(struct verification *v, bool fasd, bool signer);

/* Each returns an enum cli_exit: CLI_OK also when something was found. */
int verify_statements(struct verification *v, bool fasd, bool signer);
int verify_anchors(struct verification *v, enum ctl_peer peer);
int verify_chain(struct verification *v, enum ctl_peer peer);
int verify_heads(struct verification *v);
int verify_ledger(struct verification *v);

/* On standard output: a table and a summary, or (--json) one object. */
void verify_report(const struct verification *v);

DEFINE_OWN(verification, struct verification *, free);

#endif
