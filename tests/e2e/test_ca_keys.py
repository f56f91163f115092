"""CA keys: in a file under a passphrase, in SoftHSM2, in a TPM; tokens that go away and come back; what each type costs."""

import os
import shutil
import signal

from cryptography import x509

from lab import api, config, krb5, lifecycle, namespace, pki, proc, programs, token
from lab.layout import DOMAIN, VDA1, LabError, SecondNode, write
from lab.programs import SIGNER

from case import SECRETS, LabCase

BACK_S = 30


class KeysCase(LabCase):
    """A node of its own, whose logon CA's key lies where the case wants it."""

    node = None

    def tearDown(self):
        if self.node:
            lifecycle.stop_second_node(self.node)

    def start(self, key="", tokens=""):
        type(self).node = self.node = lifecycle.start_second_node(self.lab, key, tokens)
        return self.node

    def start_signer_alone(self, key="", tokens=""):
        """For questions that need no logon."""
        self.node = lifecycle.prepare_second_node(self.lab, key, tokens)
        programs.start_signer(self.node)
        return self.node

    def key_files(self):
        return sorted((self.node.fas / "signer" / "keys").glob("main-*.key"))

    def log_of_signer(self):
        return (self.lab.log / "fas-signer2.log").read_text(errors="replace")

    # ---- a logon through this node ----

    def storefront(self):
        files = (self.node.pki / name for name in ("service-ca.crt", "storefront.crt", "storefront.key"))
        return api.Client(self.node.api_url, *files)

    def host(self):
        files = (self.node.pki / name for name in ("service-ca.crt", "host.crt", "host.key"))
        return api.Client(self.node.api_url, *files)

    def ask_for_ticket(self, user="alice"):
        response = self.response(user, recipient=self.node.acs_url, destination=self.node.acs_url)
        answer = self.storefront().post("/v1/logons", {"saml_response": response, "host": VDA1})
        if answer.status == 201:
            SECRETS.append(answer.json["ticket"])
        return answer

    def ask_for_certificate(self, ticket, csr):
        return self.host().post("/v1/certificates", {"ticket": ticket, "csr": csr})

    def issue(self, user="alice"):
        """(answer's members, key) of a whole logon up to the certificate."""
        key, csr = api.new_csr()
        answer = self.ask_for_ticket(user)
        self.assertEqual(answer.status, 201, answer)
        answer = self.ask_for_certificate(answer.json["ticket"], csr)
        self.assertEqual(answer.status, 201, answer)
        return answer.json, key

    def conf(self):
        text = krb5.client_conf(self.lab).replace(f"{self.lab.pki}/logon-ca.pem", f"{self.node.pki}/logon-ca.pem")
        return write(self.node.pki / "krb5.conf", text)

    def assertLogsOn(self, user="alice"):
        """Issued, and a domain controller gives a ticket for it."""
        session, key = self.issue(user)
        cache = self.kinit(session, key, conf=self.conf())
        self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(namespace.enter(self.lab, ["klist", "-c", cache])))
        return x509.load_pem_x509_certificate(session["certificate"].encode())

    def assertRevokes(self, certificate):
        """The next CRL names it, and the CA's own key confirms that CRL."""
        serial = certificate.serial_number
        programs.fasctl(self.node, "cert", "revoke", "--serial", f"{serial:x}".zfill(32))
        ca = x509.load_pem_x509_certificate((self.node.pki / "logon-ca.crt").read_bytes())

        def is_out():
            crl = x509.load_der_x509_crl((self.node.fas / "public" / "crl" / "main-1.crl").read_bytes())
            return crl.is_signature_valid(ca.public_key()) and crl.get_revoked_certificate_by_serial_number(serial)
        proc.wait_for(is_out, 10, "the certificate on a CRL of this key")


class Files(KeysCase):
    def setUp(self):
        self.passphrase = self.lab.folder / "ca-passphrase"
        write(self.passphrase, "correct horse battery staple\n", 0o400, SIGNER)
        self.key = f"    key: {{ passphrase_file: {self.passphrase} }}\n"

    def begin(self):
        """A signer whose authority has its key, and is stopped."""
        self.start_signer_alone(self.key)
        programs.fasctl(self.node, "ca", "init")
        proc.stop(self.node, "fas-signer2")

    def assertDoesNotStart(self, reason):
        before = len(self.log_of_signer())
        programs.launch_signer(self.node)
        proc.wait_for(lambda: f"({reason})" in self.log_of_signer()[before:], 15, f"a signer that says {reason}")
        proc.stop(self.node, "fas-signer2")

    def test_a_key_under_a_passphrase_issues_and_its_file_alone_is_worth_nothing(self):
        self.start(self.key)
        self.assertRevokes(self.assertLogsOn())
        (file,) = self.key_files()
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", file.read_text())
        self.assertEqual((file.stat().st_mode & 0o7777, file.stat().st_uid), (0o600, SIGNER[0]))
        programs.restart(self.node, "fas-signer")
        self.assertLogsOn()

    def test_a_systemd_credential_holds_the_passphrase_as_well(self):
        credentials = self.lab.folder / "credentials"
        credentials.mkdir()
        self.addCleanup(shutil.rmtree, credentials)
        write(credentials / "ca", "correct horse battery staple\n", 0o400, SIGNER)
        self.node = lifecycle.prepare_second_node(self.lab, "    key: { passphrase_credential: ca }\n")
        self.assertMakesNoKey("credential_missing")
        programs.start_signer(self.node, env={"CREDENTIALS_DIRECTORY": str(credentials)})
        programs.fasctl(self.node, "ca", "init")
        (file,) = self.key_files()
        self.assertIn("BEGIN ENCRYPTED PRIVATE KEY", file.read_text())

    def assertMakesNoKey(self, reason):
        """Without a credential there is no key to be made."""
        programs.start_signer(self.node)
        status, _, errors = programs.fasctl_status(self.node, "ca", "init")
        self.assertNotEqual(status, 0)
        self.assertIn(reason, errors)
        self.assertEqual(self.key_files(), [])
        proc.stop(self.node, "fas-signer2")

    def test_a_wrong_passphrase_is_said_and_the_right_one_opens(self):
        self.begin()
        write(self.passphrase, "another one\n", 0o400, SIGNER)
        self.assertDoesNotStart("key_passphrase")
        write(self.passphrase, "correct horse battery staple\n", 0o400, SIGNER)
        programs.start_signer(self.node)

    def test_a_passphrase_that_others_may_read_is_refused(self):
        self.begin()
        self.passphrase.chmod(0o444)
        self.assertDoesNotStart("secret_file")

    def test_a_key_file_of_wrong_mode_or_owner_is_refused_at_start(self):
        self.begin()
        (file,) = self.key_files()
        file.chmod(0o640)
        self.assertDoesNotStart("secret_file")
        file.chmod(0o600)
        os.chown(file, 63999, SIGNER[1])
        self.assertDoesNotStart("io_error")  # the kernel's word comes first
        file.chmod(0o604)
        self.assertDoesNotStart("secret_file")
        file.chmod(0o600)
        os.chown(file, *SIGNER)
        file.parent.chmod(0o755)
        self.assertDoesNotStart("key_folder")
        file.parent.chmod(0o700)
        programs.start_signer(self.node)

    def test_a_plain_key_where_a_passphrase_is_named_is_refused(self):
        self.key, named = "", self.key
        self.begin()
        self.node.key = named
        write(self.node.fas / "signer.yaml", config.signer_yaml(self.node), 0o640, (0, SIGNER[1]))
        self.assertDoesNotStart("key_unsealed")


class Tokens(KeysCase):
    """The same for each kind of token."""

    kind = None
    inside = "    key: { pkcs11: box }\n"

    def setUp(self):
        if self.kind is None:
            return
        shutil.rmtree(self.lab.folder / "token", ignore_errors=True)
        self.box = self.kind(self.lab, "token")
        self.addCleanup(self.box.stop)

    def assertAway(self, answer):
        self.assertProblem(answer, 503, "unavailable")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def readyz(self):
        return api.Client(self.node.ops_url, None).get("/readyz")

    def wait_unready(self, reason):
        def says_so():
            answer = self.readyz()
            return answer.status == 503 and answer.json["checks"]["signer"].get("reason") == reason
        proc.wait_for(says_so, BACK_S, f"/readyz: {reason}")

    def wait_ready(self):
        proc.wait_for(lambda: self.readyz().status == 200, BACK_S, "readiness")


class TokenCases:
    def test_a_key_is_made_in_the_token_issues_and_signs_crls(self):
        self.start(self.inside, self.box.yaml())
        self.assertRevokes(self.assertLogsOn())
        (file,) = self.key_files()
        self.assertNotIn("PRIVATE", file.read_text())
        proc.stop(self.node, "fas-signer2")
        said = self.box.objects()
        self.assertIn("main-1", said)
        self.assertIn("never extractable", said)
        programs.start_signer(self.node)
        self.wait_ready()
        self.assertLogsOn()

    def test_a_token_that_goes_away_and_comes_back_costs_no_restart(self):
        self.start(self.inside, self.box.yaml())
        before = programs.pid(self.node, "fas-signer")
        _, csr = api.new_csr()
        ticket = self.ask_for_ticket().json["ticket"]
        self.box.vanish()
        self.assertAway(self.ask_for_certificate(ticket, csr))
        self.wait_unready("token_away")
        status, out, _ = programs.fasctl_status(self.node, "status")
        self.assertEqual(status, 4, out)
        self.assertIn('token "box"', out)
        self.box.come_back()
        self.wait_ready()
        answer = self.ask_for_certificate(ticket, csr)
        self.assertEqual(answer.status, 201, answer)
        self.assertLogsOn()
        self.assertEqual(programs.pid(self.node, "fas-signer"), before)

    def test_a_signer_starts_while_its_token_is_away(self):
        self.start(self.inside, self.box.yaml())
        proc.stop(self.node, "fas-signer2")
        self.box.vanish()
        programs.start_signer(self.node)
        self.wait_unready("token_away")
        self.box.come_back()
        self.wait_ready()
        self.assertLogsOn()


class SoftHsm(TokenCases, Tokens):
    kind = token.SoftHsm


class Tpm(TokenCases, Tokens):
    kind = token.Tpm
