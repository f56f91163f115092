/* The words of the pages: one file, every language whole; which one is the browser's to ask for (RFC 9110 12.5.4). */
#ifndef FAS_FRONT_TEXTS_H
#define FAS_FRONT_TEXTS_H

#include <stddef.h>

#include "fas/base/err.h"
#include "fas/base/own.h"

enum text_id {
	TEXT_NEXT,
	TEXT_AGAIN,
	TEXT_DISCOVER_TITLE,
	TEXT_DISCOVER_LEAD,
	TEXT_EMAIL_LABEL,
	TEXT_EMAIL_UNKNOWN,
	TEXT_CHOOSE_TITLE,
	TEXT_CHOOSE_LEAD,
	TEXT_GOING_TITLE,
	TEXT_GOING_LEAD,
	TEXT_STARTING_TITLE,
	TEXT_STARTING_LEAD,
	TEXT_SIGN_OUT_TITLE,
	TEXT_SIGN_OUT_LEAD,
	TEXT_SIGN_OUT,
	TEXT_SIGN_OUT_GOING,
	TEXT_SIGNED_OUT_TITLE,
	TEXT_SIGNED_OUT_LEAD,
	TEXT_SIGNED_OUT_HERE,
	TEXT_FAILED_TITLE,
	TEXT_FAILED_EXPIRED,
	TEXT_FAILED_USED,
	TEXT_FAILED_REFUSED,
	TEXT_FAILED_DENIED,
	TEXT_FAILED_TARGET,
	TEXT_FAILED_PROVIDER,
	TEXT_FAILED_SIGN_OUT,
	TEXT_FAILED_REQUEST,
	TEXT_FAILED_NOT_FOUND,
	TEXT_FAILED_BUSY,
	TEXT_FAILED_UNAVAILABLE,
	TEXT_FAILED_INTERNAL,
	TEXT_HELP,
	TEXT_CODE_LABEL,
	TEXT_NUMBER_LABEL,
	TEXT_COUNT
};

#define TEXTS_LANGUAGES_MAX 32
#define TEXTS_TAG_MAX 17 /* with NUL */

struct language {
	const char *tag; /* BCP 47: "en", "de" */
	const char *text[TEXT_COUNT];
};

struct texts;

/* path NULL or "": those that the service brings.  FAS_E_CONFIG at the place where a text is missing or unknown. */
MUST_CHECK enum fas_code texts_load(const char *path, struct texts **out, struct fas_err *e);
void texts_free(struct texts *texts);

size_t texts_count(const struct texts *texts);
const struct language *texts_at(const struct texts *texts, size_t i);
/* The best for an Accept-Language header; the first one where none fits.  Never NULL. */
const struct language *texts_choose(const struct texts *texts, const char *accept);

DEFINE_OWN(texts, struct texts *, texts_free);

#endif
