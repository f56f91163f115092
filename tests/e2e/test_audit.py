"""Whatever is done to a trail behind the programs' backs is found by `fasctl audit verify`."""

import base64
import contextlib
import hashlib
import json
import secrets
import sqlite3

from cryptography.hazmat.primitives import serialization

from lab import pki, proc, programs, wire
from lab.layout import FASD_UID, VDA1

from case import LabCase

DATABASES = {"fasd": "fasd/fas.db", "fas-signer": "signer/ca.db"}


def rebuild(database):
    """Hash a whole trail anew, as somebody who knows how."""
    before = bytes(32)
    for seq, time_ms, body in database.execute("SELECT seq, time_ms, body FROM audit ORDER BY seq").fetchall():
        numbers = seq.to_bytes(8, "big") + time_ms.to_bytes(8, "big")
        after = hashlib.sha256(b"fas audit record 1\0" + before + numbers + body.encode()).digest()
        database.execute("UPDATE audit SET previous = ?, hash = ? WHERE seq = ?", (before, after, seq))
        before = after


class Tampering(LabCase):
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

    def start(self):
        """fasd may say that it is not ready: that a trail has gone back is a reason."""
        programs.start_signer(self.lab)
        programs.launch_fasd(self.lab)
        proc.wait_for(lambda: programs._listens(self.lab.run / "fasd" / "admin.sock"), 10, "fasd's admin socket")

    def put_back(self):
        self.stop()
        for name, content in self.kept.items():
            for suffix in ("-wal", "-shm"):
                self.path(name).with_name(self.path(name).name + suffix).unlink(missing_ok=True)
            self.path(name).write_bytes(content)
        programs.start_signer(self.lab)
        programs.start_fasd(self.lab)

    def tamper(self, name, *deeds):
        with contextlib.closing(sqlite3.connect(self.path(name))) as database, database:
            for deed in deeds:
                deed(database) if callable(deed) else database.execute(deed)

    def last(self, name):
        with contextlib.closing(sqlite3.connect(self.path(name))) as database:
            return database.execute("SELECT MAX(seq) FROM audit").fetchone()[0]

    def found(self):
        status, said, errors = programs.fasctl_status(self.lab, "audit", "verify", "--json")
        self.assertIn(status, (0, 4), errors)
        found = {finding["what"] for finding in json.loads(said)["findings"]}
        self.assertEqual(status, 4 if found else 0)
        return found

    def assertFound(self, *what):
        self.start()
        self.assertEqual(self.found(), set(what))

    def readiness(self):
        return self.ops().get("/readyz").json["checks"]["audit"]["ok"]

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
