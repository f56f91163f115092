"""Storefronts and hosts: how they join, renew and are shut out."""

import socket
import ssl
import time

from cryptography import x509

from lab import api, pki
from lab.layout import DOMAIN

from case import SECRETS, LabCase

NAMES = iter(f"vda{n}.vdi.{DOMAIN}" for n in range(100, 200))


class Machines(LabCase):
    def token(self, name, role="host"):
        made = self.fasctl("host", "enroll", "--role", role, "--name", name).split()[0]
        SECRETS.append(made)
        return made

    def enroll(self, token, key=None):
        key, csr = api.new_csr(key or api.curve_key())
        return key, self.client(None).post("/v1/enroll", {"token": token, "csr": csr})

    def join(self, name, role="host"):
        """A new machine's client."""
        key, answer = self.enroll(self.token(name, role))
        self.assertEqual(answer.status, 201, answer)
        return self.client_with(name, answer.json["certificate"], key)

    def client_with(self, stem, certificate, key):
        folder = self.lab.folder / "machines"
        folder.mkdir(exist_ok=True)
        (folder / f"{stem}.crt").write_text(certificate)
        api.save_key(folder / f"{stem}.key", key)
        return api.Client(self.lab.api_url, self.lab.pki / "service-ca.crt", folder / f"{stem}.crt",
                          folder / f"{stem}.key")

    def refused(self, client, path="/v1/sessions/00000000000000000000000000000000/lease"):
        """Shut out: by the TLS handshake or by a problem document."""
        try:
            answer = client.post(path, {})
        except (ssl.SSLError, ConnectionError):
            return True
        return answer.status in (401, 403)

    def test_a_new_host_joins_by_its_token_and_is_known_at_once(self):
        name = next(NAMES)
        client = self.join(name)
        answer = client.post("/v1/sessions/00000000000000000000000000000000/lease", {})
        self.assertProblem(answer, 404, "session_unknown")
        listed = {h["name"]: h for h in self.fasctl_json("host", "list")["hosts"]}
        self.assertEqual(listed[name]["role"], "host")

    def test_a_token_works_once(self):
        token = self.token(next(NAMES))
        self.assertEqual(self.enroll(token)[1].status, 201)
        self.assertProblem(self.enroll(token)[1], 403, "token_refused")

    def test_the_same_enrolment_again_gets_the_same_certificate(self):
        token, key = self.token(next(NAMES)), api.curve_key()
        first, second = self.enroll(token, key)[1], self.enroll(token, key)[1]
        self.assertEqual((first.status, second.status), (201, 201))
        self.assertEqual(first.json["certificate"], second.json["certificate"])

    def test_a_made_up_token_is_refused(self):
        token = self.token(next(NAMES))
        self.assertProblem(self.enroll(token[:-4] + "AAAA")[1], 403, "token_refused")

    def test_role_and_name_come_from_the_token_not_from_the_request(self):
        name = next(NAMES)
        key, csr = api.new_csr(api.curve_key(), common_name="storefront01." + DOMAIN)
        answer = self.client(None).post("/v1/enroll", {"token": self.token(name), "csr": csr})
        certificate = x509.load_pem_x509_certificate(answer.json["certificate"].encode())
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(names.get_values_for_type(x509.DNSName), [name])
        self.assertNotIn("storefront01", certificate.subject.rfc4514_string())

    def test_a_machine_renews_with_its_own_key_and_no_other(self):
        name = next(NAMES)
        key, answer = self.enroll(self.token(name))
        client = self.client_with(name, answer.json["certificate"], key)
        renewed = client.post("/v1/renew", {"csr": api.new_csr(key)[1]})
        self.assertEqual(renewed.status, 201, renewed)
        again = self.client_with(name, renewed.json["certificate"], key)
        self.assertProblem(again.post("/v1/sessions/00000000000000000000000000000000/lease", {}), 404, "session_unknown")
        self.assertIn(client.post("/v1/renew", {"csr": api.new_csr(api.curve_key())[1]}).status, (400, 403))

    def test_a_revoked_host_stops_at_once_also_on_its_kept_connection(self):
        name = next(NAMES)
        client = self.join(name)
        path = "/v1/sessions/00000000000000000000000000000000/lease"
        self.assertEqual(client.post(path, {}, keep=True).status, 404)
        self.fasctl("host", "revoke", name)
        self.assertTrue(self.ends_within_a_second(client, path))
        self.assertTrue(self.refused(client))

    def ends_within_a_second(self, client, path):
        """The signer pushes its host table to fasd: half a millisecond later when the machine is quiet."""
        end = time.monotonic() + 1
        while time.monotonic() < end:
            try:
                if client.post(path, {}, keep=True).status == 401:
                    return True
            except ConnectionError:
                return True
        return False

    def test_without_a_certificate_only_enrolment_answers(self):
        answer = self.client(None).post("/v1/logons", {"saml_response": self.response(), "host": "a.example"})
        self.assertProblem(answer, 401, "caller_required")

    def test_a_users_certificate_is_no_machine(self):
        """The logon CA is not the API's trust anchor: no user's certificate can ever speak for a host."""
        session, key, _ = self.session("alice")
        client = self.client_with("alice", session["certificate"] + session["chain"], key)
        self.assertTrue(self.refused(client))

    def test_a_certificate_of_a_stranger_with_the_hosts_name_is_refused(self):
        stranger, key = pki.Authority.new_root("FAS Service CA"), pki.new_key()
        own = x509.load_pem_x509_certificate((self.lab.pki / "host.crt").read_bytes())
        copied = [(e.value, e.critical) for e in own.extensions
                  if not isinstance(e.value, (x509.SubjectKeyIdentifier, x509.AuthorityKeyIdentifier))]
        forged = stranger.issue(own.subject, key.public_key(), 1, copied)
        self.assertTrue(self.refused(self.client_with("forged", pki.pem(forged).decode(), key)))

    def test_the_servers_certificate_verifies_by_name_and_by_address(self):
        context = ssl.create_default_context(cafile=str(self.lab.pki / "service-ca.crt"))
        address = self.lab.address("fas1." + DOMAIN)
        for name in (address, "fas1." + DOMAIN):
            with self.subTest(name), socket.create_connection((address, 8443), 5) as plain:
                with context.wrap_socket(plain, server_hostname=name) as tls:
                    self.assertIn(tls.version(), ("TLSv1.2", "TLSv1.3"))

    def test_old_versions_of_tls_are_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with socket.create_connection((self.lab.address("fas1." + DOMAIN), 8443), 5) as plain:
            with self.assertRaises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain)
