/* What is asked of a provider and where: the keys of its entry that speak of requests, not of responses. */
#ifndef FAS_SAML_ASKS_H
#define FAS_SAML_ASKS_H

#include "fas/saml/request.h"

#define ASKS_CONTEXTS_MAX 16
#define ASKS_URL_MAX 2048
#define ASKS_BINDINGS 2 /* as enum saml_binding */

struct idp_texts {
	char **v;
	size_t n;
};

struct asks_urls {
	char *url[ASKS_BINDINGS]; /* NULL = not by this binding */
	char *response
	    [ASKS_BINDINGS]; /* where answers go, when elsewhere (metadata: ResponseLocation) */
};

struct idp_asks {
	struct asks_urls sign_on, logout;
	enum saml_binding binding; /* the one to be taken where there are both */
	bool sign, force_authn;
	struct idp_texts contexts;    /* RequestedAuthnContext; empty = it is not sent */
	const char *comparison;       /* static */
	bool own_sign_on, own_logout; /* the entry names URLs: those of metadata are not taken */
	char *name_id_format;         /* NameIDPolicy; NULL = it is not sent */
};

/* The nodes of an entry, borrowed between the two steps of reading it. */
struct asks_nodes {
	const struct yaml_node *map, *sign_on, *logout, *contexts;
	const char *name_id_format;
	size_t binding, comparison;
	bool sign, force_authn;
};

/* Ask r for the keys; then, when the entry has no foreign ones, check and copy.  asks_done for every end. */
void asks_read(struct yaml_reader *r, struct asks_nodes *n);
MUST_CHECK enum fas_code asks_load(
    const struct asks_nodes *n, struct idp_asks *out, struct fas_err *e);
/* Take the URLs of metadata, where the entry names none; what was there goes to whom they came from. */
void asks_adopt(struct idp_asks *asks, struct asks_urls *sign_on, struct asks_urls *logout);
void asks_done(struct idp_asks *asks);
void asks_urls_done(struct asks_urls *urls);

/* The binding to take for one of its two kinds of URLs: the preferred one where there is a URL for it. */
enum saml_binding asks_binding(const struct idp_asks *asks, const struct asks_urls *urls);

/*
 * A URL that a browser is sent to: https, or http to this very machine (127.0.0.0/8, [::1], localhost); printable ASCII
 * without blanks, quotes and fragment; at most ASKS_URL_MAX octets.
 */
bool asks_url_is_good(const char *url);

#endif
