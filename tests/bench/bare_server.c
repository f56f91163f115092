#include "bare_server.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "bare_logon.h"
#include "fas/base/buf.h"
#include "fas/base/clock.h"
#include "fas/http/tls.h"
#include "lab.h"
#include "saml_sign.h"

#define FILE_MAX 16384
#define THREADS 2
#define LOGON_THREADS 16 /* a step that waits holds its thread */
#define BODY_MAX 65536

static gnutls_datum_t ticket_key;

static char *
pem_text(BIO *bio)
{
	char *data = NULL;
	long len = BIO_get_mem_data(bio, &data);
	return strndup(data, (size_t)len);
}

/* A P-256 key, as fasd has one. */
static void
make_identity(char **key_pem, char **certificate_pem)
{
	BIO *key_bio = BIO_new(BIO_s_mem()), *certificate_bio = BIO_new(BIO_s_mem());
	EVP_PKEY *key = saml_sign_new_ec("P-256");
	X509 *certificate = key ? saml_sign_new_cert(key, "bare", clock_now()) : NULL;
	if (!certificate || !PEM_write_bio_PrivateKey(key_bio, key, NULL, NULL, 0, NULL, NULL) ||
	    !PEM_write_bio_X509(certificate_bio, certificate))
		lab_die("no key for the bare server");
	*key_pem = pem_text(key_bio);
	*certificate_pem = pem_text(certificate_bio);
}

static enum MHD_Result
refuse(struct MHD_Connection *mhd)
{
	static char body[] = "{\"type\":\"about:blank\",\"title\":\"refused\",\"status\":415}";
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(sizeof(body) - 1, body, MHD_RESPMEM_PERSISTENT);
	enum MHD_Result rc = MHD_queue_response(mhd, 415, response);
	MHD_destroy_response(response);
	return rc;
}

static enum MHD_Result
answer(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **context)
{
	static int seen;
	(void)cls, (void)url, (void)method, (void)version, (void)data;
	if (!*context) {
		*context = &seen;
		return MHD_YES;
	}
	if (*len > 0) {
		*len = 0;
		return MHD_YES;
	}
	return refuse(mhd);
}

/* A body is read whole; what it asks for is done in MHD's own thread. */
static enum MHD_Result
answer_logon(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
    const char *version, const char *data, size_t *len, void **context)
{
	struct buf *body = *context;
	(void)cls, (void)method, (void)version;
	if (!body) {
		if (!(body = *context = calloc(1, sizeof(*body))))
			return MHD_NO;
		buf_init(body, BODY_MAX);
		return MHD_YES;
	}
	if (*len > 0) {
		buf_append(body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	if (body->len <= sizeof("{}"))
		return refuse(mhd);
	char *text = bare_logon_answer(url, buf_str(body), body->len);
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result rc = MHD_queue_response(mhd, 201, response);
	MHD_destroy_response(response);
	return rc;
}

static void
on_logon_done(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_RequestTerminationCode why)
{
	struct buf *body = *context;
	(void)cls, (void)mhd, (void)why;
	if (body)
		buf_done(body);
	free(body);
	*context = NULL;
}

static void
on_connection(
    void *cls, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
	(void)cls, (void)context;
	const union MHD_ConnectionInfo *info =
	    MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (what == MHD_CONNECTION_NOTIFY_STARTED && info)
		(void)gnutls_session_ticket_enable_server(
		    (gnutls_session_t)info->tls_session, &ticket_key);
}

static char *
read_file(const char *path)
{
	char *text = calloc(1, FILE_MAX);
	FILE *f = fopen(path, "re");
	if (!f || !text || fread(text, 1, FILE_MAX - 1, f) == 0)
		lab_die("%s cannot be read", path);
	(void)fclose(f);
	return text;
}

static struct MHD_Daemon *
start_daemon(bool logons)
{
	char *key = NULL, *certificate = NULL;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	make_identity(&key, &certificate);
	(void)gnutls_session_ticket_key_generate(&ticket_key);
	unsigned threads = logons ? LOGON_THREADS : THREADS;
	return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS, 0, NULL, NULL,
	    logons ? answer_logon : answer, NULL, MHD_OPTION_SOCK_ADDR, &at,
	    MHD_OPTION_THREAD_POOL_SIZE, threads, MHD_OPTION_NOTIFY_COMPLETED,
	    logons ? on_logon_done : NULL, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, NULL,
	    MHD_OPTION_HTTPS_MEM_KEY, key, MHD_OPTION_HTTPS_MEM_CERT, certificate,
	    MHD_OPTION_HTTPS_MEM_TRUST, read_file(lab_variable("FAS_SERVICE_CA")),
	    MHD_OPTION_HTTPS_PRIORITIES, http_tls_priorities(), MHD_OPTION_END);
}

static _Noreturn void
serve(int out, bool logons)
{
	if (logons)
		bare_logon_open();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* another user's process begins without it */
	struct MHD_Daemon *daemon = start_daemon(logons);
	const union MHD_DaemonInfo *info =
	    daemon ? MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
	unsigned port = info ? info->port : 0;
	if (write(out, &port, sizeof(port)) != sizeof(port))
		_exit(1);
	for (;;)
		(void)pause();
}

static void
start(struct bare_server *server, bool logons)
{
	int ends[2];
	if (pipe(ends) != 0 || (server->pid = fork()) < 0)
		lab_die("no process for the bare server");
	if (server->pid == 0)
		serve(ends[1], logons);
	(void)close(ends[1]);
	if (read(ends[0], &server->port, sizeof(server->port)) != sizeof(server->port) ||
	    server->port == 0)
		lab_die("the bare server does not start");
	(void)close(ends[0]);
}

void
bare_server_start(struct bare_server *server)
{
	start(server, false);
}

void
bare_server_start_logons(struct bare_server *server)
{
	start(server, true);
}

void
bare_server_stop(const struct bare_server *server)
{
	(void)kill(server->pid, SIGKILL);
	(void)waitpid(server->pid, NULL, 0);
}
