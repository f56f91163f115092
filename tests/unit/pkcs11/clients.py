#!/usr/bin/python3
"""Real programs with the module, against serve_card: what each of them calls is theirs, not what we think of.

clients.py MODULE SERVE_CARD [unittest's arguments]
"""

import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

MODULE, SERVE_CARD = (str(Path(arg).resolve()) for arg in sys.argv[1:3])
PATIENCE_S = 60
TOKEN = "alice@CORP"
KEYS = {"logon": "rsa:2048", "rsa": "rsa:2048", "ec": "ec"}
EXTENSIONS = """
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = keyCertSign,cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[logon]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = clientAuth,1.3.6.1.4.1.311.20.2.2
subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@TEST.REALM
[kdc]
basicConstraints = CA:FALSE
keyUsage = digitalSignature,keyEncipherment
extendedKeyUsage = 1.3.6.1.5.2.3.5
subjectAltName = otherName:1.3.6.1.5.2.2;SEQUENCE:kdc_principal
[kdc_principal]
realm = EXP:0,GeneralString:TEST.REALM
name = EXP:1,SEQUENCE:kdc_name
[kdc_name]
type = EXP:0,INTEGER:2
parts = EXP:1,SEQUENCE:kdc_parts
[kdc_parts]
service = GeneralString:krbtgt
instance = GeneralString:TEST.REALM
"""


def run(*argv, check=True, **options):
    done = subprocess.run([str(a) for a in argv], text=True, errors="replace", stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=PATIENCE_S, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: {done.returncode}\n{done.stdout}")
    return done.stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def await_port(port, process):
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and process.poll() is None:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nothing listens on {port}")


class World:
    """Certificates, the card, and an HTTPS server for each TLS version that demands a client certificate."""

    def __init__(self, folder):
        self.folder = Path(folder)
        (self.folder / "ext").write_text(EXTENSIONS)
        self.issue("ca", "ca", "rsa:2048")
        self.issue("server", "server", "rsa:2048")
        self.issue("kdc", "kdc", "rsa:2048")
        for name, kind in KEYS.items():
            self.issue(name, "logon" if name == "logon" else "client", kind)
        self.card = self.serve_card()
        self.env = {**os.environ, "FAS_AGENT_SOCKET": str(self.folder / "card.sock"), "HOME": folder, "LC_ALL": "C"}

    def path(self, name):
        return str(self.folder / name)

    def issue(self, name, section, kind):
        curve = ["-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "ec" else []
        request = ["openssl", "req", "-newkey", kind, *curve, "-nodes", "-keyout", self.path(name + ".key"), "-subj",
                   f"/CN=alice {name}", "-out", self.path(name + ".csr")]
        run(*request)
        signer = ["-signkey", self.path("ca.key")] if name == "ca" else ["-CA", self.path("ca.pem"), "-CAkey",
                                                                         self.path("ca.key"), "-CAcreateserial"]
        run("openssl", "x509", "-req", "-in", self.path(name + ".csr"), *signer, "-days", "2", "-extfile",
            self.path("ext"), "-extensions", section, "-out", self.path(name + ".pem"))

    def serve_card(self):
        files = [self.path(f"{name}.{part}") for name in KEYS for part in ("key", "pem")]
        card = subprocess.Popen([SERVE_CARD, self.path("card.sock"), TOKEN, self.path("ca.pem"), *files],
                                stdout=subprocess.PIPE, text=True)
        if card.stdout.readline() != "ready\n":
            raise AssertionError("serve_card did not start")
        return card

    def key_id(self, name):
        """CKA_ID: SHA-1 of the subject public key, as OpenSSL's subjectKeyIdentifier."""
        hashed = run("openssl", "x509", "-req", "-in", self.path(name + ".csr"), "-signkey", self.path(name + ".key"),
                     "-extfile", self.path("ext"), "-extensions", "ca")
        text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectKeyIdentifier"], input=hashed, text=True,
                              capture_output=True, check=True).stdout
        return text.splitlines()[-1].strip().replace(":", "").lower()

    def uri(self, name, kind):
        key_id = self.key_id(name)
        octets = "".join("%" + key_id[i:i + 2] for i in range(0, len(key_id), 2))
        return f"pkcs11:token={TOKEN.replace('@', '%40')};id={octets};type={kind}"

    def close(self):
        self.card.terminate()
        self.card.wait()
        self.card.stdout.close()


class Site:
    """HTTPS with one TLS version; answers with the client certificate's name."""

    def __init__(self, world, version):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(world.path("server.pem"), world.path("server.key"))
        self.context.load_verify_locations(world.path("ca.pem"))
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.minimum_version = self.context.maximum_version = version
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                plain, _ = self.listener.accept()
            except OSError:
                return
            try:
                with self.context.wrap_socket(plain, server_side=True) as s:
                    s.settimeout(PATIENCE_S)
                    while b"\r\n\r\n" not in s.recv(4096):
                        pass
                    name = s.getpeercert()["subject"][0][0][1]
                    body = f"hello {name} by {s.version()}"
                    s.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
                    s.unwrap()
            except OSError:
                plain.close()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="fas-clients-")
        cls.world = World(cls.folder.name)
        cls.sites = {"TLSv1.2": Site(cls.world, ssl.TLSVersion.TLSv1_2),
                     "TLSv1.3": Site(cls.world, ssl.TLSVersion.TLSv1_3)}

    @classmethod
    def tearDownClass(cls):
        for site in cls.sites.values():
            site.close()
        cls.world.close()
        cls.folder.cleanup()

    def tool(self, *argv, **options):
        return run(*argv, env={**self.world.env, **options.pop("env", {})}, cwd=self.world.folder, **options)

    def each_site(self):
        return [(version, site, name) for version, site in self.sites.items() for name in ("rsa", "ec")]

    # ---- OpenSC ----

    def test_pkcs11_tool_finds_nothing_wrong(self):
        for login in ([], ["--login", "--pin", "any"]):
            self.assertIn("No errors", self.tool("pkcs11-tool", "--module", MODULE, *login, "--test"))

    def test_pkcs11_tool_signs_by_every_mechanism(self):
        (self.world.folder / "data").write_text("what is signed")
        hashes = {"SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
        cases = [(f"{h}-RSA-PKCS{pss}", "rsa", h) for h in hashes for pss in ("", "-PSS")]
        cases += [(f"ECDSA-{h}", "ec", h) for h in hashes]
        for mechanism, name, digest in cases:
            with self.subTest(mechanism=mechanism):
                form = ["--signature-format", "openssl"] if name == "ec" else []
                self.tool("pkcs11-tool", "--module", MODULE, "--sign", "-m", mechanism, "--id", self.world.key_id(name),
                          *form, "-i", "data", "-o", "signature")
                pss = ["-sigopt", "rsa_padding_mode:pss"] if "PSS" in mechanism else []
                (self.world.folder / "public").write_text(
                    self.tool("openssl", "x509", "-in", f"{name}.pem", "-noout", "-pubkey"))
                self.assertIn("Verified OK", self.tool("openssl", "dgst", "-" + hashes[digest], *pss, "-verify",
                                                       "public", "-signature", "signature", "data"))

    # ---- GnuTLS ----

    def test_p11tool_lists_and_signs(self):
        said = self.tool("p11tool", "--provider", MODULE, "--list-all", "pkcs11:token=alice%40CORP")
        self.assertEqual(len(re.findall(r"^Object \d+:", said, re.M)), 3 * len(KEYS) + 1)
        for name in KEYS:
            said = self.tool("p11tool", "--provider", MODULE, "--test-sign", self.world.uri(name, "private"))
            self.assertEqual(said.count("... ok"), 3)

    def test_gnutls_cli_logs_on(self):
        for version, site, name in self.each_site():
            argv = ["gnutls-cli", f"--provider={MODULE}", "--x509cafile=ca.pem", "--port", str(site.port),
                    "--x509certfile", self.world.uri(name, "cert"), "--x509keyfile", self.world.uri(name, "private"),
                    "localhost"]
            with subprocess.Popen(argv, env=self.world.env, cwd=self.world.folder, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
                client.stdin.write("GET / HTTP/1.0\r\n\r\n")
                client.stdin.flush()
                self.assertIn(f"hello alice {name} by {version}", client.stdout.read())

    # ---- OpenSSL by engine_pkcs11 ----

    def test_curl_logs_on(self):
        for version, site, name in self.each_site():
            said = self.tool("curl", "-sS", "--cacert", "ca.pem", "--engine", "pkcs11", "--cert-type", "ENG",
                             "--key-type", "ENG", "--cert", self.world.uri(name, "cert"), "--key",
                             self.world.uri(name, "private"), f"https://localhost:{site.port}/",
                             env={"PKCS11_MODULE_PATH": MODULE})
            self.assertEqual(said, f"hello alice {name} by {version}")

    # ---- NSS ----

    def test_nss_sees_certificates_with_their_keys(self):
        (self.world.folder / "nss").mkdir()
        self.tool("certutil", "-N", "-d", "sql:nss", "--empty-password")
        self.tool("modutil", "-dbdir", "sql:nss", "-add", "fas", "-libfile", MODULE, "-force")
        listed = self.tool("certutil", "-L", "-d", "sql:nss", "-h", "all")
        self.assertEqual(len(re.findall(rf"^{TOKEN}:\S.* u,u,u$", listed, re.M)), len(KEYS), listed)
        keys = self.tool("certutil", "-K", "-d", "sql:nss", "-h", TOKEN)
        for name in KEYS:
            self.assertIn(self.world.key_id(name), keys)

    # ---- OpenSSH ----

    def start_sshd(self):
        port, folder = free_port(), self.world.folder / "ssh"
        folder.mkdir()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host")
        keys = self.tool("ssh-keygen", "-D", MODULE)
        (folder / "authorized").write_text("".join(line + "\n" for line in keys.splitlines() if TOKEN in line))
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\n"
            "StrictModes no\nUsePAM no\nPasswordAuthentication no\nPidFile none\n")
        Path("/run/sshd").mkdir(exist_ok=True)
        sshd = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(folder / "config")], stderr=subprocess.DEVNULL)
        self.addCleanup(sshd.wait)
        self.addCleanup(sshd.terminate)
        await_port(port, sshd)
        return port

    def ssh(self, port, *options, **more):
        user = pwd.getpwuid(os.getuid()).pw_name
        return self.tool("ssh", "-F", "none", "-q", "-p", port, "-o", "StrictHostKeyChecking=no", "-o",
                         "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", *options, f"{user}@127.0.0.1", "echo",
                         "here", **more)

    def test_ssh_logs_on_alone_and_by_its_agent(self):
        port = self.start_sshd()
        for algorithm in ("rsa-sha2-256", "rsa-sha2-512", "ecdsa-sha2-nistp256"):
            with self.subTest(algorithm=algorithm):
                said = self.ssh(port, "-o", f"PubkeyAcceptedAlgorithms={algorithm}", "-I", MODULE)
                self.assertEqual(said, "here\n")
        agent = self.tool("ssh-agent", "-P", str(Path(MODULE).parent / "*"), "-a", self.world.path("agent.sock"))
        self.addCleanup(os.kill, int(re.search(r"SSH_AGENT_PID=(\d+)", agent)[1]), signal.SIGTERM)
        env = {"SSH_AUTH_SOCK": self.world.path("agent.sock"), "SSH_ASKPASS": "/bin/true",
               "SSH_ASKPASS_REQUIRE": "force"}
        self.tool("ssh-add", "-s", MODULE, env=env)
        self.assertEqual(self.ssh(port, env=env), "here\n")

    # ---- MIT Kerberos ----

    def start_kdc(self):
        port, folder = free_port(), self.world.folder / "kdc"
        folder.mkdir()
        (folder / "krb5.conf").write_text(
            "[libdefaults]\n default_realm = TEST.REALM\n dns_lookup_kdc = false\n udp_preference_limit = 1\n"
            f"[realms]\n TEST.REALM = {{\n  kdc = 127.0.0.1:{port}\n  pkinit_anchors = FILE:{self.world.path('ca.pem')}\n"
            "  pkinit_cert_match = <EKU>msScLogin\n }\n")
        (folder / "kdc.conf").write_text(
            f"[kdcdefaults]\n kdc_listen = 127.0.0.1:{port}\n kdc_tcp_listen = 127.0.0.1:{port}\n[realms]\n TEST.REALM = {{\n"
            f"  database_name = {folder}/db\n  key_stash_file = {folder}/stash\n  acl_file = {folder}/acl\n"
            f"  pkinit_identity = FILE:{self.world.path('kdc.pem')},{self.world.path('kdc.key')}\n"
            f"  pkinit_anchors = FILE:{self.world.path('ca.pem')}\n"
            "  pkinit_allow_upn = true\n  pkinit_eku_checking = scLogin\n }\n")
        env = {"KRB5_CONFIG": str(folder / "krb5.conf"), "KRB5_KDC_PROFILE": str(folder / "kdc.conf"),
               "KRB5CCNAME": f"FILE:{folder}/ccache"}
        self.tool("kdb5_util", "create", "-s", "-r", "TEST.REALM", "-P", "x", env=env)
        self.tool("kadmin.local", "-q", "addprinc -randkey +requires_preauth alice", env=env)
        kdc = subprocess.Popen(["krb5kdc", "-n"], env={**self.world.env, **env}, stderr=subprocess.DEVNULL)
        self.addCleanup(kdc.wait)
        self.addCleanup(kdc.terminate)
        await_port(port, kdc)
        return env

    def test_kinit_gets_a_ticket(self):
        env = self.start_kdc()
        self.tool("kinit", "-X", f"X509_user_identity=PKCS11:module_name={MODULE}", "alice", env=env)
        self.assertIn("krbtgt/TEST.REALM@TEST.REALM", self.tool("klist", env=env))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]], verbosity=2)
