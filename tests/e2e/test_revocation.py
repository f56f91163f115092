"""Revocation: out over HTTP at once, exactly where the certificates say, and believed by a KDC; and what it stops here."""

import base64
import datetime
import hashlib
import json
import os
import signal
import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtensionOID

from lab import api, config, krb5, namespace, pki, proc, programs
from lab.layout import VDA1, LabError

from case import LabCase

CRL_URL_OID = ExtensionOID.CRL_DISTRIBUTION_POINTS
NEXT_PUBLISH = x509.ObjectIdentifier("1.3.6.1.4.1.311.21.4")
ON_HOLD = x509.ReasonFlags.certificate_hold


class CrlCase(LabCase):
    def fetch(self, url):
        """As a KDC does: plain HTTP, by the name in the certificate."""
        folder = self.lab.folder / "fetched"
        folder.mkdir(exist_ok=True)
        file = folder / url.rpartition("/")[2]
        proc.run(namespace.enter(self.lab, ["curl", "-sS", "--fail", "-o", file, url]))
        return file.read_bytes()

    def crl_of(self, certificate):
        url = certificate.extensions.get_extension_for_oid(CRL_URL_OID).value[0].full_name[0].value
        return x509.load_der_x509_crl(self.fetch(url))

    def is_revoked(self, certificate):
        return self.crl_of(certificate).get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def assertRevokedWithin(self, certificate, seconds):
        begun = time.monotonic()
        proc.wait_for(lambda: self.is_revoked(certificate), 5, "the certificate on the CRL")
        self.assertLess(time.monotonic() - begun, seconds)

    def number(self, crl):
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def reason(self, certificate):
        """With which it stands on the CRL; None: it does not."""
        entry = self.crl_of(certificate).get_revoked_certificate_by_serial_number(certificate.serial_number)
        if entry is None:
            return None
        try:
            return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
        except x509.ExtensionNotFound:
            return x509.ReasonFlags.unspecified

    def lease(self, session, caller="host"):
        return self.client(caller).post(f"/v1/sessions/{session['session_id']}/lease", None)


class Revocation(CrlCase):
    def test_logoff_puts_the_certificate_on_the_crl(self):
        session, _, certificate = self.session()
        self.assertFalse(self.is_revoked(certificate))
        self.assertEqual(self.end(session["session_id"]).status, 204)
        self.assertRevokedWithin(certificate, 1.5)

    def test_an_administrators_revocation_is_on_the_crl_within_a_second(self):
        session, _, certificate = self.session()
        before = self.number(self.crl_of(certificate))
        self.fasctl("cert", "revoke", "--serial", session["serial"], "--reason", "keyCompromise")
        self.assertRevokedWithin(certificate, 1.0)
        crl = self.crl_of(certificate)
        self.assertGreater(self.number(crl), before)
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        self.assertEqual(entry.extensions.get_extension_for_class(x509.CRLReason).value.reason,
                         x509.ReasonFlags.key_compromise)

    def test_certificates_are_revoked_by_user(self):
        _, _, first = self.session("grace")
        _, _, second = self.session("grace")
        _, _, other = self.session("alice")
        self.fasctl("cert", "revoke", "--user", "grace@corp.example.com")
        self.assertRevokedWithin(first, 1.5)
        self.assertTrue(self.is_revoked(second))
        self.assertFalse(self.is_revoked(other))

    def test_the_crl_is_signed_by_the_authority_and_backdated(self):
        _, _, certificate = self.session()
        crl = self.crl_of(certificate)
        issuer = x509.load_pem_x509_certificate((self.lab.pki / "logon-ca.crt").read_bytes())
        issuer.public_key().verify(crl.signature, crl.tbs_certlist_bytes, padding.PKCS1v15(), crl.signature_hash_algorithm)
        self.assertEqual(crl.issuer, certificate.issuer)
        self.assertLess((crl.last_update - pki.now()).total_seconds(), -240)
        self.assertGreater((crl.next_update - pki.now()).total_seconds(), 3600)
        self.assertEqual(sorted(e.oid.dotted_string for e in crl.extensions if e.critical), [])

    def test_the_roots_crl_and_certificate_lie_where_the_authoritys_certificate_says(self):
        authority = x509.load_pem_x509_certificate((self.lab.pki / "logon-ca.crt").read_bytes())
        root = x509.load_pem_x509_certificate((self.lab.pki / "logon-root.crt").read_bytes())
        self.assertEqual(self.crl_of(authority).issuer, root.subject)
        url = authority.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value[0]
        self.assertEqual(x509.load_der_x509_certificate(self.fetch(url.access_location.value)), root)

    def test_published_objects_can_be_cached(self):
        answer = self.public().get("/crl/main-1.crl")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["ETag"] and answer.headers["Cache-Control"])
        again = self.public().get("/crl/main-1.crl", headers={"If-None-Match": answer.headers["ETag"]})
        self.assertEqual(again.status, 304)


class AtAKdc(LabCase):
    """An MIT KDC that demands CRLs, because Samba 4.17 reads none."""

    def setUp(self):
        self.session_, self.key, self.certificate = self.session("alice")
        self.kdc = krb5.MitKdc(self.lab, self.session_["upn"])
        self.addCleanup(self.kdc.stop)

    def start_kdc(self, clock=None):
        """A new CRL needs a restart; it takes PEM only.  The CRLs come over HTTP, as published."""
        crls = []
        for name in ("main-1", "main-1-root"):
            crl = x509.load_der_x509_crl(self.public().get(f"/crl/{name}.crl").body)
            file = self.lab.folder / f"{name}.crl.pem"
            file.write_bytes(pki.pem(crl))
            crls.append(file)
        self.kdc.stop()
        self.kdc.prepare([self.lab.pki / "logon-root.crt"], crls)
        self.kdc.start(clock)

    def log_on(self):
        return self.kinit(self.session_, self.key, user=self.session_["upn"], conf=self.kdc.client_conf)

    def test_a_revoked_certificate_is_refused_by_the_published_crl(self):
        self.start_kdc()
        self.log_on()
        self.fasctl("cert", "revoke", "--serial", self.session_["serial"])
        proc.wait_for(lambda: self.on_crl(), 5, "the certificate on the CRL")
        self.start_kdc()
        with self.assertRaisesRegex(LabError, "[Rr]evoked"):
            self.log_on()

    def on_crl(self):
        crl = x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)
        return crl.get_revoked_certificate_by_serial_number(self.certificate.serial_number) is not None

    def test_a_kdc_whose_clock_is_four_minutes_behind_accepts_certificate_and_crl(self):
        self.fasctl("crl", "publish")
        self.start_kdc("-4m")
        self.log_on()

    def test_a_certificate_on_hold_is_refused_and_good_again_after_the_release(self):
        self.fasctl("cert", "hold", "--serial", self.session_["serial"])
        proc.wait_for(self.on_crl, 5, "the certificate on the CRL")
        self.start_kdc()
        with self.assertRaisesRegex(LabError, "[Rr]evoked"):
            self.log_on()
        self.fasctl("cert", "release", "--serial", self.session_["serial"])
        proc.wait_for(lambda: not self.on_crl(), 5, "the certificate off the CRL")
        self.start_kdc()
        self.log_on()


class Acts(CrlCase):
    """What an administrator revokes, puts on hold and releases: one command, and all of it holds at once."""

    GRANT = "    in_session: { allow: true, programs: ['*'], validity: 30m, custody: service, pool_empty: wait }\n"

    def setUp(self):
        self.file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(self.policy, config.policy_yaml())
        self.addCleanup(self.release_all)

    def policy(self, text):
        self.file.write_text(text)
        self.fasctl("policy", "reload")

    def release_all(self):
        for hold in self.fasctl_json("cert", "holds")["holds"]:
            if "from" in hold or "to" in hold:
                continue  # it stops nothing
            by = {"upn": "user"}.get(hold["target"], hold["target"])
            programs.fasctl_status(self.lab, "cert", "release", f"--{by}", *([hold["value"]] if hold["value"] else []))

    def sign(self, session, key):
        body = {"mechanism": "rsa-pkcs1", "hash": "sha256", "digest": base64.b64encode(hashlib.sha256(b"x").digest()).decode(),
                "program": "/usr/bin/curl", "purpose": "tls"}
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/keys/{key}/sign", body)

    def in_session(self, session):
        """A certificate within the session, whose key the service keeps."""
        wish, heard = f"wish-{session['serial'][:24]}-{time.monotonic_ns()}", []

        def is_answered():
            heard.append(self.client("host").post(f"/v1/sessions/{session['session_id']}/certificates",
                                                  {"request_id": wish[:64]}))
            return heard[-1].status != 503

        proc.wait_for(is_answered, 30, "a key of the pool")
        return heard[-1]

    def test_by_whatever_it_is_revoked_the_session_ends_at_once_and_the_crl_is_out_within_a_second(self):
        for selector in ("serial", "user", "sid", "host", "session", "rule"):
            with self.subTest(selector):
                session, _, certificate = self.session()
                rule = self.fasctl_json("cert", "show", session["serial"])["rule"]
                value = {"serial": session["serial"], "user": session["upn"], "sid": session["sid"], "host": VDA1,
                         "session": session["session_id"], "rule": rule}[selector]
                self.assertEqual(self.lease(session).status, 200)
                done = self.fasctl_json("cert", "revoke", f"--{selector}", value, "--reason", "privilegeWithdrawn")
                self.assertProblem(self.lease(session), 404, "session_unknown")  # without waiting for anything
                self.assertRevokedWithin(certificate, 1.0)
                self.assertEqual(self.reason(certificate), x509.ReasonFlags.privilege_withdrawn)
                self.assertGreaterEqual(done["revoked"], 1)
                self.assertGreaterEqual(done["sessions"], 1)
        self.session()  # and nobody is shut out

    def test_by_a_time_just_what_was_issued_then_is_revoked(self):
        before, _, kept = self.session("grace")
        proc.wait_for(lambda: pki.now() > kept.not_valid_before + datetime.timedelta(minutes=5), 10,
                      "another second")
        begun = pki.now()
        session, _, certificate = self.session("grace")
        stamp = begun.strftime("%Y-%m-%dT%H:%M:%SZ")
        end = (begun + datetime.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.fasctl("cert", "revoke", "--user", session["upn"], "--from", stamp, "--to", end)
        self.assertProblem(self.lease(session), 404, "session_unknown")
        self.assertEqual(self.lease(before).status, 200)
        self.assertRevokedWithin(certificate, 1.5)
        self.assertFalse(self.is_revoked(kept))

    def test_a_key_that_the_service_keeps_signs_nothing_more(self):
        self.policy(config.policy_yaml() + self.GRANT)
        session, _, _ = self.session()
        key = self.in_session(session).json["key"]
        self.assertEqual(self.sign(session, key).status, 200)
        self.fasctl("cert", "revoke", "--user", session["upn"])
        self.assertProblem(self.sign(session, key), 404, "session_unknown")

    def test_a_ticket_from_before_the_revocation_is_worth_nothing(self):
        ticket = self.ticket("grace")
        self.fasctl("cert", "revoke", "--user", "grace@corp.example.com")
        refused = self.redeem(ticket)
        self.assertRefused(refused, 403, "ticket_refused", "ticket_revoked")
        self.assertEqual(self.redeem(self.ticket("grace")).status, 201)

    def test_a_hold_suspends_and_a_release_lets_go_on(self):
        self.policy(config.policy_yaml() + self.GRANT)
        session, _, certificate = self.session("grace")
        key = self.in_session(session).json["key"]
        other, _, _ = self.session("alice")
        held = self.fasctl_json("cert", "hold", "--user", session["upn"])
        self.assertGreaterEqual(held["sessions"], 1)
        self.assertProblem(self.lease(session), 403, "session_held")
        self.assertProblem(self.sign(session, key), 403, "session_held")
        self.assertProblem(self.in_session(session), 403, "session_held")
        self.assertRefused(self.logon("grace"), 403, "logon_denied", "on_hold")
        self.assertRevokedWithin(certificate, 1.5)
        self.assertEqual(self.reason(certificate), ON_HOLD)
        self.assertEqual(self.lease(other).status, 200)
        self.assertIn("held", self.fasctl("session", "show", session["session_id"]))
        self.fasctl("cert", "release", "--user", session["upn"])
        self.assertEqual(self.lease(session).status, 200)
        proc.wait_for(lambda: not self.is_revoked(certificate), 5, "the certificate off the CRL")
        self.assertEqual(self.in_session(session).status, 201)
        self.session("grace")

    def test_the_kill_switch_ends_all_and_lets_nobody_in_until_it_is_released(self):
        sessions = [self.session("alice"), self.session("grace")]
        ticket = self.ticket()
        status, out, errors = programs.fasctl_status(self.lab, "cert", "revoke", "--everything", "--reason", "keyCompromise")
        self.assertEqual(status, 0, errors)
        self.assertIn("cert release --everything", errors)
        for session, _, certificate in sessions:
            self.assertProblem(self.lease(session), 404, "session_unknown")
            self.assertRevokedWithin(certificate, 1.5)
        self.assertRefused(self.redeem(ticket), 403, "logon_denied", "issuing_stopped")
        self.assertRefused(self.logon("grace"), 403, "logon_denied", "issuing_stopped")
        self.assertEqual(self.ops().get("/readyz").status, 503)
        self.assertIn(b"\nfas_issuing_stopped 1\n", self.ops().get("/metrics").body)
        status, out, _ = programs.fasctl_status(self.lab, "status")
        self.assertEqual(status, 4)
        self.assertIn("issuing is stopped", out)
        for name in ("fas-signer", "fasd"):
            os.kill(programs.pid(self.lab, name), signal.SIGKILL)
        proc.wait_for(lambda: self.logon_is_refused_again(), 30, "the programs again")
        self.fasctl("cert", "release", "--everything")
        self.assertTrue(self.is_revoked(sessions[0][2]))  # it was no hold
        proc.wait_for(lambda: programs.is_ready(self.lab), 30, "readiness")
        self.session()

    def logon_is_refused_again(self):
        try:
            answer = self.logon("grace")
        except OSError:
            return False
        return answer.status == 403 and "issuing_stopped" in self.reasons(answer)

    def test_what_fasd_has_not_heard_it_applies_before_it_answers_anybody(self):
        session, _, _ = self.session()
        os.kill(programs.pid(self.lab, "fasd"), signal.SIGSTOP)
        try:
            status, out, errors = programs.fasctl_status(self.lab, "cert", "revoke", "--session", session["session_id"])
        finally:
            os.kill(programs.pid(self.lab, "fasd"), signal.SIGKILL)
        self.assertEqual(status, 0, errors)
        self.assertIn("has not said yet", errors)
        answer = self.lease(session)  # the socket is held meanwhile
        self.assertProblem(answer, 404, "session_unknown")
        self.assertIn("session_ended", self.events(session))
        proc.wait_for(lambda: programs.is_ready(self.lab), 30, "fasd again")

    def events(self, session):
        return [record["event"] for record in self.audit(session["correlation_id"])]

    def test_an_act_outlives_a_crash_of_the_signer(self):
        session, _, certificate = self.session()
        fasd = programs.pid(self.lab, "fasd")
        os.kill(fasd, signal.SIGSTOP)
        try:
            self.fasctl("cert", "revoke", "--session", session["session_id"])
            os.kill(programs.pid(self.lab, "fas-signer"), signal.SIGKILL)
        finally:
            os.kill(fasd, signal.SIGCONT)
        proc.wait_for(lambda: self.lease(session).status == 404, 10, "the end of the session")
        proc.wait_for(lambda: programs.is_ready(self.lab), 30, "the signer again")
        self.assertRevokedWithin(certificate, 1.5)

    def test_who_did_it_is_on_record_at_both(self):
        session, _, _ = self.session()
        self.fasctl("cert", "revoke", "--session", session["session_id"])
        records = self.audit(session["correlation_id"])
        ended = [r for r in records if r["event"] == "session_ended"]
        self.assertEqual([(r["reason"], r["caller"][:5]) for r in ended], [("revoked", "uid:0")])
        signer = self.fasctl("audit", "tail", "--signer", "--limit", "50", "--json")
        acts = [json.loads(line) for line in signer.splitlines() if "certificates_revoked" in line]
        self.assertIn(session["session_id"], [r.get("session") for r in acts])

    def test_a_provider_that_is_removed_lets_nobody_in_and_ends_no_session(self):
        session, _, _ = self.session()
        config_file = self.lab.fas / "fasd.yaml"
        old = config_file.read_text()
        begin = old.index("  - name: lab-idp"), old.index("  - name: ", old.index("  - name: lab-idp") + 1)
        self.addCleanup(lambda: (config_file.write_text(old), self.fasctl("config", "reload")))
        config_file.write_text(old[:begin[0]] + old[begin[1]:])
        programs.fasctl_status(self.lab, "config", "reload")
        refused = self.logon()
        self.assertEqual((refused.status, refused.code), (403, "assertion_refused"), refused)
        self.assertEqual(self.lease(session).status, 200)

    def test_only_what_was_put_on_hold_can_be_released(self):
        status, _, errors = programs.fasctl_status(self.lab, "cert", "release", "--user", "alice@corp.example.com")
        self.assertEqual(status, 1)
        self.assertIn("hold_none", errors)
