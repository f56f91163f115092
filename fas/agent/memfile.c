#include "fas/agent/memfile.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fas/base/secret.h"

void
memfile_done(struct memfile *m)
{
	if (m->map) {
		secret_wipe(m->map, m->len);
		(void)munmap(m->map, m->len);
	}
	if (m->fd >= 0)
		(void)close(m->fd);
	*m = MEMFILE_NONE;
}

enum fas_code
memfile_make(struct memfile *m, const char *name, const void *data, size_t len, struct fas_err *e)
{
	OWN(memfile) struct memfile made = {.fd = memfd_create(name, MFD_CLOEXEC), .len = len};
	if (made.fd < 0 || ftruncate(made.fd, (off_t)len) != 0)
		return fas_fail_errno(e, "a file in memory");
	void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, made.fd, 0);
	if (map == MAP_FAILED)
		return fas_fail_errno(e, "a file in memory");
	made.map = map;
	memcpy(map, data, len);
	(void)snprintf(made.path, sizeof(made.path), "/proc/self/fd/%d", made.fd);
	*m = made;
	made = MEMFILE_NONE;
	return FAS_OK;
}
