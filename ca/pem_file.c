#include "ca/pem_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "fas/base/own.h"

#define LINE_OCTETS 48 /* 64 characters (RFC 7468 2) */
#define LINE_TEXT (LINE_OCTETS / 3 * 4 + 1)

static void
close_file(FILE *file)
{
	(void)fclose(file);
}
DEFINE_OWN(file, FILE *, close_file);

/* Errors of either stream are found at the end. */
static void
write_text(FILE *in, FILE *out, const char *label)
{
	unsigned char octets[LINE_OCTETS], text[LINE_TEXT];
	size_t n;
	(void)fprintf(out, "-----BEGIN %s-----\n", label);
	while ((n = fread(octets, 1, sizeof(octets), in)) > 0) {
		(void)EVP_EncodeBlock(text, octets, (int)n);
		(void)fprintf(out, "%s\n", (char *)text);
	}
	(void)fprintf(out, "-----END %s-----\n", label);
}

static enum fas_code
fill(const char *der, int fd, const char *beside, const char *label, struct fas_err *e)
{
	OWN(file) FILE *in = fopen(der, "rbe");
	OWN(file) FILE *out = fdopen(fd, "w");
	if (!out)
		(void)close(fd);
	if (!in || !out)
		return fas_fail_errno(e, "%s", in ? beside : der);
	write_text(in, out, label);
	if (ferror(in))
		return fas_fail_errno(e, "%s", der);
	if (fflush(out) != 0 || ferror(out))
		return fas_fail_errno(e, "%s", beside);
	return FAS_OK;
}

enum fas_code
pem_file_write(const char *der, const char *path, const char *label, struct fas_err *e)
{
	char beside[PATH_MAX];
	if (snprintf(beside, sizeof(beside), "%s.XXXXXX", path) >= (int)sizeof(beside))
		return fas_fail(e, FAS_E_CONFIG, "path_too_long", "%s: path is too long", path);
	int fd = mkostemp(beside, O_CLOEXEC);
	if (fd < 0)
		return fas_fail_errno(e, "%s", beside);
	enum fas_code rc = FAS_OK;
	if (fchmod(fd, 0644) != 0) {
		rc = fas_fail_errno(e, "%s", beside);
		(void)close(fd);
	}
	if (rc == FAS_OK)
		rc = fill(der, fd, beside, label, e);
	if (rc == FAS_OK && rename(beside, path) != 0)
		rc = fas_fail_errno(e, "%s", path);
	if (rc != FAS_OK)
		(void)unlink(beside);
	return rc;
}
