/*
 * SoftHSM2, but it wants to be told that several threads will come; with $STRICT_THREADS it has no locks for them.  With
 * $STRICT_OUT a PIN that comes with a signature is refused, as by a token whose PIN somebody has changed: each try is an octet
 * in the file of that name.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define SOFTHSM "/usr/lib/softhsm/libsofthsm2.so"
#define WHILE_US 200000 /* long enough for the other sessions to come */

static CK_FUNCTION_LIST strict;
static CK_C_Initialize softhsm_initialize;
static CK_C_Login softhsm_login;

static CK_RV
initialize(void *args)
{
	const CK_C_INITIALIZE_ARGS *a = args;
	if (getenv("STRICT_THREADS"))
		return a ? CKR_CANT_LOCK : softhsm_initialize(NULL);
	return a && (a->flags & CKF_OS_LOCKING_OK) ? softhsm_initialize(args) : CKR_ARGUMENTS_BAD;
}

static CK_RV
login(CK_SESSION_HANDLE s, CK_USER_TYPE as, CK_UTF8CHAR *pin, CK_ULONG len)
{
	const char *path = getenv("STRICT_OUT");
	if (as != CKU_CONTEXT_SPECIFIC || !path)
		return softhsm_login(s, as, pin, len);
	int fd = open(path, O_WRONLY | O_APPEND);
	CK_RV rv = fd >= 0 && write(fd, "x", 1) == 1 ? CKR_PIN_INCORRECT : CKR_FUNCTION_FAILED;
	if (fd >= 0)
		(void)close(fd);
	(void)usleep(WHILE_US);
	return rv;
}

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **out)
{
	CK_FUNCTION_LIST *softhsm = NULL;
	void *library = dlopen(SOFTHSM, RTLD_NOW | RTLD_LOCAL);
	CK_C_GetFunctionList get = NULL;
	if (library)
		*(void **)&get = dlsym(library, "C_GetFunctionList");
	if (!get || get(&softhsm) != CKR_OK)
		return CKR_GENERAL_ERROR;
	strict = *softhsm;
	softhsm_login = softhsm->C_Login;
	strict.C_Login = login;
	softhsm_initialize = softhsm->C_Initialize;
	strict.C_Initialize = initialize;
	*out = &strict;
	return CKR_OK;
}
