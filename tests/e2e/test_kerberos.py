"""Machines without a certificate: hosts and storefronts by their machine accounts (Authorization: Negotiate)."""

import base64
import http.server
import os
import signal
import ssl
import threading

from cryptography import x509

from lab import agent, api, dc, kerberos, namespace, proc, programs
from lab.layout import DOMAIN, FAS, PUBLISH_URL, VDA1, VDA2

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

    def test_curl_binds_its_token_to_no_channel(self):
        """What docs/ADMIN.md says of it: a token of curl 7.88 that another server got is taken by fasd too."""
        token = self.token_for_another_server()
        self.assertProblem(self.connection().post(LEASE, {}, token), 404, "session_unknown")

    def token_for_another_server(self):
        """curl asks a server of the same name with another certificate, and does not look at that."""
        seen = []

        class Other(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                seen.append(self.headers["Authorization"])
                self.send_response(401)
                self.send_header("WWW-Authenticate", "Negotiate")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.lab.samba / "tls" / "kdc.crt", self.lab.samba / "tls" / "kdc.key")
        with http.server.HTTPServer(("127.0.0.1", 0), Other) as server:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            self.machine("VDA1$").curl_to(f"https://{FAS}:{server.server_port}{LEASE}", "-k", "--connect-to",
                                          f"{FAS}:{server.server_port}:127.0.0.1:{server.server_port}")
            server.shutdown()
            thread.join()
        return next(one for one in seen if one and one.startswith("Negotiate ")).removeprefix("Negotiate ")

    # ---- an account that was made anew ----

    def test_a_ticket_of_an_account_that_was_deleted_and_made_anew_is_refused(self):
        connection = self.connection()
        dc.make_machine_anew(self.lab, "VDA9", "vda9.vdi." + DOMAIN)
        machine = self.machine("VDA9$")
        self.assertEqual(connection.post(LEASE, {}, machine.token()).status, 404)
        dc.make_machine_anew(self.lab, "VDA9", "vda9.vdi." + DOMAIN)
        self.assertProblem(self.connection().post(LEASE, {}, machine.token()), 401, "caller_refused")
        self.assertRefusedFor("machine_sid")
        proc.wait_for(lambda: connection.post(LEASE, {}).status == 401, 10, "the end of the kept connection")
        self.assertEqual(self.connection().post(LEASE, {}, self.machine("VDA9$").token()).status, 404)

    def test_a_ticket_without_a_pac_is_refused(self):
        token = kerberos.Machine(self.lab, "VDA2$", "vda2.keytab").kinit("--no-request-pac").token()
        self.assertProblem(self.connection().post(LEASE, {}, token), 401, "caller_refused")
        self.assertRefusedFor("caller_pac")

    # ---- kerberos and machines, reloaded ----

    def change(self, old, new):
        """In fasd.yaml, which is put back (and loaded) at the end."""
        file = self.lab.fas / "fasd.yaml"
        before = file.read_text()
        self.assertIn(old, before)
        file.write_text(before.replace(old, new))

        def put_back():
            file.write_text(before)
            self.fasctl("config", "reload")
        self.addCleanup(put_back)

    def loaded(self):
        return self.fasctl("audit", "tail", "--limit", "200").count("machines_loaded done")

    def test_a_rule_that_is_taken_away_ends_a_host_at_its_next_request(self):
        connection, other = self.connection(), self.connection()
        self.assertEqual(connection.post(LEASE, {}, self.machine("VDA2$").token()).status, 404)
        self.assertEqual(other.post(LEASE, {}, self.machine("VDA1$").token()).status, 404)
        self.change("  recheck: 2s\n", "  recheck: 60s\n")
        self.change("  - role: host\n    ou: ", "  - role: storefront\n    ou: ")
        count = self.loaded()
        os.kill(programs.pid(self.lab, "fasd"), signal.SIGHUP)
        proc.wait_for(lambda: self.loaded() > count, 10, "the reload")
        self.assertProblem(connection.post(LEASE, {}), 401, "caller_refused")
        self.assertEqual(other.post(LEASE, {}).status, 404)
        self.assertTrue(other.is_kept())
        self.assertProblem(self.connection().post(LEASE, {}, self.machine("VDA2$").token()), 403, "role_refused")

    def test_fasctl_reloads_and_a_fault_leaves_in_force_what_was(self):
        self.change("    ou: ", "    uo: ")
        status, said, _ = programs.fasctl_status(self.lab, "config", "reload")
        self.assertEqual(status, 1)
        self.assertRegex(said, r"machines +\S*fasd.yaml:\d+:\d+: error: ")
        self.assertEqual(self.connection().post(LEASE, {}, self.machine("VDA2$").token()).status, 404)

    def test_kerberos_can_be_turned_off_and_on_again(self):
        text = (self.lab.fas / "fasd.yaml").read_text()
        self.change(text[text.index("kerberos:"):], "")
        self.assertIn("in force", self.fasctl("config", "reload"))
        answer = self.connection().post(LEASE, {}, self.machine("VDA1$").token())
        self.assertProblem(answer, 401, "caller_required")
        self.assertNotIn("Negotiate", answer.headers.get_all("WWW-Authenticate"))
        self.doCleanups()
        self.assertEqual(self.connection().post(LEASE, {}, self.machine("VDA1$").token()).status, 404)

    # ---- fas-agent ----

    def test_fas_agent_logs_on_by_the_hosts_keytab_when_it_has_no_certificate(self):
        host = agent.Agent(self.lab, VDA1, "agent-kerberos")
        host.prepare(keytab=self.lab.keytabs / "vda1.keytab", servers=[f"https://{FAS}:8443"])
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
