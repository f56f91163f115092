"""CA keys: in a file under a passphrase, in SoftHSM2, in a TPM; tokens that go away and come back; what each type costs."""

import base64
import os
import secrets
import shutil
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import api, config, krb5, lifecycle, namespace, pki, proc, programs, token, wire
from lab.layout import FASD_UID, REALM, VDA1, LabError, write
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
        SECRETS.append("correct horse battery staple")
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
        os.chown(file, 63999, 63999)
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


class Types(KeysCase):
    """Each type of key, before the lab's domain controller (Samba) and an MIT KDC: what `fasctl ca init` says of it."""

    def certificate_under(self, kind):
        """A user's certificate of a logon CA with such a key, and the user's key; the signer is asked as fasd would."""
        self.start_signer_alone(f"    key: {{ type: {kind} }}\n")
        _, _, said = programs.fasctl_status(self.node, "ca", "init")
        programs.make_logon_ca(self.node, pki.Authority.load(self.lab.pki, "logon-root"))
        alice, key = self.account("alice"), pki.new_key()
        spki = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        subject = [["DC", "com"], ["DC", "example"], ["DC", "corp"], ["OU", "People"], ["CN", "alice"]]
        (reply,) = wire.ask_as(FASD_UID, self.node.run / "signer" / "issue.sock", {
            "op": "issue", "request_id": secrets.token_hex(16), "correlation_id": secrets.token_hex(16),
            "authority": "main", "profile": "smartcard-logon", "subject": subject, "sid": alice["sid"],
            "upn": alice["upn"], "spki": base64.b64encode(spki).decode(), "validity_s": 900, "rule": "vdi-users",
            "host": VDA1, "session": secrets.token_hex(16)})
        self.assertIn("pem", reply, reply)
        session = {"certificate": reply["pem"], "serial": reply["serial"], "principal": f"alice@{REALM}"}
        return session, key, said

    def assertMitKdcTakes(self, session, key):
        upn = self.account("alice")["upn"]
        kdc = krb5.MitKdc(self.lab, upn, "mit-kdc-keys")
        kdc.prepare([self.lab.pki / "logon-root.crt", self.node.pki / "logon-ca.crt"])
        conf = kdc.client_conf.read_text().replace(f"{self.lab.pki}/logon-ca.pem", f"{self.node.pki}/logon-ca.pem")
        kdc.start()
        try:
            self.kinit(session, key, user=upn, conf=write(self.node.pki / "mit.conf", conf))
        finally:
            kdc.stop()

    def test_rsa_of_each_length_is_taken_by_the_domain_controller(self):
        for kind in ("rsa-2048", "rsa-3072", "rsa-4096"):
            with self.subTest(kind):
                session, key, said = self.certificate_under(kind)
                self.assertRegex(said, rf"Key {kind}: a certificate costs [0-9.]+ ms here")
                self.assertIn("Accepted by every domain controller", said)
                self.kinit(session, key, conf=self.conf())
                lifecycle.stop_second_node(self.node)

    def test_curves_are_taken_by_mit_and_refused_by_samba_as_ca_init_says(self):
        for kind in ("p-256", "p-384"):
            with self.subTest(kind):
                session, key, said = self.certificate_under(kind)
                self.assertIn("Accepted by Windows Server and MIT; NOT Samba", said)
                self.assertMitKdcTakes(session, key)
                with self.assertRaises(LabError):
                    self.kinit(session, key, conf=self.conf())
                lifecycle.stop_second_node(self.node)


class Tokens(KeysCase):
    """The same for each kind of token."""

    kind = None
    inside = "    key: { pkcs11: box }\n"

    def setUp(self):
        if self.kind is None:
            return
        shutil.rmtree(self.lab.folder / "token", ignore_errors=True)
        self.box = self.kind(self.lab, "token")
        SECRETS.append(token.PIN)
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

    def processes(self):
        """(the one that waits, its worker) beside the signer."""
        def both():
            signer = programs.pid(self.node, "fas-signer")
            waiting, worker = self.below(signer), None
            if waiting:
                worker = self.below(waiting)
            return worker and (waiting, worker)
        return proc.wait_for(both, 10, "the token's processes")

    def below(self, pid):
        """The only child."""
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if len(children) == 1 else None

    def test_a_workers_death_costs_nothing_and_the_others_a_restart(self):
        self.start(self.inside, self.box.yaml())
        signer = programs.pid(self.node, "fas-signer")
        waiting, worker = self.processes()
        # One that dies young is not begun anew at once.
        proc.wait_for(lambda: int(proc.run(["ps", "-o", "etimes=", "-p", str(worker)])) > 2, 10, "a worker of some age")
        os.kill(worker, signal.SIGKILL)
        self.issue()
        self.assertEqual(self.processes()[0], waiting)
        os.kill(waiting, signal.SIGKILL)
        proc.wait_for(lambda: programs.pid(self.node, "fas-signer") not in (None, signer), BACK_S, "another signer")
        self.wait_ready()
        self.issue()

    def test_a_worker_that_hangs_is_waited_for_so_long_and_no_longer(self):
        self.start(self.inside, self.box.yaml(timeout="1s"))
        _, worker = self.processes()
        _, csr = api.new_csr()
        ticket = self.ask_for_ticket().json["ticket"]
        proc.halt(worker)
        self.addCleanup(self.wake, worker)
        self.assertAway(self.ask_for_certificate(ticket, csr))
        self.wait_unready("token_slow")
        self.wake(worker)
        self.wait_ready()
        self.assertEqual(self.ask_for_certificate(ticket, csr).status, 201)

    def wake(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def test_a_workers_open_files_are_the_tokens_and_nothing_of_the_signers(self):
        self.start(self.inside, self.box.yaml())
        self.issue()
        for pid in self.processes():
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            self.assertEqual((status["Seccomp"].strip(), status["NoNewPrivs"].strip(), status["CapEff"].strip()),
                             ("2", "1", "0" * 16))
            self.assertEqual(status["Uid"].split(), [str(SIGNER[0])] * 4)
            opened = [os.readlink(one) for one in Path(f"/proc/{pid}/fd").iterdir()]
            self.assertEqual([one for one in opened if one.startswith((str(self.node.fas), str(self.node.run)))], [])

    def test_a_key_that_is_in_the_token_already_is_taken_by_its_uri(self):
        self.box.tool("--keypairgen", "--key-type", "EC:secp256r1", "--id", "0a0b", "--label", "ceremony")
        uri = f"pkcs11:token={token.LABEL};object=ceremony?module-name=softhsm2"
        self.node = lifecycle.prepare_second_node(self.lab, "    key: { pkcs11: box, type: p-256 }\n", self.box.yaml(uri))
        programs.start_signer(self.node)
        programs.make_logon_ca(self.node, pki.Authority.load(self.lab.pki, "logon-root"))
        (file,) = self.key_files()
        self.assertIn('"0a0b"', file.read_text())
        proc.stop(self.node, "fas-signer2")
        self.assertNotIn("main-1", self.box.objects())

    def test_a_refused_pin_is_said_not_tried_again_and_a_new_one_needs_no_restart(self):
        self.box.set_pin("9999")
        self.start_signer_alone(self.inside, self.box.yaml())
        for _ in range(3):
            status, _, errors = programs.fasctl_status(self.node, "ca", "init")
            self.assertNotEqual(status, 0)
            self.assertIn("not tried again", errors)
        self.assertEqual(self.log_of_signer().count("token_pin"), self.log_of_signer().count("refuses the PIN"))
        self.box.set_pin(token.PIN)

        def is_made():
            return programs.fasctl_status(self.node, "ca", "init")[0] == 0
        proc.wait_for(is_made, BACK_S, "a key with the right PIN")


class Tpm(TokenCases, Tokens):
    kind = token.Tpm
