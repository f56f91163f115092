/*
 * A card server: what fas-agent is to the module, honest but small.  It runs in threads of the test program, and as a
 * program of its own for real clients (serve_card.c).
 */
#ifndef TESTS_PKCS11_CARD_SERVER_H
#define TESTS_PKCS11_CARD_SERVER_H

#include <sys/types.h>

#include "tests/unit/pkcs11/card_keys.h"

#define SERVER_CARDS_MAX 4
#define SERVER_KEYS_MAX 6

struct card_server;

struct card_server *card_server_start(const char *path);
void card_server_stop(struct card_server *server);

/* A card with these keys; keys of purpose 0 are certificates of CAs.  The keys are borrowed.  Returns its id. */
uint32_t card_server_insert(
    struct card_server *server, const char *label, const struct card_key *const *keys, size_t n);
void card_server_remove(struct card_server *server, uint32_t card);
/* Other content on the same card, as after a renewal. */
void card_server_renew(
    struct card_server *server, uint32_t card, const struct card_key *const *keys, size_t n);

/* Cards that come from here on have serials with this in front, as after a restart of the agent. */
void card_server_name_serials(struct card_server *server, uint32_t first);
/* From here on SIGN and SIGN_HASHED are refused with this; OK: no more. */
void card_server_refuse(struct card_server *server, enum card_status status);
/* Signatures are not answered until this is false again, as while a person is asked. */
void card_server_hold(struct card_server *server, bool hold);
/* Nothing is answered until this is false again, as by an agent that hangs. */
void card_server_hang(struct card_server *server, bool hang);
/* Until this many signatures are being held. */
void card_server_await_held(struct card_server *server, size_t n);
/* Requests of this kind so far. */
size_t card_server_count(struct card_server *server, enum card_op op);
/* Until there have been this many. */
void card_server_await(struct card_server *server, enum card_op op, size_t n);

#endif
