"""What goes wrong around the programs: each fault ends in a clear code, a record where one can be written, and nothing that
should not have been issued; and when it has passed, the same request succeeds."""

import contextlib
import json
import os
import signal
import sqlite3
import sys
import threading
import time

from lab import api, config, dc, namespace, proc, programs
from lab.disk import Disk
from lab.layout import DC
from lab.relay import Relay

from ledger import LedgerCase

STATES = {"fasd": "fasd", "fas-signer": "signer"}
START = {"fasd": programs.start_fasd, "fas-signer": programs.start_signer}
LAUNCH = {"fasd": programs.launch_fasd, "fas-signer": programs.launch_signer}
BACK_S = 30
TRIES = 500
PAGE = 4096


class Fault(LedgerCase):
    def setUp(self):
        self.csr = api.new_csr()[1]
        self.begun = {name: self.log_of(name).stat().st_size for name in STATES}

    # ---- what the administrator sees ----

    def log_of(self, name):
        return self.lab.log / f"{name}.log"

    def said(self, name):
        with open(self.log_of(name), "rb") as log:
            log.seek(self.begun[name])
            return log.read().decode(errors="replace")

    def assertSaid(self, name, *words):
        """In one line of the program's log."""
        def line():
            return [one for one in self.said(name).splitlines() if all(word in one for word in words)]
        try:
            proc.wait_for(line, 15, f"{name} says {words}")
        except Exception as error:
            raise AssertionError(f"{error}; it says:\n{self.said(name)[-3000:]}") from None

    def wait_unready(self, check, reason):
        def says_so():
            answer = self.ops().get("/readyz")
            return answer.status == 503 and answer.json["checks"][check].get("reason") == reason
        proc.wait_for(says_so, 20, f"/readyz: {check}: {reason}")

    def wait_ready(self):
        proc.wait_for(self.ready, BACK_S, "readiness")

    # ---- what the callers see ----

    def assertAway(self, answer):
        self.assertProblem(answer, 503, "unavailable")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def until_refused(self, ask):
        """Ask with something fresh until it is not granted: what was granted before is no fault.  (what, answer)"""
        for _ in range(TRIES):
            what, answer = ask()
            if answer.status != 201:
                return what, answer
        raise AssertionError(f"{TRIES} times granted")

    def fresh_logon(self):
        response = self.response()
        return response, self.logon(response=response)

    def fresh_redemption(self):
        ticket = self.ticket()
        return ticket, self.redeem(ticket, self.csr)

    def session_of(self, correlation_id):
        return {record["session"] for record in self.audit(correlation_id) if record.get("session")}

    def assertOneCertificate(self, answer):
        """After all the repeats: one in each ledger."""
        self.assertEqual(answer.status, 201, answer)
        session = answer.json["session_id"]
        self.assertEqual([s for s, of in self.issued().items() if of == session], [answer.json["serial"]])
        self.assertEqual([s for s, of in self.decided().items() if of == session], [answer.json["serial"]])

    # ---- programs ----

    def stop(self, name):
        proc.stop(self.lab, name)

    def restart_with(self, name, **more):
        self.stop(name)
        START[name](self.lab, **more)
        self.wait_ready()


# SQLite resolves each name itself, so that no way leads it into another mount namespace.
QUERY = """
import json, sqlite3, sys
database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=10)
print(json.dumps(database.execute(sys.argv[2], json.loads(sys.argv[3])).fetchall()))
"""


class Disks(Fault):
    """The state folder's file system is full, or has turned read-only."""

    def ask(self, name, sql, *values):
        """In the namespace where that file system is."""
        argv = [sys.executable, "-c", QUERY, self.path(name), sql, json.dumps(values)]
        return [tuple(row) for row in json.loads(proc.run(namespace.enter(self.lab, argv)))]

    def on_disk(self, name):
        self.stop(name)
        disk = Disk(self.lab, self.lab.fas / STATES[name])
        disk.mount()
        self.addCleanup(self.off_disk, name, disk)
        START[name](self.lab)
        self.wait_ready()
        return disk

    def off_disk(self, name, disk):
        self.stop(name)
        if disk.image.exists():
            disk.unmount()
        START[name](self.lab)
        self.wait_ready()

    def test_a_full_disk_under_fasd_costs_no_assertion_and_no_ticket(self):
        disk, ticket = self.on_disk("fasd"), self.ticket()
        disk.fill()
        response, answer = self.until_refused(self.fresh_logon)
        self.assertAway(answer)
        self.assertAway(self.redeem(ticket, self.csr))
        self.assertSaid("fasd", "disk_full", "make room on the file system")
        self.wait_unready("database", "disk_full")
        self.assertEqual(self.public().get("/crl/main-1.crl").status, 200)
        disk.make_room()
        self.assertOneCertificate(self.redeem(ticket, self.csr))
        self.wait_ready()
        self.assertOneCertificate(self.redeem(self.ticket(response=response), self.csr))
        self.assertEqual(self.findings(), [])

    def test_a_full_disk_under_the_signer_issues_nothing_and_costs_no_ticket(self):
        disk = self.on_disk("fas-signer")
        disk.fill()
        ticket, answer = self.until_refused(self.fresh_redemption)
        self.assertAway(answer)
        self.assertIn("disk_full", self.reasons(answer))
        session = self.session_of(answer.json["correlation_id"])
        self.assertFalse(session & set(self.issued().values()))
        self.assertEqual(self.logon().status, 201)  # a ticket needs no signer
        self.wait_unready("signer", "disk_full")
        disk.make_room()
        self.wait_ready()
        self.assertOneCertificate(self.redeem(ticket, self.csr))
        self.assertEqual(self.findings(), [])

    def test_a_disk_that_turns_read_only_under_fasd(self):
        disk = self.on_disk("fasd")
        disk.fail()
        response, answer = self.until_refused(self.fresh_logon)
        self.assertAway(answer)
        self.assertSaid("fasd", "database_read_only", "dmesg")
        self.wait_unready("database", "database_read_only")
        self.off_disk("fasd", disk)
        self.assertOneCertificate(self.redeem(self.ticket(response=response), self.csr))
        self.assertEqual(self.findings(), [])

    def test_a_disk_that_turns_read_only_under_the_signer(self):
        disk = self.on_disk("fas-signer")
        disk.fail()
        ticket, answer = self.until_refused(self.fresh_redemption)
        self.assertAway(answer)
        self.assertIn("database_read_only", self.reasons(answer))
        self.wait_unready("signer", "database_read_only")
        self.off_disk("fas-signer", disk)
        self.assertOneCertificate(self.redeem(ticket, self.csr))
        self.assertEqual(self.findings(), [])

    def test_a_state_that_is_read_only_at_the_start_is_said_and_waited_for(self):
        for name in STATES:
            with self.subTest(name):
                disk = self.on_disk(name)
                self.stop(name)
                disk.read_only()
                LAUNCH[name](self.lab)
                self.assertSaid(name, "Read-only file system")
                disk.read_only(False)
                self.wait_ready()
                self.assertOneCertificate(self.redeem(self.ticket(), self.csr))


class Pages(Fault):
    """A page of a database is not what it was."""

    def damage(self, name, index=None):
        """Overwrite the root page of an index, or the file's first page, and put it back afterwards."""
        self.stop(name)
        path, page = self.path(name), 1
        if index:
            with contextlib.closing(sqlite3.connect(path)) as database:
                page = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (index,)).fetchone()[0]
        kept = self.exchange(path, page, b"\xa5" * PAGE)
        self.addCleanup(self.mend, name, page, kept)

    def exchange(self, path, page, content):
        with open(path, "r+b") as file:
            file.seek((page - 1) * PAGE)
            old = file.read(PAGE)
            file.seek((page - 1) * PAGE)
            file.write(content)
        return old

    def mend(self, name, page, kept):
        self.stop(name)
        self.exchange(self.path(name), page, kept)
        with contextlib.closing(sqlite3.connect(self.path(name))) as database:
            whole = database.execute("PRAGMA integrity_check").fetchall()
        START[name](self.lab)
        self.wait_ready()
        self.assertEqual(whole, [("ok",)])
        self.assertEqual(self.findings(), [])
        self.assertEqual(self.redeem(self.ticket(), self.csr).status, 201)

    def test_damage_in_fasds_database_stops_all_that_issues_and_nothing_that_ends(self):
        ticket, session = self.ticket(), self.session()[0]
        self.damage("fasd", "sqlite_autoindex_claims_1")
        programs.launch_fasd(self.lab)
        proc.wait_for(lambda: self.log_has_started("fasd"), BACK_S, "fasd")
        self.assertAway(self.logon())
        answer = self.redeem(ticket, self.csr)  # needs none of that page; but what else is lost?
        self.assertAway(answer)
        self.assertIn("database_corrupt", self.reasons(answer))
        self.assertSaid("fasd", "event=database_damaged", "fas.db", "remedy=")
        self.wait_unready("database", "database_corrupt")
        self.assertEqual(self.end(session["session_id"]).status, 204)
        proc.wait_for(lambda: self.crl().get_revoked_certificate_by_serial_number(int(session["serial"], 16)), 5,
                      "the revocation")

    def log_has_started(self, name):
        return "event=started" in self.said(name)

    def test_damage_in_the_signers_database_stops_all_that_issues(self):
        ticket = self.ticket()
        self.damage("fas-signer", "sqlite_autoindex_certificates_2")
        programs.start_signer(self.lab)
        answer = self.redeem(ticket, self.csr)
        self.assertAway(answer)
        self.assertIn("database_corrupt", self.reasons(answer))
        self.assertSaid("fas-signer", "event=database_damaged", "ca.db", "remedy=")
        self.wait_unready("signer", "database_corrupt")
        self.assertEqual(self.logon().status, 201)
        self.assertFalse(self.session_of(answer.json["correlation_id"]) & set(self.issued().values()))
        self.assertNotEqual(programs.fasctl_status(self.lab, "status")[0], 0)

    def test_a_file_that_is_no_database_any_more_is_said_at_the_start(self):
        for name in STATES:
            with self.subTest(name):
                self.damage(name)
                LAUNCH[name](self.lab)
                self.assertSaid(name, "database_corrupt", "put back a copy")
                if name == "fas-signer":
                    self.assertAway(self.redeem(self.ticket(), self.csr))
                self.doCleanups()


class Clock(Fault):
    """The clock of a program, read from a file that the test writes (libfaketime)."""

    def setUp(self):
        super().setUp()
        self.file = self.lab.fas / "clock"
        self.set_clock(0)
        library = next(iter(sorted(self.faketime_libraries())))
        self.env = {"LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(self.file), "FAKETIME_NO_CACHE": "1",
                    "DONT_FAKE_MONOTONIC": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def faketime_libraries(self):
        from pathlib import Path
        return Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")

    def set_clock(self, offset_s):
        new = self.file.with_suffix(".new")
        new.write_text(f"{offset_s:+d}\n")
        new.rename(self.file)

    def own_clock(self, name):
        self.restart_with(name, env=self.env)
        self.addCleanup(self.restart_with, name)

    def test_a_step_back_stops_logons_until_it_is_undone_also_over_a_restart(self):
        self.own_clock("fasd")
        self.assertEqual(self.logon().status, 201)
        self.set_clock(-200)
        response = self.response(age_s=200)  # for that clock a fresh one
        self.assertRefused(self.logon(response=response), 503, "unavailable", "clock_backwards")
        self.wait_unready("clock", "clock_backwards")
        self.assertSaid("fasd", "clock_backwards", "set it right (NTP)")
        old = programs.pid(self.lab, "fasd")
        os.kill(old, signal.SIGKILL)
        proc.wait_for(lambda: programs.pid(self.lab, "fasd") not in (None, old), BACK_S, "fasd again")
        self.assertAway(self.logon(response=response))
        self.set_clock(0)
        self.wait_ready()
        self.assertOneCertificate(self.redeem(self.ticket(), self.csr))
        self.assertEqual(self.findings(), [])

    def test_a_step_back_within_the_skew_stops_nothing(self):
        self.own_clock("fasd")
        session = self.session()[0]
        self.stop("fas-signer")
        self.assertEqual(self.end(session["session_id"]).status, 204)  # its revocation is owed
        self.set_clock(-30)
        programs.start_signer(self.lab)
        proc.wait_for(lambda: self.crl().get_revoked_certificate_by_serial_number(int(session["serial"], 16)), 10,
                      "the owed revocation")
        self.assertOneCertificate(self.redeem(self.ticket(), self.csr))

    def test_a_step_back_under_the_signer_issues_nothing_and_costs_no_ticket(self):
        self.own_clock("fas-signer")
        self.assertEqual(self.redeem(self.ticket(), self.csr).status, 201)
        ticket = self.ticket()
        self.set_clock(-600)
        answer = self.redeem(ticket, self.csr)
        self.assertRefused(answer, 503, "unavailable", "clock_backwards")
        self.wait_unready("signer", "clock_backwards")
        self.set_clock(0)
        self.wait_ready()
        self.assertOneCertificate(self.redeem(ticket, self.csr))

    def test_a_step_forward_accepts_nothing_that_is_over_and_is_not_forgotten_when_undone(self):
        self.own_clock("fasd")
        self.addCleanup(self.lower_the_mark)
        ticket = self.ticket()
        self.set_clock(1800)
        self.assertRefused(self.logon(), 403, "assertion_refused", "saml_max_age")
        self.assertRefused(self.redeem(ticket, self.csr), 403, "ticket_refused", "ticket_expired")
        self.set_clock(0)
        # What ended meanwhile was forgotten: it would live again.
        self.assertRefused(self.logon(), 503, "unavailable", "clock_backwards")
        self.lower_the_mark()
        programs.start_fasd(self.lab)
        self.wait_ready()
        self.assertOneCertificate(self.redeem(self.ticket(), self.csr))

    def lower_the_mark(self):
        """As docs/ADMIN.md has it."""
        self.stop("fasd")
        with contextlib.closing(sqlite3.connect(self.path("fasd"))) as database, database:
            database.execute("UPDATE meta SET value = strftime('%s') WHERE key = 'clock_high_water'")


class Directory(Fault):
    """The domain controller is slow, silent, or gone."""

    def freeze(self):
        members = proc.family(proc.pid_of(self.lab, "samba"))
        for pid in members:
            proc.halt(pid)
        return members

    def thaw(self, members):
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def in_background(self, response):
        answers = []
        thread = threading.Thread(target=lambda: answers.append(self.logon(response=response)))
        thread.start()
        return thread, answers

    def assertGranted(self, response):
        answer = proc.wait_for(lambda: (a := self.logon(response=response)).status == 201 and a, BACK_S,
                               "the same response")
        self.assertOneCertificate(self.redeem(answer.json["ticket"], self.csr))

    def test_one_that_is_silent_ends_in_503_at_the_deadline_and_costs_no_assertion(self):
        response, members, begun = self.response(), self.freeze(), time.monotonic()
        try:
            answer = self.logon(response=response)
        finally:
            self.thaw(members)
        self.assertRefused(answer, 503, "unavailable", "directory_away")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertLess(time.monotonic() - begun, 15)
        self.assertGranted(response)

    def test_one_that_dies_in_mid_request(self):
        response = self.response()
        members = self.freeze()
        try:
            thread, answers = self.in_background(response)
            proc.wait_for(lambda: dc.is_asked(self.lab), 5, "a question to the directory")
            for pid in members:
                os.kill(pid, signal.SIGKILL)
            thread.join()
            self.assertRefused(answers[0], 503, "unavailable", "directory_away")
            self.wait_unready("directory", "directory_away")
        finally:
            proc.stop(self.lab, "samba")
            dc.start(self.lab)
            dc.wait_ready(self.lab)
        self.assertGranted(response)

    def test_one_whose_answers_never_end_is_given_up_at_the_deadline(self):
        """Each octet comes in time, the answer does not: a deadline of single reads would wait for hours."""
        relay = Relay(self.lab.address(DC), 3890, (self.lab.address(DC), 389))
        self.addCleanup(relay.stop)
        file = self.lab.fas / "fasd.yaml"
        plain = config.fasd_yaml(self.lab)
        self.addCleanup(self.reconfigure, file, plain)
        self.reconfigure(file, plain.replace("    bind: gssapi\n", "    bind: gssapi\n    port: 3890\n"))
        self.assertEqual(self.logon().status, 201)
        response, begun = self.response(), time.monotonic()
        relay.dripping.set()
        answer = self.logon(response=response)
        relay.dripping.clear()
        self.assertRefused(answer, 503, "unavailable", "directory_away")
        self.assertLess(time.monotonic() - begun, 15)
        self.assertGranted(response)

    def reconfigure(self, file, text):
        file.write_text(text)
        self.restart_with("fasd")


class Signer(Fault):
    def test_one_that_hangs_ends_in_503_at_the_deadline_and_costs_no_ticket(self):
        ticket, pid, begun = self.ticket(), programs.pid(self.lab, "fas-signer"), time.monotonic()
        proc.halt(pid)
        try:
            answer = self.redeem(ticket, self.csr)
            took = time.monotonic() - begun
            self.assertEqual(self.logon().status, 201)  # a ticket needs no signer
            self.wait_unready("signer", "signer_timeout")
        finally:
            os.kill(pid, signal.SIGCONT)
        self.assertRefused(answer, 503, "unavailable", "signer_timeout")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertLess(took, 15)
        self.wait_ready()
        self.assertOneCertificate(self.redeem(ticket, self.csr))
        self.assertEqual(self.findings(), [])
