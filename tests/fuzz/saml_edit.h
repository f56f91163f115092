/* Edits of an XML text that know its elements and attributes: what a wrapping attacker does, byte by byte if need be. */
#ifndef FAS_TESTS_FUZZ_SAML_EDIT_H
#define FAS_TESTS_FUZZ_SAML_EDIT_H

#include "tests/fuzz/fuzz.h"

#define SAML_TEXT_MAX (64 * 1024)
#define SAML_EDIT_BYTES 8 /* of one edit in an input */

struct saml_text {
	char data[SAML_TEXT_MAX + 1]; /* NUL-terminated */
	size_t len;
};

void saml_text_set(struct saml_text *text, const char *xml);

/* One edit, read from the input: kind, two elements or places, a word, and a choice. */
void saml_edit(struct saml_text *text, struct fuzz_input *in);

#endif
