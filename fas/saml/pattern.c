#include "fas/saml/pattern.h"

#include <string.h>

/* ---- reading ---- */

static void
add_octet(struct pattern_element *e, uint8_t octet)
{
	e->octets[octet / 8] |= (uint8_t)(1U << (octet % 8));
}

static bool
fits(const struct pattern_element *e, char c)
{
	uint8_t octet = (uint8_t)c;
	return e->octets[octet / 8] & (1U << (octet % 8));
}

static void
invert(struct pattern_element *e)
{
	for (size_t i = 0; i < sizeof(e->octets); i++)
		e->octets[i] = (uint8_t)~e->octets[i];
}

static bool
is_punctuation(char c)
{
	return c && strchr("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", c);
}

/* One octet of a class, *at behind it; -1 when there is none. */
static int
take_member(const char **at)
{
	if (**at == '\\')
		++*at;
	uint8_t octet = (uint8_t) * *at;
	if (octet == 0 || octet >= 0x80)
		return -1;
	++*at;
	return octet;
}

/* Behind '['. */
static const char *
read_class(const char **at, struct pattern_element *e)
{
	bool is_inverted = **at == '^';
	*at += is_inverted;
	if (**at == ']')
		return "[] has no members";
	while (**at != ']') {
		int first = take_member(at);
		int last = first;
		if (first >= 0 && **at == '-' && (*at)[1] != ']') {
			++*at;
			last = take_member(at);
		}
		if (first < 0 || last < first)
			return "[ has no ], or a member that is no ASCII, or a range that is none";
		for (int octet = first; octet <= last; octet++)
			add_octet(e, (uint8_t)octet);
	}
	++*at;
	if (is_inverted)
		invert(e);
	return NULL;
}

static const char *
read_element(const char **at, struct pattern_element *e)
{
	char c = *(*at)++;
	if (c == '[')
		return read_class(at, e);
	if (c == '.') {
		invert(e);
		return NULL;
	}
	if (strchr("*+?{}|^$", c))
		return "* + ? stand behind an element; { } | ^ $ have no meaning here (\\ takes "
		       "it)";
	if (c == '\\' && !is_punctuation(c = *(*at)++))
		return "\\ stands before punctuation";
	add_octet(e, (uint8_t)c);
	return NULL;
}

static const char *
read_repetition(const char **at, struct pattern_element *e)
{
	char c = **at;
	if (!c || !strchr("*+?", c))
		return NULL;
	e->may_lack = c != '+';
	e->may_repeat = c != '?';
	++*at;
	if (**at && strchr("*+?", **at))
		return "an element has one of * + ?";
	return NULL;
}

static const char *
read_one(struct pattern *out, const char **at)
{
	struct pattern_element *e = &out->elements[out->n];
	if (out->n == PATTERN_ELEMENTS_MAX)
		return "it has more than 64 elements";
	const char *why = read_element(at, e);
	if (!why)
		why = read_repetition(at, e);
	out->n++;
	return why;
}

const char *
pattern_parse(const char *text, struct pattern *out)
{
	size_t opened = 0, closed = 0;
	const char *why = NULL, *at = text + (*text == '^');
	*out = (struct pattern){0};
	while (!why && *at && strcmp(at, "$") != 0) {
		if (*at == '(') {
			opened++;
			out->begin = out->n;
			at++;
		} else if (*at == ')') {
			closed++;
			out->end = out->n;
			at++;
		} else {
			why = read_one(out, &at);
		}
		if (closed > opened || opened > 1)
			why = "( ) stands once";
	}
	if (!why && (opened != 1 || closed != 1))
		why = "( ) around what is taken is missing";
	return why;
}

/* ---- matching ---- */

/* Can the elements from e on match the text from place on?  A bit for each. */
struct reach {
	uint8_t bits[PATTERN_ELEMENTS_MAX + 1][PATTERN_TEXT_MAX / 8 + 1];
};

static bool
can(const struct reach *reach, size_t e, size_t place)
{
	return reach->bits[e][place / 8] & (1U << (place % 8));
}

/* From the end to the begin, so that whatever is asked for is known. */
static void
fill(struct reach *reach, const struct pattern *p, const char *text, size_t len)
{
	memset(reach, 0, sizeof(*reach));
	for (size_t e = p->n + 1; e-- > 0;) {
		const struct pattern_element *element = &p->elements[e];
		for (size_t place = len + 1; place-- > 0;) {
			bool ok;
			if (e == p->n)
				ok = place == len;
			else
				ok = (element->may_lack && can(reach, e + 1, place)) ||
				     (place < len && fits(element, text[place]) &&
					 (can(reach, e + 1, place + 1) ||
					     (element->may_repeat && can(reach, e, place + 1))));
			if (ok)
				reach->bits[e][place / 8] |= (uint8_t)(1U << (place % 8));
		}
	}
}

/* How many octets the element takes at place, as many as leave the rest possible; it can take some number. */
static size_t
take_most(const struct reach *reach, const struct pattern *p, size_t e, const char *text,
    size_t place, size_t len)
{
	const struct pattern_element *element = &p->elements[e];
	size_t most = 0;
	for (size_t n = 0; place + n <= len; n++) {
		if ((n > 0 || element->may_lack) && can(reach, e + 1, place + n))
			most = n;
		if (place + n == len || !fits(element, text[place + n]) ||
		    (n == 1 && !element->may_repeat))
			break;
	}
	return most;
}

bool
pattern_take(const struct pattern *p, const char *text, size_t *at, size_t *len)
{
	struct reach reach;
	size_t total = strlen(text), place = 0, begin = 0, end = 0;
	if (total > PATTERN_TEXT_MAX)
		return false;
	fill(&reach, p, text, total);
	if (!can(&reach, 0, 0))
		return false;
	for (size_t e = 0; e <= p->n; e++) {
		if (e == p->begin)
			begin = place;
		if (e == p->end)
			end = place;
		if (e < p->n)
			place += take_most(&reach, p, e, text, place, total);
	}
	*at = begin;
	*len = end - begin;
	return true;
}
