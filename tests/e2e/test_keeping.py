"""What is kept survives the machine: a backup that is made under load is put back on an empty one, and people log on."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import threading

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lab import api, namespace, pki, proc, programs
from lab.layout import FASD_UID, SIGNER_UID, VDA1

from case import LabCase

STATES = {"fasd": FASD_UID, "signer": SIGNER_UID}
PATIENCE_S = 60  # longer than a provider's skew: then an assertion of now is one of after the restore


class Keeping(LabCase):
    """Each case begins with a backup of the running lab, and ends with the lab as it was."""

    def setUp(self):
        self.folder = self.lab.folder / "keeping"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.key, self.certificate = self.new_recipient("backup")
        self.backup = self.folder / "backup"

    def protected_recipient(self):
        """As docs/ADMIN.md says: a key under a passphrase, which is kept elsewhere, and its certificate."""
        key, certificate, passphrase = (self.folder / name for name in ("safe.key", "safe.pem", "passphrase"))
        passphrase.write_text("correct horse\n")
        passphrase.chmod(0o600)
        plain, _ = self.new_recipient("plain")
        proc.run(["openssl", "pkcs8", "-topk8", "-scrypt", "-in", plain, "-passout", f"file:{passphrase}", "-out", key])
        key.chmod(0o600)
        proc.run(["openssl", "req", "-x509", "-key", key, "-passin", f"file:{passphrase}", "-days", "30", "-subj", "/CN=safe", "-out",
                  certificate])
        return key, certificate, passphrase

    def new_recipient(self, name):
        """A key that nothing protects but its mode, and its certificate."""
        key, certificate = self.folder / f"{name}.key", self.folder / f"{name}.pem"
        proc.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                  "-subj", "/CN=backup", "-keyout", key, "-out", certificate])
        return key, certificate

    def save(self, *words):
        return self.fasctl_json("backup", self.backup, "--to", self.certificate, *words)

    def state(self, name):
        return self.lab.fas / name

    def crl_file(self):
        return self.folder / "main-1.crl"

    def machines_file(self):
        return self.folder / "service-1.crl"

    def crl_words(self):
        """Both lists, as they were fetched."""
        return ["--crl", self.crl_file(), "--crl", self.machines_file()]

    def fetch_machines(self):
        self.machines_file().write_bytes(self.public().get("/crl/service-1.crl").body)
        return x509.load_der_x509_crl(self.machines_file().read_bytes())

    def fetch_crl(self):
        self.fetch_machines()
        self.crl_file().write_bytes(self.public().get("/crl/main-1.crl").body)
        return x509.load_der_x509_crl(self.crl_file().read_bytes())

    @staticmethod
    def number(crl):
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def revoked(self, crl, session):
        return crl.get_revoked_certificate_by_serial_number(int(session["serial"], 16)) is not None

    def stop(self):
        for name in ("fasd", "fas-signer"):
            proc.stop(self.lab, name)

    def start(self):
        programs.start_signer(self.lab)
        programs.start_fasd(self.lab)

    def lose_the_machine(self):
        """Both programs are gone, and with them all that they kept."""
        self.stop()
        for name in [*STATES, "public"]:
            os.rename(self.state(name), self.folder / f"{name}.lost")
        self.state("public").mkdir()
        os.chown(self.state("public"), SIGNER_UID, SIGNER_UID)
        self.addCleanup(self.find_the_machine)

    def find_the_machine(self):
        self.stop()
        for name in [*STATES, "public"]:
            shutil.rmtree(self.state(name), ignore_errors=True)
            os.rename(self.folder / f"{name}.lost", self.state(name))
        self.start()

    def restore_words(self, *words, key=None):
        return ["restore", self.backup, "--key", key or self.key, *words, "--fasd-state", self.state("fasd"), "--signer-state",
                self.state("signer"), "--fasd-user", str(FASD_UID), "--signer-user", f"{SIGNER_UID}:{SIGNER_UID}"]

    def restore(self, *words):
        return self.fasctl_json(*self.restore_words(*self.crl_words(), *words))

    def assertNotRestored(self, reason, *words, key=None):
        status, out, errors = programs.fasctl_status(self.lab, *self.restore_words(*words, key=key), "--json")
        self.assertEqual((status, json.loads(out)["error"]["reason"]), (1, reason), errors)

    def join(self, name):
        """A new host's serial number."""
        token = self.fasctl("host", "enroll", "--role", "host", "--name", name).split()[0]
        _, csr = api.new_csr(api.curve_key())
        joined = api.Client(self.lab.api_url, self.lab.pki / "service-ca.crt").post("/v1/enroll", {"token": token, "csr": csr})
        self.assertEqual(joined.status, 201, joined)
        return x509.load_pem_x509_certificate(joined.json["certificate"].encode()).serial_number

    def log_on(self, user="alice"):
        """A whole logon to the ticket-granting ticket, with an assertion that is surely of after the restore: its provider's
        clock is as far ahead as it may be."""
        answers = []

        def accepted():
            answers.append(self.logon(user, age_s=-55))
            return answers[-1].status == 201
        proc.wait_for(accepted, PATIENCE_S, "an assertion that is accepted")
        key, csr = api.new_csr()
        answer = self.redeem(answers[-1].json["ticket"], csr)
        self.assertEqual(answer.status, 201, answer)
        self.kinit(answer.json, key)
        return answer.json


class EmptyMachine(Keeping):
    def test_a_backup_is_restored_on_an_empty_machine_and_people_log_on(self):
        self.key, self.certificate, passphrase = self.protected_recipient()
        before, _, _ = self.session()
        used_before, open_ticket = self.response(), self.ticket()
        self.assertEqual(self.redeem(self.ticket(response=used_before)).status, 201)
        token = self.fasctl("host", "enroll", "--role", "host", "--name", VDA1).split()[0]
        machine, kept_machine = self.join("vda200.vdi.corp.example.com"), self.join("vda201.vdi.corp.example.com")
        made = self.save("--with-ca-keys")
        self.assertGreaterEqual(made["ca_keys"], 2)

        self.fasctl("host", "revoke", "vda200.vdi.corp.example.com")
        proc.wait_for(lambda: self.fetch_machines().get_revoked_certificate_by_serial_number(machine), 10, "the machine on its list")
        since, _, _ = self.session("grace")
        used_since = self.response()
        self.assertEqual(self.redeem(self.ticket(response=used_since)).status, 201)
        for session in (before, since):
            self.fasctl("cert", "revoke", "--serial", session["serial"], "--reason", "keyCompromise")
        proc.wait_for(lambda: all(self.revoked(self.fetch_crl(), one) for one in (before, since)), 10, "both on the list")
        last = self.number(self.fetch_crl())
        self.lose_the_machine()

        self.assertNotRestored("backup_key", *self.crl_words())
        said = self.restore("--sha256", made["sha256"], "--passphrase-file", passphrase)
        self.assertEqual((said["node"], said["crls"]), ("fas1", 2))
        for name, uid in STATES.items():
            for path in (self.state(name), *self.state(name).rglob("*")):
                status = path.stat()
                self.assertEqual((status.st_uid, status.st_mode & 0o066), (uid, 0), path)
        self.start()
        self.log_on()

        crl = self.fetch_crl()
        self.assertGreater(self.number(crl), last)
        self.assertTrue(self.revoked(crl, before) and self.revoked(crl, since))
        machines = {int(one["serial"], 16): one["revoked"] for one in self.fasctl_json("host", "list")["hosts"]}
        self.assertEqual((machines[machine], machines[kept_machine]), (True, False))
        self.assertEqual(self.client("host").post(f"/v1/sessions/{before['session_id']}/lease", {}).status, 404)
        self.assertRefused(self.logon(response=used_before), 403, "assertion_refused", "saml_before_restore")
        self.assertRefused(self.logon(response=used_since), 403, "assertion_refused", "saml_before_restore")
        self.assertNotEqual(self.redeem(open_ticket).status, 201)
        _, csr = api.new_csr(api.curve_key())
        joined = api.Client(self.lab.api_url, self.lab.pki / "service-ca.crt").post("/v1/enroll", {"token": token, "csr": csr})
        self.assertNotEqual(joined.status, 201)
        self.assertEqual(self.findings(), [])
        self.assertIn("was restored from a backup of", self.fasctl("audit", "verify"))
        for words in ([], ["--signer"]):
            tail = self.fasctl("audit", "tail", "--limit", "200", "--json", *words).splitlines()
            self.assertIn("restored", [json.loads(line)["event"] for line in tail])

    def test_a_backup_under_load_is_of_one_moment(self):
        """Each certificate in it has its decision, each countersigned record is there: made while logons go on."""
        wrong, over = [], threading.Event()

        def load():
            while not over.is_set():
                given = self.logon("grace")
                answer = given if given.status != 201 else self.redeem(given.json["ticket"])
                if answer.status != 201:
                    wrong.append(answer)
                    return
        workers = [threading.Thread(target=load) for _ in range(3)]
        for worker in workers:
            worker.start()
        try:
            for round_number in range(3):
                shutil.rmtree(self.backup, ignore_errors=True)
                self.save("--with-ca-keys")
        finally:
            over.set()
            for worker in workers:
                worker.join()
        self.assertEqual(wrong, [])
        self.fetch_crl()
        self.lose_the_machine()
        self.restore()
        self.start()
        self.log_on()
        self.assertEqual(self.findings(), [])
        self.assertEqual([one for one in self.fasctl_json("session", "list")["sessions"] if one["upn"].startswith("grace")], [])

    def test_a_restore_that_is_killed_leaves_nothing_that_serves_and_can_be_run_again(self):
        """At each of its steps: whatever it makes durable is the last that it does."""
        self.save("--with-ca-keys")
        self.fetch_crl()
        self.lose_the_machine()
        killed = 0
        while self.killed_at_step(killed + 1):
            killed += 1
            self.assertLess(killed, 100)
            self.assertRefusedAtTheStart()
        self.assertGreater(killed, 8)
        self.start()
        self.log_on()
        self.assertEqual(self.findings(), [])

    def killed_at_step(self, number):
        argv = namespace.enter(self.lab, ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject=fsync:signal=SIGKILL:when={number}",
                                          programs.program("fasctl"), *self.restore_words(*self.crl_words())])
        done = subprocess.run([str(a) for a in argv], env=programs.tool_env(self.lab), text=True, capture_output=True, timeout=60)
        self.assertIn(done.returncode, (0, -signal.SIGKILL, 128 + signal.SIGKILL), done.stderr)
        return done.returncode != 0

    def assertRefusedAtTheStart(self):
        """Whoever is not whole does not start; when both are, all is there and only the last word was not said."""
        unfinished = [name for name in STATES if (self.state(name) / "restore.incomplete").exists()]
        if not unfinished:
            self.assertTrue(all((self.state(name) / "restore.json").exists() for name in STATES))
        for name in unfinished:
            program = {"signer": "fas-signer", "fasd": "fasd"}[name]
            owner = str(STATES[name])
            done = subprocess.run([str(a) for a in namespace.enter(self.lab, [
                "setpriv", "--reuid", owner, "--regid", owner, "--clear-groups", programs.program(program), "--config",
                self.lab.fas / f"{programs.CONFIGS[program]}.yaml"])], text=True, capture_output=True, timeout=30,
                env={**os.environ, "KRB5_CONFIG": str(self.lab.krb5_conf)})
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("restore_incomplete", done.stdout + done.stderr)
            self.assertIn("fasctl restore", done.stdout + done.stderr)


class Refusals(Keeping):
    def test_a_restore_refuses_what_is_not_the_whole_backup_or_not_an_empty_machine(self):
        made = self.save()
        self.assertEqual(made["ca_keys"], 0)
        crl = self.crl_words()
        self.fetch_crl()
        self.assertNotRestored("service_runs", *crl)
        self.stop()
        self.addCleanup(self.start)
        kept = {path: path.read_bytes() for name in STATES for path in self.state(name).glob("*.db")}
        other, _ = self.new_recipient("other")
        self.assertNotRestored("sealed_unopened", *crl, key=other)
        self.assertNotRestored("backup_other", "--sha256", "0" * 64, *crl)
        self.assertNotRestored("restore_crl_missing")
        self.assertNotRestored("restore_crl_missing", "--crl", self.crl_file())
        foreign = self.folder / "foreign.crl"
        foreign.write_bytes(pki.Authority.new_root("Somebody").crl().public_bytes(serialization.Encoding.PEM))
        self.assertNotRestored("restore_crl", "--crl", foreign)
        self.assertNotRestored("folder_not_empty", *crl)
        self.assertEqual(kept, {path: path.read_bytes() for path in kept})
        for name, uid in STATES.items():
            self.assertEqual(self.state(name).stat().st_uid, uid)

    def test_a_changed_or_exchanged_part_is_found(self):
        self.save()
        self.fetch_crl()
        self.lose_the_machine()
        first, second = sorted(self.backup.glob("part-*.cms"))[:2]
        whole = first.read_bytes()
        first.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        self.assertNotRestored("sealed_unopened", *self.crl_words())
        first.write_bytes(second.read_bytes())
        self.assertNotRestored("backup_damaged", *self.crl_words())
        first.unlink()
        self.assertNotRestored("file_missing", *self.crl_words())
        first.write_bytes(whole)
        self.restore()

    def test_a_backup_is_not_made_of_one_service_alone_nor_over_another_nor_for_a_weak_key(self):
        self.backup.mkdir()
        words = ["backup", self.backup, "--to", self.certificate, "--json"]
        status, out, _ = programs.fasctl_status(self.lab, *words)
        self.assertEqual((status, json.loads(out)["error"]["reason"]), (1, "backup_exists"))
        self.backup.rmdir()
        weak, certificate = self.folder / "weak.key", self.folder / "weak.pem"
        proc.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=weak", "-keyout", weak, "-out", certificate])
        status, out, _ = programs.fasctl_status(self.lab, "backup", self.backup, "--to", certificate, "--json")
        self.assertEqual((status, json.loads(out)["error"]["reason"]), (1, "recipient_certificate"))
        proc.stop(self.lab, "fas-signer")
        self.addCleanup(programs.start_signer, self.lab)
        status, _, _ = programs.fasctl_status(self.lab, *words)
        self.assertEqual(status, 3)
        self.assertEqual([one.name for one in self.folder.glob("backup*") if one.is_dir()], [])
        left = [one.name for name in STATES for one in self.state(name).glob("backup-*")]
        self.assertEqual(left, [])


class Foreign(Keeping):
    def open(self, name, key):
        return subprocess.run(["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-in", self.backup / name, "-inkey", key],
                              check=True, capture_output=True).stdout

    def test_openssl_opens_it_with_either_key_and_finds_no_key_in_it(self):
        rsa, certificate = self.folder / "rsa.key", self.folder / "rsa.pem"
        proc.run(["openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-days", "30", "-subj", "/CN=second",
                  "-keyout", rsa, "-out", certificate])
        made = self.save("--to", certificate)
        manifests = [self.open("manifest.cms", key) for key in (self.key, rsa)]
        self.assertEqual(manifests[0], manifests[1])
        self.assertEqual(hashlib.sha256(manifests[0]).hexdigest(), made["sha256"])
        manifest = json.loads(manifests[0])
        self.assertEqual([one["name"] for one in manifest["files"]], ["fas.db", "ca.db"])
        for one in manifest["files"]:
            content = b"".join(self.open(part["file"], rsa) for part in one["parts"])
            self.assertEqual((len(content), hashlib.sha256(content).hexdigest()), (one["size"], one["sha256"]))
            path = self.folder / one["name"]
            path.write_bytes(content)
            with contextlib.closing(sqlite3.connect(path)) as database:
                self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            self.assertNotIn(b"PRIVATE KEY", content)
        self.assertEqual({path.name for path in self.backup.iterdir()},
                         {"manifest.cms", *(part["file"] for one in manifest["files"] for part in one["parts"])})
        for path in self.backup.iterdir():
            self.assertEqual(path.stat().st_mode & 0o077, 0)
            self.assertNotIn(b"SQLite format", path.read_bytes())
