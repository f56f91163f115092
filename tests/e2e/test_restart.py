"""What was answered survives a restart; what was used stays used."""

import os
import signal
import threading

from lab import api, dc, proc, programs

from case import LabCase


class Restart(LabCase):
    def restart(self, *names):
        for name in names or ("fasd",):
            programs.restart(self.lab, name)

    def test_a_replay_is_refused_after_a_restart(self):
        response = self.response()
        self.assertEqual(self.redeem(self.ticket(response=response)).status, 201)
        self.restart()
        self.assertRefused(self.logon(response=response), 409, "assertion_used", "assertion_replayed")

    def test_a_ticket_is_good_after_a_restart_and_used_once(self):
        ticket, (_, csr) = self.ticket(), api.new_csr()
        self.restart()
        first = self.redeem(ticket, csr)
        self.assertEqual(first.status, 201, first)
        self.restart()
        self.assertEqual(self.redeem(ticket, csr).json["serial"], first.json["serial"])
        self.assertProblem(self.redeem(ticket), 409, "ticket_used")

    def test_its_socket_is_held_over_an_end_as_over_a_crash(self):
        for how in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, signal.SIGKILL):
            with self.subTest(how=how.name):
                old = programs.pid(self.lab, "fasd")
                os.kill(old, how)
                proc.wait_for(lambda: programs.pid(self.lab, "fasd") != old, 20, "the end of fasd")
                self.assertEqual(self.client("host").post("/v1/sessions/x/lease", {}).status, 404)
        proc.wait_for(lambda: programs.is_ready(self.lab), 20, "fasd again")

    def test_a_session_lives_on_after_a_restart(self):
        session, _, _ = self.session()
        self.restart()
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})
        self.assertEqual(answer.status, 200)

    def test_the_signer_comes_back_with_its_authority_and_logons_go_on(self):
        self.session()
        self.restart("fas-signer")
        session, key, _ = self.session()
        self.kinit(session, key)

    def test_killed_programs_come_back_and_lose_nothing_that_was_answered(self):
        response, ticket = self.response(), self.ticket()
        used = self.redeem(self.ticket(response=response))
        for name in ("fas-signer", "fasd"):
            programs.restart(self.lab, name, signal.SIGKILL)
        self.assertProblem(self.logon(response=response), 409, "assertion_used")
        self.assertEqual(self.redeem(ticket).status, 201)
        path = f"/v1/sessions/{used.json['session_id']}/lease"
        self.assertEqual(self.client("host").post(path, {}).status, 200)

    def test_a_request_under_way_is_finished_when_the_service_is_told_to_end(self):
        response, answers = self.response(), []
        samba = proc.family(proc.pid_of(self.lab, "samba"))
        for pid in samba:
            proc.halt(pid)
        try:
            thread = threading.Thread(target=lambda: answers.append(self.logon(response=response)))
            thread.start()
            proc.wait_for(lambda: dc.is_asked(self.lab), 5, "a question to the directory")
            old = programs.pid(self.lab, "fasd")
            os.kill(old, signal.SIGTERM)
        finally:
            for pid in samba:
                os.kill(pid, signal.SIGCONT)
        thread.join()
        proc.wait_for(lambda: programs.pid(self.lab, "fasd") not in (None, old) and programs.is_ready(self.lab), 30,
                      "fasd again")
        self.assertEqual([a.status for a in answers], [201])

    def test_the_trail_is_whole_after_restarts(self):
        self.restart("fas-signer", "fasd")
        self.assertEqual(self.findings(), [])
