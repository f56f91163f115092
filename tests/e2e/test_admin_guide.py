"""docs/ADMIN.md, followed to the letter on fresh machines: from the packages to a logon in the lab's domain.

Blocks of the guide are ```sh MACHINE or ```yaml MACHINE:FILE.  The test's own part is what an administrator does with
hands and eyes: names and addresses in their places, files carried between machines, tokens and passphrases typed.
"""

import base64
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import controller
import machine
from lab import kerberos, proc, programs, saml
from lab.layout import BASE_DN, DC, DOMAIN, FAS, NETBIOS, PKI, REPO, STOREFRONT, VDA1, write

from case import SECRETS, LabCase

GUIDE = REPO / "docs" / "ADMIN.md"
LAST_PART = 25  # of the address that the guide's fas1 has: not the one of the lab's own
PASSPHRASE = "of the offline root"
ISSUER = "http://www.okta.com/exk1"
AUDIENCE = "https://fas.corp.example.com/saml"
RECIPIENT = "https://storefront01.corp.example.com/saml/acs"
BLOCK = re.compile(r"(?ms)^```(sh|yaml|conf) (\S+)\n(.*?)^```$")
ACCOUNT = "svc-guide"  # in place of svc-fas, which the lab itself has
NTAUTH = f"CN=NTAuthCertificates,CN=Public Key Services,CN=Services,CN=Configuration,{BASE_DN}"
MACHINES = {"fas1": FAS, "storefront01": STOREFRONT, "vda1": VDA1}


class Offline:
    """The offline root's machine: a folder, and somebody who types the passphrase when asked."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="fas-offline-"))

    def sh(self, script):
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execv("/bin/bash", ["bash", "-e", "-c", script])
        said, answered, end = "", 0, time.monotonic() + 120
        while time.monotonic() < end:
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                said += os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the other end is closed
                break
            while len(re.findall(r"pass phrase[^:\n]*:", said)) > answered:
                os.write(terminal, (PASSPHRASE + "\n").encode())
                answered += 1
        os.close(terminal)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert status == 0, f"offline, status {status}:\n{script}\n{said}"
        return said


class AdminGuide(LabCase):
    def setUp(self):
        self.address = f"127.88.{self.lab.number}.{LAST_PART}"
        self.folder, self.packages = machine.packages(programs.build_folder())
        self.addCleanup(shutil.rmtree, self.folder)
        self.offline = Offline()
        self.addCleanup(shutil.rmtree, self.offline.folder)
        source = machine.image(self.packages)
        self.machines = {}
        for short, name in MACHINES.items():
            made = self.machines[short] = machine.Machine(name, source, self.hosts(), self.resolv_conf())
            self.addCleanup(made.stop)
            made.boot()
        self.controller = self.machines["dc1"] = controller.Controller(self.lab)
        self.addCleanup(self.controller.put_back)
        self.said = {}

    def hosts(self):
        dc_address = self.lab.address(DC)
        return ("127.0.0.1 localhost\n" + f"{self.address} {FAS} {PKI}\n"
                + f"{dc_address} {DC}\n{dc_address} {DOMAIN} {NETBIOS}\n")

    def resolv_conf(self):
        return f"nameserver {self.lab.address(DC)}\nsearch {DOMAIN}\n"

    def own(self, text):
        """The test's names in place of the guide's."""
        sid = self.lab.accounts["alice"]["sid"].rpartition("-")[0]
        return (text.replace("192.0.2.20", self.address).replace("127.0.0.1:9643", f"{self.address}:9643")
                .replace("S-1-5-21-2127521184-1604012920-1887927527", sid).replace("svc-fas", ACCOUNT))

    # ---- hands ----

    def carry(self, source, target):
        write(target, Path(source).read_bytes())

    def before(self, where, script):
        """What lies there, or is typed, before a block's commands: (typed, the commands with their places filled)."""
        fas1, vda1, storefront = (self.machines[name] for name in ("fas1", "vda1", "storefront01"))
        if "apt-get install" in script:
            package = self.packages["fas-server" if where == "fas1" else "fas-host"]
            self.carry(package, self.machines[where].path(f"/root/{package.name}"))
        if "-in main.csr -verify" in script:
            self.carry(fas1.path("/root/main.csr"), self.offline.folder / "main.csr")
        if "ca install" in script:
            for name in ("chain.pem", "root.pem", "root.crl"):
                self.carry(self.offline.folder / name, fas1.path(f"/root/{name}"))
        if "ntauth.ldif" in script:
            self.carry(self.offline.folder / "main.cer", self.controller.path("main.cer"))
        if "spn add" in script:
            self.controller.sh(f"samba-tool spn delete HTTP/{FAS} svc-fas")
            self.controller.undo.append(f"samba-tool spn delete HTTP/{FAS} {ACCOUNT} || :; "
                                        f"samba-tool spn add HTTP/{FAS} svc-fas")
        if found := re.search(r"(\S+\.keytab) /etc/fas/secrets", script):
            self.carry(self.controller.path(found.group(1)), fas1.path(f"/root/{found.group(1)}"))
        if "kdc issue" in script:
            self.carry(self.controller.path("/etc/samba/kdc.csr"), fas1.path("/root/kdc.csr"))
        if "fas-agent enroll" in script:
            self.carry(self.offline.folder / "root.pem", vda1.path("/etc/fas/kdc-root.pem"))
            return self.tokens[where] + "\n", script
        if "/v1/logons" in script:
            response = saml.response(self.claims("alice"), saml.load_key(self.lab), name_id="alice", issuer=ISSUER,
                                     audience=AUDIENCE, recipient=RECIPIENT, destination=RECIPIENT)
            SECRETS.append(response[200:260])
            write(storefront.path("/root/response.b64"), response)
        return "", script

    def after(self, where, script, said):
        if "getdomainsid" in script:
            self.assertIn(self.own("S-1-5-21-2127521184-1604012920-1887927527") + "\n", said)
        if "user create" in script:
            self.controller.undo.append(f"samba-tool user delete {ACCOUNT}")
        if "ntauth.ldif" in script:
            self.controller.undo.append(f"ldbdel -H /var/lib/samba/private/sam.ldb '{NTAUTH}'")
            self.domain_knows_the_authority()
        if "kdc issue" in script:
            for source in (self.machines["fas1"].path("/root/kdc-chain.crt"), self.offline.folder / "root.pem",
                           self.offline.folder / "chain.pem"):
                self.carry(source, self.controller.path(f"/etc/samba/{source.name}"))
        if "openssl req" in script and where == "dc1":
            self.assertEqual(self.controller.path("/etc/samba/kdc.key").stat().st_mode & 0o777, 0o600)
        if "kerberos:" in script:
            self.machine_account_is_a_host()
        if "fasctl host enroll" in script:
            tokens = re.findall(r"(?m)^\S{60,}$", said)
            self.assertEqual(len(tokens), 2, said)
            self.tokens = dict(zip(("storefront01", "vda1"), tokens))
            SECRETS.extend(tokens)
        if "/v1/logons" in script:
            self.ticket_text = re.search(r'"ticket": ?"([^"]+)"', said).group(1)
            SECRETS.append(self.ticket_text)

    # ---- the guide ----

    def test_the_guide_leads_from_packages_to_a_logon(self):
        blocks = BLOCK.findall(GUIDE.read_text())
        self.assertGreaterEqual(len(blocks), 20)
        for kind, where, text in blocks:
            if kind in ("yaml", "conf"):
                self.put_file(where, text)
            elif where == "offline":
                self.before(where, text)
                self.offline.sh(text)
            elif "fas-agent logon" in text:
                self.logon_on_host(text)
            elif "audit tail" in text:
                self.look_at_the_record(text)
            else:
                typed, script = self.before(where, self.own(text))
                self.after(where, script, self.machines[where].sh(script, typed).stdout)

    def domain_knows_the_authority(self):
        said = self.controller.sh(f"ldbsearch -H /var/lib/samba/private/sam.ldb -s base -b '{NTAUTH}' cACertificate").stdout
        value = re.search(r"(?m)^cACertificate:: ((?:\S+\n )*\S+)$", said).group(1).replace("\n ", "")
        self.assertEqual(base64.b64decode(value), (self.offline.folder / "main.cer").read_bytes())

    def machine_account_is_a_host(self):
        """By its keytab alone, at the guide's fas1 and with the service's own CA."""
        proc.wait_for(lambda: "All is well" in self.machines["fas1"].sh("fasctl status || :").stdout, 30, "fasd again")
        host = kerberos.Machine(self.lab, "VDA1$", "vda1.keytab").kinit()
        anchor = self.offline.folder / "service-ca.pem"
        self.carry(self.machines["vda1"].path("/var/lib/fas-agent/service-ca.pem"), anchor)
        status, answer = host.curl("/v1/sessions/00000000000000000000000000000000/lease", {},
                                   "--resolve", f"{FAS}:8443:{self.address}", "--cacert", anchor)
        self.assertEqual((status, answer["code"]), (404, "session_unknown"), answer)
        records = self.machines["fas1"].sh("fasctl audit tail --limit 5").stdout
        self.assertIn(f"caller=host:{VDA1}", records)

    def put_file(self, where, text):
        short, _, name = where.partition(":")
        write(self.machines[short].path(name), self.own(text))
        if name.endswith("fasd.yaml"):
            self.carry(self.lab.pki / "idp.crt", self.machines[short].path("/etc/fas/okta-2026.pem"))

    def logon_on_host(self, text):
        """The block's lines one by one: what the first prints stands in the others' places."""
        host = self.machines["vda1"]
        host.sh("useradd --create-home --uid 71001 alice")
        logon, klist, lease, logoff = text.strip().splitlines()
        said = host.sh(logon, self.ticket_text + "\n").stdout
        cache = re.search(r"/tmp/krb5cc_(\d+)_([\w-]+)", said)
        self.assertIsNotNone(cache, said)
        uid, session = cache.groups()
        self.correlation = re.search(r"\b[0-9a-f]{32}\b", said)
        tickets = host.sh(klist.replace("UID", uid).replace("SESSION", session)).stdout
        self.assertIn("alice@CORP.EXAMPLE.COM", tickets)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", tickets)
        host.sh(lease)
        host.sh(logoff.replace("SESSION", session))
        self.assertFalse(host.path(cache.group(0)).exists())

    def look_at_the_record(self, text):
        fas1 = self.machines["fas1"]
        records = fas1.sh("fasctl audit tail --limit 100 --json").stdout
        found = re.findall(r'"correlation_id": ?"([0-9a-f]{32})"', records)
        self.assertTrue(found, records)
        said = fas1.sh(text.replace("--correlation ID", f"--correlation {found[-1]}")).stdout
        self.assertIn("alice@corp.example.com", said)
        self.units_are_confined(fas1)
        self.units_come_back(fas1)

    def units_come_back(self, fas1):
        """However often they are killed; and meanwhile systemd holds fasd's sockets."""
        for _ in range(7):  # more than the five starts in ten seconds that systemd allows by default
            old = {unit: self.main_pid(fas1, unit) for unit in ("fasd", "fas-signer")}
            fas1.sh(f"kill -9 {' '.join(old.values())}")
            for port in (8443, 80):
                socket.create_connection((self.address, port), 5).close()  # is not refused
            for unit, pid in old.items():
                proc.wait_for(lambda: self.main_pid(fas1, unit) not in ("0", pid), 20, f"{unit} again")
        proc.wait_for(lambda: "All is well" in fas1.sh("fasctl status || :").stdout, 20, "all is well again")

    def main_pid(self, fas1, unit):
        return fas1.sh(f"systemctl show -P MainPID {unit}").stdout.strip()

    def units_are_confined(self, fas1):
        for unit in ("fasd", "fas-signer"):
            with self.subTest(unit):
                pid = fas1.sh(f"systemctl show -P MainPID {unit}").stdout.strip()
                status = fas1.sh(f"cat /proc/{pid}/status").stdout
                self.assertRegex(status, r"(?m)^Seccomp_filters:\s+[2-9]")
                self.assertRegex(status, r"(?m)^NoNewPrivs:\s+1")
                journal = fas1.sh(f"journalctl --no-pager -u {unit}").stdout
                self.assertNotIn("sandbox_without_landlock", journal)
                nice = fas1.sh(f"cd /proc/{pid}/task; cut -d' ' -f19 $(grep -lx db-write */comm | sed s/comm/stat/)").stdout
                self.assertEqual(nice.split(), ["10"], "the writer's priority")
                if unit == "fas-signer":
                    pool = fas1.sh(f"cd /proc/{pid}/task; cut -d' ' -f41 $(grep -lx pool */comm | sed s/comm/stat/)").stdout
                    self.assertEqual(pool.split(), ["5"], "keys are made in the idle class (SCHED_IDLE)")
        # LoadCredential: root's secret, in fasd's hands only
        self.assertEqual(fas1.sh(f"stat -c %U:%a /etc/fas/secrets/{ACCOUNT}.keytab").stdout.strip(), "root:600")
