#include "tests/fuzz/fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 512

void
fuzz_broken(const char *file, int line, const char *claim)
{
	(void)fprintf(stderr, "%s:%d: this does not hold: %s\n", file, line, claim);
	abort();
}

void
fuzz_check_result(enum fas_code rc, const struct fas_err *e)
{
	FUZZ_CHECK(rc == e->code);
	if (rc == FAS_OK)
		return;
	FUZZ_CHECK(e->reason[0] && memchr(e->reason, 0, sizeof(e->reason)));
	FUZZ_CHECK(memchr(e->message, 0, sizeof(e->message)));
}

uint8_t
fuzz_byte(struct fuzz_input *in)
{
	if (in->left == 0)
		return 0;
	in->left--;
	return *in->at++;
}

size_t
fuzz_below(struct fuzz_input *in, size_t n)
{
	size_t value = fuzz_byte(in);
	if (n > 256)
		value |= (size_t)fuzz_byte(in) << 8;
	return value % n;
}

uint8_t *
fuzz_bytes(struct fuzz_input *in, size_t len, size_t *got)
{
	size_t n = len < in->left ? len : in->left;
	uint8_t *out = malloc(n ? n : 1);
	if (!out)
		abort();
	if (n) {
		memcpy(out, in->at, n);
		in->at += n;
		in->left -= n;
	}
	*got = n;
	return out;
}

char *
fuzz_text(struct fuzz_input *in, uint8_t end)
{
	const uint8_t *stop = in->left ? memchr(in->at, end, in->left) : NULL;
	size_t n = stop ? (size_t)(stop - in->at) : in->left;
	char *out = malloc(n + 1);
	if (!out)
		abort();
	out[n] = 0;
	if (in->left) {
		memcpy(out, in->at, n);
		in->at += n + (stop != NULL);
		in->left -= n + (stop != NULL);
	}
	return out;
}

static char folder[PATH_BYTES / 2];

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static void
remove_folder(void)
{
	(void)nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

const char *
fuzz_folder(void)
{
	const char *base = getenv("TMPDIR");
	if (folder[0])
		return folder;
	if (!base)
		base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	(void)snprintf(folder, sizeof(folder), "%.200s/fas-fuzz-XXXXXX", base);
	if (!mkdtemp(folder) || atexit(remove_folder) != 0)
		abort();
	return folder;
}

const char *
fuzz_file(const char *name, const void *data, size_t len)
{
	static char path[PATH_BYTES];
	(void)snprintf(path, sizeof(path), "%s/%s", fuzz_folder(), name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, len) != (ssize_t)len || close(fd) != 0)
		abort();
	return path;
}
