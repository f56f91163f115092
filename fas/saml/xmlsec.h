/*
 * The one door to xmlsec's headers.  They name OpenSSL types that OPENSSL_NO_DEPRECATED hides; this house uses none
 * of the functions that take them.
 */
#ifndef FAS_SAML_XMLSEC_H
#define FAS_SAML_XMLSEC_H

#include <openssl/evp.h>

typedef struct rsa_st RSA;
typedef struct dsa_st DSA;
typedef struct ec_key_st EC_KEY;

#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/io.h>
#include <xmlsec/openssl/evp.h>
#include <xmlsec/xmldsig.h>
#include <xmlsec/xmlsec.h>

#endif
