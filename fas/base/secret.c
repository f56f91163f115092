#include "fas/base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>

enum fas_code
secret_init(struct secret *s, size_t len, struct fas_err *e)
{
	s->data = OPENSSL_zalloc(len + 1);
	if (!s->data)
		return fas_fail_nomem(e);
	s->len = len;
	return FAS_OK;
}

enum fas_code
secret_copy(struct secret *s, const void *data, size_t len, struct fas_err *e)
{
	if (secret_init(s, len, e) != FAS_OK)
		return e ? e->code : FAS_E_NOMEM;
	if (len)
		memcpy(s->data, data, len);
	return FAS_OK;
}

enum fas_code
secret_random(struct secret *s, size_t len, struct fas_err *e)
{
	enum fas_code rc = secret_init(s, len, e);
	if (rc != FAS_OK)
		return rc;
	if (RAND_priv_bytes(s->data, (int)len) != 1) {
		secret_done(s);
		return fas_fail_openssl(e, "no random bytes");
	}
	return FAS_OK;
}

static enum fas_code
check_mode(int fd, const char *path, struct fas_err *e)
{
	struct stat st;
	if (fstat(fd, &st) != 0)
		return fas_fail_errno(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return fas_fail(e, FAS_E_CONFIG, "secret_file", "%s is not a regular file", path);
	if (st.st_uid != 0 && st.st_uid != geteuid())
		return fas_fail(e, FAS_E_CONFIG, "secret_file",
		    "%s belongs to uid %u, want root or uid %u", path, (unsigned)st.st_uid,
		    (unsigned)geteuid());
	mode_t forbidden = st.st_uid == 0 ? 037 : 077;
	if (st.st_mode & forbidden)
		return fas_fail(e, FAS_E_CONFIG, "secret_file",
		    "%s has mode %04o: others may reach it (chmod 600)", path,
		    (unsigned)(st.st_mode & 07777));
	return FAS_OK;
}

static enum fas_code
read_all(struct secret *s, int fd, const char *path, size_t max_bytes, struct fas_err *e)
{
	enum fas_code rc = secret_init(s, max_bytes + 1, e);
	if (rc != FAS_OK)
		return rc;
	size_t used = 0;
	while (used < s->len) {
		ssize_t got = read(fd, s->data + used, s->len - used);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fas_fail_errno(e, "%s", path);
		if (got == 0)
			break;
		used += (size_t)got;
	}
	if (used > max_bytes)
		return fas_fail(
		    e, FAS_E_CONFIG, "secret_file", "%s is larger than %zu bytes", path, max_bytes);
	while (used > 0 && (s->data[used - 1] == '\n' || s->data[used - 1] == '\r'))
		used--;
	OPENSSL_cleanse(s->data + used, s->len - used);
	s->len = used;
	return FAS_OK;
}

enum fas_code
secret_load(struct secret *s, const char *path, size_t max_bytes, struct fas_err *e)
{
	OWN(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return fas_fail_errno(e, "%s", path);
	enum fas_code rc = check_mode(fd, path, e);
	if (rc != FAS_OK)
		return rc;
	rc = read_all(s, fd, path, max_bytes, e);
	if (rc != FAS_OK)
		secret_done(s);
	return rc;
}

bool
secret_equal(const struct secret *a, const void *data, size_t len)
{
	return a->len == len && CRYPTO_memcmp(a->data, data, len) == 0;
}

void
secret_done(struct secret *s)
{
	/* len can have shrunk (secret_load): what lies behind it was wiped there. */
	if (s->data)
		OPENSSL_clear_free(s->data, s->len + 1);
	*s = (struct secret){0};
}

void
secret_wipe(void *data, size_t len)
{
	OPENSSL_cleanse(data, len);
}
