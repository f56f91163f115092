/* Logout messages as a provider sends them: one row is one message, edited before and after it is signed. */
#ifndef FAS_TESTS_SAML_LOGOUTS_H
#define FAS_TESTS_SAML_LOGOUTS_H

#include "saml_kit.h"

struct logout_row {
	const char *name;
	const char *reason; /* NULL: it is read */
	const char *says;   /* a part of the message */
	bool post, response;
	enum world_key key;
	struct kit_query how; /* also relay_state of POST */
	int64_t later_s;
	struct edit before[EDITS_MAX]; /* of the XML */
	struct edit after[EDITS_MAX];  /* of the query or the signed XML */
	bool sealed;                   /* NameID is an EncryptedID */
	struct saml_sign_seal seal;    /* to: default the first decryption key */
	bool move_signature;           /* Signature and SigAlg stand first */
	const char *at;                /* the slo_url where it comes; default KIT_SLO, "" = NULL */
};

/* Malloc'ed: the query, or the signed document. */
char *logout_message(const struct logout_row *row);
enum fas_code logout_read(
    const struct logout_row *row, struct saml_logout **out, struct fas_err *e);
/* The same for a message that is there. */
enum fas_code logout_read_text(
    const struct logout_row *row, const char *message, struct saml_logout **out, struct fas_err *e);

#endif
