#include "fas/base/audit_config.h"

#include "fas/base/audit_statement.h"
#include "fas/base/macros.h"

#define KEEP_DEFAULT_S (INT64_C(86400) * 400)

void
audit_config_read(struct yaml_reader *top, struct audit_config *out)
{
	static const char *const words[] = {"off", "on"};
	struct yaml_reader r;
	const struct yaml_node *map = yaml_want(top, "audit", YAML_MAP);
	*out = (struct audit_config){.keep_s = KEEP_DEFAULT_S, .journal = true};
	if (!map || yaml_open(&r, map, "\"audit\"", top->e) != FAS_OK)
		return;
	out->keep_s =
	    yaml_want_duration(&r, "keep", AUDIT_KEEP_MIN_S, AUDIT_KEEP_MAX_S, KEEP_DEFAULT_S);
	out->journal = yaml_want_word(&r, "journal", words, NELEMS(words), 1) == 1;
	(void)!yaml_finish(&r);
}
