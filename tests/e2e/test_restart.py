"""What was answered survives a restart; what was used stays used."""

from lab import api, programs

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

    def test_the_trail_is_whole_after_restarts(self):
        self.restart("fas-signer", "fasd")
        self.fasctl("audit", "verify")
        self.fasctl("audit", "verify", "--signer")
