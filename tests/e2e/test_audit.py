"""Whatever is done to a trail behind the programs' backs is found by `fasctl audit verify`."""

import base64
import contextlib
import hashlib
import json
import secrets
import shutil
import sqlite3
import subprocess
import time

from cryptography.hazmat.primitives import serialization

from lab import namespace, pki, proc, programs, wire
from lab.layout import FASD_UID, VDA1

from case import LabCase

DATABASES = {"fasd": "fasd/fas.db", "fas-signer": "signer/ca.db"}
GUARDS = [f"DROP TRIGGER IF EXISTS {name}" for name in
          ("audit_kept", "audit_fixed", "audit_heads_kept", "audit_heads_fixed", "audit_statements_kept",
           "audit_statements_fixed")]
# Two days beyond the retention.
FAKETIME = {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"}
LATER = {**FAKETIME, "FAKETIME": "+402d"}
NEXT_WEEK = {**FAKETIME, "FAKETIME": "+9d"}


def rebuild(database):
    """Hash a whole trail anew, as somebody who knows how."""
    before = bytes(32)
    for seq, time_ms, body in database.execute("SELECT seq, time_ms, body FROM audit ORDER BY seq").fetchall():
        numbers = seq.to_bytes(8, "big") + time_ms.to_bytes(8, "big")
        after = hashlib.sha256(b"fas audit record 1\0" + before + numbers + body.encode()).digest()
        database.execute("UPDATE audit SET previous = ?, hash = ? WHERE seq = ?", (before, after, seq))
        before = after


class Databases(LabCase):
    """Each case begins with a logon whose records are countersigned, and ends with the databases as they were."""

    def setUp(self):
        self.story = self.session()[0]
        self.stop()  # the end of fasd countersigns
        self.kept = {name: self.path(name).read_bytes() for name in DATABASES}
        self.addCleanup(self.put_back)

    def path(self, name):
        return self.lab.fas / DATABASES[name]

    def stop(self):
        for name in ("fasd", "fas-signer"):
            proc.stop(self.lab, name)

    def start(self, env=None):
        """fasd may say that it is not ready: that a trail has gone back is a reason."""
        programs.start_signer(self.lab, env)
        programs.launch_fasd(self.lab, env)
        proc.wait_for(lambda: programs._listens(self.lab.run / "fasd" / "admin.sock"), 10, "fasd's admin socket")

    def restore(self, name, content):
        for suffix in ("-wal", "-shm"):
            self.path(name).with_name(self.path(name).name + suffix).unlink(missing_ok=True)
        self.path(name).write_bytes(content)

    def put_back(self):
        self.stop()
        for name, content in self.kept.items():
            self.restore(name, content)
        programs.start_signer(self.lab)
        programs.start_fasd(self.lab)

    def tamper(self, name, *deeds):
        with contextlib.closing(sqlite3.connect(self.path(name))) as database, database:
            for deed in [*GUARDS, *deeds]:
                deed(database) if callable(deed) else database.execute(deed)

    def last(self, name):
        with contextlib.closing(sqlite3.connect(self.path(name))) as database:
            return database.execute("SELECT MAX(seq) FROM audit").fetchone()[0]

    def verify(self):
        status, said, errors = programs.fasctl_status(self.lab, "audit", "verify", "--json")
        self.assertIn(status, (0, 4), errors)
        answer = json.loads(said)
        self.assertEqual(status, 4 if answer["findings"] else 0)
        return answer

    def found(self):
        return {finding["what"] for finding in self.verify()["findings"]}

    def assertFound(self, *what):
        self.start()
        self.assertEqual(self.found(), set(what))

    def readiness(self):
        return self.ops().get("/readyz").json["checks"]["audit"]["ok"]


class Tampering(Databases):
    def test_untouched_trails_agree(self):
        self.assertFound()

    def test_an_edited_record(self):
        self.tamper("fasd", "UPDATE audit SET body = replace(body, 'allow', 'deny') WHERE event = 'logon_decided'")
        self.assertFound("record_edited")

    def test_a_removed_record(self):
        self.tamper("fasd", "DELETE FROM audit WHERE event = 'logon_decided' AND seq = "
                            "(SELECT MAX(seq) FROM audit WHERE event = 'logon_decided')")
        self.assertFound("record_missing")

    def test_reordered_records(self):
        last = self.last("fasd")
        self.tamper("fasd", f"UPDATE audit SET seq = -1 WHERE seq = {last - 2}",
                    f"UPDATE audit SET seq = {last - 2} WHERE seq = {last - 3}",
                    f"UPDATE audit SET seq = {last - 3} WHERE seq = -1")
        self.start()
        self.assertIn("chain_broken", self.found())

    def test_a_cut_end_is_found_and_raises_an_alarm(self):
        self.tamper("fasd", f"DELETE FROM audit WHERE seq > {self.last('fasd') - 2}")
        self.start()
        proc.wait_for(lambda: not self.readiness(), 10, "the alarm")
        # The alarm's own record stands where a countersigned one was: cut, and then another record in its place.
        found = self.found()
        self.assertIn("decision_missing", found)
        self.assertTrue(found & {"record_cut", "chain_rebuilt"}, found)
        self.assertIn("audit_rewound", self.fasctl("audit", "tail", "--limit", "20"))
        self.assertIn("countersignature_refused", self.fasctl("audit", "tail", "--limit", "20", "--signer"))

    def test_a_rebuilt_chain(self):
        self.tamper("fasd", "UPDATE audit SET body = replace(body, 'alice', 'malor') WHERE event = 'logon_decided'",
                    rebuild)
        self.start()
        self.fasctl("audit", "verify", "--fasd")
        self.assertEqual(self.found(), {"chain_rebuilt"})

    def test_a_rebuilt_chain_of_the_signer(self):
        self.tamper("fas-signer", "UPDATE audit SET time_ms = time_ms + 1 WHERE seq = 3", rebuild)
        self.assertFound("chain_rebuilt")

    def test_a_certificate_without_its_decision(self):
        self.start()
        proc.wait_for(self.readiness, 10, "fasd")
        alice = self.account("alice")
        spki = pki.new_key().public_key().public_bytes(serialization.Encoding.DER,
                                                       serialization.PublicFormat.SubjectPublicKeyInfo)
        reply = wire.ask_as(FASD_UID, self.lab.run / "signer" / "issue.sock", {
            "op": "issue", "request_id": secrets.token_hex(16), "correlation_id": secrets.token_hex(16),
            "authority": "main", "profile": "smartcard-logon",
            "subject": [["DC", "com"], ["DC", "example"], ["DC", "corp"], ["OU", "People"], ["CN", "alice"]],
            "sid": alice["sid"], "upn": alice["upn"], "spki": base64.b64encode(spki).decode(), "validity_s": 900,
            "rule": "vdi-users", "host": VDA1, "session": secrets.token_hex(16)})[0]
        self.assertIn("pem", reply, reply)
        self.assertEqual(self.found(), {"decision_missing"})
        self.assertIn(reply["serial"], programs.fasctl_status(self.lab, "audit", "verify")[1])


class Retention(Databases):
    """400 days and two later: both services begin with the clocks of that time.  The ledger keeps longer than the trails."""

    def setUp(self):
        super().setUp()
        config = self.lab.fas / "signer.yaml"
        text = config.read_text()
        self.addCleanup(config.write_text, text)  # before the databases are put back, and the programs begin again
        config.write_text(text + "certificates: { keep: 7300d }\n")

    def is_pruned(self):
        since = self.verify()["since"]
        return since if since["fasd"]["seq"] > 1 and since["signer"]["seq"] > 1 else None

    def start_later(self):
        self.start(LATER)
        return proc.wait_for(self.is_pruned, 20, "the pruning of both trails")

    def assertNotPruned(self):
        self.start(LATER)
        proc.wait_for(lambda: "audit_not_pruned" in self.fasctl("audit", "tail", "--limit", "100"), 20, "fasd's refusal")
        self.assertEqual(self.verify()["since"]["fasd"]["seq"], 1)

    def test_old_records_are_pruned_from_both_trails_and_the_rest_verifies(self):
        before = self.verify_with_real_clocks()
        since = self.start_later()
        after = self.verify()
        self.assertEqual(after["findings"], [])
        self.assertGreater(after["pruned"], 0)
        self.assertLess(since["fasd"]["time"], before["time"])
        self.assertIn("older ones were pruned", self.fasctl("audit", "verify"))
        for trail in ([], ["--signer"]):
            checkpoints = [json.loads(line) for line in
                           self.fasctl("audit", "tail", "--json", "--limit", "200", *trail).splitlines()
                           if '"audit_checkpoint"' in line]
            self.assertEqual({c["trail"] for c in checkpoints}, {"fasd", "signer"})
        self.stop()
        self.assertGreater(self.first("fasd"), 1)
        self.assertGreater(self.first("fas-signer"), 1)

    def verify_with_real_clocks(self):
        self.start()
        answer = self.verify()
        self.assertEqual((answer["findings"], answer["since"]["fasd"]["seq"]), ([], 1))
        self.stop()
        with contextlib.closing(sqlite3.connect(self.path("fasd"))) as database:
            last_ms = database.execute("SELECT MAX(time_ms) FROM audit").fetchone()[0]
        return {"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(last_ms // 1000 + 1))}

    def first(self, name):
        with contextlib.closing(sqlite3.connect(self.path(name))) as database:
            return database.execute("SELECT MIN(seq) FROM audit").fetchone()[0]

    def test_what_is_exported_before_is_kept_outside(self):
        story, file = self.story["correlation_id"], self.lab.folder / "trails.jsonl"
        self.start()
        self.fasctl("audit", "export", file)
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        self.assertEqual({line["trail"] for line in lines}, {"fasd", "signer"})
        mine = [line["record"]["event"] for line in lines if line["record"].get("correlation_id") == story]
        self.assertIn("logon_decided", mine)
        self.assertEqual(mine.count("certificate_issued"), 2)
        self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        young = self.fasctl("audit", "export", "--since", "1d", "-")
        self.assertIn(story, young)
        self.assertEqual(self.fasctl("audit", "export", "--until", "2020-01-01", "-"), "")

    def test_records_of_an_export_can_be_checked_without_the_service(self):
        self.start()
        before = {}
        for line in self.fasctl("audit", "export", "-").splitlines():
            told = json.loads(line)
            text = line.partition('"record":')[2].removesuffix("}")
            numbers = told["seq"].to_bytes(8, "big") + told["time_ms"].to_bytes(8, "big")
            made = hashlib.sha256(b"fas audit record 1\0" + before.get(told["trail"], bytes(32)) + numbers + text.encode())
            self.assertEqual(made.hexdigest(), told["hash"], line)
            before[told["trail"]] = made.digest()

    def test_a_beginning_that_was_cut_off_is_no_pruning(self):
        self.tamper("fasd", "DELETE FROM audit WHERE seq < 4")
        self.start()
        self.assertIn("begin_cut", self.found())

    def test_more_than_was_agreed_is_no_pruning(self):
        begins = self.start_later()["fasd"]["seq"]
        self.stop()
        self.tamper("fasd", f"DELETE FROM audit WHERE seq < {begins + 2}")
        self.start(LATER)
        self.assertIn("begin_cut", self.found())

    def test_a_trail_with_an_edited_record_is_not_pruned_and_the_edit_stays_found(self):
        self.tamper("fasd", "UPDATE audit SET body = replace(body, 'alice', 'malor') WHERE event = 'logon_decided'")
        self.assertNotPruned()
        self.assertEqual(self.found(), {"record_edited"})

    def test_a_trail_that_was_rebuilt_is_not_pruned(self):
        self.tamper("fasd", "UPDATE audit SET body = replace(body, 'alice', 'malor') WHERE event = 'logon_decided'",
                    rebuild)
        self.assertNotPruned()
        self.assertEqual(self.found(), {"chain_rebuilt"})


class Forgotten(Databases):
    """A ledger that forgets after a week, as it is delivered."""

    def later(self, *words):
        """fasctl at the services' time."""
        argv = namespace.enter(self.lab, [programs.program("fasctl"), *words])
        return subprocess.run([str(a) for a in argv], env={**programs.tool_env(self.lab), **NEXT_WEEK}, text=True,
                              capture_output=True)

    def users_certificates(self):
        with contextlib.closing(sqlite3.connect(self.path("fas-signer"))) as database:
            return database.execute("SELECT COUNT(*) FROM certificates WHERE sid IS NOT NULL").fetchone()[0]

    def hosts(self):
        return sorted(one["serial"] for one in self.fasctl_json("host", "list")["hosts"])

    def test_what_ended_a_week_ago_leaves_the_ledger_and_verify_tells_it_from_a_loss(self):
        programs.start_signer(self.lab)
        programs.start_fasd(self.lab)
        self.session()
        hosts = self.hosts()
        self.stop()
        self.assertGreater(self.users_certificates(), 1)
        self.start(NEXT_WEEK)
        # The newest row stays: its number counts what was ever made.
        proc.wait_for(lambda: self.users_certificates() <= 1, 20, "the ledger's pruning")
        proc.wait_for(lambda: "certificates_pruned" in self.fasctl("audit", "tail", "--signer", "--limit", "50"), 20, "its record")
        done = self.later("audit", "verify")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("the certificate is no longer in ca.db", done.stdout)
        # Machines' certificates live on, and so do the machines.
        self.assertGreater(len(hosts), 0)
        self.assertEqual(self.hosts(), hosts)


class Restored(Databases):
    """An old database was put back."""

    WHY = "disk of fas1 failed, backup of Monday restored"

    def old_database(self, name):
        """The backup lacks a logon; it is put back, and fasd notices."""
        backup = self.path(name).read_bytes()
        programs.start_signer(self.lab)
        programs.start_fasd(self.lab)
        self.lost = self.session()[0]
        self.stop()
        self.restore(name, backup)
        self.start()
        proc.wait_for(lambda: not self.readiness(), 20, "the alarm")

    def acknowledge(self):
        said = self.fasctl("audit", "acknowledge", "--reason", self.WHY)
        proc.wait_for(lambda: programs.is_ready(self.lab), 30, "fasd after the acknowledgement")
        return said

    def test_an_old_fas_db_is_found_acknowledged_and_no_finding_any_more(self):
        self.old_database("fasd")
        self.assertIn("decision_missing", self.found())
        self.assertIn("decisions of 1 certificates", self.acknowledge())
        answer = self.verify()
        self.assertEqual(answer["findings"], [])
        gap = answer["acknowledged"][0]
        self.assertEqual((gap["trail"], gap["missing"], gap["reason"]), ("fasd", 1, self.WHY))
        self.assertTrue(gap["by"].startswith("uid:0"), gap)
        for trail in ([], ["--signer"]):
            self.assertIn(self.WHY, self.fasctl("audit", "tail", "--limit", "20", *trail))
        self.session()
        self.assertEqual(self.found(), set())

    def test_an_old_ca_db_is_found_acknowledged_and_no_finding_any_more(self):
        self.old_database("fas-signer")
        self.assertTrue({"copy_missing", "certificate_missing"} <= self.found())
        self.acknowledge()
        self.assertEqual(self.verify()["findings"], [])
        self.session()
        self.assertEqual(self.found(), set())

    def test_the_acknowledgement_hides_no_later_edit(self):
        self.old_database("fasd")
        self.acknowledge()
        self.session()
        self.stop()
        self.tamper("fasd", f"UPDATE audit SET body = replace(body, 'alice', 'malor') WHERE seq > {self.last('fasd') - 5} "
                            "AND event = 'logon_decided'")
        self.assertFound("record_edited")
        self.stop()
        self.tamper("fasd", rebuild)
        self.start()
        self.assertIn("chain_rebuilt", self.found())

    def test_an_edit_cannot_be_acknowledged(self):
        self.old_database("fasd")
        self.stop()
        self.tamper("fasd", "UPDATE audit SET body = replace(body, 'alice', 'malor') WHERE event = 'logon_decided'")
        self.start()
        status, said, errors = programs.fasctl_status(self.lab, "audit", "acknowledge", "--reason", self.WHY)
        self.assertEqual(status, 1, said)
        self.assertIn("not_acknowledgeable", errors)
        self.assertIn("record_edited", said)

    def test_without_a_reason_nothing_is_acknowledged(self):
        self.start()
        self.assertEqual(programs.fasctl_status(self.lab, "audit", "acknowledge")[0], 2)


class Journal(LabCase):
    def restart_with(self, text):
        file = self.lab.fas / "fasd.yaml"
        file.write_text(text)
        programs.restart(self.lab, "fasd")

    def test_records_are_copied_to_the_log_unless_the_file_says_otherwise(self):
        """Without systemd the log is fasd's standard error; countersigned heads go there in any case."""
        before = (self.lab.fas / "fasd.yaml").read_text()
        log = self.lab.log / "fasd.log"
        told = self.session()[0]["correlation_id"]
        self.assertIn(told, log.read_text())
        self.addCleanup(self.restart_with, before)
        self.restart_with(before + "audit: { journal: off }\n")
        begins = len(log.read_text())
        silent = self.session()[0]["correlation_id"]
        self.assertTrue(self.audit(silent))
        programs.restart(self.lab, "fasd")  # the end of fasd countersigns
        said = log.read_text()[begins:]
        self.assertNotIn(silent, said)
        self.assertIn("event=audit_head", said)

    def test_config_check_says_what_is_wrong_in_either_file(self):
        folder = self.lab.folder / "config-check"
        for name, text in (("fasd", "audit: { keep: 400m }\n"), ("signer", "audit: { journal: maybe }\n")):
            with self.subTest(name):
                shutil.rmtree(folder, ignore_errors=True)
                shutil.copytree(self.lab.fas, folder, ignore=shutil.ignore_patterns("*.db*", "keys", "*.sock"))
                file = folder / f"{name}.yaml"
                good = file.read_text()
                file.write_text(good + text)
                status, _, errors = programs.fasctl_status(self.lab, "config", "check", file)
                self.assertEqual(status, 1)
                self.assertRegex(errors, rf"{name}.yaml:\d+:\d+: error: ")
                file.write_text(good + "audit: { keep: 30d, journal: off }\n")
                status, _, errors = programs.fasctl_status(self.lab, "config", "check", file)
                self.assertEqual(status, 0, errors)


class Explain(LabCase):
    def test_the_story_of_one_logon_has_both_processes_in_order(self):
        session, _, _ = self.session()
        issued = [r for r in map(json.loads, self.fasctl("audit", "tail", "--limit", "20", "--json").splitlines())
                  if r.get("serial") == session["serial"]]
        story = self.fasctl_json("explain", issued[0]["correlation_id"])["records"]
        steps = [(record["process"], record["event"]) for record in story]
        self.assertEqual(steps[0], ("fasd", "logon_decided"))
        self.assertEqual(steps[1], ("fasd", "ticket_redeemed"))
        self.assertEqual(set(steps[2:]), {("fas-signer", "certificate_issued"), ("fasd", "certificate_issued")})
        self.assertEqual(story, sorted(story, key=lambda record: record["time_ms"]))
        self.assertIn("alice", self.fasctl("explain", issued[0]["correlation_id"]))
