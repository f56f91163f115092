/* A PKCS#11 module: found by the token's URI (RFC 7512 2.3), initialised, logged in. */
#include <pthread.h>
#include <string.h>

#include "ca/pkcs11_parts.h"
#include "fas/base/log.h"

#define SLOTS_MAX 64
#define MODULES_MAX 32

enum fas_code(pkcs11_failed)(struct fas_err *e, const char *what, CK_RV rv)
{
	return fas_fail(e, FAS_E_UNAVAILABLE, "token_lost", "%s: %s", what, p11_kit_strerror(rv));
}

/* ---- the token ---- */

static bool
is_the_token(const struct pkcs11_module *m, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO info;
	return m->f->C_GetTokenInfo(slot, &info) == CKR_OK &&
	       p11_kit_uri_match_token_info(m->uri, &info) == 1 &&
	       (info.flags & CKF_TOKEN_INITIALIZED);
}

/* FAS_E_NOTFOUND when this module has no such token. */
static enum fas_code
find_slot(struct pkcs11_module *m, struct fas_err *e)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG n = 0, found = 0;
	/* The first call, without a list, is what lets a module look anew (PKCS#11 5.5). */
	CK_RV rv = m->f->C_GetSlotList(CK_TRUE, NULL, &n);
	if (rv == CKR_OK && n > SLOTS_MAX)
		n = SLOTS_MAX;
	if (rv == CKR_OK)
		rv = m->f->C_GetSlotList(CK_TRUE, slots, &n);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_GetSlotList", rv);
	for (CK_ULONG i = 0; i < n; i++) {
		if (is_the_token(m, slots[i])) {
			m->slot = slots[i];
			found++;
		}
	}
	if (found > 1)
		return fas_fail(e, FAS_E_CONFIG, "token_ambiguous",
		    "%lu tokens are meant by %s: add its serial=", found, m->config->uri);
	return found == 1 ? FAS_OK
			  : fas_fail(e, FAS_E_NOTFOUND, "token_away", "%s: there is no such token",
				m->config->uri);
}

/* ---- the module ---- */

/*
 * Sessions are used side by side, and a module is told so (PKCS#11 2.40 5.4: without arguments it may leave out every lock).
 * One that cannot lock has one thread.
 */
static CK_RV
initialise(CK_FUNCTION_LIST *f, bool *locks)
{
	CK_C_INITIALIZE_ARGS args = {.flags = CKF_OS_LOCKING_OK};
	CK_RV rv = f->C_Initialize(&args);
	*locks = rv != CKR_CANT_LOCK;
	return *locks ? rv : f->C_Initialize(NULL);
}

static enum fas_code
check_locks(const struct pkcs11_module *m, bool locks, struct fas_err *e)
{
	return locks || m->config->sessions == 1
		   ? FAS_OK
		   : fas_fail(e, FAS_E_CONFIG, "token_threads",
			 "the module cannot be used by several threads: set sessions: 1");
}

/* Initialise it and look for the token; what is not ours is ended again. */
static enum fas_code
try_module(struct pkcs11_module *m, CK_FUNCTION_LIST *f, struct fas_err *e)
{
	bool locks = false;
	CK_RV rv = initialise(f, &locks);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_Initialize", rv);
	m->f = f;
	enum fas_code rc = find_slot(m, e);
	if (rc == FAS_OK)
		rc = check_locks(m, locks, e);
	if (rc != FAS_OK)
		(void)f->C_Finalize(NULL);
	return rc;
}

/* Not through p11-kit's own wrappers, which would write code at run time: the walls forbid that. */
static enum fas_code
load_registered(struct pkcs11_module *m, const char *name, struct fas_err *e)
{
	CK_FUNCTION_LIST **all = p11_kit_modules_load(NULL, P11_KIT_MODULE_UNMANAGED);
	struct fas_err last = {0};
	if (!all)
		return fas_fail(e, FAS_E_CONFIG, "token_module", "p11-kit: %s", p11_kit_message());
	if (name) {
		CK_FUNCTION_LIST *f = p11_kit_module_for_name(all, name);
		return f ? try_module(m, f, e)
			 : fas_fail(e, FAS_E_CONFIG, "token_module",
			       "p11-kit has no module \"%s\" (/usr/share/p11-kit/modules, "
			       "/etc/pkcs11/modules)",
			       name);
	}
	for (size_t i = 0; i < MODULES_MAX && all[i]; i++) {
		fas_err_clear(&last);
		if (try_module(m, all[i], &last) == FAS_OK)
			return FAS_OK;
		if (last.code == FAS_E_CONFIG)
			break;
	}
	if (last.code == FAS_E_CONFIG)
		return fas_fail(e, last.code, last.reason, "%s", last.message);
	return fas_fail(e, FAS_E_NOTFOUND, "token_away",
	    "%s: no module that p11-kit knows has this token", m->config->uri);
}

static enum fas_code
load_module(struct pkcs11_module *m, struct fas_err *e)
{
	const char *path = p11_kit_uri_get_module_path(m->uri);
	if (!path)
		return load_registered(m, p11_kit_uri_get_module_name(m->uri), e);
	CK_FUNCTION_LIST *f = p11_kit_module_load(path, P11_KIT_MODULE_UNMANAGED);
	if (!f)
		return fas_fail(e, FAS_E_CONFIG, "token_module", "%s: %s", path, p11_kit_message());
	return try_module(m, f, e);
}

/* ---- logging in ---- */

/* A PIN is tried where it does no harm: a wrong one at the last try would lock the token for good. */
static enum fas_code
check_pin_state(const struct pkcs11_module *m, struct fas_err *e)
{
	CK_TOKEN_INFO info;
	CK_RV rv = m->f->C_GetTokenInfo(m->slot, &info);
	if (rv != CKR_OK)
		return pkcs11_failed(e, "C_GetTokenInfo", rv);
	if (info.flags & CKF_USER_PIN_LOCKED)
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_pin", "the token's PIN is locked");
	if (info.flags & CKF_USER_PIN_FINAL_TRY)
		return fas_fail(e, FAS_E_UNAVAILABLE, "token_pin",
		    "one more wrong PIN would lock the token: log in once by hand, with the right "
		    "one");
	return FAS_OK;
}

static bool
refuses_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_LOCKED || rv == CKR_PIN_INVALID ||
	       rv == CKR_PIN_LEN_RANGE || rv == CKR_PIN_EXPIRED;
}

static enum fas_code
refused(CK_RV rv, struct fas_err *e)
{
	return fas_fail(e, FAS_E_UNAVAILABLE, "token_pin",
	    "the token refuses the PIN (%s): it is not tried again before another one stands there",
	    p11_kit_strerror(rv));
}

static enum fas_code
log_in(struct pkcs11_module *m, CK_SESSION_HANDLE s, CK_USER_TYPE as, struct fas_err *e)
{
	if (!m->pin)
		return FAS_OK;
	enum fas_code rc = check_pin_state(m, e);
	if (rc != FAS_OK)
		return rc;
	CK_RV rv = m->f->C_Login(s, as, m->pin->data, m->pin->len);
	if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN)
		return FAS_OK;
	if (!refuses_pin(rv))
		return pkcs11_failed(e, "C_Login", rv);
	atomic_store(&m->pin_refused, true);
	return refused(rv, e);
}

/* One after the other: as many sessions as a token allows wrong PINs would lock it at once. */
enum fas_code
pkcs11_log_in_again(struct pkcs11_module *m, CK_SESSION_HANDLE s, struct fas_err *e)
{
	static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
	(void)pthread_mutex_lock(&one);
	enum fas_code rc = atomic_load(&m->pin_refused) ? refused(CKR_PIN_INCORRECT, e)
							: log_in(m, s, CKU_CONTEXT_SPECIFIC, e);
	(void)pthread_mutex_unlock(&one);
	return rc;
}

enum fas_code
pkcs11_session_open(const struct pkcs11_module *m, CK_SESSION_HANDLE *out, struct fas_err *e)
{
	CK_RV rv =
	    m->f->C_OpenSession(m->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, out);
	return rv == CKR_OK ? FAS_OK : pkcs11_failed(e, "C_OpenSession", rv);
}

enum fas_code
pkcs11_module_open(struct pkcs11_module *m, struct fas_err *e)
{
	m->uri = p11_kit_uri_new();
	if (!m->uri)
		return fas_fail_nomem(e);
	if (p11_kit_uri_parse(m->config->uri, P11_KIT_URI_FOR_ANY, m->uri) != P11_KIT_URI_OK)
		return fas_fail(e, FAS_E_CONFIG, "pkcs11_uri", "%s", m->config->uri);
	enum fas_code rc = load_module(m, e);
	if (rc == FAS_OK)
		rc = pkcs11_session_open(m, &m->session, e);
	return rc == FAS_OK ? log_in(m, m->session, CKU_USER, e) : rc;
}
