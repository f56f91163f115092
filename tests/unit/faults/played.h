/* The played world of tests/unit/pipeline, in a pause of the faults. */
#ifndef TESTS_FAULTS_PLAYED_H
#define TESTS_FAULTS_PLAYED_H

#include "tests/unit/pipeline/world.h"

/* The names that world.c is compiled with here (CMakeLists.txt). */
enum fas_code world_saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e);
enum fas_code world_directory_find(struct directory *directory,
    const struct directory_claims *claims, int64_t now_s, struct account **out, struct fas_err *e);
enum fas_code world_directory_reread(struct directory *directory, const struct sid *sid,
    int64_t now_s, struct account **out, struct fas_err *e);
enum fas_code world_directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e);
enum fas_code world_signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e);
enum fas_code world_signer_sign(struct signer *signer, const struct signer_sign *request,
    uint8_t *out, size_t *out_len, struct fas_err *e);
enum fas_code world_signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e);
enum fas_code world_signer_revoke(struct signer *signer, const char *correlation_id,
    const char *serial, const char *session, const char *reason, size_t *n_revoked,
    struct fas_err *e);

enum fas_code __wrap_saml_verify(const struct saml_trust *trust, const uint8_t *xml, size_t len,
    const struct saml_expectation *expected, int64_t now_s, struct saml_assertion **out,
    struct fas_err *e);
enum fas_code __wrap_directory_find(struct directory *directory,
    const struct directory_claims *claims, int64_t now_s, struct account **out, struct fas_err *e);
enum fas_code __wrap_directory_reread(struct directory *directory, const struct sid *sid,
    int64_t now_s, struct account **out, struct fas_err *e);
enum fas_code __wrap_directory_group(
    struct directory *directory, const char *name, struct sid *out, struct fas_err *e);
enum fas_code __wrap_signer_issue(struct signer *signer, const struct signer_request *request,
    struct signer_certificate *out, struct fas_err *e);
enum fas_code __wrap_signer_sign(struct signer *signer, const struct signer_sign *request,
    uint8_t *out, size_t *out_len, struct fas_err *e);
enum fas_code __wrap_signer_drop(
    struct signer *signer, const char *correlation_id, const char *session, struct fas_err *e);
enum fas_code __wrap_signer_revoke(struct signer *signer, const char *correlation_id,
    const char *serial, const char *session, const char *reason, size_t *n_revoked,
    struct fas_err *e);

#endif
