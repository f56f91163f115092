/* Messages of our own sockets: bytes through the framing, and what every reply has to look like. */
#ifndef FAS_TESTS_FUZZ_MESSAGE_H
#define FAS_TESTS_FUZZ_MESSAGE_H

#include <jansson.h>

#include "tests/fuzz/fuzz.h"

/*
 * The message as a server would receive it.  Bytes that begin with '{' get their length put in front; others are sent as
 * they are.  NULL: no message.
 */
json_t *message_receive(const uint8_t *data, size_t size);

/* An object; when it is an error, one that names a refusal: no input may lead to "internal" or to damage. */
void message_check_reply(const json_t *reply);

#endif
