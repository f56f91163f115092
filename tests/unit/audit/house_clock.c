/* The clock of the house, which a test can move: linked with --wrap of the clock's functions. */
#include "house.h"

#include <stdatomic.h>

static _Atomic int64_t ahead_s;

int64_t __real_clock_now_ms(void);
int64_t __wrap_clock_now_ms(void);
int64_t __wrap_clock_now(void);
enum fas_code __wrap_clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e);

int64_t
__wrap_clock_now_ms(void)
{
	return __real_clock_now_ms() + atomic_load(&ahead_s) * 1000;
}

int64_t
__wrap_clock_now(void)
{
	return __wrap_clock_now_ms() / 1000;
}

enum fas_code
__wrap_clock_checked(int64_t skew_s, int64_t *now_s, struct fas_err *e)
{
	(void)skew_s;
	(void)e;
	*now_s = __wrap_clock_now();
	return FAS_OK;
}

void
house_later(double days)
{
	(void)atomic_fetch_add(&ahead_s, (int64_t)(days * 86400));
}

void
house_real_time(void)
{
	atomic_store(&ahead_s, 0);
}
