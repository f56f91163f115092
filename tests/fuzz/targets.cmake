# Each target: what it feeds, and what it links.
set(edge ${CMAKE_SOURCE_DIR}/tests/unit/edge)
set(x509 ${CMAKE_SOURCE_DIR}/tests/unit/ca_x509)

fuzz_target(saml SOURCES saml.c saml_edit.c MUTATOR saml_mutator.c LINK fas_saml_world)
fuzz_target(csr SOURCES csr.c LINK fas_ca_signer)
fuzz_target(api SOURCES api.c ${edge}/fakes.c ${edge}/pki.c ${edge}/table.c LINK fas_edge -Wl,--wrap=audit_write)
fuzz_target(http SOURCES http.c ${edge}/harness.c ${edge}/client.c ${edge}/pki.c ${edge}/fakes.c
  LINK fas_edge PkgConfig::CURL)
fuzz_target(policy SOURCES policy.c LINK fas_policy)
fuzz_target(config SOURCES config.c LINK fas_edge fas_agent fas_ca_signer fas_ldap fas_saml fas_saml_sign)
fuzz_target(ldap SOURCES ldap.c LINK fas_ldap fas_agent fas_saml)
fuzz_target(signer SOURCES signer.c message.c
  LINK fas_ca_signer -Wl,--wrap=listener_start -Wl,--wrap=listener_stop -Wl,--wrap=key_generate)
fuzz_target(fasd_admin SOURCES fasd_admin.c message.c ${edge}/fakes.c LINK fas_edge)
fuzz_target(ticket SOURCES ticket.c LINK fas_pipeline fas_ca_signer fas_agent)
fuzz_target(pac SOURCES pac.c LINK fas_edge)
fuzz_target(agent SOURCES agent.c LINK fas_agent fas_edge)
fuzz_target(card SOURCES card.c LINK fas_card)
fuzz_target(lint SOURCES lint.c ${x509}/lint_world.c ${edge}/pki.c LINK fas_ca_x509 fas_caller
  DATA ${CMAKE_SOURCE_DIR}/tests/data/lint)
foreach(name api http fasd_admin lint)
  foreach(kind "" _replay)
    if(TARGET fuzz_${name}${kind})
      target_include_directories(fuzz_${name}${kind} PRIVATE ${edge} ${x509})
    endif()
  endforeach()
endforeach()
