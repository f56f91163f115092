/* A domain and its controllers. */
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include <openssl/pem.h>

#include "fas/base/clock.h"
#include "fas/base/file.h"
#include "fas/doctor/exam.h"
#include "fas/doctor/peer.h"

#define STEP_US (5 * INT64_C(1000000))
#define PORT_LDAP 389
#define PORT_LDAPS 636
#define ROOTS_BYTES_MAX (4 * 1024 * 1024)
#define COMMON_NAME_MAX 65

static int64_t
deadline(void)
{
	return clock_monotonic_us() + STEP_US;
}

/* ---- a domain ---- */

static STACK_OF(X509) * parse_all(const struct survey_list *list)
{
	STACK_OF(X509) *out = sk_X509_new_null();
	for (size_t i = 0; out && i < list->n; i++) {
		X509 *one = certificate_parse(list->items[i].data, list->items[i].len);
		if (one && sk_X509_push(out, one) <= 0)
			X509_free(one);
	}
	return out;
}

/* Mappings name an issuer; its common name is what its text is searched by. */
static void
read_mappings(
    const struct exam *exam, size_t i, struct directory *directory, struct exam_domain *domain)
{
	for (size_t k = 0; k < exam->n_authorities; k++) {
		char name[COMMON_NAME_MAX];
		const X509_NAME *subject = X509_get_subject_name(exam->authorities[k].certificate);
		if (X509_NAME_get_text_by_NID(subject, NID_commonName, name, sizeof(name)) > 0)
			(void)!survey_mappings(
			    directory, i, name, &domain->mappings, &domain->mappings_why);
	}
}

void
exam_domain(struct exam *exam, size_t i, struct directory *directory)
{
	struct exam_domain *domain = &exam->domains[i];
	survey_read(directory, i, exam->now_s, &domain->survey);
	const struct survey_pki *pki = &domain->survey.pki;
	domain->ntauth = parse_all(&pki->ntauth);
	domain->roots = parse_all(&pki->roots);
	domain->intermediates = parse_all(&pki->intermediates);
	(void)!survey_upns(directory, i, &domain->upns, &domain->upns_why);
	read_mappings(exam, i, directory, domain);
}

/* ---- a controller ---- */

/* The same controller at another port. */
static struct dc_target
at_port(const struct dc_target *target, uint16_t port)
{
	struct dc_target out = *target;
	out.port = port;
	for (size_t i = 0; i < out.n_addresses; i++) {
		struct sockaddr_storage *addr = &out.addresses[i].addr;
		if (addr->ss_family == AF_INET6)
			((struct sockaddr_in6 *)addr)->sin6_port = htons(port);
		else
			((struct sockaddr_in *)addr)->sin_port = htons(port);
	}
	return out;
}

void
exam_controller(struct exam_controller *c)
{
	OWN(dc_conn) struct dc_conn *conn = NULL;
	const struct dc_target plain = at_port(&c->target, PORT_LDAP),
			       tls = at_port(&c->target, PORT_LDAPS);
	/* Who does not answer there does not answer three times more. */
	if (survey_root(&plain, deadline(), &c->root, &c->root_why) != FAS_OK &&
	    c->target.port == PORT_LDAP) {
		c->bind_why = c->clear_why = c->tls_why = c->root_why;
		return;
	}
	(void)!dc_conn_open(&c->target, deadline(), &conn, &c->bind_why);
	(void)!probe_clear_bind(&plain, deadline(), &c->clear, &c->clear_why);
	(void)!peer_chain(&tls, deadline(), &c->chain, &c->tls_why);
}

/* The domain's roots as a file, since libldap takes no other; the caller removes it. */
static bool
write_roots(const STACK_OF(X509) * roots, const char *path)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text = NULL;
	for (int i = 0; bio && i < sk_X509_num(roots); i++)
		(void)PEM_write_bio_X509(bio, sk_X509_value(roots, i));
	long len = bio ? BIO_get_mem_data(bio, &text) : 0;
	bool written = len > 0 && len <= ROOTS_BYTES_MAX &&
		       file_write_atomic(path, text, (size_t)len, 0600, NULL) == FAS_OK;
	BIO_free(bio);
	return written;
}

void
exam_binding(struct exam_controller *c, const char *folder)
{
	char path[PATH_MAX];
	const struct dc_target tls = at_port(&c->target, PORT_LDAPS);
	const STACK_OF(X509) *roots = c->domain->roots;
	struct fas_err *why = &c->unbound_why;
	if (c->target.config->bind != BIND_GSSAPI)
		(void)fas_fail(why, FAS_E_UNAVAILABLE, "bind_kind",
		    "only a domain with `bind: gssapi` can be asked");
	else if (!c->chain)
		*why = c->tls_why;
	else if (certificate_chain_fault(sk_X509_value(c->chain, 0), c->chain, roots))
		(void)fas_fail(why, FAS_E_UNAVAILABLE, "ldap_tls",
		    "the controller's certificate is not trusted yet");
	if (why->code != FAS_OK)
		return;
	int len = snprintf(path, sizeof(path), "%s/doctor-%s.pem", folder, c->target.host);
	if (len < 0 || (size_t)len >= sizeof(path) || !write_roots(roots, path)) {
		(void)fas_fail(why, FAS_E_IO, "io_error", "no file for the domain's roots");
		return;
	}
	(void)!probe_unbound_bind(&tls, path, deadline(), &c->unbound, why);
	(void)unlink(path);
}
