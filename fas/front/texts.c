#include "fas/front/texts.h"

#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/base/yaml.h"
#include "fas/front/assets.h"

#define TEXT_BYTES_MAX 1000
#define RANGES_MAX 32 /* looked at in one header */
#define QUALITY_MAX 1000

struct texts {
	struct yaml_doc *doc; /* owns all words */
	size_t n;
	struct language languages[TEXTS_LANGUAGES_MAX];
};

static const char *const keys[TEXT_COUNT] = {
    [TEXT_NEXT] = "next",
    [TEXT_AGAIN] = "again",
    [TEXT_DISCOVER_TITLE] = "discover_title",
    [TEXT_DISCOVER_LEAD] = "discover_lead",
    [TEXT_EMAIL_LABEL] = "email_label",
    [TEXT_EMAIL_UNKNOWN] = "email_unknown",
    [TEXT_CHOOSE_TITLE] = "choose_title",
    [TEXT_CHOOSE_LEAD] = "choose_lead",
    [TEXT_GOING_TITLE] = "going_title",
    [TEXT_GOING_LEAD] = "going_lead",
    [TEXT_STARTING_TITLE] = "starting_title",
    [TEXT_STARTING_LEAD] = "starting_lead",
    [TEXT_SIGN_OUT_TITLE] = "sign_out_title",
    [TEXT_SIGN_OUT_LEAD] = "sign_out_lead",
    [TEXT_SIGN_OUT] = "sign_out",
    [TEXT_SIGN_OUT_GOING] = "sign_out_going",
    [TEXT_SIGNED_OUT_TITLE] = "signed_out_title",
    [TEXT_SIGNED_OUT_LEAD] = "signed_out_lead",
    [TEXT_SIGNED_OUT_HERE] = "signed_out_here",
    [TEXT_FAILED_TITLE] = "failed_title",
    [TEXT_FAILED_EXPIRED] = "failed_expired",
    [TEXT_FAILED_USED] = "failed_used",
    [TEXT_FAILED_REFUSED] = "failed_refused",
    [TEXT_FAILED_DENIED] = "failed_denied",
    [TEXT_FAILED_TARGET] = "failed_target",
    [TEXT_FAILED_PROVIDER] = "failed_provider",
    [TEXT_FAILED_SIGN_OUT] = "failed_sign_out",
    [TEXT_FAILED_REQUEST] = "failed_request",
    [TEXT_FAILED_NOT_FOUND] = "failed_not_found",
    [TEXT_FAILED_BUSY] = "failed_busy",
    [TEXT_FAILED_UNAVAILABLE] = "failed_unavailable",
    [TEXT_FAILED_INTERNAL] = "failed_internal",
    [TEXT_HELP] = "help",
    [TEXT_CODE_LABEL] = "code_label",
    [TEXT_NUMBER_LABEL] = "number_label",
};

/* ---- the file ---- */

static enum fas_code
check_words(const struct yaml_node *map, const struct language *language, struct fas_err *e)
{
	for (size_t i = 0; i < TEXT_COUNT; i++) {
		if (strlen(language->text[i]) > TEXT_BYTES_MAX ||
		    utf8_has_invisible(language->text[i]))
			return yaml_fail(map, e, "yaml_value",
			    "%s: at most %d octets that can be seen", keys[i], TEXT_BYTES_MAX);
	}
	return FAS_OK;
}

static enum fas_code
read_language(const struct yaml_node *map, struct language *out, struct fas_err *e)
{
	struct yaml_reader r;
	out->tag = map->key;
	if (strlen(map->key) >= TEXTS_TAG_MAX ||
	    map->key[strspn(
		map->key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")])
		return yaml_fail_key(
		    map, e, "yaml_value", "\"%.32s\" is no language tag (BCP 47)", map->key);
	enum fas_code rc = yaml_open(&r, map, "language", e);
	if (rc != FAS_OK)
		return rc;
	for (size_t i = 0; i < TEXT_COUNT; i++)
		out->text[i] = yaml_need_text(&r, keys[i]);
	rc = yaml_finish(&r);
	return rc == FAS_OK ? check_words(map, out, e) : rc;
}

static enum fas_code
read_all(struct texts *texts, struct fas_err *e)
{
	const struct yaml_node *root = yaml_root(texts->doc);
	if (root->kind != YAML_MAP || root->n == 0 || root->n > TEXTS_LANGUAGES_MAX)
		return yaml_fail(
		    root, e, "yaml_type", "want 1 to %d languages", TEXTS_LANGUAGES_MAX);
	for (; texts->n < root->n; texts->n++) {
		enum fas_code rc =
		    read_language(root->items[texts->n], &texts->languages[texts->n], e);
		if (rc != FAS_OK)
			return rc;
	}
	return FAS_OK;
}

enum fas_code
texts_load(const char *path, struct texts **out, struct fas_err *e)
{
	OWN(texts) struct texts *texts = calloc(1, sizeof(*texts));
	if (!texts)
		return fas_fail_nomem(e);
	enum fas_code rc = path && path[0]
			       ? yaml_load(path, &texts->doc, e)
			       : yaml_parse("texts.yaml", (const char *)front_texts_yaml,
				     front_texts_yaml_len, &texts->doc, e);
	if (rc == FAS_OK)
		rc = read_all(texts, e);
	if (rc != FAS_OK)
		return rc;
	*out = TAKE(texts);
	return FAS_OK;
}

void
texts_free(struct texts *texts)
{
	if (!texts)
		return;
	yaml_doc_free(texts->doc);
	free(texts);
}

size_t
texts_count(const struct texts *texts)
{
	return texts->n;
}

const struct language *
texts_at(const struct texts *texts, size_t i)
{
	return i < texts->n ? &texts->languages[i] : NULL;
}

/* ---- which one ---- */

struct range {
	char tag[TEXTS_TAG_MAX];
	unsigned quality; /* in thousandths */
};

/* RFC 9110 12.4.2: "q=0.8", at most three digits; what is none counts as 0. */
static unsigned
read_quality(const char *text)
{
	unsigned quality = 0, each = QUALITY_MAX;
	if (*text != '0' && *text != '1')
		return 0;
	quality = (unsigned)(*text - '0') * each;
	if (text[1] == '.') {
		for (text += 2; *text >= '0' && *text <= '9' && each >= 10; text++) {
			each /= 10;
			quality += (unsigned)(*text - '0') * each;
		}
	}
	return quality > QUALITY_MAX ? QUALITY_MAX : quality;
}

/* One element of the list; returns what follows it. */
static const char *
read_range(const char *at, struct range *out)
{
	at += strspn(at, " \t,");
	size_t len = strcspn(at, ",;"), tag_len = strcspn(at, " \t,;");
	*out = (struct range){.quality = QUALITY_MAX};
	if (tag_len < sizeof(out->tag))
		memcpy(out->tag, at, tag_len);
	at += len;
	if (*at == ';') {
		const char *parameter = at + 1 + strspn(at + 1, " \t");
		if ((parameter[0] == 'q' || parameter[0] == 'Q') && parameter[1] == '=')
			out->quality = read_quality(parameter + 2);
		at += strcspn(at, ",");
	}
	return at;
}

/* RFC 4647 3.4: the range, or what is left of it when its last parts are taken away, is the language. */
static bool
range_fits(const char *range, const char *tag)
{
	char cut[TEXTS_TAG_MAX];
	memcpy(cut, range, sizeof(cut));
	for (char *dash = cut; dash;) {
		if (ascii_equal_nocase(cut, tag))
			return true;
		if ((dash = strrchr(cut, '-')) != NULL)
			*dash = 0;
	}
	return false;
}

const struct language *
texts_choose(const struct texts *texts, const char *accept)
{
	const struct language *best = &texts->languages[0];
	unsigned best_quality = 0;
	for (size_t i = 0; i < RANGES_MAX && *accept; i++) {
		struct range range;
		accept = read_range(accept, &range);
		for (size_t k = 0; k < texts->n && range.quality > best_quality; k++) {
			if (range_fits(range.tag, texts->languages[k].tag)) {
				best = &texts->languages[k];
				best_quality = range.quality;
			}
		}
	}
	return best;
}
