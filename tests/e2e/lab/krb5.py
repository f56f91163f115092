"""Kerberos of the lab: the clients' krb5.conf, and an MIT KDC beside the domain, because Samba 4.17 reads no CRL."""

import os
import socket
import subprocess

from . import namespace, pki, proc
from .layout import DC, DOMAIN, KDC, REALM, LabError, write


def client_conf(lab, kdc_name=DC, realm=REALM):
    """Addresses, not names, so that it also works outside the lab's namespace.

    MIT's client verifies its own certificate against pkinit_anchors before it sends it, so the users' root stands among
    them beside the KDC's; and FILE: reads one certificate only, so the chain comes from pkinit_pool.  fas-agent brings
    anchors of its own.
    """
    address = lab.address(kdc_name)
    return "\n".join([
        "[libdefaults]", f" default_realm = {realm}", " dns_lookup_kdc = false", " dns_lookup_realm = false",
        " dns_canonicalize_hostname = false", " rdns = false", " udp_preference_limit = 1",
        "[realms]", f" {realm} = {{", f"  kdc = {address}:88", f"  kpasswd_server = {address}:464",
        f"  pkinit_anchors = FILE:{lab.pki}/dcroot.crt", f"  pkinit_anchors = FILE:{lab.pki}/logon-root.crt",
        f"  pkinit_pool = FILE:{lab.pki}/logon-ca.pem", f"  pkinit_kdc_hostname = {kdc_name}",
        " }",
        "[domain_realm]", f" .{DOMAIN} = {realm}", f" {DOMAIN} = {realm}", ""])


def write_client_conf(lab):
    write(lab.krb5_conf, client_conf(lab))


MIT_REALM = DOMAIN


class MitKdc:
    """krb5kdc with one user, told to believe the logon CA and its CRLs; its clock is set by faketime.

    It compares the certificate's UPN with the principal by case, so its realm is spelled as the users' UPN suffix is.
    """

    def __init__(self, lab, user, name="mit-kdc"):
        self.lab, self.user, self.name = lab, user, name
        self.folder = lab.folder / name
        self.client_conf = self.folder / "client.conf"
        self.env = {"KRB5_CONFIG": str(self.folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf")}

    def prepare(self, anchors, crls=()):
        """anchors: PEM files of the users' chain; crls: PEM files, one for each CA of it (DER is silently ignored)."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        root = pki.Authority.load(self.lab.pki, "dcroot")
        key, certificate = pki.issue_kdc(root, [KDC])
        write(self.folder / "kdc.key", pki.key_pem(key), 0o600)
        write(self.folder / "kdc.crt", pki.pem(certificate))
        write(self.folder / "krb5.conf", client_conf(self.lab, KDC, MIT_REALM) + "[logging]\n kdc = STDERR\n")
        write(self.client_conf, client_conf(self.lab, KDC, MIT_REALM))
        revoke = [f"  pkinit_revoke = FILE:{crl}" for crl in crls]
        write(self.folder / "kdc.conf", "\n".join([
            "[kdcdefaults]", f" kdc_listen = {self.lab.address(KDC)}:88",
            f" kdc_tcp_listen = {self.lab.address(KDC)}:88",
            "[realms]", f" {MIT_REALM} = {{",
            f"  database_name = {self.folder}/principal", f"  key_stash_file = {self.folder}/stash",
            f"  pkinit_identity = FILE:{self.folder}/kdc.crt,{self.folder}/kdc.key",
            *(f"  pkinit_anchors = FILE:{anchor}" for anchor in anchors),
            "  pkinit_allow_upn = true", "  pkinit_eku_checking = scLogin",
            *revoke, *(["  pkinit_require_crl_checking = true"] if revoke else []),
            " }", ""]))
        if not (self.folder / "stash").exists():
            self._run("kdb5_util", "create", "-s", "-r", MIT_REALM, "-P", os.urandom(16).hex())
            self._run("kadmin.local", "-r", MIT_REALM, "-q", f"addprinc -randkey +requires_preauth {self.user}")

    def _run(self, *argv):
        proc.run(argv, env={**os.environ, **self.env})

    def start(self, clock=None):
        """clock: what faketime calls a relative time, e.g. '-4m'."""
        env = {**self.env, **(proc.clock(clock) if clock else {})}
        proc.start(self.lab, self.name, namespace.enter(self.lab, ["krb5kdc", "-n", "-r", MIT_REALM]), env=env)
        proc.wait_ready(self.lab, self.name, self._answers)

    def _answers(self):
        try:
            socket.create_connection((self.lab.address(KDC), 88), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        proc.stop(self.lab, self.name)


def kinit(lab, user, certificate, key, cache, conf=None, enterprise=False):
    """Log on by PKINIT with certificate and key (files).

    Asked twice when the reply does not decrypt: of 256 exchanges between MIT 1.20.1 and Samba 4.17 one fails, because its
    Diffie-Hellman secret begins with a zero byte (fas/agent/pkinit.c).
    """
    env = {**os.environ, "KRB5_CONFIG": str(conf or lab.krb5_conf), "KRB5CCNAME": str(cache)}
    argv = namespace.enter(lab, ["kinit", *(["-E"] if enterprise else []), "-X",
                                 f"X509_user_identity=FILE:{certificate},{key}", user])
    try:
        return proc.run(argv, env=env, stdin=subprocess.DEVNULL)
    except LabError as error:
        if "Password" not in str(error) and "password" not in str(error):
            raise
        return proc.run(argv, env=env, stdin=subprocess.DEVNULL)
