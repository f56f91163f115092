/* How the providers' metadata stand, and new ones put in force. */
#include <string.h>

#include "fas/saml/idp.h"
#include "fas/saml/metadata.h"

#define STALE_TIMES 3

enum fas_code
idp_is_current(const struct idp *idp, int64_t now_s, struct fas_err *e)
{
	int64_t end_s = idp->source.valid_until_s;
	if (idp->source.pending)
		return fas_fail(e, FAS_E_UNAVAILABLE, "idp_metadata",
		    "there are no metadata of identity provider %.64s yet: %s", idp->name,
		    idp->source.trouble);
	if (end_s != 0 && now_s >= end_s)
		return fas_fail(e, FAS_E_UNAVAILABLE, "idp_metadata",
		    "SAML metadata 2.3.2: what identity provider %.64s says of itself ended %lld s "
		    "ago",
		    idp->name, (long long)(now_s - end_s));
	return FAS_OK;
}

/*
 * metadata_refresh, or cacheDuration if it is less, or half of what is left until validUntil: nobody waits for new ones when
 * these have ended.
 */
static int64_t
refresh_of(const struct idp_source *source)
{
	int64_t refresh_s = source->refresh_s;
	int64_t half_s = (source->valid_until_s - source->fetched_s) / 2;
	if (source->cache_s > 0 && source->cache_s < refresh_s)
		refresh_s = source->cache_s;
	if (source->valid_until_s != 0 && half_s < refresh_s)
		refresh_s = half_s;
	return refresh_s < SOURCE_REFRESH_MIN_S ? SOURCE_REFRESH_MIN_S : refresh_s;
}

bool
saml_trust_metadata(const struct saml_trust *trust, size_t i, struct saml_metadata_state *out)
{
	const struct idp *idp = idp_at(trust, i);
	if (!idp || !idp->source.location)
		return false;
	const struct idp_source *source = &idp->source;
	*out = (struct saml_metadata_state){.location = source->location,
	    .is_url = source->is_url,
	    .ca_file = source->ca_file,
	    .refresh_s = refresh_of(source),
	    .fetched_s = source->fetched_s,
	    .valid_until_s = source->valid_until_s,
	    .pending = source->pending,
	    .trouble = source->trouble};
	return true;
}

bool
saml_metadata_is_stale(const struct saml_metadata_state *state, int64_t now_s)
{
	if (state->pending || (state->valid_until_s != 0 && now_s >= state->valid_until_s))
		return true;
	return state->is_url && now_s > state->fetched_s + STALE_TIMES * state->refresh_s;
}

enum fas_code
saml_trust_judge(const struct saml_trust *trust, size_t i, const uint8_t *bytes, size_t len,
    int64_t now_s, struct saml_entity **out, struct fas_err *e)
{
	const struct idp *idp = idp_at(trust, i);
	*out = NULL;
	if (!idp)
		return fas_fail(e, FAS_E_NOTFOUND, "idp_unknown", "there is no such provider");
	enum fas_code rc = source_judge(&idp->source, bytes, len, now_s, out, e);
	if (rc == FAS_OK)
		(*out)->judged_by = idp_serial(trust);
	return rc;
}
