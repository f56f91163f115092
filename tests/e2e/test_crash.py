"""kill -9 at any moment: nothing that was answered is lost, nothing is used twice, and everybody comes back alone."""

import contextlib
import os
import random
import secrets
import signal
import threading
import time

from lab import api, config, proc, programs

import crash_load
from ledger import LedgerCase

ROUNDS = int(os.environ.get("FAS_CRASH_ROUNDS") or 10)
SEED = int(os.environ.get("FAS_CRASH_SEED") or secrets.randbits(32))
CUSTOMERS = 5
VICTIMS = [("fasd",), ("fas-signer",), ("fasd", "fas-signer")]
BACK_S = 30
TICKET_LIFE_S = 10  # the shortest that a rule may have


class Rounds(LedgerCase):
    def setUp(self):
        self.random, self.witness = random.Random(SEED), crash_load.Witness()
        self.csrs = [api.new_csr()[1] for _ in range(4)]
        self.number, self.serials = self.crl_number(), set()

    def test_killed_at_random_moments_nothing_is_lost_and_nothing_happens_twice(self):
        for number in range(ROUNDS):
            victims = VICTIMS[number % len(VICTIMS)]
            try:
                self.one_round(victims)
            except Exception as error:
                raise AssertionError(f"FAS_CRASH_SEED={SEED}, round {number + 1} of {ROUNDS}, killed "
                                     f"{' and '.join(victims)}: {error}") from error
        self.nobody_is_forgotten()
        print(f"       {len(self.witness.held)} certificates, {len(self.witness.orphans)} abandoned hosts, "
              f"{self.witness.answers} answers, {self.witness.unavailable} of them 503, {self.witness.broken} connections "
              f"lost in {ROUNDS} rounds, seed {SEED}", flush=True)

    def one_round(self, victims):
        broken, began_s = self.witness.broken, int(time.time())
        seeds = [self.random.random() for _ in range(CUSTOMERS)]
        with crash_load.Load(self.lab, seeds, self.csrs, self.witness) as load:
            self.kill_in_the_midst(victims)
            before = load.logons()
            proc.wait_for(lambda: load.failures() or all(a > b for a, b in zip(load.logons(), before)), BACK_S,
                          "a logon of each customer after the restart")
        self.assertEqual(load.failures(), [])
        self.assertEqual(self.witness.wrong, [])
        self.assertEqual(self.witness.refused, 0, "connections were refused")
        if "fasd" in victims:  # whoever was at them is gone, and start-up finished what it found
            self.assertEqual(self.used_without_result(began_s), [])
        else:  # the signer alone: every question has an answer
            self.assertEqual(self.witness.broken, broken, "fasd lost connections")
        self.check_records()

    def kill_in_the_midst(self, victims):
        """Behind so many answers, and somewhere within the next one; sometimes again while they start."""
        goal = self.witness.settled + self.random.randrange(5, 40)
        proc.wait_for(lambda: self.witness.settled >= goal, BACK_S, "answers")
        time.sleep(self.random.uniform(0, 0.03))
        old = {name: self.kill(name) for name in victims}
        if self.random.random() < 0.25:
            name = self.random.choice(victims)
            proc.wait_for(lambda: programs.pid(self.lab, name) not in (None, old[name]), BACK_S, f"{name} again")
            time.sleep(self.random.uniform(0, 0.2))
            old[name] = self.kill(name)
        for name in victims:
            proc.wait_for(lambda: programs.pid(self.lab, name) not in (None, old[name]), BACK_S, f"{name} again")
        proc.wait_for(self.ready, BACK_S, "readiness")

    def kill(self, name):
        pid = proc.wait_for(lambda: programs.pid(self.lab, name), BACK_S, name)
        os.kill(pid, signal.SIGKILL)
        return pid

    def check_records(self):
        held = {h.serial: h.session for h in self.witness.held}
        decided, issued = self.decided(), self.issued()
        self.assertEqual({s: decided.get(s) for s in held}, held, "not on record in fas.db")
        self.assertEqual({s: issued.get(s) for s in held}, held, "not on record in ca.db")
        self.assertEqual(len(held), len(self.witness.held), "a serial number was given twice")
        self.assertLessEqual(self.serials, set(issued), "certificates have vanished from ca.db")
        self.serials = set(issued)
        self.nothing_was_used_twice()
        number = self.crl_number()
        self.assertGreaterEqual(number, self.number, "cRLNumber went back")
        self.number = number
        self.ended_sessions_are_revoked()
        self.assertEqual(self.findings(), [])

    def nothing_was_used_twice(self):
        for what, sql in {
            "tickets used of one assertion": "SELECT claim FROM tickets WHERE state IN ('used', 'done', 'failed') "
                                             "GROUP BY claim HAVING count(*) > 1",
            "sessions of one ticket": "SELECT ticket FROM sessions GROUP BY ticket HAVING count(*) > 1",
            "logon certificates of one session": "SELECT session FROM certificates WHERE purpose = 'logon' "
                                                 "GROUP BY session HAVING count(*) > 1",
        }.items():
            self.assertEqual(self.ask("fasd", sql), [], what)
        for column in ("serial", "request_id", "tbs_digest"):
            self.assertEqual(self.ask("fas-signer", f"SELECT {column} FROM certificates "
                                                    f"GROUP BY {column} HAVING count(*) > 1"), [], column)
        self.assertEqual(self.ask("fas-signer", "SELECT session FROM certificates WHERE profile = 'smartcard-logon' "
                                                "GROUP BY session HAVING count(*) > 1"), [], "session")
        for member in ("ticket", "response"):
            used = [getattr(h, member) for h in self.witness.held]
            self.assertEqual(len(used), len(set(used)), f"a {member} has given two certificates")

    def ended_sessions_are_revoked(self):
        """Durably owed, so that neither side's death loses a revocation."""
        ended = {int(h.serial, 16) for h in self.witness.held if h.ended}
        proc.wait_for(lambda: ended <= {entry.serial_number for entry in self.crl()}, 10, "revocations on the CRL")

    def nobody_is_forgotten(self):
        """A used ticket has its session and certificate also when its host never asked again."""
        proc.wait_for(lambda: not self.used_without_result(), 40, "the end of used tickets without a result")
        decided, issued = set(self.decided()), set(self.issued())
        ours = set(dict(self.ask("fasd", "SELECT session, ticket FROM sessions")))
        self.assertLessEqual({session for state, session in self.ask("fasd", "SELECT state, session FROM tickets "
                                                                           "WHERE state = 'done'")}, ours)
        self.assertLessEqual(decided, issued)
        self.assertEqual(self.findings(), [])


class HalfDone(LedgerCase):
    """A crash between the signer's signature and fasd's record, made to happen."""

    def setUp(self):
        self.stopped = []
        self.addCleanup(self.go_on)

    def halt(self, pid):
        proc.halt(pid)
        self.stopped.append(pid)

    def go_on(self):
        for pid in self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self.stopped.clear()

    def leave_half_done(self):
        """fasd has asked and is dead, and stays so; the signer has issued; returns (ticket, csr, session, serial)."""
        ticket, (_, csr) = self.ticket(), api.new_csr()
        signer, launcher = programs.pid(self.lab, "fas-signer"), proc.pid_of(self.lab, "fasd")
        self.halt(signer)
        thread = threading.Thread(target=self.ask_in_vain, args=(ticket, csr))
        thread.start()
        ((_, session),) = proc.wait_for(self.used_without_result, 5, "the used ticket")
        proc.wait_for(self.is_asked, 5, "the question to the signer")
        self.halt(launcher)
        os.kill(programs.pid(self.lab, "fasd"), signal.SIGKILL)
        thread.join()
        os.kill(signer, signal.SIGCONT)
        serial = proc.wait_for(lambda: [s for s, of in self.issued().items() if of == session], 5, "the certificate")[0]
        self.assertEqual([of for of in self.decided().values() if of == session], [])
        return ticket, csr, session, serial

    def ask_in_vain(self, ticket, csr):
        with contextlib.suppress(OSError, EOFError):
            self.redeem(ticket, csr)

    def is_asked(self):
        """Does the question lie in one of the stopped signer's sockets?  The others are below a hundred octets."""
        shown = proc.run(["ss", "-xH", "state", "established", "src", self.lab.run / "signer" / "issue.sock"])
        return any(int(line.split()[1]) > 500 for line in shown.splitlines())

    def test_a_certificate_that_fasd_did_not_live_to_record_is_found_again(self):
        ticket, csr, session, serial = self.leave_half_done()
        self.go_on()
        proc.wait_for(self.ready, BACK_S, "fasd again")
        self.assertEqual(self.decided().get(serial), session)
        self.assertEqual(self.used_without_result(), [])
        self.assertEqual(self.redeem(ticket, csr).json["serial"], serial)
        self.assertIn("redriven", self.fasctl("audit", "tail", "--limit", "20"))
        self.assertEqual(self.findings(), [])

    def test_a_certificate_that_nobody_can_ask_for_any_more_is_revoked(self):
        self.short_tickets()
        ticket, csr, session, serial = self.leave_half_done()
        began = time.monotonic()
        proc.wait_for(lambda: time.monotonic() > began + TICKET_LIFE_S, 2 * TICKET_LIFE_S, "the end of the ticket's life")
        self.go_on()
        proc.wait_for(self.ready, BACK_S, "fasd again")
        self.assertRefused(self.redeem(ticket, csr), 403, "ticket_refused", "ticket_failed")
        self.assertNotIn(serial, self.decided())
        self.assertEqual(self.ask("fasd", "SELECT state FROM tickets WHERE session = ?", session), [("failed",)])
        proc.wait_for(lambda: self.crl().get_revoked_certificate_by_serial_number(int(serial, 16)), 5, "the revocation")
        self.assertIn("ticket_abandoned", self.fasctl("audit", "tail", "--limit", "20"))
        self.assertEqual(self.findings(), [])

    def short_tickets(self):
        file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(lambda: (file.write_text(config.policy_yaml()), self.fasctl("policy", "reload")))
        file.write_text(config.policy_yaml() + f"    ticket_life: {TICKET_LIFE_S}s\n")
        self.fasctl("policy", "reload")


class SignerAway(LedgerCase):
    """fasd starts without fas-signer: it says so to everybody, and serves as soon as it can."""

    def setUp(self):
        self.addCleanup(self.signer_back)
        proc.stop(self.lab, "fas-signer")
        old = programs.pid(self.lab, "fasd")
        os.kill(old, signal.SIGKILL)
        proc.wait_for(lambda: programs.pid(self.lab, "fasd") not in (None, old), BACK_S, "fasd again")

    def signer_back(self):
        if not proc.pid_of(self.lab, "fas-signer"):
            programs.start_signer(self.lab)
        proc.wait_for(self.ready, BACK_S, "readiness")

    def assertAway(self, answer):
        self.assertProblem(answer, 503, "unavailable")
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def test_every_request_is_answered_503_until_the_signer_comes(self):
        response = self.response()
        self.assertAway(self.logon(response=response))
        self.assertAway(self.redeem("fas1-AAAAAAAAAAAAAAAAAAAAAAAAAA"))
        self.assertAway(self.client(None).post("/v1/enroll", {"token": "x", "csr": "x"}))
        self.assertEqual(self.ops().get("/healthz").status, 200)
        self.assertEqual(self.public().get("/crl/main-1.crl").status, 200)
        state = self.ops().get("/readyz")
        self.assertEqual(state.status, 503)
        checks = state.json["checks"]
        self.assertEqual((checks["signer"]["reason"], checks["api"]["ok"]), ("signer_away", False))
        self.assertEqual(programs.fasctl_status(self.lab, "status")[0], 3)  # the signer does not answer
        self.signer_back()
        self.assertEqual(self.redeem(self.ticket(response=response)).status, 201)
