/* What an administrator imports where the service's account may not write: LDIF (RFC 2849). */
#include <string.h>

#include "fas/base/own.h"
#include "fas/base/text.h"
#include "ldap/publish.h"

#define LINE 76

/* "attribute:: base64", in lines of LINE, each but the first behind a blank. */
static void
put_octets(struct buf *out, const char *attribute, const uint8_t *value, size_t len)
{
	OWN(text) char *base64 = base64_encode(value, len);
	if (!base64) {
		out->failed = out->no_memory = true;
		return;
	}
	size_t column = strlen(attribute) + 3;
	buf_printf(out, "%s:: ", attribute);
	for (const char *at = base64; *at;) {
		size_t room = LINE - column, left = strlen(at), part = left < room ? left : room;
		buf_append(out, at, part);
		at += part;
		buf_text(out, *at ? "\n " : "\n");
		column = 1;
	}
}

/* The names are plain by pki_dn and by the signer's configuration; still, none may end its line. */
static void
put_dn(struct buf *out, const char *dn)
{
	if (strspn(dn, " :<") > 0 || strpbrk(dn, "\r\n"))
		put_octets(out, "dn", (const uint8_t *)dn, strlen(dn));
	else
		buf_printf(out, "dn: %s\n", dn);
}

void
pki_ldif_container(const char *dn, struct buf *out)
{
	put_dn(out, dn);
	buf_text(out, "changetype: add\nobjectClass: container\n\n");
}

static void
put_object(struct buf *out, const struct pki_object *object)
{
	static const uint8_t none[1] = {0};
	put_dn(out, object->dn);
	if (object->kind == PKI_CDP) {
		buf_text(out, "changetype: add\nobjectClass: cRLDistributionPoint\n");
		put_octets(out, "certificateRevocationList", object->value, object->len);
	} else {
		buf_text(out, "changetype: add\nobjectClass: certificationAuthority\n");
		put_octets(out, "cACertificate", object->value, object->len);
		put_octets(out, "certificateRevocationList", none, sizeof(none));
		put_octets(out, "authorityRevocationList", none, sizeof(none));
	}
	buf_text(out, "\n");
}

static void
put_value(struct buf *out, const struct pki_object *object)
{
	bool is_crl = object->kind == PKI_CDP;
	const char *attribute = is_crl ? "certificateRevocationList" : "cACertificate";
	put_dn(out, object->dn);
	buf_printf(out, "changetype: modify\n%s: %s\n", is_crl ? "replace" : "add", attribute);
	put_octets(out, attribute, object->value, object->len);
	buf_text(out, "-\n\n");
}

void
pki_ldif(const struct pki_object *object, enum pki_state state, struct buf *out)
{
	switch (state) {
	case PKI_NO_OBJECT:
		put_object(out, object);
		return;
	case PKI_NO_VALUE:
		put_value(out, object);
		return;
	case PKI_THERE:
		return;
	}
}
