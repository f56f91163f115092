/* UPN_DNS_INFO of a ticket's PAC, as a domain controller may send it. */
#include <string.h>

#include "fas/base/macros.h"
#include "fas/pac.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sid sid;
	struct fas_err e = {0};
	uint8_t bytes[SID_BYTES_MAX];
	bool found = false;
	enum fas_code rc = pac_upn_sid(data, size, &sid, &found, &e);
	fuzz_check_result(rc, &e);
	FUZZ_CHECK(rc == FAS_OK || strcmp(e.reason, "pac_malformed") == 0);
	FUZZ_CHECK(rc == FAS_OK || !found);
	FUZZ_CHECK(found == sid_is_set(&sid));
	/* What is read stood there, byte for byte. */
	if (found) {
		size_t len = sid_to_bytes(&sid, bytes);
		FUZZ_CHECK(memmem(data, size, bytes, len));
	}
	return 0;
}
