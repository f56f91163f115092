/*
 * What of a provider's entry is meant for people: how it is called before them, and by which e-mail addresses they find it.
 *
 *     title: Example Corp                     default: its name
 *     email_domains: [example.com]            of the addresses of its people; none: it is not found by them
 */
#ifndef FAS_SAML_PEOPLE_H
#define FAS_SAML_PEOPLE_H

#include "fas/saml/asks.h"

#define PEOPLE_TITLE_MAX 100 /* octets */
#define PEOPLE_DOMAINS_MAX 256

struct idp_people {
	char *title; /* NULL = the provider's name */
	struct idp_texts domains;
};

/* The nodes of an entry, borrowed between the two steps of reading it. */
struct people_nodes {
	const struct yaml_node *map, *domains;
	const char *title;
};

/* As asks_read and asks_load; people_done for every end. */
void people_read(struct yaml_reader *r, struct people_nodes *n);
MUST_CHECK enum fas_code people_load(
    const struct people_nodes *n, struct idp_people *out, struct fas_err *e);
void people_done(struct idp_people *people);

#endif
