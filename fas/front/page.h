/*
 * A page: HTML without script and without style of its own.  This file's implementation alone writes markup, and whatever
 * comes from elsewhere goes through its one function that escapes.
 */
#ifndef FAS_FRONT_PAGE_H
#define FAS_FRONT_PAGE_H

#include "fas/base/buf.h"
#include "fas/front/texts.h"
#include "fas/http/http.h"

struct page {
	struct buf html;
	const struct language *language;
};

/*
 * root: the front's own URL.  onward: where a browser goes by itself; NULL = it stays.  Ends with the heading; what follows
 * stands below it.
 */
void page_begin(struct page *page, const struct language *language, const char *root,
    const char *onward, enum text_id title);
void page_done(struct page *page);

void page_paragraph(struct page *page, enum text_id text);
/* The text, then name in strong letters. */
void page_naming(struct page *page, enum text_id text, const char *name);
/* A paragraph that screen readers say at once. */
void page_alert(struct page *page, enum text_id text);
/* A link that looks like a button. */
void page_link(struct page *page, const char *href, enum text_id text);

/* A list of such links, each with a name of its own. */
void page_list_begin(struct page *page);
void page_list_link(struct page *page, const char *href, const char *name);
void page_list_end(struct page *page);

/* POST to action. */
void page_form_begin(struct page *page, const char *action);
void page_hidden(struct page *page, const char *name, const char *value);
/* An e-mail address with its label; invalid: what stands there was refused, by the alert above it. */
void page_email(struct page *page, const char *name, const char *value, bool invalid);
void page_form_end(struct page *page, enum text_id button);

/* A list of what a help desk asks for. */
void page_facts_begin(struct page *page);
void page_fact(struct page *page, enum text_id label, const char *value);
void page_facts_end(struct page *page);

/* text with everything that could be markup made harmless, in content and in attributes alike. */
void page_escape(struct buf *out, const char *text);

/* The end of the page, and the answer with it; page_done's work is done. */
void page_send(struct page *page, struct http_response *response, unsigned status);

DEFINE_OWN_IN_PLACE(page, struct page, page_done);

#endif
