"""Machines without a certificate: hosts and storefronts by their machine accounts (Authorization: Negotiate)."""

import base64

from cryptography import x509

from lab import agent, api, kerberos, namespace, proc
from lab.layout import FAS, PUBLISH_URL, VDA1, VDA2

from case import LabCase

LEASE = "/v1/sessions/00000000000000000000000000000000/lease"


class Kerberos(LabCase):
    def machine(self, name):
        return kerberos.Machine(self.lab, name, name.strip("$").lower() + ".keytab").kinit()

    def connection(self):
        made = kerberos.Connection(self.lab)
        self.addCleanup(made.close)
        return made

    def switch(self, account, on):
        """In the directory, by the domain controller's own tool."""
        proc.run(["samba-tool", "user", "enable" if on else "disable", account, "-H",
                  self.lab.samba / "private" / "sam.ldb", "-s", self.lab.samba / "etc" / "smb.conf"])

    # ---- who is let in ----

    def test_curl_redeems_a_ticket_as_vda1_by_its_machine_account(self):
        ticket, (_, csr) = self.ticket("alice", host=VDA1), api.new_csr()
        status, answer = self.machine("VDA1$").curl("/v1/certificates", {"ticket": ticket, "csr": csr})
        self.assertEqual(status, 201, answer)
        x509.load_pem_x509_certificate(answer["certificate"].encode())
        record = next(r for r in self.audit(answer["correlation_id"]) if r["event"] != "logon_decided")
        self.assertEqual(record["caller"], f"host:{VDA1}")

    def test_vda2_is_a_host_by_the_unit_that_it_lies_in(self):
        ticket, (_, csr) = self.ticket("alice", host=VDA2), api.new_csr()
        self.assertEqual(self.machine("VDA2$").curl("/v1/certificates", {"ticket": ticket, "csr": csr})[0], 201)

    def test_the_storefronts_account_begins_logons_and_is_no_host(self):
        storefront = self.machine("STOREFRONT01$")
        status, answer = storefront.curl("/v1/logons", {"saml_response": self.response(), "host": VDA1})
        self.assertEqual(status, 201, answer)
        self.assertEqual(self.redeem(answer["ticket"]).status, 201)
        status, answer = storefront.curl(LEASE, {})
        self.assertEqual((status, answer["code"]), (403, "role_refused"))

    def test_certificate_and_account_of_one_host_are_one_caller(self):
        session, _, _ = self.session("alice")
        connection = self.connection()
        answer = connection.post(f"/v1/sessions/{session['session_id']}/lease", {}, self.machine("VDA1$").token())
        self.assertEqual(answer.status, 200, answer)

    def test_one_negotiation_serves_the_whole_connection_and_answers_with_a_token(self):
        connection = self.connection()
        first = connection.post(LEASE, {}, self.machine("VDA1$").token())
        self.assertProblem(first, 404, "session_unknown")
        self.assertTrue(base64.b64decode(first.headers["WWW-Authenticate"].removeprefix("Negotiate ")))
        self.assertProblem(connection.post(LEASE, {}), 404, "session_unknown")
        self.assertTrue(connection.is_kept())

    def test_a_bare_kerberos_token_is_taken_as_one_in_spnego(self):
        answer = self.connection().post(LEASE, {}, self.machine("VDA1$").token(mech=kerberos.KRB5))
        self.assertProblem(answer, 404, "session_unknown")

    def test_a_host_presents_no_ticket_of_another_host(self):
        ticket, (_, csr) = self.ticket("alice", host=VDA2), api.new_csr()
        status, answer = self.machine("VDA1$").curl("/v1/certificates", {"ticket": ticket, "csr": csr})
        self.assertEqual((status, answer["code"]), (403, "ticket_refused"))

    def test_there_is_nothing_to_renew_without_a_certificate(self):
        answer = self.connection().post("/v1/renew", {"csr": api.new_csr()[1]}, self.machine("VDA1$").token())
        self.assertProblem(answer, 403, "renewal_refused")

    # ---- who is not ----

    def test_without_certificate_and_token_the_answer_asks_for_negotiation(self):
        answer = self.connection().post(LEASE, {})
        self.assertProblem(answer, 401, "caller_required")
        self.assertIn("Negotiate", answer.headers.get_all("WWW-Authenticate"))

    def test_a_user_account_is_no_host(self):
        user = kerberos.Machine(self.lab, "svc-fas", "svc-fas.keytab").kinit()
        answer = self.connection().post(LEASE, {}, user.token())
        self.assertProblem(answer, 401, "caller_refused")
        self.assertRefusedFor("caller_not_machine")

    def test_a_logged_on_user_is_no_host(self):
        session, key, _ = self.session("alice")
        alice = kerberos.Machine(self.lab, "alice", "none")
        alice.cache = self.kinit(session, key)
        answer = self.connection().post(LEASE, {}, alice.token())
        self.assertProblem(answer, 401, "caller_refused")

    def test_a_disabled_machine_account_is_refused_though_its_ticket_lives(self):
        machine = self.machine("VDA2$")
        token = machine.token()
        self.addCleanup(self.switch, "VDA2$", True)
        self.switch("VDA2$", False)
        self.assertProblem(self.connection().post(LEASE, {}, token), 401, "caller_refused")
        self.assertRefusedFor("machine_disabled")

    def test_a_machine_that_is_disabled_stops_on_its_kept_connection_too(self):
        connection = self.connection()
        self.assertEqual(connection.post(LEASE, {}, self.machine("VDA2$").token()).status, 404)
        self.addCleanup(self.switch, "VDA2$", True)
        self.switch("VDA2$", False)
        seen = []

        def is_refused():
            seen.append(connection.post(LEASE, {}))
            return seen[-1].status == 401

        proc.wait_for(is_refused, 10, "the refusal of the disabled machine")
        self.assertEqual({one.status for one in seen[:-1]} - {404}, set())
        self.assertProblem(seen[-1], 401, "caller_refused")

    def test_a_token_is_good_once(self):
        token = self.machine("VDA1$").token()
        self.assertEqual(self.connection().post(LEASE, {}, token).status, 404)
        self.assertProblem(self.connection().post(LEASE, {}, token), 401, "caller_refused")
        self.assertRefusedFor("caller_replayed")

    def test_a_failed_negotiation_is_the_connections_last(self):
        connection = self.connection()
        answer = connection.post(LEASE, {}, kerberos.ntlm_token())
        self.assertProblem(answer, 401, "caller_refused")
        self.assertEqual(answer.headers["Connection"], "close")

    def test_what_is_no_kerberos_token_is_refused(self):
        for token in (kerberos.ntlm_token(), "!!!", "AAAA", base64.b64encode(bytes(3000)).decode()):
            with self.subTest(token[:8]):
                self.assertProblem(self.connection().post(LEASE, {}, token), 401, "caller_refused")
                self.assertRefusedFor("caller_negotiate")

    def test_another_scheme_is_no_proof(self):
        answer = self.connection().post(LEASE, {}, "YWxpY2U6c2VjcmV0", scheme="Basic")
        self.assertProblem(answer, 401, "caller_required")

    def test_a_ticket_for_another_service_is_refused(self):
        token = self.machine("VDA1$").token(service="HTTP@web.corp.example.com")
        self.assertProblem(self.connection().post(LEASE, {}, token), 401, "caller_refused")
        self.assertRefusedFor("caller_ticket")

    # ---- the channel ----

    def test_a_token_bound_to_this_server_is_taken(self):
        connection = self.connection()
        token = self.machine("VDA1$").token(binding=connection.binding())
        self.assertEqual(connection.post(LEASE, {}, token).status, 404)

    def test_a_token_bound_to_another_server_is_refused(self):
        connection = self.connection()
        token = self.machine("VDA1$").token(binding=b"tls-server-end-point:" + bytes(32))
        self.assertProblem(connection.post(LEASE, {}, token), 401, "caller_refused")
        self.assertRefusedFor("caller_binding")

    def test_without_tls_nobody_negotiates(self):
        token = self.machine("VDA1$").token()
        out = proc.run(namespace.enter(self.lab, [
            "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", f"Authorization: Negotiate {token}", "-d", "{}",
            PUBLISH_URL + LEASE]))
        self.assertEqual(out, "404")

    # ---- fas-agent ----

    def test_fas_agent_logs_on_by_the_hosts_keytab_when_it_has_no_certificate(self):
        host = agent.Agent(self.lab, VDA1, "agent-kerberos")
        host.prepare(keytab=self.lab.keytabs / "vda1.keytab", server=f"https://{FAS}:8443")
        cache = self.lab.folder / "home" / "alice" / "cc-kerberos"
        status, out, errors = host.run("logon", "--ticket-file", "-", "--user", "alice", "--ccache", f"FILE:{cache}",
                                       "--json", stdin=self.ticket("alice"))
        self.assertEqual(status, 0, errors)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(namespace.enter(self.lab, ["klist", "-c", cache])))
        self.assertFalse((host.folder / "state" / "host.pem").exists())

    def test_fas_agent_without_certificate_and_keytab_says_that_it_has_not_joined(self):
        host = agent.Agent(self.lab, VDA1, "agent-none")
        host.prepare()
        status, _, errors = host.run("logon", "--ticket-file", "-", "--user", "alice", stdin=self.ticket("alice"))
        self.assertNotEqual(status, 0)
        self.assertIn("not_enrolled", errors)

    # ---- words ----

    def assertRefusedFor(self, reason):
        """On record; refusals of strangers are written within the second."""
        def is_on_record():
            out = self.fasctl("audit", "tail", "--limit", "30", "--json")
            return f'"{reason}"' in out
        proc.wait_for(is_on_record, 10, f"a record of {reason}")
