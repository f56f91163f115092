# The edge: HTTP, callers, configuration, state, and the programs fasd and fas-launch.
fas_room(fas_edge
  SOURCES
    problem.c metrics.c refusals.c caller.c api.c publisher.c
    http/listen.c http/workers.c http/route.c http/response.c http/tls.c http/server.c http/exchange.c
  LINK fas_base PkgConfig::MHD PkgConfig::GNUTLS PkgConfig::JANSSON OpenSSL::Crypto Threads::Threads)
