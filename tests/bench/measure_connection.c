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

struct target {
	pid_t pid;
	SSL_CTX *identity;
	const char *host;
	unsigned port;
};

/* CPU of one request on a kept connection, in nanoseconds. */
static double
cost_request(const struct target *t)
{
	struct client client;
	client_connect(&client, t->identity, t->host, t->port, NULL);
	client_ask_refused(&client, "/v1/logons");
	int64_t begun = gauge_process_cpu(t->pid);
	for (int i = 0; i < CONNECTIONS; i++)
		client_ask_refused(&client, "/v1/logons");
	int64_t cpu = gauge_process_cpu(t->pid) - begun;
	client_close(&client);
	return (double)cpu / CONNECTIONS;
}

static SSL_SESSION *
fetch_session(const struct target *t)
{
	struct client client;
	client_connect(&client, t->identity, t->host, t->port, NULL);
	client_ask_refused(&client, "/v1/logons");
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
		client_ask_refused(&client, "/v1/logons");
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
	const struct target bare = {server->pid, lab->anyone, "127.0.0.1", server->port};
	double full[ROUNDS_MAX], plain[ROUNDS_MAX], resumed[ROUNDS_MAX];
	double to_plain[ROUNDS_MAX], to_full[ROUNDS_MAX];
	unsigned n = lab->rounds;
	for (unsigned i = 0; i < n; i++) {
		plain[i] = cost_connection(&bare, NULL) / 1e3;
		full[i] = cost_connection(&fasd, NULL) / 1e3;
		resumed[i] = cost_resumed(&fasd) / 1e3;
		to_plain[i] = full[i] / plain[i];
		to_full[i] = resumed[i] / full[i];
	}
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
