"""The logon CA is followed by its next generation while people log on; the old one's list goes on, and nobody is ever
without an authority."""

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from cryptography import exceptions, x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtensionOID

import test_audit
from lab import krb5, namespace, pki, proc, programs
from lab.layout import LabError, write

from case import LabCase

ROUNDS = 5
BACK_S = 30
CALLERS = 3
HOUR_S = 3600


class LifeCase(LabCase):
    def generations(self):
        """[(generation, state), ...] of authority main."""
        return [(at["generation"], at["state"]) for at in self.fasctl_json("ca", "list")["authorities"]]

    def generation(self, state):
        """The number of the one generation in this state, None when there is none."""
        found = [number for number, its in self.generations() if its == state]
        self.assertLessEqual(len(found), 1, self.generations())
        return found[0] if found else None

    def certificate_of(self, number):
        shown = next(at for at in self.fasctl_json("ca", "show")["authorities"] if at["generation"] == number)
        return x509.load_pem_x509_certificate(shown["certificate"].encode())

    def sign_next(self):
        """What the keeper of the offline root does; returns the files of fasctl ca install."""
        root = pki.Authority.load(self.lab.pki, "logon-root")
        number = self.generation("pending")
        csr = self.lab.folder / "next.csr"
        self.fasctl("ca", "csr", "--out", csr)
        certificate = pki.sign_subordinate(root, csr.read_bytes(), f"main-{number}", publish_url=self.lab.publish_url)
        chain, crl = self.lab.folder / "next.pem", self.lab.folder / "next.crl"
        write(chain, pki.pem(certificate) + pki.pem(root.certificate))
        write(crl, pki.pem(root.crl()))
        return certificate, ["--chain", chain, "--root", self.lab.pki / "logon-root.crt", "--root-crl", crl]

    def refused(self, *words):
        status, _, errors = programs.fasctl_status(self.lab, *words)
        self.assertEqual(status, 1, errors)
        return errors

    def is_signed_by(self, certificate, authority):
        try:
            authority.public_key().verify(certificate.signature, certificate.tbs_certificate_bytes, padding.PKCS1v15(),
                                          certificate.signature_hash_algorithm)
            return True
        except exceptions.InvalidSignature:
            return False

    def crl(self, name):
        answer = self.public().get(f"/crl/{name}.crl")
        self.assertEqual(answer.status, 200, name)
        return x509.load_der_x509_crl(answer.body)

    def tell_clients(self, certificate):
        """MIT's client sends the chain that it finds in its pool."""
        root = pki.Authority.load(self.lab.pki, "logon-root")
        write(self.lab.pki / "logon-ca.pem", pki.pem(certificate) + pki.pem(root.certificate))
        write(self.lab.pki / "logon-ca.crt", pki.pem(certificate))


class Load:
    """People who log on without a pause: when each began, and by which certificate of the CA he was served."""

    def __init__(self, case):
        self.case, self.stopping, self.seen, self.failed = case, threading.Event(), [], []
        self.threads = [threading.Thread(target=self.run) for _ in range(CALLERS)]

    def run(self):
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                self.seen.append((began, self.case.session("alice")[2]))
            except Exception as error:  # a failed logon is what the case is about
                self.failed.append(error)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *error):
        self.stopping.set()
        for thread in self.threads:
            thread.join()

    def wait_for_more(self, n=2 * CALLERS):
        goal = len(self.seen) + n
        proc.wait_for(lambda: self.failed or len(self.seen) >= goal, BACK_S, "logons")


class Ends(LifeCase):
    def test_status_and_metrics_say_of_everything_when_it_ends(self):
        status = self.fasctl_json("status")
        ends = {(end["what"], end["name"]): end for one in ("signer", "fasd") for end in status[one]["ends"]}
        number = self.generation("current")
        named = {("authority", f"main-{number}"), ("root", f"main-{number}-root"), ("root_crl", f"main-{number}-root"),
                 ("crl", f"main-{number}"), ("service_ca", "service-1"), ("crl", "service-1"), ("tls", self.lab.node), ("provider", None)}
        self.assertLessEqual({what for what, _ in named}, {what for what, _ in ends})
        self.assertLessEqual({one for one in named if one[0] != "provider"}, set(ends))
        self.assertEqual({end["alarm"] for end in ends.values()}, {0})
        metrics = self.ops().get("/metrics").body.decode()
        for what, name in ends:
            self.assertIn(f'fas_end_alarm{{what="{what}",name="{name}"}} 0\n', metrics)
            self.assertIn(f'fas_end_time_seconds{{what="{what}",name="{name}"}} {ends[what, name]["not_after"]}\n', metrics)

    def test_a_roots_crl_that_ends_soon_is_said_and_the_remedy_clears_it(self):
        root = pki.Authority.load(self.lab.pki, "logon-root")
        file = self.lab.folder / "root.crl"
        write(file, pki.pem(root.crl(days=0.002)))
        self.fasctl("ca", "root-crl", "--crl", file)
        self.addCleanup(self.renew_root_crl, root, file)
        proc.wait_for(lambda: "the root's CRL" in self.status(), BACK_S, "the finding")
        proc.wait_for(lambda: 'event=ends_soon what=root_crl' in self.signer_log(), BACK_S, "the log")
        self.assertIn("fasctl ca root-crl --crl FILE", self.status())
        self.renew_root_crl(root, file)
        self.assertNotIn("the root's CRL", self.status())

    def renew_root_crl(self, root, file):
        write(file, pki.pem(root.crl()))
        self.fasctl("ca", "root-crl", "--crl", file)

    def status(self):
        return programs.fasctl_status(self.lab, "status")[1]

    def signer_log(self):
        return (self.lab.log / f"{self.lab.process('fas-signer')}.log").read_text()


class Rotation(LifeCase):
    def test_a_rotation_under_logons_fails_none_and_leaves_the_old_list_served(self):
        found = self.findings()  # of other cases, which ask the signer themselves
        old_number = self.generation("current")
        old = self.certificate_of(old_number)
        before, before_key, before_certificate = self.session("grace")
        revoked, _, revoked_certificate = self.session("grace")
        self.tell_clients(old)
        with Load(self) as load:
            load.wait_for_more()
            self.fasctl("ca", "init", "--next")
            new, files = self.sign_next()
            self.fasctl("ca", "install", *files)
            number = self.generation("ready")
            self.published(number, new)
            self.waits_for_ntauth(number)
            load.wait_for_more()
            status, out, errors = programs.fasctl_status(self.lab, "ca", "rotate", "--now")
            switched = time.monotonic()
            self.assertEqual((status, "What will fail" in errors), (0, True), errors)
            self.assertIn(f"generation {number}", out)
            load.wait_for_more()
        self.assertEqual(load.failed, [])
        self.assertEqual(self.generations()[-2:], [(old_number, "retiring"), (number, "current")])
        for began, certificate in load.seen:
            self.assertTrue(self.is_signed_by(certificate, new if began > switched else old) or
                            self.is_signed_by(certificate, new), "neither generation's certificate")
        self.assertTrue(any(self.is_signed_by(c, old) for _, c in load.seen))
        self.assertTrue(all(self.is_signed_by(c, new) for began, c in load.seen if began > switched))
        self.old_list_goes_on(old_number, old, revoked, revoked_certificate)
        self.logs_on_at_the_kdc(new)
        self.logs_on_where_crls_are_demanded([old_number, number], before, before_key, old, new)
        self.assertEqual(self.findings(), found)

    def published(self, number, certificate):
        """The list and the certificate of a generation that does not issue yet."""
        crl = self.crl(f"main-{number}")
        self.assertTrue(crl.is_signature_valid(certificate.public_key()))
        shown = self.public().get(f"/ca/main-{number}.cer")
        self.assertEqual(x509.load_der_x509_certificate(shown.body), certificate)
        self.assertEqual(self.crl(f"main-{number}-root").issuer, certificate.issuer)

    def waits_for_ntauth(self, number):
        self.assertIn("ntauth_unseen", self.refused("ca", "rotate"))
        self.fasctl("ca", "ntauth-seen", "--generation", number)
        self.assertIn("ntauth_too_new", self.refused("ca", "rotate"))
        self.assertEqual(self.generation("ready"), number)

    def old_list_goes_on(self, number, old, revoked, certificate):
        url = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0]
        self.assertTrue(url.full_name[0].value.endswith(f"/crl/main-{number}.crl"))
        self.assertEqual(self.end(revoked["session_id"]).status, 204)
        proc.wait_for(lambda: self.crl(f"main-{number}").get_revoked_certificate_by_serial_number(
            certificate.serial_number) is not None, BACK_S, "the old generation's certificate on its CRL")
        self.assertTrue(self.crl(f"main-{number}").is_signature_valid(old.public_key()))
        self.assertIn("certificates_live", self.refused("ca", "retire", "--generation", number))

    def logs_on_at_the_kdc(self, new):
        """The domain trusts the root; the new generation's certificate comes with the client's."""
        self.tell_clients(new)
        session, key, certificate = self.session("alice")
        self.assertTrue(self.is_signed_by(certificate, new))
        self.kinit(session, key)

    def logs_on_where_crls_are_demanded(self, numbers, before, before_key, old, new):
        """Two keys, two lists: a KDC that reads them takes the right one for each."""
        session, key, certificate = self.session("grace")
        crls = []
        for name in [f"main-{number}{suffix}" for number in numbers for suffix in ("", "-root")]:
            file = self.lab.folder / f"{name}.crl.pem"
            file.write_bytes(pki.pem(self.crl(name)))
            crls.append(file)
        kdc = krb5.MitKdc(self.lab, session["upn"], "mit-kdc-life")
        self.addCleanup(kdc.stop)
        kdc.prepare([self.lab.pki / "logon-root.crt"], crls)
        kdc.start()
        self.kinit(session, key, user=session["upn"], conf=kdc.client_conf)
        self.tell_clients(old)
        self.kinit(before, before_key, user=before["upn"], conf=kdc.client_conf)
        self.tell_clients(new)


class Killed(LifeCase):
    """kill -9 somewhere within each step: the authority is in the state before it or in the one behind it."""

    def kill_within(self, argv, delay_s):
        """Run fasctl, and kill the signer so long after it has begun."""
        old = programs.pid(self.lab, "fas-signer")
        command = namespace.enter(self.lab, [programs.program("fasctl"), *argv])
        running = subprocess.Popen([str(word) for word in command], env=programs.tool_env(self.lab),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay_s)  # the moment is the case's own choice: nothing is awaited by it
        os.kill(old, signal.SIGKILL)
        running.wait()
        proc.wait_for(lambda: programs.pid(self.lab, "fas-signer") not in (None, old), BACK_S, "fas-signer again")
        proc.wait_for(lambda: programs.is_ready(self.lab), BACK_S, "readiness")

    def step(self, argv, delay_s, before, after):
        """Killed within it, then finished; before and after: the states of the newest two."""
        self.kill_within(argv, delay_s)
        states = [state for _, state in self.generations()]
        self.assertEqual(states.count("current"), 1, states)
        self.assertIn(states[-len(before):] == before or states[-len(after):] == after, [True], states)
        self.session("alice")
        if states[-len(after):] != after:
            self.fasctl(*argv)
        self.assertEqual([state for _, state in self.generations()][-len(after):], after)
        return states[-len(after):] == after

    def test_a_rotation_that_is_killed_at_any_moment_has_happened_or_not(self):
        found = self.findings()
        chance = random.Random()
        seed = chance.getrandbits(32)
        chance.seed(seed)
        done = 0
        try:
            for _ in range(ROUNDS):
                self.step(["ca", "init", "--next"], chance.uniform(0, 0.4), ["current"], ["current", "pending"])
                certificate, files = self.sign_next()
                self.step(["ca", "install", *files], chance.uniform(0, 0.04), ["current", "pending"],
                          ["current", "ready"])
                done += self.step(["ca", "rotate", "--now"], chance.uniform(0, 0.04), ["current", "ready"],
                                  ["retiring", "current"])
                self.tell_clients(certificate)
                session, key, issued = self.session("alice")
                self.assertTrue(self.is_signed_by(issued, certificate))
                self.kinit(session, key)
        except (AssertionError, LabError) as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        print(f"       {done} of {ROUNDS} switches had happened when the signer was killed, seed {seed}", flush=True)
        self.assertEqual(self.findings(), found)


class Retirement(LifeCase, test_audit.Databases):
    """Both services by a clock that the test sets forward while they run; their databases are put back."""

    def setUp(self):
        super().setUp()
        self.clock = self.lab.fas / "clock"
        self.set_clock(0)
        self.start({**test_audit.FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(self.clock), "FAKETIME_NO_CACHE": "1",
                    "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
        proc.wait_for(lambda: programs.is_ready(self.lab), BACK_S, "readiness")

    def set_clock(self, offset_s):
        new = self.clock.with_suffix(".new")
        new.write_text(f"{offset_s:+d}\n")
        new.rename(self.clock)

    def number(self, name):
        return self.crl(name).extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def wait_for_next(self, name, number):
        proc.wait_for(lambda: self.number(name) > number, BACK_S, f"the next list of {name}")

    def retired(self, name):
        return [line for line in self.fasctl("audit", "tail", "--json", "--signer", "--limit", "100").splitlines()
                if '"authority_retired"' in line and f'"{name}"' in line]

    def rotate(self):
        self.fasctl("ca", "init", "--next")
        self.fasctl("ca", "install", *self.sign_next()[1])
        self.fasctl("ca", "rotate", "--now")

    def test_the_old_generation_retires_once_its_last_certificate_has_ended_and_stood_on_a_list_since(self):
        old_number = self.generation("current")
        old, name = self.certificate_of(old_number), f"main-{old_number}"
        session, _, certificate = self.session("grace")
        self.rotate()
        before = self.number(name)
        self.assertEqual(self.end(session["session_id"]).status, 204)
        self.wait_for_next(name, before)
        self.assertIsNotNone(self.crl(name).get_revoked_certificate_by_serial_number(certificate.serial_number))
        self.assertEqual(self.generations()[-2:], [(old_number, "retiring"), (old_number + 1, "current")])

        self.set_clock(HOUR_S)  # ended, but no list has said since that it was revoked
        self.assertIn("certificates_live", self.refused("ca", "retire", "--generation", old_number))
        self.assertIn((old_number, "retiring"), self.generations())
        self.assertEqual(self.retired(name), [])

        before = self.number(name)
        self.set_clock(9 * HOUR_S)  # one more list is due
        proc.wait_for(lambda: (old_number, "retired") in self.generations(), BACK_S, "the retirement")
        last = self.crl(name)
        self.assertGreater(self.number(name), before)
        self.assertTrue(last.is_signature_valid(old.public_key()))
        self.assertIsNotNone(last.get_revoked_certificate_by_serial_number(certificate.serial_number))
        self.assertEqual(len(self.retired(name)), 1)

        before, following = self.number(name), self.number(f"main-{old_number + 1}")
        self.set_clock(18 * HOUR_S)
        self.wait_for_next(f"main-{old_number + 1}", following)
        self.assertEqual(self.number(name), before)


class TwoPersons(LifeCase):
    """signer.yaml says that some acts need two: members of the admin group, each by his own uid."""

    GROUP, FIRST, SECOND = 60007, 60008, 60009
    SECTION = "two_persons: { acts: [install, rotate, limits], within: 1h }\n"

    def setUp(self):
        self.file, self.limits = self.lab.fas / "signer.yaml", self.lab.fas / "limits.yaml"
        self.kept = {path: path.read_text() for path in (self.file, self.limits)}
        admin = f"admin: {{ socket: {self.lab.run}/signer/admin.sock"
        self.put(self.file, self.kept[self.file].replace(admin, f"{admin}, group: {self.GROUP}") + self.SECTION)
        self.addCleanup(self.put_back)
        programs.restart(self.lab, "fas-signer")

    def put(self, path, text):
        """As an administrator's editor does: owner and mode stay."""
        path.write_text(text)

    def put_back(self):
        for path, text in self.kept.items():
            self.put(path, text)
        programs.restart(self.lab, "fas-signer")

    def by(self, uid, *words):
        """(exit status, output, errors) of fasctl, run by this member of the admin group."""
        argv = ["setpriv", f"--reuid={uid}", f"--regid={self.GROUP}", "--clear-groups", programs.program("fasctl"), *words]
        done = subprocess.run([str(word) for word in namespace.enter(self.lab, argv)], env=programs.tool_env(self.lab),
                              text=True, capture_output=True)
        return done.returncode, done.stdout, done.stderr

    def waiting(self):
        return json.loads(self.by(self.SECOND, "proposal", "list", "--json")[1])["proposals"]

    def ask_for(self, *words):
        """The first person's word alone does nothing; returns the act's id."""
        status, _, errors = self.by(self.FIRST, *words)
        self.assertEqual(status, 5, errors)
        self.assertIn("proposal approve", errors)
        acts = self.waiting()
        self.assertEqual(len(acts), 1)
        return acts[0]["id"]

    def approve(self, act):
        status, out, errors = self.by(self.FIRST, "proposal", "approve", act)
        self.assertEqual((status, "same_person" in errors), (1, True), errors)
        status, out, errors = self.by(self.SECOND, "proposal", "approve", act)
        self.assertEqual(status, 0, errors)
        self.assertIn("proposal_gone", self.by(self.SECOND, "proposal", "approve", act)[2])

    def test_install_and_rotate_need_another_person_and_root_without_a_login_is_none(self):
        self.assertEqual(self.by(self.FIRST, "ca", "init", "--next")[0], 0)
        certificate, files = self.sign_next()
        files = self.readable(files)
        act = self.ask_for("ca", "install", *files)
        self.assertIsNotNone(self.generation("pending"))
        shown = json.loads(self.by(self.SECOND, "proposal", "show", act)[1])
        self.assertEqual(shown["request"]["op"], "ca.install")
        self.approve(act)
        number = self.generation("ready")
        act = self.ask_for("ca", "rotate", "--now")
        self.assertEqual(self.generation("ready"), number)
        self.approve(act)
        self.assertEqual(self.generation("current"), number)
        self.tell_clients(certificate)
        status, _, errors = programs.fasctl_status(self.lab, "ca", "rotate", "--now")
        self.assertEqual((status, "person_unknown" in errors), (1, True), errors)
        self.assertTrue(self.is_signed_by(self.session("alice")[2], certificate))
        self.both_are_on_record()

    def readable(self, files):
        """Copies where an administrator's uid may read them."""
        copies = []
        for word in files:
            if str(word).startswith("--"):
                copies.append(word)
                continue
            copy = Path(tempfile.mkdtemp(prefix="fas-act-")) / "file"
            self.addCleanup(shutil.rmtree, copy.parent)
            copy.parent.chmod(0o755)
            copy.write_bytes(Path(word).read_bytes())
            copy.chmod(0o644)
            copies.append(copy)
        return copies

    def both_are_on_record(self):
        out = self.fasctl("audit", "tail", "--signer", "--limit", "400", "--json")
        records = [json.loads(line) for line in out.splitlines() if line.strip()]
        done = [r for r in records if r["event"] == "authority_rotated"][-1]
        self.assertIn(f"uid:{self.FIRST} and uid:{self.SECOND}", done["caller"])

    def test_changed_limits_wait_for_another_person_also_over_a_restart(self):
        narrow = self.kept[self.limits].replace("longest_life: 1h", "longest_life: 5m")
        self.assertNotEqual(narrow, self.kept[self.limits])
        self.put(self.limits, narrow)
        programs.restart(self.lab, "fas-signer")
        self.session("alice")  # 15 minutes: what was agreed on is in force
        self.assertIn("limits.yaml has changed", self.fasctl_status_text())
        act = self.ask_for("limits", "reload")
        self.assertEqual(json.loads(self.by(self.SECOND, "proposal", "show", act)[1])["request"]["text"], narrow)
        self.put(self.limits, narrow + "# another\n")
        self.assertIn("limits_changed", self.by(self.SECOND, "proposal", "approve", act)[2])
        self.put(self.limits, narrow)
        self.approve(self.ask_for("limits", "reload"))
        answer = self.redeem(self.ticket("alice"))
        self.assertEqual(answer.status, 403, answer)
        self.put(self.limits, self.kept[self.limits])
        self.approve(self.ask_for("limits", "reload"))
        self.session("alice")

    def fasctl_status_text(self):
        return programs.fasctl_status(self.lab, "status")[1]
