#include "fas/agent/pkcs11/module.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "fas/agent/pkcs11/link.h"
#include "fas/agent/pkcs11/session.h"
#include "fas/agent/pkcs11/slot.h"

#define CALLBACKS 4
#define STOP_POLL_NS 1000000
#define STOP_POLLS_MAX 3000

/*
 * Who has initialized, and how far: the process id above, the phase in the two lowest bits.  A word with another process's
 * id is OFF: this is how a child notices.
 */
enum phase { PHASE_OFF = 0, PHASE_STARTING = 1, PHASE_ON = 2, PHASE_STOPPING = 3 };

static _Atomic uint64_t owner;
static _Atomic size_t inside; /* calls between enter and leave */
static pthread_mutex_t os_mutex = PTHREAD_MUTEX_INITIALIZER;
static CK_C_INITIALIZE_ARGS callbacks; /* of the application; CreateMutex NULL = os_mutex */
static void *callback_mutex;

static uint64_t
in_phase(enum phase phase)
{
	return (uint64_t)getpid() << 2 | phase;
}

/* ---- lock ---- */

void
module_lock(void)
{
	if (callbacks.CreateMutex)
		(void)callbacks.LockMutex(callback_mutex);
	else
		(void)pthread_mutex_lock(&os_mutex);
}

void
module_unlock(void)
{
	if (callbacks.CreateMutex)
		(void)callbacks.UnlockMutex(callback_mutex);
	else
		(void)pthread_mutex_unlock(&os_mutex);
}

/* PKCS#11 v2.40 5.4: all four or none, and with CKF_OS_LOCKING_OK the choice is ours. */
static CK_RV
check_args(const CK_C_INITIALIZE_ARGS *args)
{
	int n = (args->CreateMutex != NULL) + (args->DestroyMutex != NULL) +
		(args->LockMutex != NULL) + (args->UnlockMutex != NULL);
	return args->pReserved || (n != 0 && n != CALLBACKS) ? CKR_ARGUMENTS_BAD : CKR_OK;
}

static CK_RV
make_lock(const CK_C_INITIALIZE_ARGS *args)
{
	callbacks = (CK_C_INITIALIZE_ARGS){0};
	if (args && args->CreateMutex && !(args->flags & CKF_OS_LOCKING_OK)) {
		CK_RV rv = args->CreateMutex(&callback_mutex);
		if (rv == CKR_OK)
			callbacks = *args;
		return rv;
	}
	/* Whoever names no lock has promised to need none; ours costs nothing. */
	return pthread_mutex_init(&os_mutex, NULL) == 0 ? CKR_OK : CKR_CANT_LOCK;
}

/* ---- C_Initialize ---- */

/* What an earlier start, or a parent process, has left. */
static void
forget(void)
{
	sessions_reset();
	slots_reset();
	links_reset();
}

/* Become the one thread that starts; of several in this process the others wait for its end. */
static CK_RV
claim_start(void)
{
	for (;;) {
		uint64_t seen = atomic_load(&owner);
		if (seen == in_phase(PHASE_ON))
			return CKR_CRYPTOKI_ALREADY_INITIALIZED;
		if (seen == in_phase(PHASE_STARTING) || seen == in_phase(PHASE_STOPPING)) {
			(void)sched_yield();
			continue;
		}
		if (!atomic_compare_exchange_strong(&owner, &seen, in_phase(PHASE_STARTING)))
			continue;
		/* A parent's calls in progress are not ours. */
		if (seen != in_phase(PHASE_OFF))
			atomic_store(&inside, 0);
		return CKR_OK;
	}
}

CK_RV
module_initialize(CK_C_INITIALIZE_ARGS_PTR args)
{
	CK_RV rv = args ? check_args(args) : CKR_OK;
	if (rv == CKR_OK)
		rv = claim_start();
	if (rv != CKR_OK)
		return rv;
	rv = make_lock(args);
	forget();
	atomic_store(&owner, in_phase(rv == CKR_OK ? PHASE_ON : PHASE_OFF));
	return rv;
}

/* ---- in and out ---- */

CK_RV
module_enter(void)
{
	/* A child must not touch the count: its parent's other threads are not there to bring it back to 0. */
	if (atomic_load(&owner) != in_phase(PHASE_ON))
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	(void)atomic_fetch_add(&inside, 1);
	if (atomic_load(&owner) != in_phase(PHASE_ON)) {
		(void)atomic_fetch_sub(&inside, 1);
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	}
	module_lock();
	return CKR_OK;
}

CK_RV
module_leave(CK_RV rv)
{
	module_unlock();
	(void)atomic_fetch_sub(&inside, 1);
	return rv;
}

bool
module_is_stopping(void)
{
	return atomic_load(&owner) != in_phase(PHASE_ON);
}

/* ---- C_Finalize ---- */

/*
 * C_WaitForSlotEvent may be running by the book, and comes back soon.  Any other call in progress breaks the rules: it is
 * given a while, and finds its session gone when it comes back later.
 */
static bool
wait_until_alone(void)
{
	const struct timespec pause = {.tv_nsec = STOP_POLL_NS};
	for (int i = 0; i < STOP_POLLS_MAX && atomic_load(&inside) > 0; i++)
		(void)nanosleep(&pause, NULL);
	return atomic_load(&inside) == 0;
}

CK_RV
module_finalize(void *reserved)
{
	uint64_t on = in_phase(PHASE_ON);
	if (reserved)
		return CKR_ARGUMENTS_BAD;
	if (!atomic_compare_exchange_strong(&owner, &on, in_phase(PHASE_STOPPING)))
		return CKR_CRYPTOKI_NOT_INITIALIZED;
	bool alone = wait_until_alone();
	module_lock();
	forget();
	module_unlock();
	if (alone && callbacks.CreateMutex) {
		(void)callbacks.DestroyMutex(callback_mutex);
		callbacks = (CK_C_INITIALIZE_ARGS){0};
	}
	atomic_store(&owner, in_phase(PHASE_OFF));
	return CKR_OK;
}
