/* SQLite maps the log's index and makes it longer by an octet in each 4096: on a file system of smaller blocks the rest of them
 * are holes, and to write into a hole when the disk is full is a SIGBUS and the end of the process. */
#include "fas/base/db_room.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>

#include <sqlite3.h>

#include "fas/base/macros.h"

/* File systems that keep no room ahead (EOPNOTSUPP) are used as they are. */
static void *
map_with_room(void *at, size_t len, int protection, int flags, int fd, off_t from)
{
	if ((protection & PROT_WRITE) && (flags & MAP_SHARED) && fd >= 0) {
		int rc;
		do {
			rc = fallocate(fd, 0, from, (off_t)len);
		} while (rc != 0 && errno == EINTR);
		if (rc != 0 && errno != EOPNOTSUPP)
			return MAP_FAILED;
	}
	return mmap(at, len, protection, flags, fd, from);
}

static void
begin(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
	if (vfs && vfs->iVersion >= 3 && vfs->xSetSystemCall)
		(void)vfs->xSetSystemCall(vfs, "mmap", (sqlite3_syscall_ptr)map_with_room);
}

void
db_room_begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, begin);
}
