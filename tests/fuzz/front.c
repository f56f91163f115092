/* What a browser sends beside its request: a form or query, its cookies and languages, and text on its way onto a page. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fas/base/macros.h"
#include "fas/base/text.h"
#include "fas/front/browser.h"
#include "fas/front/form.h"
#include "fas/front/page.h"
#include "fas/front/rate.h"
#include "tests/fuzz/fuzz.h"

#define AGAIN_MAX 200000

/* What was read is written, and read as the same again. */
static void
write_again(const struct form *form)
{
	static char query[AGAIN_MAX];
	struct fas_err e = {0};
	OWN(form) struct form again = {0};
	query[0] = 0;
	for (size_t i = 0; i < form->n; i++) {
		size_t used = strlen(query);
		(void)snprintf(query + used, sizeof(query) - used, "%s", i > 0 ? "&" : "");
		if (!form_append_escaped(query, sizeof(query), form->fields[i].name))
			return;
		used = strlen(query);
		(void)snprintf(query + used, sizeof(query) - used, "=");
		if (!form_append_escaped(query, sizeof(query), form->fields[i].value))
			return;
	}
	FUZZ_CHECK(form_parse(query, strlen(query), &again, &e) == FAS_OK);
	FUZZ_CHECK(again.n == form->n);
	for (size_t i = 0; i < form->n; i++) {
		FUZZ_CHECK(strcmp(again.fields[i].name, form->fields[i].name) == 0);
		FUZZ_CHECK(strcmp(again.fields[i].value, form->fields[i].value) == 0);
	}
}

static void
try_form(const uint8_t *data, size_t size)
{
	struct fas_err e = {0};
	OWN(form) struct form form = {0};
	enum fas_code rc = form_parse((const char *)data, size, &form, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc == FAS_OK || (rc == FAS_E_INPUT && strncmp(e.reason, "form_", 5) == 0));
	FUZZ_CHECK(rc == FAS_OK || (form.n == 0 && !form.text));
	for (size_t i = 0; i < form.n; i++) {
		const struct form_field *f = &form.fields[i];
		FUZZ_CHECK(utf8_is_valid(f->name, strlen(f->name)) &&
			   utf8_is_valid(f->value, strlen(f->value)));
		for (size_t k = 0; k < i; k++)
			FUZZ_CHECK(strcmp(form.fields[k].name, f->name) != 0);
		FUZZ_CHECK(form_get(&form, f->name) == f->value);
	}
	/* A parameter without a name would be written as one with an empty name: both are the same. */
	write_again(&form);
}

static void
try_cookies(const char *header)
{
	static const char safe[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	char value[COOKIE_VALUE_MAX];
	struct browser browser;
	struct fas_err e = {0};
	const struct http_request http = {.cookies = header};
	bool found = cookie_get(header, BROWSER_COOKIE, value);
	FUZZ_CHECK(memchr(value, 0, sizeof(value)) && !value[strspn(value, safe)]);
	FUZZ_CHECK(found == (value[0] != 0));
	FUZZ_CHECK(!found || strstr(header, value));
	FUZZ_CHECK(browser_read(&http, &browser, &e) == FAS_OK);
	FUZZ_CHECK(!browser.shown || (found && strcmp(browser.id, value) == 0));
	FUZZ_CHECK(strlen(browser.id) == BROWSER_ID_MAX - 1);
}

static void
try_languages(const char *header)
{
	static struct texts *texts;
	struct fas_err e = {0};
	if (!texts)
		FUZZ_CHECK(texts_load(NULL, &texts, &e) == FAS_OK);
	const struct language *language = texts_choose(texts, header);
	FUZZ_CHECK(language && language->tag[0]);
}

static void
try_escape(const char *text)
{
	struct buf out;
	buf_init(&out, AGAIN_MAX);
	page_escape(&out, text);
	FUZZ_CHECK(!strpbrk(buf_str(&out), "<>\"'"));
	FUZZ_CHECK(out.failed || out.len >= strlen(text));
	buf_done(&out);
}

static void
try_address(const char *text)
{
	char key[RATE_KEY_MAX];
	FUZZ_CHECK(strlen(rate_address_key(text, key)) < sizeof(key));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input in = {data, size};
	OWN(text) char *text = fuzz_text(&in, 0);
	try_form(data, size);
	try_form((const uint8_t *)text, strlen(text));
	try_cookies(text);
	try_languages(text);
	try_escape(text);
	try_address(text);
	return 0;
}
