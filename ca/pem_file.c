#include "ca/pem_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "ca/give_way.h"
#include "fas/base/file.h"
#include "fas/base/own.h"

#define LINE_OCTETS 48 /* 64 characters (RFC 7468 2) */
#define LINE_TEXT (LINE_OCTETS / 3 * 4 + 1)
#define PIECE_LINES ((size_t)2048)
#define PIECE_OCTETS (PIECE_LINES * LINE_OCTETS)
#define PIECE_TEXT (PIECE_LINES * LINE_TEXT)
#define LABEL_LINE_MAX 64

DEFINE_OWN(encode, EVP_ENCODE_CTX *, EVP_ENCODE_CTX_free);

/* The text, as far as it is written. */
struct text {
	struct file_beside *file;
	int64_t len;
};

static enum fas_code
put(struct text *text, const unsigned char *data, size_t len, struct fas_err *e)
{
	enum fas_code rc =
	    file_write_at(text->file->fd, text->file->beside, data, len, text->len, e);
	text->len += (int64_t)len;
	return rc;
}

static enum fas_code
put_label(struct text *text, const char *word, const char *label, struct fas_err *e)
{
	char line[LABEL_LINE_MAX];
	int len = snprintf(line, sizeof(line), "-----%s %s-----\n", word, label);
	return put(text, (const unsigned char *)line, (size_t)len, e);
}

/* All that is left when less than len octets. */
static ssize_t
read_piece(int fd, unsigned char *out, size_t len)
{
	size_t have = 0;
	while (have < len) {
		ssize_t got = read(fd, out + have, len - have);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		have += (size_t)got;
	}
	return (ssize_t)have;
}

static enum fas_code
put_body(struct text *text, int in, const char *der, struct fas_err *e)
{
	ssize_t got;
	struct give_way way = {0};
	OWN(encode) EVP_ENCODE_CTX *encode = EVP_ENCODE_CTX_new();
	OWN(bytes) uint8_t *octets = malloc(PIECE_OCTETS + PIECE_TEXT + LINE_TEXT + 1);
	if (!encode || !octets)
		return fas_fail_nomem(e);
	unsigned char *lines = octets + PIECE_OCTETS;
	int len = 0;
	EVP_EncodeInit(encode);
	while ((got = read_piece(in, octets, PIECE_OCTETS)) > 0) {
		if (EVP_EncodeUpdate(encode, lines, &len, octets, (int)got) != 1)
			return fas_fail_openssl(e, "%s", der);
		enum fas_code rc = put(text, lines, (size_t)len, e);
		if (rc != FAS_OK)
			return rc;
		if ((size_t)got < PIECE_OCTETS)
			continue;
		file_trickle(text->file->fd, text->len - len, (size_t)len);
		give_way(&way);
	}
	if (got < 0)
		return fas_fail_errno(e, "%s", der);
	EVP_EncodeFinal(encode, lines, &len);
	return put(text, lines, (size_t)len, e);
}

enum fas_code
pem_file_write(const char *der, const char *path, const char *label, struct fas_err *e)
{
	OWN(file_beside) struct file_beside file = {.fd = -1};
	OWN(fd) int in = open(der, O_RDONLY | O_CLOEXEC);
	struct text text = {.file = &file};
	if (in < 0)
		return fas_fail_errno(e, "%s", der);
	enum fas_code rc = file_begin(path, 0644, &file, e);
	if (rc == FAS_OK)
		rc = put_label(&text, "BEGIN", label, e);
	if (rc == FAS_OK)
		rc = put_body(&text, in, der, e);
	if (rc == FAS_OK)
		rc = put_label(&text, "END", label, e);
	return rc == FAS_OK ? file_commit(&file, e) : rc;
}
