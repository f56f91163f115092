#include "tests/unit/faults/played.h"

#include "tests/unit/faults/faults.h"

/* Call the played part with its arguments, nothing of which fails. */
#define PLAY(call)                                                                                 \
	do {                                                                                       \
		faults_pause();                                                                    \
		enum fas_code rc_ = call;                                                          \
		faults_resume();                                                                   \
		return rc_;                                                                        \
	} while (0)

enum fas_code
__wrap_saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e)
{
	PLAY(world_saml_verify(trust, xml, len, expected, now_s, out, e));
}

enum fas_code
__wrap_directory_find(struct directory *directory, const struct directory_claims *claims,
    int64_t now_s, struct account **out, struct fas_err *e)
{
	PLAY(world_directory_find(directory, claims, now_s, out, e));
}

enum fas_code
__wrap_directory_reread(struct directory *directory, const struct sid *sid, int64_t now_s,
    struct account **out, struct fas_err *e)
{
	PLAY(world_directory_reread(directory, sid, now_s, out, e));
}

enum fas_code
__wrap_directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e)
{
	PLAY(world_directory_group(directory, name, out, e));
}

enum fas_code
__wrap_signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e)
{
	PLAY(world_signer_issue(signer, request, out, e));
}

enum fas_code
__wrap_signer_revoke(struct signer *signer, const char *correlation_id, const char *serial,
    const char *session, const char *reason, size_t *n_revoked, struct fas_err *e)
{
	PLAY(world_signer_revoke(signer, correlation_id, serial, session, reason, n_revoked, e));
}

enum fas_code
__wrap_signer_sign(struct signer *signer, const struct signer_sign *request, uint8_t *out,
    size_t *out_len, struct fas_err *e)
{
	PLAY(world_signer_sign(signer, request, out, out_len, e));
}

enum fas_code
__wrap_signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e)
{
	PLAY(world_signer_drop(signer, correlation_id, session, e));
}
