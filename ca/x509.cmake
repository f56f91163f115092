# ASN.1, profiles and lints: facts in, bytes out; no key, no database, no socket.
fas_room(fas_ca_x509
  SOURCES asn1.c asn1_key.c profile.c profile_names.c profile_extensions.c profile_ca.c
  LINK fas_base OpenSSL::Crypto)
# Certification requests, read by the edge and by the signer.
fas_room(fas_ca_csr
  SOURCES csr.c
  LINK fas_ca_x509)
