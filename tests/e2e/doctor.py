"""What the cases of `fasctl doctor` have at hand: a domain that is well, a way to break it, and the hand that pastes
remedies."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from case import LabCase
from controller import Controller
from lab import dc, namespace, pki, proc, programs
from lab.layout import BASE_DN, DC, REALM, write

SAM = "/var/lib/samba/private/sam.ldb"
PKI_DN = f"CN=Public Key Services,CN=Services,CN=Configuration,{BASE_DN}"
NTAUTH_DN = f"CN=NTAuthCertificates,{PKI_DN}"
ROOTS_DN = f"CN=Certification Authorities,{PKI_DN}"


def person(name):
    return f"CN={name},OU=People,{BASE_DN}"


SERVICE_DN = f"CN=svc-fas,CN=Users,{BASE_DN}"


class DoctorCase(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.dc = Controller(cls.lab)
        cls.addClassCleanup(cls.dc.put_back)
        cls.here = Path(tempfile.mkdtemp(prefix="fas-here-"))
        cls.addClassCleanup(shutil.rmtree, cls.here)
        root = pki.Authority.load(cls.lab.pki, "dcroot").certificate
        cls.publish_authority("lab-dcroot", root)
        cls.publish_authority("lab-logon-root", pki.Authority.load(cls.lab.pki, "logon-root").certificate)
        cls.add_ntauth(root, cls.logon_ca())

    # ---- the domain ----

    @classmethod
    def logon_ca(cls):
        from cryptography import x509
        return x509.load_pem_x509_certificate((cls.lab.pki / "logon-ca.crt").read_bytes())

    @classmethod
    def ldb(cls, tool, text):
        cls.dc.sh(f"{tool} -H {SAM} <<'EOF'\n{text}\nEOF")

    @classmethod
    def modify(cls, dn, *lines):
        cls.ldb("ldbmodify", "\n".join([f"dn: {dn}", "changetype: modify", *lines]))

    @classmethod
    def add_object(cls, dn, *certificates):
        cls.ldb("ldbadd", "\n".join([f"dn: {dn}", "objectClass: certificationAuthority",
                                     *(f"cACertificate:: {der(one)}" for one in certificates),
                                     "authorityRevocationList:: AA==", "certificateRevocationList:: AA=="]))
        cls.dc.undo.append(f"ldbdel -H {SAM} '{dn}' || true")

    @classmethod
    def publish_authority(cls, name, certificate):
        cls.add_object(f"CN={name},{ROOTS_DN}", certificate)

    @classmethod
    def add_ntauth(cls, *certificates):
        cls.add_object(NTAUTH_DN, *certificates)

    def samba_setting(self, line):
        """One line more in [global], and the server anew; both go when the case is over."""
        self.keep_conf()
        self.dc.sh(f"sed -i '/^\\[global\\]/a {line}' /etc/samba/smb.conf")
        self.dc.restart()

    def keep_conf(self):
        conf = self.dc.path("/etc/samba/smb.conf")
        self.addCleanup(self.put_conf, conf, conf.read_bytes())

    def put_conf(self, conf, content):
        conf.write_bytes(content)
        self.dc.restart()

    def controller_certificate(self, certificate, key):
        """Let the controller show this one; its own comes back with the case's end."""
        self.keep_conf()
        tls = self.lab.samba / "tls"
        for name in ("kdc.crt", "kdc.key"):
            self.addCleanup((tls / name).write_bytes, (tls / name).read_bytes())
        write(tls / "kdc.crt", pki.pem(certificate))
        write(tls / "kdc.key", pki.key_pem(key), 0o600)
        self.dc.restart()

    # ---- the diagnosis ----

    node = None  # whose fasctl is asked, if not the lab's first

    def await_doctor(self, node):
        proc.wait_for(lambda: programs.fasctl_status(node, "doctor", "--list")[0] == 0, 20, "fasd's admin socket")

    def diagnose(self, *words):
        status, out, errors = programs.fasctl_status(self.node or self.lab, "doctor", "--json", *words)
        self.assertIn(status, (0, 4), errors)
        reply = json.loads(out)
        self.assertEqual(status == 4, bool(reply["findings"]))
        return reply

    def findings(self, check, subject=None):
        found = self.diagnose("--only", check)["findings"]
        return [f for f in found if subject is None or f["subject"] == subject]

    def see(self, check, subject, says=""):
        found = self.findings(check, subject)
        self.assertEqual(len(found), 1, self.diagnose("--only", check))
        self.assertIn(says, found[0]["what"])
        self.assertTrue(found[0]["meaning"])
        self.assertTrue(found[0]["remedy"])
        return found[0]

    def assertGone(self, check, subject):
        reply = self.diagnose("--only", check)
        self.assertEqual([f for f in reply["findings"] if f["subject"] == subject], [])
        state = reply["checks"][0]
        self.assertNotEqual(state["state"], "not_checked", state)

    def cure(self, check, subject, says=""):
        """The named finding is there; its remedy, pasted, makes it go."""
        finding = self.see(check, subject, says)
        self.apply(finding["remedy"])
        self.assertGone(check, subject)
        return finding

    # ---- remedies, as an administrator pastes them ----

    def apply(self, remedy):
        """All of it but what is said to be for the other kind of controller."""
        for step in remedy:
            if step["command"].endswith("# Windows"):
                continue
            run = self.on_controller if step["at"] == "controller" else self.on_this_machine
            run(step["command"])

    def on_controller(self, command):
        if "systemctl restart samba-ad-dc" in command or "chronyc makestep" in command:
            # In the lab the server's own clock is the only one that can be wrong: it comes back with the machine's.
            self.dc.restart()
        else:
            self.dc.sh(command)

    def on_this_machine(self, command):
        """With the files that the remedy has carried between the two machines."""
        if command.startswith("#") or "chronyc" in command:
            return
        request = self.dc.path("/etc/samba/kdc.csr")
        if request.exists():
            shutil.copy(request, self.here)
        argv = namespace.enter(self.lab, ["bash", "-e", "-c", command.replace("/etc/fas/", f"{self.lab.fas}/")],
                               cwd=self.here)
        env = {**programs.tool_env(self.node or self.lab), "PATH": f"{programs.build_folder()}/bin:{os.environ['PATH']}"}
        done = subprocess.run(argv, env=env, text=True, capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        answer = self.here / "kdc-chain.crt"
        if answer.exists():
            shutil.move(answer, self.dc.path("/etc/samba/kdc-chain.crt"))

    def fake_clock(self, offset):
        """The controller with a clock that is off; a restart puts it right.  Its database's modules look for time() in
        libc alone unless they are told not to."""
        proc.stop(self.lab, "samba")
        argv = ["samba", "-s", self.lab.run / "dc" / "etc" / "smb.conf", "-i", "-M", "single", "--debug-stdout"]
        env = {**proc.clock(offset), "LDB_MODULES_DISABLE_DEEPBIND": "1"}
        proc.start(self.lab, "samba", namespace.enter(self.lab, argv), env=env)
        self.addCleanup(self.dc.restart)
        dc.wait_ready(self.lab)


def der(certificate):
    import base64

    from cryptography.hazmat.primitives.serialization import Encoding
    return base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()


__all__ = ["BASE_DN", "DC", "DoctorCase", "NTAUTH_DN", "PKI_DN", "REALM", "ROOTS_DN", "SAM", "SERVICE_DN", "der", "person"]
