/* Providers' metadata as others write them: one entity, or a list, edited before and after it is signed. */
#ifndef FAS_TESTS_SAML_ENTITIES_H
#define FAS_TESTS_SAML_ENTITIES_H

#include "fas/saml/metadata.h"
#include "saml_kit.h"

#define ENTITY_SSO "https://idp.example/sso"
#define ENTITY_SLO "https://idp.example/slo"

/* An IDPSSODescriptor's EntityDescriptor of ENTITY(name) with the certificate of that key; malloc'ed. */
char *entity_xml(const char *name, enum world_key key);
/* The same with a signature to be filled in, ID "_m1". */
char *entity_unsigned(const char *name, enum world_key key);
/* EntitiesDescriptor around n of them, ID "_m0"; has_place: with a signature to be filled in. */
char *entities_xml(char *const *entities, size_t n, bool has_place);
char *entity_sign(char *xml, enum world_key key); /* takes xml */

#endif
