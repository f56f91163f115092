"""The signer trusts nobody: a taken-over fasd, with fasd's own uid, gets nothing that the limits do not allow."""

import base64
import os
import secrets
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import pki, programs, wire
from lab.layout import FASD_UID, SIGNER_UID, VDA1

from case import LabCase


class TakenOverFasd(LabCase):
    def setUp(self):
        self.key = pki.new_key()
        self.alice = self.account("alice")

    def spki(self, key=None):
        return base64.b64encode((key or self.key).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)).decode()

    def ask(self, *messages, uid=FASD_UID):
        return wire.ask_as(uid, self.lab.run / "signer" / "issue.sock", *messages)

    def request(self, **changed):
        made = {"op": "issue", "request_id": secrets.token_hex(16), "correlation_id": secrets.token_hex(16),
                "authority": "main", "profile": "smartcard-logon",
                "subject": [["DC", "com"], ["DC", "example"], ["DC", "corp"], ["OU", "People"], ["CN", "alice"]],
                "sid": self.alice["sid"], "upn": self.alice["upn"], "spki": self.spki(), "validity_s": 900,
                "rule": "vdi-users", "host": VDA1, "session": secrets.token_hex(16)}
        made.update(changed)
        return {name: value for name, value in made.items() if value is not None}

    def domain(self):
        return self.alice["sid"].rpartition("-")[0]

    def assertRefused(self, request):
        reply = self.ask(request)[0]
        self.assertIn("error", reply, reply)
        self.assertNotIn("pem", reply)
        return reply["error"]["reason"]

    def assertRecorded(self, request, reason):
        records = self.audit(request["correlation_id"], "--signer")
        self.assertIn(("deny", reason), [(r["outcome"], r.get("reason")) for r in records])

    def test_what_the_limits_allow_it_can_still_mint_and_the_ledger_shows_it(self):
        request = self.request()
        reply = self.ask(request)[0]
        self.assertIn("pem", reply, reply)
        self.assertTrue([r for r in self.audit(request["correlation_id"], "--signer") if r.get("serial") == reply["serial"]])
        undecided = [f["meaning"] for f in self.findings() if f["what"] == "decision_missing"]
        self.assertTrue(any(reply["serial"] in meaning for meaning in undecided), undecided)

    def test_everything_outside_the_limits_is_refused_and_recorded(self):
        outside = {
            "another domain": {"sid": "S-1-5-21-1-2-3-1106"},
            "the administrator": {"sid": self.domain() + "-500"},
            "the krbtgt account": {"sid": self.domain() + "-502"},
            "a foreign suffix": {"upn": "alice@evil.example.net"},
            "a long life": {"validity_s": 7200},
            "a profile for domain controllers": {"profile": "kdc"},
            "a profile for machines": {"profile": "service-client"},
            "an authority that is none": {"authority": "other"},
        }
        for what, changed in outside.items():
            with self.subTest(what):
                request = self.request(**changed)
                self.assertRecorded(request, self.assertRefused(request))

    def test_keys_that_are_too_weak_or_none_are_refused(self):
        from lab import api
        for spki in (self.spki(api.weak_key()), "AAAA", "", base64.b64encode(b"\x30\x00").decode()):
            with self.subTest(spki[:8]):
                self.assertRefused(self.request(spki=spki))

    def test_malformed_requests_are_refused(self):
        for changed in ({"sid": "S-1-5-21-1"}, {"upn": "alice"}, {"upn": "a\nb@corp.example.com"}, {"subject": []},
                        {"validity_s": -1}, {"validity_s": "900"}, {"sid": None}, {"not_after": 1}, {"op": "ca.init"},
                        {"op": "token.create"}, {"op": "kdc.issue"}, {"request_id": ""}):
            with self.subTest(str(changed)):
                self.assertRefused(self.request(**changed))

    def test_a_repeated_request_id_gets_the_first_certificate_and_never_another(self):
        request = self.request()
        first, again = self.ask(request, request)
        self.assertEqual(first["serial"], again["serial"])
        self.assertRefused({**request, "upn": self.account("grace")["upn"], "sid": self.account("grace")["sid"]})

    def test_its_certificate_is_built_from_facts_and_names_no_one_else(self):
        reply = self.ask(self.request())[0]
        certificate = x509.load_pem_x509_certificate(reply["pem"].encode())
        self.assertEqual(certificate.subject.rfc4514_string(), self.alice["dn"])

    def test_it_gets_no_machine_certificate_without_a_token(self):
        reply = self.ask({"op": "enroll", "request_id": secrets.token_hex(16), "token": "x." + "0" * 64,
                          "spki": self.spki()})[0]
        self.assertEqual(reply["error"]["reason"], "token_invalid")

    def test_it_cannot_reach_the_admin_socket(self):
        told = wire.ask_as(FASD_UID, self.lab.run / "signer" / "admin.sock", {"op": "ca.show"})
        self.assertNotIn("authorities", str(told))

    def test_another_uid_is_not_answered_at_the_issue_socket(self):
        for uid in (63999, SIGNER_UID):
            with self.subTest(uid):
                self.assertNotIn("certificate", str(self.ask({"op": "state"}, uid=uid)))
                self.assertNotIn("authorities", str(self.ask({"op": "state"}, uid=uid)))

    def test_frames_that_lie_about_their_length_are_closed(self):
        for data in (b"", b"{", b"\x00" * 64):
            with self.subTest(data[:4]):
                told = self.ask(data)[0]
                self.assertTrue(told is None or "error" in told, told)
        self.assertIn("authorities", self.ask({"op": "state"})[0])


class Binary(LabCase):
    def libraries(self, name):
        out = subprocess.run(["ldd", programs.program(name)], text=True, capture_output=True, check=True).stdout
        return {line.split()[0].split(".so")[0] for line in out.splitlines() if line.strip()}

    def test_the_signer_is_linked_with_no_parser_of_the_networks_bytes(self):
        banned = {"libxml2", "libxmlsec1", "libxmlsec1-openssl", "libmicrohttpd", "libldap", "libldap-2.5", "liblber-2.5",
                  "libgnutls", "libcurl", "libkrb5", "libgssapi_krb5", "libsasl2"}
        self.assertEqual(self.libraries("fas-signer") & banned, set())
        self.assertTrue(self.libraries("fasd") & banned)

    def test_the_launcher_is_linked_with_next_to_nothing(self):
        self.assertEqual(self.libraries("fas-launch") & {"libxml2", "libgnutls", "libldap-2.5", "libmicrohttpd"}, set())

    def test_the_signer_has_no_network(self):
        pid = programs.pid(self.lab, "fas-signer")
        mine = {os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")}
        inodes = {line.split()[9] for kind in ("tcp", "tcp6", "udp", "udp6")
                  for line in open(f"/proc/{pid}/net/{kind}").readlines()[1:]}
        self.assertEqual([one for one in mine if one.startswith("socket:[") and one[8:-1] in inodes], [])

    def test_the_keys_belong_to_the_signer_alone(self):
        for path in (self.lab.fas / "signer").rglob("*"):
            status = path.stat()
            self.assertEqual(status.st_uid, SIGNER_UID, path)
            if path.is_file():
                self.assertEqual(status.st_mode & 0o077, 0, path)
