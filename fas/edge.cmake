# Threads for slow work, also fas-agent's.
fas_room(fas_workers SOURCES http/workers.c LINK fas_base Threads::Threads)

# The edge: HTTP, callers, configuration, state, and the programs fasd and fas-launch.
fas_room(fas_edge
  SOURCES
    problem.c metrics.c refusals.c caller.c caller_table.c watch.c api.c api_sessions.c publisher.c config.c front_config.c reload.c ops.c gauges.c
    identity.c held.c doors.c acceptor.c machines.c negotiate.c negotiation.c pac.c background.c audit_head.c audit_head_store.c audit_reconcile.c audit_prune.c audit_gap.c ends.c admin.c admin_ops.c admin_audit.c admin_explain.c
    backup.c
    http/listen.c http/route.c http/response.c http/tls.c http/server.c http/exchange.c http/head.c http/negotiate.c http/handshake.c
  LINK fas_base fas_workers PkgConfig::MHD PkgConfig::GNUTLS PkgConfig::JANSSON PkgConfig::KRB5 PkgConfig::GSSAPI OpenSSL::Crypto Threads::Threads)

# Documents over https; also of fasctl.
fas_room(fas_fetch_url SOURCES http/fetch_url.c LINK fas_base PkgConfig::CURL)

# What looks after published objects: it fetches them as a domain controller would.
fas_room(fas_watch
  SOURCES http/fetch.c http/fetch_answer.c published.c watchdog.c watchdog_memory.c watchdog_places.c pki_objects.c pki_import.c pki_publisher.c upkeep.c idp_refresh.c
  LINK fas_base fas_ldap fas_ca_x509 fas_ca_client fas_fetch_url OpenSSL::Crypto)

# The edge calls the pipeline; programs and tests decide which one: the real rooms, or a made-up one.
fas_program(fasd SOURCES fasd.c fasd_options.c confine.c front_door.c admin_doctor.c LINK fas_front fas_edge fas_doctor fas_watch fas_pipeline fas_base)

# Root's: it is linked with no more than it calls.
fas_program(fas-launch SOURCES launch.c launch_options.c launch_exec.c http/listen.c LINK fas_base)
target_link_options(fas-launch PRIVATE -Wl,--as-needed)
