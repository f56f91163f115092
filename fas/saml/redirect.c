#include "fas/saml/redirect.h"

#include <limits.h>
#include <stdlib.h>

#define ZLIB_CONST
#include <zlib.h>

#include "fas/base/text.h"

#define RAW_WINDOW (-MAX_WBITS) /* neither zlib's head nor gzip's */
#define MEMORY_LEVEL 8
#define PIECE 4096

static enum fas_code
refuse(struct fas_err *e, const char *finding)
{
	return fas_fail(e, FAS_E_INPUT, "saml_deflate", "SAML bindings 3.4.4.1: %s", finding);
}

enum fas_code
redirect_pack(const void *data, size_t len, char **base64, struct fas_err *e)
{
	z_stream z = {.next_in = data, .avail_in = (uInt)len};
	if (len > UINT_MAX || deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, RAW_WINDOW,
				  MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
		return fas_fail_nomem(e);
	uLong room = deflateBound(&z, (uLong)len);
	OWN(bytes) unsigned char *packed = malloc(room);
	z.next_out = packed;
	z.avail_out = (uInt)room;
	int rc = packed ? deflate(&z, Z_FINISH) : Z_MEM_ERROR;
	size_t n = (size_t)z.total_out;
	(void)deflateEnd(&z);
	if (rc == Z_STREAM_END)
		*base64 = base64_encode(packed, n);
	return rc == Z_STREAM_END && *base64 ? FAS_OK : fas_fail_nomem(e);
}

/* Piece by piece: what a few octets would grow to is never held. */
static enum fas_code
unpack(z_stream *z, struct buf *out, struct fas_err *e)
{
	unsigned char piece[PIECE];
	int rc = Z_OK;
	while (rc == Z_OK) { /* each turn takes input or gives output, which is bounded */
		z->next_out = piece;
		z->avail_out = sizeof(piece);
		rc = inflate(z, Z_NO_FLUSH);
		size_t n = sizeof(piece) - z->avail_out;
		if (rc == Z_OK && n == 0 && z->avail_in == 0)
			return refuse(e, "the stream is cut short");
		buf_append(out, piece, n);
		if (out->no_memory)
			return fas_fail_nomem(e);
		if (out->failed)
			return refuse(e, "what is packed is too long");
	}
	if (rc == Z_MEM_ERROR)
		return fas_fail_nomem(e);
	if (rc != Z_STREAM_END)
		return refuse(e, "it is no DEFLATE stream (RFC 1951), or cut short");
	return z->avail_in == 0 ? FAS_OK : refuse(e, "there is something behind the stream");
}

enum fas_code
redirect_unpack(const void *data, size_t len, struct buf *out, struct fas_err *e)
{
	z_stream z = {.next_in = data, .avail_in = (uInt)len};
	if (len > UINT_MAX)
		return refuse(e, "it is too long");
	if (inflateInit2(&z, RAW_WINDOW) != Z_OK)
		return fas_fail_nomem(e);
	enum fas_code rc = unpack(&z, out, e);
	(void)inflateEnd(&z);
	return rc;
}
