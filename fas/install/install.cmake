# What `cmake --install` puts where, and the two Debian packages: fas-server and fas-host.
set(here ${CMAKE_SOURCE_DIR}/fas/install)
set(man ${CMAKE_SOURCE_DIR}/docs/man)

# ---- server ----

install(FILES ${here}/systemd/fasd.service ${here}/systemd/fas-signer.service
  DESTINATION lib/systemd/system COMPONENT fas-server)
install(FILES ${here}/fas-server.sysusers DESTINATION lib/sysusers.d RENAME fas-server.conf COMPONENT fas-server)
install(FILES ${here}/fas-server.tmpfiles DESTINATION lib/tmpfiles.d RENAME fas-server.conf COMPONENT fas-server)
foreach(program fasd fas-signer fasctl fas-launch)
  install(FILES ${here}/completion/fas.bash
    DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME ${program} COMPONENT fas-server)
  install(FILES ${man}/${program}.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT fas-server)
endforeach()
foreach(page fasd.yaml signer.yaml limits.yaml policy.yaml)
  install(FILES ${man}/${page}.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT fas-server)
endforeach()
install(FILES docs/ADMIN.md docs/FILES.md docs/POLICY.md docs/PROTOCOL.md docs/SAML.md docs/THREATS.md
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-server COMPONENT fas-server)
install(DIRECTORY docs/images DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-server COMPONENT fas-server)
install(FILES ${here}/examples/fasd.yaml ${here}/examples/signer.yaml ${here}/examples/limits.yaml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-server/examples COMPONENT fas-server)
install(FILES ${here}/examples/policy.d/50-staff.yaml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-server/examples/policy.d COMPONENT fas-server)

# ---- host ----

install(FILES ${here}/systemd/fas-agent.service ${here}/systemd/fas-agent-renew.service
    ${here}/systemd/fas-agent-renew.timer
  DESTINATION lib/systemd/system COMPONENT fas-host)
install(FILES ${here}/fas-host.tmpfiles DESTINATION lib/tmpfiles.d RENAME fas-host.conf COMPONENT fas-host)
install(FILES ${here}/completion/fas.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME fas-agent COMPONENT fas-host)
install(FILES ${man}/fas-agent.8 ${man}/fas-pkcs11.8 ${man}/pam_fas.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT fas-host)
install(FILES ${man}/agent.yaml.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT fas-host)
install(FILES docs/HOST.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-host COMPONENT fas-host)
# For pam-auth-update(8), which puts it into the stacks when an administrator says so.
install(FILES ${here}/pam-configs/fas DESTINATION ${CMAKE_INSTALL_DATADIR}/pam-configs COMPONENT fas-host)
# The module is known to p11-kit by a name (it looks in LIBDIR/pkcs11), to NSS by its path.
install(FILES ${here}/p11-kit/fas.module DESTINATION ${CMAKE_INSTALL_DATADIR}/p11-kit/modules COMPONENT fas-host)
set(module ${CMAKE_INSTALL_FULL_LIBDIR}/pkcs11/fas-pkcs11.so)
configure_file(${here}/nss/fas-nss-register ${CMAKE_BINARY_DIR}/install/fas-nss-register @ONLY)
configure_file(${here}/nss/firefox-policies.json ${CMAKE_BINARY_DIR}/install/firefox-policies.json @ONLY)
install(PROGRAMS ${CMAKE_BINARY_DIR}/install/fas-nss-register DESTINATION lib/fas COMPONENT fas-host)
install(FILES ${here}/nss/fas-nss-register.service DESTINATION lib/systemd/user COMPONENT fas-host)
install(FILES ${CMAKE_BINARY_DIR}/install/firefox-policies.json ${here}/nss/chromium-policies.json
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-host/examples COMPONENT fas-host)
install(FILES ${here}/examples/agent.yaml
  DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/fas-host/examples COMPONENT fas-host)

# ---- packages ----

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME fas)
set(CPACK_PACKAGE_CONTACT "Federated authentication service <fas@localhost>")
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL fas-server fas-host)
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

# SASL's GSSAPI is loaded at run time, where shlibdeps cannot see it; so is libkrb5's PKINIT.
set(CPACK_DEBIAN_FAS-SERVER_PACKAGE_NAME fas-server)
set(CPACK_DEBIAN_FAS-SERVER_PACKAGE_DEPENDS "systemd, libsasl2-modules-gssapi-mit")
set(CPACK_DEBIAN_FAS-SERVER_PACKAGE_RECOMMENDS "krb5-user, chrony | time-daemon, bash-completion")
set(CPACK_DEBIAN_FAS-SERVER_DESCRIPTION "federated authentication service: server
Turns SAML assertions into short-lived smart-card logon certificates for
Active Directory accounts: fasd, fas-signer and fasctl.")
set(CPACK_DEBIAN_FAS-SERVER_PACKAGE_CONTROL_EXTRA
  "${here}/debian/server/postinst;${here}/debian/server/prerm;${here}/debian/server/postrm")

set(CPACK_DEBIAN_FAS-HOST_PACKAGE_NAME fas-host)
set(CPACK_DEBIAN_FAS-HOST_PACKAGE_DEPENDS "systemd, krb5-pkinit")
set(CPACK_DEBIAN_FAS-HOST_PACKAGE_RECOMMENDS "pinentry-curses | pinentry, krb5-user, libnss3-tools, p11-kit, chrony | time-daemon, bash-completion")
set(CPACK_DEBIAN_FAS-HOST_DESCRIPTION "federated authentication service: host
The desktop host's side: fas-agent redeems a ticket for a certificate and
logs the user on by Kerberos PKINIT and keeps the session's smart card.")
set(CPACK_DEBIAN_FAS-HOST_PACKAGE_CONTROL_EXTRA
  "${here}/debian/host/postinst;${here}/debian/host/prerm;${here}/debian/host/postrm")
include(CPack)
