"""Keys that the service keeps, certificates within a session, and what takes both away."""

import base64
import hashlib
import json
import os
import signal
import sqlite3
import uuid

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from lab import api, config, proc, programs

from case import LabCase

SID_EXTENSION = x509.ObjectIdentifier("1.3.6.1.4.1.311.25.2")
GRANT = "    in_session: {{ allow: true, programs: ['*'], validity: 30m{} }}\n"


class InSession(LabCase):
    def setUp(self):
        self.file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(self.policy)

    def policy(self, logon="", grant=None):
        """The lab's rule, its logon key kept as said, with what is granted within the session."""
        text = config.policy_yaml()
        if logon:
            text = text.replace("custody: host", logon)
        self.file.write_text(text + (GRANT.format(grant) if grant is not None else ""))
        self.fasctl("policy", "reload")

    def certificate(self, session, csr=None, wish=None, caller="host"):
        """POST /v1/sessions/ID/certificates."""
        body = {"request_id": wish or uuid.uuid4().hex, **({"csr": csr} if csr else {})}
        return self.client(caller).post(f"/v1/sessions/{session['session_id']}/certificates", body)

    def awaited(self, ask):
        """The answer when the pool has a key again: the lab's is small."""
        heard = []

        def is_answered():
            heard.append(ask())
            return heard[-1].status != 503

        proc.wait_for(is_answered, 30, "a key of the pool")
        for early in heard[:-1]:
            self.assertProblem(early, 503, "pool_empty")
            self.assertGreater(int(early.headers["Retry-After"]), 0)
        self.assertEqual(heard[-1].status, 201, heard[-1])
        return heard[-1]

    def given(self, session, csr=None, wish=None):
        wish = wish or uuid.uuid4().hex
        answer = self.awaited(lambda: self.certificate(session, csr, wish))
        return answer.json, x509.load_pem_x509_certificate(answer.json["certificate"].encode())

    def lease(self, session, caller="host"):
        return self.client(caller).post(f"/v1/sessions/{session['session_id']}/lease", None)

    def sign(self, session, key, data=b"data", mechanism="rsa-pkcs1", caller="host", **more):
        body = {"mechanism": mechanism, "hash": "sha256", "digest": base64.b64encode(hashlib.sha256(data).digest()).decode(),
                "program": "/usr/bin/curl", "purpose": "tls", **more}
        return self.client(caller).post(f"/v1/sessions/{session['session_id']}/keys/{key}/sign", body)

    def by_service(self, user="alice"):
        """A logon whose key the service keeps: (answer's members, certificate)."""
        ticket = self.ticket(user)
        answer = self.awaited(lambda: self.client("host").post("/v1/certificates", {"ticket": ticket}))
        return answer.json, x509.load_pem_x509_certificate(answer.json["certificate"].encode())

    def assertSigned(self, answer, certificate, data=b"data", pad=None):
        self.assertEqual(answer.status, 200, answer)
        signature = base64.b64decode(answer.json["signature"])
        certificate.public_key().verify(signature, hashlib.sha256(data).digest(), pad or padding.PKCS1v15(),
                                        Prehashed(hashes.SHA256()))

    def is_revoked(self, certificate):
        crl = x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)
        return crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def assertRevoked(self, certificate):
        proc.wait_for(lambda: self.is_revoked(certificate), 5, "the certificate on the CRL")

    # ---- the host keeps the key ----

    def test_a_session_gets_a_second_certificate_for_clients_only(self):
        self.policy(grant="")
        session, _, logon = self.session()
        self.assertEqual((session["custody"], session["in_session"]["custody"]), ("host", "host"))
        answer, certificate = self.given(session, api.new_csr()[1])
        usages = certificate.extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
        self.assertEqual(list(usages), [ExtendedKeyUsageOID.CLIENT_AUTH])
        for oid in (SID_EXTENSION, ExtensionOID.SUBJECT_ALTERNATIVE_NAME):
            self.assertEqual(certificate.extensions.get_extension_for_oid(oid).value,
                             logon.extensions.get_extension_for_oid(oid).value)
        self.assertEqual(certificate.subject, logon.subject)
        self.assertNotEqual(certificate.public_key(), logon.public_key())
        self.assertEqual(answer["correlation_id"], session["correlation_id"])
        self.assertNotIn("key", answer)

    def test_the_same_wish_gets_the_same_certificate(self):
        self.policy(grant="")
        session, _, _ = self.session()
        csr, wish = api.new_csr()[1], uuid.uuid4().hex
        first, _ = self.given(session, csr, wish)
        again, _ = self.given(session, csr, wish)
        self.assertEqual(first["serial"], again["serial"])
        self.assertProblem(self.certificate(session, api.new_csr()[1], wish), 409, "conflict")

    def test_without_a_grant_there_is_none(self):
        session, _, _ = self.session()
        self.assertIsNone(session["in_session"])
        self.assertRefused(self.certificate(session, api.new_csr()[1]), 403, "in_session_refused", "in_session_refused")

    def test_a_host_that_keeps_its_key_has_to_bring_it_and_the_ticket_is_still_good(self):
        ticket = self.ticket()
        self.assertProblem(self.client("host").post("/v1/certificates", {"ticket": ticket}), 409, "csr_required")
        self.assertEqual(self.redeem(ticket).status, 201)

    def test_logoff_revokes_both_certificates(self):
        self.policy(grant="")
        session, _, logon = self.session()
        _, certificate = self.given(session, api.new_csr()[1])
        self.assertEqual(self.end(session["session_id"]).status, 204)
        self.assertRevoked(logon)
        self.assertRevoked(certificate)
        self.assertProblem(self.certificate(session, api.new_csr()[1]), 404, "session_unknown")

    # ---- the service keeps it ----

    def test_a_logons_key_that_the_service_keeps_signs_a_few_times(self):
        self.policy("custody: service, pool_empty: wait, signatures: 2")
        session, certificate = self.by_service()
        self.assertEqual(session["custody"], "service")
        self.assertSigned(self.sign(session, session["key"]), certificate)
        self.assertSigned(self.sign(session, session["key"], b"more"), certificate, b"more")
        self.assertRefused(self.sign(session, session["key"]), 403, "sign_refused", "sign_count")

    def test_an_in_session_key_signs_what_the_rule_names(self):
        self.policy(grant=", custody: service, pool_empty: wait, mechanisms: rsa-pss")
        session, _, _ = self.session()
        answer, certificate = self.given(session)
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        self.assertSigned(self.sign(session, answer["key"], mechanism="rsa-pss", salt_len=32), certificate, pad=pss)
        self.assertRefused(self.sign(session, answer["key"]), 403, "sign_refused", "sign_mechanism")
        with self.assertRaises(InvalidSignature):
            self.assertSigned(self.sign(session, answer["key"], b"other", "rsa-pss"), certificate, pad=pss)

    def test_each_use_is_told_by_explain(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, _ = self.session()
        answer, _ = self.given(session)
        self.assertEqual(self.sign(session, answer["key"]).status, 200)
        used = [r for r in self.audit(session["correlation_id"]) if r["event"] == "key_used"]
        self.assertEqual(len(used), 1)
        self.assertEqual([used[0][name] for name in ("program", "mechanism", "key", "serial", "upn", "host", "session")],
                         ["/usr/bin/curl", "rsa-pkcs1", answer["key"], answer["serial"], session["upn"],
                          "vda1.vdi.corp.example.com", session["session_id"]])
        self.assertRegex(self.fasctl("explain", session["correlation_id"]), r"key_used +done .*/usr/bin/curl")
        shown = self.fasctl_json("session", "show", session["session_id"])
        self.assertEqual([(c["purpose"], c["custody"], c["signatures"]) for c in shown["certificates"]],
                         [("logon", "host", 0), ("in_session", "service", 1)])

    def test_another_host_can_neither_sign_nor_ask_nor_renew_nor_end(self):
        self.policy("custody: service, pool_empty: wait", ", custody: service, pool_empty: wait")
        session, _ = self.by_service()
        answer, certificate = self.given(session)
        for key in (session["key"], answer["key"]):
            self.assertProblem(self.sign(session, key, caller="host2"), 404, "session_unknown")
        self.assertProblem(self.certificate(session, caller="host2"), 404, "session_unknown")
        self.assertProblem(self.lease(session, caller="host2"), 404, "session_unknown")
        self.assertProblem(self.end(session["session_id"], caller="host2"), 404, "session_unknown")
        self.assertProblem(self.sign(session, answer["key"], caller="storefront"), 403, "role_refused")
        self.assertSigned(self.sign(session, answer["key"]), certificate)

    def test_another_sessions_key_is_not_there(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, _ = self.session("alice")
        other, _, _ = self.session("grace")
        answer, _ = self.given(other)
        self.assertProblem(self.sign(session, answer["key"]), 404, "key_unknown")

    def test_a_rate_is_a_rate(self):
        self.policy(grant=", custody: service, pool_empty: wait, rate: { count: 2, period: 1h }")
        session, _, _ = self.session()
        answer, _ = self.given(session)
        for _ in range(2):
            self.assertEqual(self.sign(session, answer["key"]).status, 200)
        refused = self.sign(session, answer["key"])
        self.assertProblem(refused, 429, "busy")
        self.assertGreater(int(refused.headers["Retry-After"]), 3000)

    def test_an_ended_sessions_keys_are_gone(self):
        self.policy("custody: service, pool_empty: wait", ", custody: service, pool_empty: wait")
        session, logon = self.by_service()
        answer, certificate = self.given(session)
        self.fasctl("session", "end", session["session_id"])
        for key in (session["key"], answer["key"]):
            self.assertProblem(self.sign(session, key), 404, "session_unknown")
        self.assertRevoked(logon)
        self.assertRevoked(certificate)

    def test_a_rule_that_grants_no_more_takes_effect_at_the_next_signature(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, _ = self.session()
        answer, certificate = self.given(session)
        self.assertSigned(self.sign(session, answer["key"]), certificate)
        self.policy()
        self.assertRefused(self.sign(session, answer["key"]), 403, "sign_refused", "sign_grant")
        self.assertRevoked(certificate)
        lease = self.lease(session)
        self.assertEqual((lease.status, lease.json["in_session"], lease.json["account"]), (200, None, "ok"))

    def test_a_rule_that_is_gone_ends_the_session_at_the_next_signature(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, _ = self.session()
        answer, _ = self.given(session)
        self.file.write_text(config.policy_yaml().replace("VDI Users", "Domain Guests"))
        self.fasctl("policy", "reload")
        refused = self.sign(session, answer["key"])
        self.assertProblem(refused, 403, "session_ended")
        self.assertIn("policy_no_rule", self.reasons(refused))
        self.assertProblem(self.lease(session), 404, "session_unknown")

    def test_with_the_signer_started_anew_the_host_asks_anew(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, _ = self.session()
        answer, _ = self.given(session)
        programs.restart(self.lab, "fas-signer")
        refused = self.sign(session, answer["key"])
        self.assertRefused(refused, 404, "key_unknown", "key_unknown")
        new, certificate = self.given(session)
        self.assertNotEqual(new["serial"], answer["serial"])
        self.assertSigned(self.sign(session, new["key"]), certificate)

    # ---- the account ----

    def enable(self, account, on):
        proc.run(["samba-tool", "user", "enable" if on else "disable", account, "-H",
                  self.lab.samba / "private" / "sam.ldb", "-s", self.lab.samba / "etc" / "smb.conf"])

    def test_a_disabled_account_ends_its_sessions_within_a_minute(self):
        self.policy(grant=", custody: service, pool_empty: wait")
        session, _, logon = self.session("grace")
        answer, certificate = self.given(session)
        self.enable("grace", False)
        self.addCleanup(self.enable, "grace", True)
        heard = []

        def is_over():
            heard.append(self.lease(session))
            return heard[-1].status != 200

        proc.wait_for(is_over, 60, "the end of the session")
        self.assertProblem(heard[-1], 403, "session_ended")
        self.assertIn("account_disabled", self.reasons(heard[-1]))
        self.assertProblem(self.sign(session, answer["key"]), 404, "session_unknown")
        self.assertRevoked(logon)
        self.assertRevoked(certificate)

    def test_a_certificate_is_refused_to_a_disabled_account_at_once(self):
        self.policy(grant="")
        session, _, _ = self.session("grace")
        self.enable("grace", False)
        self.addCleanup(self.enable, "grace", True)
        self.assertProblem(self.certificate(session, api.new_csr()[1]), 403, "session_ended")

    def test_both_trails_agree_on_all_of_this(self):
        self.policy("custody: service, pool_empty: wait", ", custody: service, pool_empty: wait")
        session, _ = self.by_service()
        self.given(session)
        self.assertEqual([f for f in self.findings() if f["what"] in ("decision_missing", "certificate_missing")], [])


class Crash(LabCase):
    """fasd is killed between the plan and the answer: the wish is not lost, and nothing is done twice."""

    def test_a_wish_that_a_crash_has_interrupted_is_served_by_its_repeat(self):
        file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(lambda: (file.write_text(config.policy_yaml()), self.fasctl("policy", "reload")))
        file.write_text(config.policy_yaml() + GRANT.format(""))
        self.fasctl("policy", "reload")
        session, _, _ = self.session()
        csr, wish = api.new_csr()[1], uuid.uuid4().hex
        path = f"/v1/sessions/{session['session_id']}/certificates"
        signer = programs.pid(self.lab, "fas-signer")
        proc.halt(signer)  # the plan is durable, and no answer comes
        try:
            client = self.client("host")
            connection = client.connect()
            connection.request("POST", path, json.dumps({"request_id": wish, "csr": csr}),
                               {"Content-Type": "application/json"})
            proc.wait_for(lambda: self.is_open(session), 10, "the open order")
            os.kill(programs.pid(self.lab, "fasd"), signal.SIGKILL)
        finally:
            os.kill(signer, signal.SIGCONT)
        connection.close()
        serials = set()

        def is_served():
            answer = self.client("host").post(path, {"request_id": wish, "csr": csr})
            if answer.status == 201:
                serials.add(answer.json["serial"])
            return answer.status == 201

        proc.wait_for(lambda: programs.is_ready(self.lab), 30, "fasd after its death")
        proc.wait_for(is_served, 30, "the certificate")
        shown = self.fasctl_json("session", "show", session["session_id"])
        self.assertEqual([c["serial"] for c in shown["certificates"] if c["purpose"] == "in_session"], list(serials))

    def is_open(self, session):
        with sqlite3.connect(f"file:{self.lab.fas}/fasd/fas.db?mode=ro", uri=True) as db:
            return db.execute("SELECT COUNT(*) FROM orders WHERE session=? AND state='open'",
                              (session["session_id"],)).fetchone()[0] == 1
