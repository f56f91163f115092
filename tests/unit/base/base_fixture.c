#include "tests/unit/base/base_fixture.h"

#include <ftw.h>
#include <unistd.h>

#define PATH_TEXT_MAX 512

static char folder[PATH_TEXT_MAX];

int
fixture_setup(void **state)
{
	const char *base = getenv("TMPDIR");
	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/fas-base-XXXXXX", base ? base : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int
fixture_teardown(void **state)
{
	(void)state;
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
fixture_path(const char *name)
{
	static char paths[4][PATH_TEXT_MAX + 256];
	static unsigned next;
	char *path = paths[next++ % 4];
	(void)snprintf(path, sizeof(paths[0]), "%s/%s", folder, name);
	return path;
}

void
assert_failed(enum fas_code rc, const struct fas_err *e, enum fas_code code, const char *reason)
{
	if (rc == FAS_OK)
		fail_msg("succeeded, want %s", reason);
	assert_string_equal(e->reason, reason);
	assert_int_equal(rc, code);
	assert_int_equal(e->code, code);
	assert_true(e->message[0] != 0);
}

void
assert_good(enum fas_code rc, const struct fas_err *e)
{
	if (rc != FAS_OK)
		fail_msg("%s: %s", fas_err_reason(e), e->message);
}
