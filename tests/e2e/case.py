"""What every end-to-end case has at hand: the lab, its callers, and words for what is expected."""

import json
import unittest

from cryptography import x509

from lab import api, krb5, programs, saml
from lab.layout import VDA1

SECRETS = []  # tickets, tokens and assertions of this run: test_secrets looks for them in the logs


class LabCase(unittest.TestCase):
    lab = None  # set by cases.py

    # ---- callers ----

    def client(self, stem):
        """storefront, host, host2, or None for a caller without a certificate."""
        pki = self.lab.pki
        files = (pki / f"{stem}.crt", pki / f"{stem}.key") if stem else (None, None)
        return api.Client(self.lab.api_url, pki / "service-ca.crt", *files)

    def public(self):
        return api.Client(self.lab.public_url, None)

    def ops(self):
        return api.Client(self.lab.ops_url, None)

    def fasctl(self, *words):
        return programs.fasctl(self.lab, *words)

    def fasctl_json(self, *words):
        return programs.fasctl_json(self.lab, *words)

    # ---- the path ----

    def account(self, user):
        return self.lab.accounts[user]

    def claims(self, user, **changed):
        """The account's claims; a changed one of None is left out."""
        names = {"sid": "cip_sid", "upn": "cip_upn", "guid": "cip_oid"}
        claims = saml.claims_of(self.account(user))
        claims.update({names[k]: v for k, v in changed.items()})
        return {k: v for k, v in claims.items() if v is not None}

    def response(self, user="alice", claims=None, **options):
        made = saml.response(claims or self.claims(user), saml.load_key(self.lab), name_id=user, **options)
        SECRETS.append(made[200:260])
        return made

    def logon(self, user="alice", host=VDA1, response=None, caller="storefront", **options):
        """POST /v1/logons."""
        body = {"saml_response": response or self.response(user, **options), "host": host}
        if "in_response_to" in options:
            body["in_response_to"] = options["in_response_to"]
        answer = self.client(caller).post("/v1/logons", body)
        if answer.status == 201:
            SECRETS.append(answer.json["ticket"])
        return answer

    def ticket(self, user="alice", **options):
        answer = self.logon(user, **options)
        self.assertEqual(answer.status, 201, answer)
        return answer.json["ticket"]

    def redeem(self, ticket, csr=None, caller="host"):
        """POST /v1/certificates."""
        return self.client(caller).post("/v1/certificates", {"ticket": ticket, "csr": csr or api.new_csr()[1]})

    def session(self, user="alice", **options):
        """A whole logon up to the certificate: (answer's members, key, certificate)."""
        key, csr = api.new_csr()
        answer = self.redeem(self.ticket(user, **options), csr)
        self.assertEqual(answer.status, 201, answer)
        return answer.json, key, x509.load_pem_x509_certificate(answer.json["certificate"].encode())

    def end(self, session_id, caller="host"):
        return self.client(caller).delete(f"/v1/sessions/{session_id}")

    def files_of(self, session, key):
        """The session's certificate, key and chain as files for kinit: (certificate, key, chain)."""
        folder = self.lab.folder / "sessions" / session["serial"]
        folder.mkdir(parents=True, exist_ok=True)
        api.save_key(folder / "user.key", key)
        (folder / "user.crt").write_text(session["certificate"])
        return folder / "user.crt", folder / "user.key"

    def kinit(self, session, key, user=None, conf=None, enterprise=False):
        """PKINIT as the session's user; returns the credential cache."""
        certificate, key_file = self.files_of(session, key)
        cache = certificate.with_name("cache")
        krb5.kinit(self.lab, user or session["principal"], certificate, key_file, cache, conf, enterprise)
        return cache

    # ---- what is expected ----

    def audit(self, correlation_id, *more):
        """The audit records of one logon."""
        out = self.fasctl("audit", "tail", "--correlation", correlation_id, "--limit", "100", "--json", *more)
        return [json.loads(line) for line in out.splitlines() if line.strip()]

    def findings(self):
        """What `fasctl audit verify` finds in both trails: {(trail, what), ...}."""
        status, out, errors = programs.fasctl_status(self.lab, "audit", "verify", "--json")
        self.assertIn(status, (0, 4), errors)
        found = json.loads(out)["findings"]
        self.assertEqual(bool(found), status == 4)
        return found

    def reasons(self, answer):
        return [record.get("reason") for record in self.audit(answer.json["correlation_id"])]

    def assertProblem(self, answer, status, code):
        """An RFC 9457 problem document with the stable code."""
        self.assertEqual((answer.status, answer.code), (status, code), answer)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/problem+json")
        self.assertEqual(answer.json["status"], status)

    def assertRefused(self, answer, status, code, reason):
        """A problem to the caller, and the full reason in the audit trail."""
        self.assertProblem(answer, status, code)
        self.assertIn(reason, self.reasons(answer))

    def assertDenied(self, answer, reason):
        self.assertRefused(answer, 403, "logon_denied", reason)
