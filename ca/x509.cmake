# ASN.1, profiles and lints: facts in, bytes out; no key, no database, no socket.
fas_room(fas_ca_x509
  SOURCES pem.c asn1.c asn1_key.c profile.c profile_names.c profile_extensions.c profile_ca.c profile_own.c profile_policies.c crl_check.c places.c
    lint.c lint_view.c lint_body.c lint_names.c lint_key.c lint_extension.c lint_location.c lint_user.c lint_own.c lint_machine.c
    lint_ca.c lint_crl.c lint_crl_entry.c lint_crl_view.c lint_remedy.c
  LINK fas_base OpenSSL::Crypto)
# The linter for files, as fasctl shows it.
fas_room(fas_ca_inspect
  SOURCES inspect.c inspect_facts.c
  LINK fas_ca_x509)
# Certification requests, read by the edge and by the signer.
fas_room(fas_ca_csr
  SOURCES csr.c
  LINK fas_ca_x509)
