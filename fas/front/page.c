#include "fas/front/page.h"

#include <string.h>

#define PAGE_MAX (1024 * 1024)
#define EMAIL_LENGTH "254" /* RFC 5321 4.5.3.1.3 */

void
page_escape(struct buf *out, const char *text)
{
	static const char risky[] = "&<>\"'";
	static const char *const harmless[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
	while (*text) {
		size_t plain = strcspn(text, risky);
		buf_append(out, text, plain);
		text += plain;
		if (*text) {
			buf_text(out, harmless[strchr(risky, *text) - risky]);
			text++;
		}
	}
}

/* Markup is a literal of this file; %s in it is not known. */
static void
markup(struct page *page, const char *literal)
{
	buf_text(&page->html, literal);
}

static void
word(struct page *page, enum text_id text)
{
	page_escape(&page->html, page->language->text[text]);
}

static void
value(struct page *page, const char *text)
{
	page_escape(&page->html, text);
}

void
page_begin(struct page *page, const struct language *language, const char *root, const char *onward,
    enum text_id title)
{
	page->language = language;
	buf_init(&page->html, PAGE_MAX);
	markup(page, "<!doctype html>\n<html lang=\"");
	value(page, language->tag);
	markup(page, "\">\n<head>\n<meta charset=\"utf-8\">\n"
		     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
		     "<meta name=\"robots\" content=\"noindex\">\n<title>");
	word(page, title);
	markup(page, "</title>\n<link rel=\"stylesheet\" href=\"");
	value(page, root);
	markup(page, "/saml/style.css\">\n");
	if (onward) {
		markup(page, "<meta http-equiv=\"refresh\" content=\"0; url=");
		value(page, onward);
		markup(page, "\">\n");
	}
	markup(page, "</head>\n<body>\n<main>\n<h1>");
	word(page, title);
	markup(page, "</h1>\n");
}

void
page_done(struct page *page)
{
	buf_done(&page->html);
}

void
page_paragraph(struct page *page, enum text_id text)
{
	markup(page, "<p>");
	word(page, text);
	markup(page, "</p>\n");
}

void
page_naming(struct page *page, enum text_id text, const char *name)
{
	markup(page, "<p>");
	word(page, text);
	markup(page, " <strong>");
	value(page, name);
	markup(page, "</strong></p>\n");
}

void
page_alert(struct page *page, enum text_id text)
{
	markup(page, "<p role=\"alert\" id=\"alert\">");
	word(page, text);
	markup(page, "</p>\n");
}

void
page_link(struct page *page, const char *href, enum text_id text)
{
	markup(page, "<p><a class=\"act\" href=\"");
	value(page, href);
	markup(page, "\">");
	word(page, text);
	markup(page, "</a></p>\n");
}

void
page_list_begin(struct page *page)
{
	markup(page, "<ul>\n");
}

void
page_list_link(struct page *page, const char *href, const char *name)
{
	markup(page, "<li><a class=\"act\" href=\"");
	value(page, href);
	markup(page, "\">");
	value(page, name);
	markup(page, "</a></li>\n");
}

void
page_list_end(struct page *page)
{
	markup(page, "</ul>\n");
}

void
page_form_begin(struct page *page, const char *action)
{
	markup(page, "<form method=\"post\" action=\"");
	value(page, action);
	markup(page, "\">\n");
}

void
page_hidden(struct page *page, const char *name, const char *text)
{
	markup(page, "<input type=\"hidden\" name=\"");
	value(page, name);
	markup(page, "\" value=\"");
	value(page, text);
	markup(page, "\">\n");
}

void
page_email(struct page *page, const char *name, const char *text, bool invalid)
{
	markup(page, "<label for=\"email\">");
	word(page, TEXT_EMAIL_LABEL);
	markup(page, "</label>\n<input type=\"email\" id=\"email\" autocomplete=\"email\" "
		     "inputmode=\"email\" spellcheck=\"false\" required autofocus "
		     "maxlength=\"" EMAIL_LENGTH "\" name=\"");
	value(page, name);
	markup(page, "\" value=\"");
	value(page, text);
	markup(page, invalid ? "\" aria-invalid=\"true\" aria-describedby=\"alert\">\n" : "\">\n");
}

void
page_form_end(struct page *page, enum text_id button)
{
	markup(page, "<button type=\"submit\">");
	word(page, button);
	markup(page, "</button>\n</form>\n");
}

void
page_facts_begin(struct page *page)
{
	markup(page, "<dl>\n");
}

void
page_fact(struct page *page, enum text_id label, const char *text)
{
	markup(page, "<dt>");
	word(page, label);
	markup(page, "</dt><dd>");
	value(page, text);
	markup(page, "</dd>\n");
}

void
page_facts_end(struct page *page)
{
	markup(page, "</dl>\n");
}

void
page_send(struct page *page, struct http_response *response, unsigned status)
{
	markup(page, "</main>\n</body>\n</html>\n");
	if (page->html.failed) {
		http_answer_empty(response, 500);
		return;
	}
	http_answer_text(response, status, "text/html; charset=utf-8", buf_str(&page->html));
	http_header(response, "Content-Language", "%s", page->language->tag);
	buf_done(&page->html);
}
