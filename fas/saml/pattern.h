/*
 * A pattern that takes one part out of a text, in time that its length times the text's bounds.
 *
 * Regular expressions of the usual engines (glibc, PCRE) search by going back, which a text can make exponential, and some
 * keep their place on the stack; a claim comes from outside.  Here each element is tried once at each octet, and nothing
 * calls itself.  What is left out for that: alternation, nesting, counted repetition, more than one group.
 *
 *     c          this octet; \ before punctuation takes its meaning
 *     .          any octet
 *     [a-z_]     one of these, [^...] none of these; ranges and members are ASCII
 *     x* x+ x?   of the one element before: as many as possible
 *     ( )        exactly one: what is taken
 *
 * The pattern matches the whole text; ^ at its begin and $ at its end may say so.
 */
#ifndef FAS_SAML_PATTERN_H
#define FAS_SAML_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATTERN_ELEMENTS_MAX 64
#define PATTERN_TEXT_MAX 1024 /* octets of what it is tried on */

struct pattern_element {
	uint8_t octets[32]; /* a bit for each that fits */
	bool may_lack, may_repeat;
};

struct pattern {
	struct pattern_element elements[PATTERN_ELEMENTS_MAX];
	size_t n;
	size_t begin, end; /* the group: elements[begin] up to, not with, elements[end] */
};

/* NULL, or what is wrong with text (static). */
const char *pattern_parse(const char *text, struct pattern *out);

/* Does it match?  Then [*at, *at + *len) of text is what was taken. */
bool pattern_take(const struct pattern *pattern, const char *text, size_t *at, size_t *len);

#endif
