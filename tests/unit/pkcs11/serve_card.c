/*
 * serve_card SOCKET LABEL ISSUER.pem [KEY.pem CERTIFICATE.pem]...
 *
 * One card for real clients, until SIGTERM: FAS_AGENT_SOCKET=SOCKET pkcs11-tool --module fas-pkcs11.so ...
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/pkcs11/card_server.h"

int
main(int argc, char **argv)
{
	static struct card_key keys[SERVER_KEYS_MAX];
	const struct card_key *list[SERVER_KEYS_MAX];
	size_t n = 0;
	sigset_t end;
	int got = 0;
	if (argc < 6 || argc % 2 != 0 || argc > 4 + 2 * (SERVER_KEYS_MAX - 1)) {
		(void)fprintf(stderr,
		    "usage: %s SOCKET LABEL ISSUER.pem KEY.pem CERTIFICATE.pem ...\n", argv[0]);
		return 2;
	}
	(void)sigemptyset(&end);
	(void)sigaddset(&end, SIGTERM);
	(void)sigaddset(&end, SIGINT);
	must(pthread_sigmask(SIG_BLOCK, &end, NULL) == 0, "signals");
	for (int i = 4; i + 1 < argc; i += 2, n++) {
		card_key_load(argv[i], argv[i + 1], argv[2], &keys[n]);
		list[n] = &keys[n];
	}
	card_key_load(NULL, argv[3], "Issuing CA", &keys[n]);
	keys[n].purpose = 0;
	list[n] = &keys[n];
	struct card_server *server = card_server_start(argv[1]);
	(void)card_server_insert(server, argv[2], list, n + 1);
	(void)printf("ready\n");
	(void)fflush(stdout);
	(void)sigwait(&end, &got);
	card_server_stop(server);
	for (size_t i = 0; i <= n; i++)
		card_key_done(&keys[i]);
	return 0;
}
