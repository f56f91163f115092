#include "fas/ctl/key_types.h"

#include <string.h>

#include "fas/base/macros.h"

#define EVERY_DC "every domain controller: Windows Server, Samba, MIT"
#define CURVE_DC                                                                                   \
	"Windows Server and MIT; NOT Samba (4.17 was tried: it refuses ECDSA).  Hosts need\n"      \
	"the policy \"Allow ECC certificates to be used for logon and authentication\""

/* Tried on the lab's domain controllers (tests/e2e/test_ca_keys.py); Windows' side as Microsoft documents it. */
static const struct {
	const char *type, *accepted;
} types[] = {
    {"rsa-2048", EVERY_DC},
    {"rsa-3072", EVERY_DC},
    {"rsa-4096", EVERY_DC},
    {"p-256", CURVE_DC},
    {"p-384", CURVE_DC},
};

void
ctl_key_type_say(FILE *out, const json_t *reply)
{
	const char *type = json_string_value(json_object_get(reply, "key"));
	json_int_t each_us = json_integer_value(json_object_get(reply, "signature_us"));
	if (!type || each_us <= 0)
		return;
	(void)fprintf(out,
	    "Key %s: a certificate costs %.2f ms here (signed and verified; measured now), so at "
	    "most\n"
	    "%lld logons a second on one core, or in one session of a token.\n",
	    type, (double)each_us / 1000, (long long)(1000000 / each_us));
	for (size_t i = 0; i < NELEMS(types); i++) {
		if (strcmp(types[i].type, type) == 0)
			(void)fprintf(out, "Accepted by %s.\n", types[i].accepted);
	}
}
