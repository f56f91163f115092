#include "fas/saml/model.h"

#include <stdbool.h>
#include <string.h>

#include "fas/saml/xml.h"

static enum fas_code
refuse(const struct model *m, const xmlNode *parent, const char *finding, const char *name,
    struct fas_err *e)
{
	return fas_fail(e, m->code, m->reason, "%s: <%.40s> has %s <%.40s>", m->clause,
	    (const char *)parent->name, finding, name);
}

static size_t
find_rule(const struct model *m, const xmlNode *child)
{
	size_t i = 0;
	while (i < MODEL_RULES_MAX && m->rules[i].name &&
	       !xml_is(child, m->rules[i].ns, m->rules[i].name))
		i++;
	return i;
}

static bool
has_loose_text(const xmlNode *parent)
{
	for (const xmlNode *n = parent->children; n; n = n->next) {
		const char *text = (const char *)n->content;
		if (n->type == XML_TEXT_NODE && text[strspn(text, " \t\r\n")])
			return true;
	}
	return false;
}

static enum fas_code
check_counts(const struct model *m, const xmlNode *parent, const int *counts, struct fas_err *e)
{
	for (size_t i = 0; i < MODEL_RULES_MAX && m->rules[i].name; i++) {
		if (counts[i] < m->rules[i].min)
			return refuse(m, parent, "no", m->rules[i].name, e);
		if (counts[i] > m->rules[i].max)
			return refuse(m, parent, "too many of", m->rules[i].name, e);
	}
	return FAS_OK;
}

enum fas_code
model_check(const struct model *m, const xmlNode *parent, struct fas_err *e)
{
	int counts[MODEL_RULES_MAX] = {0};
	int rank = 0;
	if (has_loose_text(parent))
		return fas_fail(e, m->code, m->reason, "%s: <%.40s> has text between its elements",
		    m->clause, (const char *)parent->name);
	for (const xmlNode *child = xml_first(parent); child; child = xml_next(child)) {
		size_t i = find_rule(m, child);
		if (i == MODEL_RULES_MAX || !m->rules[i].name)
			return refuse(m, parent, "the foreign", (const char *)child->name, e);
		if (m->rules[i].rank < rank)
			return refuse(
			    m, parent, "in the wrong place", (const char *)child->name, e);
		rank = m->rules[i].rank;
		counts[i]++;
	}
	return check_counts(m, parent, counts, e);
}
