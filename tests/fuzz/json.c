/*
 * JSON texts: bodies, wire messages, rows.  The differential oracle is jansson: what one takes the other takes, as the
 * same value, and both write it the same way (hashes stand over what is written).
 */
#include <string.h>

#include "fas/base/json.h"
#include "fas/base/json_parse.h"
#include "fas/base/own.h"
#include "fas/base/text.h"
#include "tests/fuzz/fuzz.h"

#define NUMBER_MAX 64

static bool
has_long_number(const char *text, size_t size)
{
	size_t run = 0;
	for (size_t i = 0; i < size && run < NUMBER_MAX; i++)
		run = text[i] && strchr("+-.0123456789eE", text[i]) ? run + 1 : 0;
	return run == NUMBER_MAX;
}

/* jansson takes more levels, longer numbers, and a NUL right behind a number; we do not. */
static bool
is_only_ours(const char *text, size_t size, const struct fas_err *e)
{
	return memchr(text, 0, size) || strstr(e->message, "too many levels") ||
	       has_long_number(text, size);
}

static void
compare_texts(json_t *value, size_t flags)
{
	OWN(text) char *ours = json_text(value, flags);
	OWN(text) char *theirs = json_dumps(value, flags);
	FUZZ_CHECK(ours && theirs && strcmp(ours, theirs) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fas_err e = {0};
	OWN(json) json_t *ours = NULL;
	const char *text = (const char *)data;
	OWN(json)
	json_t *theirs = size ? json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL) : NULL;
	enum fas_code rc = json_parse(text, size, &ours, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK((rc == FAS_OK) == (ours != NULL));
	if (rc != FAS_OK) {
		FUZZ_CHECK(rc == FAS_E_INPUT && strcmp(e.reason, "json_malformed") == 0);
		FUZZ_CHECK(!json_is_object(theirs) || is_only_ours(text, size, &e));
		return 0;
	}
	FUZZ_CHECK(json_is_object(theirs) && json_equal(ours, theirs));
	compare_texts(ours, JSON_COMPACT);
	compare_texts(ours, JSON_COMPACT | JSON_SORT_KEYS);
	return 0;
}
