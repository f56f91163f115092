"""The lab itself: what it promises to whoever uses it."""

import os
import subprocess
from pathlib import Path

from lab import lifecycle, namespace, people, proc, programs
from lab.layout import DC, DOMAIN, HOSTS, REPO

from case import LabCase

PROMISED = """FAS_LAB FAS_API_URL FAS_PUBLIC_URL FAS_OPS_URL FAS_SERVICE_CA FAS_LOGON_CA_CHAIN FAS_STOREFRONT_CERT
FAS_STOREFRONT_KEY FAS_HOST_CERT FAS_HOST_KEY FAS_HOST_NAME FAS_HOST2_CERT FAS_HOST2_KEY FAS_HOST2_NAME FAS_SP_ENTITY_ID
FAS_ACS_URL FAS_IDP_ENTITY_ID FAS_IDP_KEY FAS_IDP_CERT FAS_FRONT_URL FAS_FRONT_ADDRESS FAS_FRONT_CA FAS_CONFIG
FAS_REALM KRB5_CONFIG FAS_ACCOUNTS""".split()


class TheLab(LabCase):
    def env(self):
        out = proc.run(["sh", "-c", ". \"$1\"; env -0", "sh", self.lab.env_file])
        return dict(line.partition("=")[::2] for line in out.split("\0") if line)

    def tool(self, *words):
        return subprocess.run([str(REPO / "tests" / "lab"), *words], env={**os.environ, "FAS_LAB": str(self.lab.folder)},
                              text=True, capture_output=True)

    def test_its_env_file_exports_all_that_is_promised(self):
        env = self.env()
        self.assertEqual([name for name in PROMISED if not env.get(name)], [])
        for name in env:
            if name in PROMISED and name.endswith(("_CERT", "_KEY", "_CHAIN", "_CONFIG", "_ACCOUNTS", "_CA")):
                self.assertTrue(Path(env[name]).is_file(), name)

    def test_its_names_resolve_inside_and_not_outside(self):
        for name in HOSTS:
            done = self.tool("exec", "getent", "hosts", name)
            self.assertEqual(done.stdout.split()[:2], [self.lab.address(name), name])
        outside = subprocess.run(["getent", "hosts", DC], capture_output=True, text=True)
        self.assertNotIn("127.88.", outside.stdout)

    def test_its_domain_controller_answers_for_the_names_and_the_services(self):
        def ask(kind, name):
            return proc.run(namespace.enter(self.lab, ["host", "-t", kind, name]))
        self.assertIn("dc1." + DOMAIN, ask("SRV", "_ldap._tcp.dc._msdcs." + DOMAIN))
        self.assertIn(self.lab.address("fas1." + DOMAIN), ask("A", "fas1." + DOMAIN))

    def test_it_has_an_account_of_every_kind(self):
        self.assertLessEqual(set(people.PEOPLE), set(self.lab.accounts))
        for account in self.lab.accounts.values():
            self.assertLessEqual({"sid", "upn", "guid"}, set(account))

    def test_it_signs_a_response_that_the_service_takes(self):
        done = self.tool("assert", "alice")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.logon(response=done.stdout.strip()).status, 201)

    def test_a_claim_on_its_command_line_replaces_the_accounts_own(self):
        done = self.tool("assert", "alice", "--claim", f"cip_guid={'0' * 32}", "--claim", "cip_sid=S-1-5-21-1-2-3-1106")
        self.assertDenied(self.logon(response=done.stdout.strip()), "account_not_found")

    def test_its_programs_run_as_users_that_are_not_root(self):
        owners = [os.stat(f"/proc/{programs.pid(self.lab, name)}").st_uid for name in ("fasd", "fas-signer")]
        self.assertEqual(len({0, *owners}), 3, owners)

    def test_the_domain_controllers_certificate_has_dns_names_only_and_a_root_of_its_own(self):
        from cryptography import x509
        certificate = x509.load_pem_x509_certificate((self.lab.samba / "tls" / "kdc.crt").read_bytes())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertTrue(all(isinstance(name, x509.DNSName) for name in names))
        logon_root = x509.load_pem_x509_certificate((self.lab.pki / "logon-root.crt").read_bytes())
        self.assertNotEqual(certificate.issuer, logon_root.subject)


class AnotherLab(LabCase):
    def listeners(self, lab):
        """Local addresses that are listened on in the lab's network, from /proc/net/tcp (octets are backwards there)."""
        found = []
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address = [int(local[i:i + 2], 16) for i in (6, 4, 2, 0)]
            if state == "0A" and address[:3] == [127, 88, lab.number]:
                found.append(local)
        return found

    def test_a_second_lab_runs_beside_it_and_leaves_nothing_running(self):
        first, folder = self.lab, self.lab.folder.parent / "second"
        second = lifecycle.up(folder, lifecycle.Steps(quiet=True))
        try:
            self.assertNotEqual(second.number, first.number)
            for lab in (first, second):
                self.lab = lab
                self.session("alice")
        finally:
            self.lab = first
            processes = [one for name in proc.names(second) for one in proc.family(proc.pid_of(second, name))]
            lifecycle.down(second)
        self.assertGreater(len(processes), 5)
        self.assertEqual([one for one in processes if proc.start_time(one)], [])
        self.assertEqual(self.listeners(second), [])
        self.assertGreater(len(self.listeners(first)), 5)
        self.session("alice")
