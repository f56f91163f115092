# What fasd links of this room: the issue socket's messages behind functions.
fas_room(fas_ca_client SOURCES client.c client_channel.c client_news.c LINK fas_base)

# fas-signer without its main(), so that tests start it in their own process.
fas_room(fas_ca_signer
  SOURCES
    config.c config_key.c profile_config.c limits.c limits_take.c profile_limits.c rate.c
    key.c key_file.c key_place.c key_token.c key_cost.c key_digest.c key_hash.c pool.c held.c spki.c pem.c pem_file.c issuer.c authority.c make.c request.c bundle.c install.c crl.c crl_entry.c crl_frame.c give_way.c
    schema_store.c issuer_store.c generation_store.c proposal_store.c certificate_store.c revoke_store.c act_store.c token_store.c
    dispatch.c two_persons.c issue.c issue_op.c machine.c token.c hosts.c revoke.c revoke_run.c act.c sign_op.c state.c publisher.c
    authority_op.c install_op.c describe.c rotate.c rotate_op.c alarm.c published.c ledger_op.c countersign.c countersign_op.c countersign_store.c
    prune.c prune_store.c backup.c restore.c restore_store.c
    statement.c checkpoint.c acknowledge.c
    pkcs11.c pkcs11_uri.c pkcs11_door.c pkcs11_child.c pkcs11_confine.c pkcs11_worker.c pkcs11_module.c pkcs11_object.c
    listener.c issue_socket.c admin_socket.c server.c
  LINK fas_base fas_ca_x509 fas_ca_csr OpenSSL::Crypto PkgConfig::P11KIT Threads::Threads)
fas_program(fas-signer SOURCES signer.c confine.c LINK fas_ca_signer)
