/*
 * What a new mutual-TLS connection costs the server: connection and one small refused request, less the request alone
 * on a kept connection.
 */
#include <string.h>

#include "client.h"
#include "gauge.h"
#include "measure.h"
#include "table.h"

#define CONNECTIONS 60
#define ROUNDS_MAX 64

/* Refused for its type, behind the judgement of the caller. */
static const char request[] = "POST /v1/logons HTTP/1.1\r\nHost: fas1.corp.example.com:8443\r\n"
			      "Content-Type: text/plain\r\nContent-Length: 2\r\n\r\n{}";

struct target {
	pid_t pid;
	SSL_CTX *identity;
	const char *host;
	unsigned port;
};

static void
ask(struct client *client)
{
	int status = client_ask(client, request, strlen(request));
	if (status != 415)
		lab_die("status %d, want 415: %s", status, client->answer);
}

/* CPU of one request on a kept connection, in nanoseconds. */
static double
cost_request(const struct target *t)
{
	struct client client;
	client_connect(&client, t->identity, t->host, t->port, NULL);
	ask(&client);
	int64_t begun = gauge_process_cpu(t->pid);
	for (int i = 0; i < CONNECTIONS; i++)
		ask(&client);
	int64_t cpu = gauge_process_cpu(t->pid) - begun;
	client_close(&client);
	return (double)cpu / CONNECTIONS;
}

static SSL_SESSION *
fetch_session(const struct target *t)
{
	struct client client;
	client_connect(&client, t->identity, t->host, t->port, NULL);
	ask(&client);
	SSL_SESSION *session = SSL_get1_session(client.ssl);
	client_close(&client);
	if (!session || !SSL_SESSION_is_resumable(session))
		lab_die("the server gives no session ticket");
	return session;
}

static double
cost_connection(const struct target *t, SSL_SESSION *session)
{
	int64_t begun = gauge_process_cpu(t->pid);
	for (int i = 0; i < CONNECTIONS; i++) {
		struct client client;
		client_connect(&client, t->identity, t->host, t->port, session);
		ask(&client);
		if (session && !SSL_session_reused(client.ssl))
			lab_die("a session was not resumed");
		client_close(&client);
	}
	return (double)(gauge_process_cpu(t->pid) - begun) / CONNECTIONS - cost_request(t);
}

static double
cost_resumed(const struct target *t)
{
	SSL_SESSION *session = fetch_session(t);
	double cost = cost_connection(t, session);
	SSL_SESSION_free(session);
	return cost;
}

void
measure_connection(const struct lab *lab, const struct bare_server *server)
{
	const struct target fasd = {lab->fasd, lab->storefront, lab->api_host, lab->api_port};
	struct target bare = {
	    server->pid, SSL_CTX_new(TLS_client_method()), "127.0.0.1", server->port};
	double full[ROUNDS_MAX], plain[ROUNDS_MAX], resumed[ROUNDS_MAX];
	double to_plain[ROUNDS_MAX], to_full[ROUNDS_MAX];
	unsigned n = lab->rounds;
	(void)SSL_CTX_use_certificate_chain_file(
	    bare.identity, lab_variable("FAS_STOREFRONT_CERT"));
	(void)SSL_CTX_use_PrivateKey_file(
	    bare.identity, lab_variable("FAS_STOREFRONT_KEY"), SSL_FILETYPE_PEM);
	for (unsigned i = 0; i < n; i++) {
		plain[i] = cost_connection(&bare, NULL) / 1e3;
		full[i] = cost_connection(&fasd, NULL) / 1e3;
		resumed[i] = cost_resumed(&fasd) / 1e3;
		to_plain[i] = full[i] / plain[i];
		to_full[i] = resumed[i] / full[i];
	}
	SSL_CTX_free(bare.identity);
	table_add(&(struct row){.name = "new mTLS connection",
	    .value = gauge_median(full, n),
	    .unit = "us CPU",
	    .reference = "bare libmicrohttpd",
	    .reference_value = gauge_median(plain, n),
	    .ratio = gauge_median(to_plain, n),
	    .goal = 1.2});
	table_add(&(struct row){.name = "resumed mTLS connection",
	    .value = gauge_median(resumed, n),
	    .unit = "us CPU",
	    .reference = "new mTLS connection",
	    .reference_value = gauge_median(full, n),
	    .ratio = gauge_median(to_full, n),
	    .goal = 0.75});
}
