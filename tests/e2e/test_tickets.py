"""One assertion, one session; a ticket works once, for its host, within its minute."""

import threading

from lab import api
from lab.layout import VDA2

from case import LabCase


class Tickets(LabCase):
    def test_a_ticket_can_pass_through_a_password_field(self):
        ticket = self.ticket()
        self.assertLess(len(ticket), 100)
        self.assertTrue(ticket.isascii() and ticket.isprintable() and " " not in ticket)

    def test_a_ticket_at_another_host_is_refused_and_stays_good_for_its_own(self):
        ticket = self.ticket()
        self.assertRefused(self.redeem(ticket, caller="host2"), 403, "ticket_refused", "ticket_wrong_host")
        self.assertEqual(self.redeem(ticket).status, 201)

    def test_the_same_host_and_request_again_get_the_same_certificate(self):
        ticket, (_, csr) = self.ticket(), api.new_csr()
        first, second = self.redeem(ticket, csr), self.redeem(ticket, csr)
        self.assertEqual((first.status, second.status), (201, 201))
        self.assertEqual(first.json["certificate"], second.json["certificate"])
        self.assertEqual(first.json["session_id"], second.json["session_id"])

    def test_a_used_ticket_with_another_key_is_refused(self):
        ticket = self.ticket()
        self.assertEqual(self.redeem(ticket).status, 201)
        self.assertRefused(self.redeem(ticket), 409, "ticket_used", "ticket_used")

    def test_the_same_response_before_redemption_gets_a_new_ticket_and_voids_the_old(self):
        response = self.response()
        old, new = self.ticket(response=response), self.ticket(response=response)
        self.assertNotEqual(old, new)
        self.assertRefused(self.redeem(old), 403, "ticket_refused", "ticket_void")
        self.assertEqual(self.redeem(new).status, 201)

    def test_the_same_response_after_redemption_is_a_replay(self):
        response = self.response()
        self.assertEqual(self.redeem(self.ticket(response=response)).status, 201)
        self.assertRefused(self.logon(response=response), 409, "assertion_used", "assertion_replayed")

    def test_the_same_response_for_another_host_is_still_one_session(self):
        response = self.response()
        first, second = self.ticket(response=response), self.ticket(response=response, host=VDA2)
        self.assertEqual(self.redeem(first).status // 100, 4)
        self.assertEqual(self.redeem(second, caller="host2").status, 201)

    def test_of_many_redemptions_at_once_one_wins(self):
        ticket, answers = self.ticket(), []
        csrs = [api.new_csr()[1] for _ in range(6)]
        threads = [threading.Thread(target=lambda csr=csr: answers.append(self.redeem(ticket, csr))) for csr in csrs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(a.status for a in answers), [201] + [409] * 5)

    def test_of_many_presentations_at_once_one_session_comes_out(self):
        response, answers = self.response(), []
        threads = [threading.Thread(target=lambda: answers.append(self.logon(response=response))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tickets = [a.json["ticket"] for a in answers if a.status == 201]
        self.assertEqual([self.redeem(t).status for t in tickets].count(201), 1)

    def test_text_that_is_no_ticket_is_refused(self):
        for bad in ("x", "fas1-", "fas1-AAAAAAAAAAAAAAAAAAAAAAAAAA", "' OR 1=1 --"):
            with self.subTest(bad):
                self.assertProblem(self.redeem(bad), 403, "ticket_refused")

    def test_another_nodes_ticket_says_so(self):
        other = "fas9" + self.ticket().removeprefix("fas1")
        self.assertProblem(self.redeem(other), 403, "ticket_other_node")

    def test_an_assertion_is_not_taken_from_a_host_without_a_rule_that_says_so(self):
        body = {"saml_response": self.response(), "csr": api.new_csr()[1]}
        answer = self.client("host").post("/v1/certificates", body)
        self.assertDenied(answer, "policy_no_rule")

    def test_a_host_may_not_ask_for_tickets_nor_a_storefront_redeem_them(self):
        self.assertProblem(self.logon(caller="host"), 403, "role_refused")
        self.assertProblem(self.redeem(self.ticket(), caller="storefront"), 403, "role_refused")

    def test_a_request_with_a_weak_or_foreign_key_is_refused(self):
        ticket = self.ticket()
        for key in (api.weak_key(), api.curve_key("p256")):
            with self.subTest(type(key).__name__):
                self.assertProblem(self.redeem(ticket, api.new_csr(key)[1]), 400, "csr_refused")

    def test_a_request_not_signed_by_its_key_is_refused(self):
        _, csr = api.new_csr()
        lines = csr.splitlines()
        lines[-3] = lines[-3][:10] + ("A" if lines[-3][10] != "A" else "B") + lines[-3][11:]
        answer = self.redeem(self.ticket(), "\n".join(lines) + "\n")
        self.assertProblem(answer, 400, "csr_refused")

    def test_names_in_the_request_do_not_reach_the_certificate(self):
        _, csr = api.new_csr(common_name="Administrator")
        answer = self.redeem(self.ticket(), csr)
        self.assertNotIn("Administrator", self.subject(answer))
        self.assertIn("CN=alice", self.subject(answer))

    def subject(self, answer):
        from cryptography import x509
        return x509.load_pem_x509_certificate(answer.json["certificate"].encode()).subject.rfc4514_string()


class Sessions(LabCase):
    def test_a_lease_is_the_hosts_own(self):
        session, _, _ = self.session()
        path = f"/v1/sessions/{session['session_id']}/lease"
        self.assertEqual(self.client("host").post(path, {}).status, 200)
        self.assertRefused(self.client("host2").post(path, {}), 404, "session_unknown", "session_unknown")

    def test_another_host_cannot_end_a_session(self):
        session, _, _ = self.session()
        self.assertProblem(self.end(session["session_id"], "host2"), 404, "session_unknown")
        self.assertEqual(self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {}).status, 200)

    def test_an_ended_session_has_no_lease(self):
        session, _, _ = self.session()
        self.assertEqual(self.end(session["session_id"]).status, 204)
        self.assertEqual(self.end(session["session_id"]).status, 204)
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})
        self.assertProblem(answer, 404, "session_unknown")

    def test_an_administrator_sees_and_ends_sessions(self):
        session, _, _ = self.session()
        listed = {s["id"]: s for s in self.fasctl_json("session", "list")["sessions"]}
        self.assertEqual(listed[session["session_id"]]["upn"], "alice@corp.example.com")
        self.fasctl("session", "end", session["session_id"], "--why", "test")
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})
        self.assertProblem(answer, 404, "session_unknown")
