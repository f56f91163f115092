/* The types of a CA's key, and what is to be known where one is chosen. */
#ifndef FAS_CTL_KEY_TYPES_H
#define FAS_CTL_KEY_TYPES_H

#include <stdio.h>

#include <jansson.h>

/* For --help of the commands that take a type. */
#define CTL_KEY_TYPES_HELP                                                                         \
	"Types of key, what a certificate of a logon costs with each (signed and verified, on\n"   \
	"one core of the machine in docs/PERFORMANCE.md, in a file), and which domain\n"           \
	"controllers accept it:\n"                                                                 \
	"  rsa-2048   0.2 ms  every one; the default\n"                                            \
	"  rsa-3072   1.4 ms  every one\n"                                                         \
	"  rsa-4096   3.2 ms  every one\n"                                                         \
	"  p-256      0.1 ms  Windows Server, MIT; Samba refuses it\n"                             \
	"  p-384      1.0 ms  Windows Server, MIT; Samba refuses it\n"                             \
	"In a token it is the token's time that counts: often over 100 ms in a TPM.  Where the\n"  \
	"key lies says signer.yaml (key:, pkcs11:).  When it is made, its cost here is measured\n" \
	"and said."

/* Of a reply with "key" and "signature_us": what this key costs a logon here, and who accepts it.  Nothing without. */
void ctl_key_type_say(FILE *out, const json_t *reply);

#endif
