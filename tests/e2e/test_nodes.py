"""Two nodes, each with its own state, authorities and ACS, and a host that talks to both."""

import hashlib
import os
import re
import signal
import subprocess

from cryptography import x509

from lab import agent, api, card, config, lifecycle, namespace, proc, programs
from lab.layout import VDA1

from case import SECRETS
from test_card import CardCase, digest_info

USERS = ("alice", "frank", "grace", "judy")
NO_NODE = "The sign-in server that keeps this session's key does not answer. Please try again later."
GRANT = "    in_session: { allow: true, custody: service, pool_empty: wait, programs: ['*'], validity: 30m }\n"
ANSWER_S = 150  # what a program waits for a signature at most (docs/PROTOCOL.md)


def prefers(nodes, user):
    """Whom the host would ask first if no ticket said otherwise: rendezvous hashing (fas/agent/servers.h)."""
    def weight(node):
        text = f"https://{node.host}:8443 {user}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
    return max(nodes, key=weight)


class NodesCase(CardCase):
    @classmethod
    def setUpClass(cls):
        cls.second = lifecycle.start_second_node(cls.lab)
        cls.nodes = [cls.lab, cls.second]
        cls.host = agent.Agent(cls.lab, VDA1, cls.name)
        cls.host.enroll(cls.more, cls.nodes)
        cls.host.start()
        cls.root = cls.host.program()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        lifecycle.stop_second_node(cls.second)

    def setUp(self):
        self.addCleanup(self.policy, config.policy_yaml())

    def policy(self, text):
        for node in self.nodes:
            (node.fas / "policy.d" / "lab.yaml").write_text(text)
            programs.fasctl(node, "policy", "reload")

    def storefront(self, node):
        files = (node.pki / name for name in ("service-ca.crt", "storefront.crt", "storefront.key"))
        return api.Client(node.api_url, *files)

    def ask_for_ticket(self, node, user="alice", acs=None):
        acs = acs or node.acs_url
        response = self.response(user, recipient=acs, destination=acs)
        return self.storefront(node).post("/v1/logons", {"saml_response": response, "host": VDA1})

    def ticket(self, user="alice", node=None):
        answer = self.ask_for_ticket(node or self.lab, user)
        self.assertEqual(answer.status, 201, answer)
        SECRETS.append(answer.json["ticket"])
        return answer.json["ticket"]

    def sessions_at(self, node):
        return {one["id"] for one in programs.fasctl_json(node, "session", "list")["sessions"]}

    def start_anew(self):
        """The daemon knows neither which server is which node nor that one is away."""
        self.host.stop()
        self.host.start()
        self.root.ask("reconnect")

    def silence(self, node):
        """From now on it answers nothing, though connections are taken."""
        pid = programs.pid(node, "fasd")
        proc.halt(pid)
        self.addCleanup(self.wake, node, pid)
        return pid

    def wake(self, node, pid):
        os.kill(pid, signal.SIGCONT)
        proc.wait_for(lambda: programs.is_ready(node), 30, f"{node.node} is ready again")
        proc.wait_for(lambda: f"https://{node.host}:8443 away" not in self.host.must("status"), 60, f"{node.node} is found")

    def said_away(self, node):
        """How often the host waited for it in vain."""
        return sum("event=server_away" in line and f"https://{node.host}:8443" in line
                   for line in self.host.log().splitlines())


class Nodes(NodesCase):
    name = "agent-nodes"

    def test_a_ticket_is_redeemed_at_its_node_whomever_the_hash_prefers(self):
        self.assertEqual({prefers(self.nodes, user).node for user in USERS}, {"fas1", "fas2"})
        self.start_anew()
        for user in USERS:
            for node, other in (self.nodes, self.nodes[::-1]):
                with self.subTest(user=user, node=node.node):
                    session = self.log_on(user, node=node)["session"]
                    self.assertIn(session, self.sessions_at(node))
                    self.assertNotIn(session, self.sessions_at(other))
                    self.root.ask("close", session=session)
                    self.assertNotIn(session, self.sessions_at(node))

    def test_the_domain_controller_takes_certificates_of_both_logon_cas(self):
        issuers = []
        for node in self.nodes:
            answer = self.log_on("alice", node=node)
            self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(namespace.enter(self.lab, ["klist", "-c", answer["ccache"]])))
            program = self.program("alice")
            _, key = self.key_of(program)
            certificate = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"]))
            issuers.append(certificate.issuer.rfc4514_string())
            self.root.ask("close", session=answer["session"])
        self.assertEqual(issuers, ["CN=CORP Federated Logon CA", "CN=CORP Federated Logon CA of fas2"])

    def test_an_assertion_for_one_node_is_refused_by_the_other(self):
        for node, other in (self.nodes, self.nodes[::-1]):
            answer = self.ask_for_ticket(node, acs=other.acs_url)
            self.assertProblem(answer, 403, "assertion_refused")
            said = programs.fasctl(node, "audit", "tail", "--correlation", answer.json["correlation_id"], "--limit", "10", "--json")
            self.assertIn('"saml_destination"', said)

    def test_each_pair_is_renewed_by_its_own_node(self):
        state = self.host.folder / "state"
        files = [state / "host.pem", state / "servers" / f"{self.second.host}:8443" / "host.pem"]
        before = [path.read_text() for path in files]
        self.host.must("renew")
        for path, was in zip(files, before):
            self.assertNotEqual(path.read_text(), was)
            self.assertEqual((path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777), (0o600, 0o700))
        self.start_anew()
        for node in self.nodes:
            self.log_on("alice", node=node)

    def test_a_machine_account_serves_for_both(self):
        bundle = self.lab.folder / "service-cas.pem"
        bundle.write_text("".join((node.pki / "service-ca.crt").read_text() for node in self.nodes))
        host = agent.Agent(self.lab, VDA1, "agent-nodes-account")
        host.prepare(keytab=self.lab.keytabs / "vda1.keytab", service_ca=bundle,
                     servers=[f"https://{node.host}:8443" for node in self.nodes])
        for node in self.nodes:
            cache = self.lab.folder / "home" / "alice" / f"cc-{node.node}"
            host.must("logon", "--ticket-file", "-", "--user", "alice", "--ccache", f"FILE:{cache}",
                      stdin=self.ticket("alice", node=node))
            self.assertTrue(cache.exists())


class Away(NodesCase):
    """One of them falls silent: the worst way of being away, because nobody says so."""

    name = "agent-away"

    def test_new_logons_cost_one_short_time_out_at_most(self):
        user = next(user for user in USERS if prefers(self.nodes, user) is self.lab)
        tickets = [self.ticket(user, node=self.second) for _ in range(3)]
        self.start_anew()
        before = self.said_away(self.lab)
        self.silence(self.lab)
        for ticket in tickets:
            answer = self.root.ask("logon", ticket=ticket, user=user, service="test")
            self.assertEqual(answer["status"], "ok", answer)
            self.root.ask("close", session=answer["session"])
        self.assertEqual(self.said_away(self.lab) - before, 1)
        self.assertRegex(self.host.must("status"), f"https://{self.lab.host}:8443 away")

    def test_new_logons_work_when_the_first_is_stopped(self):
        ticket = self.ticket("alice", node=self.second)
        proc.stop(self.lab, "fasd")
        try:
            answer = self.root.ask("logon", ticket=ticket, user="alice", service="test")
            self.assertEqual(answer["status"], "ok", answer)
            self.root.ask("close", session=answer["session"])
        finally:
            programs.start_fasd(self.lab)

    # ---- its sessions ----

    def key_of_purpose(self, program, purpose):
        """(card, key) when it is there."""
        one, found = self.card_of(program), []

        def is_there():
            found[:] = [key for key in program.ask("objects", card_id=one)["key"] if key["purpose"] == purpose]
            return found

        proc.wait_for(is_there, 60, "the key on the card")
        return one, found[0]

    def by_pkcs11_tool(self, user, key):
        """What a user's program that signs with the key says."""
        module = programs.module("fas-pkcs11.so")
        argv = namespace.enter(self.lab, ["setpriv", f"--reuid={self.uid(user)}", f"--regid={self.uid(user)}", "--clear-groups",
                                          "pkcs11-tool", "--module", module, "--sign", "-m", "SHA256-RSA-PKCS", "--id",
                                          key["key_id"], "-i", "/etc/hosts", "-o", "/dev/null"])
        done = subprocess.run(argv, env={**os.environ, "FAS_AGENT_SOCKET": str(self.host.socket)}, text=True,
                              capture_output=True, timeout=ANSWER_S)
        return done.returncode, done.stdout + done.stderr

    def test_a_session_of_a_node_that_is_away_is_told_so_and_lives_on(self):
        self.policy(config.policy_yaml().replace("lease: 10m", "lease: 1m") + GRANT)
        session = self.log_on("alice", node=self.lab)["session"]
        other = self.log_on("grace", node=self.second)["session"]
        alice, grace = self.program("alice"), self.program("grace")
        one, kept = self.key_of_purpose(alice, card.IN_SESSION)
        _, own = self.key_of_purpose(alice, card.LOGON)
        two, graces = self.key_of_purpose(grace, card.IN_SESSION)
        self.verify(kept, self.sign(alice, one, kept))
        pid = self.silence(self.lab)
        for _ in range(2):
            refused = self.sign(alice, one, kept)
            self.assertEqual((refused["status"], refused["reason"], refused["text"]), ("away", "node_away", NO_NODE))
        status, said = self.by_pkcs11_tool("alice", kept)
        self.assertNotEqual(status, 0)
        self.assertIn("CKR_DEVICE_ERROR", said)
        self.assertRegex(self.host.log(), f"event=sign_failed.*https://{self.lab.host}:8443")
        self.verify(own, self.sign(alice, one, own))
        self.verify(graces, self.sign(grace, two, graces))
        proc.wait_for(lambda: re.search(f"event=lease_not_kept.* session={session}", self.host.log()), 60,
                      "a lease that is not kept")
        self.wake(self.lab, pid)
        self.verify(kept, self.sign(alice, one, kept))
        was = self.heard(session)
        proc.wait_for(lambda: self.heard(session) > was, 60, "the next lease")
        self.assertIn(other, self.sessions_at(self.second))

    def heard(self, session):
        return self.fasctl_json("session", "show", session)["lease_until"]

    # ---- in the middle ----

    def unread(self, node):
        """How many questions of fasd's lie unread at its halted signer."""
        said = proc.run(["ss", "-xH", "src", node.run / "signer" / "issue.sock"])
        return sum(int(line.split()[2]) > 0 for line in said.splitlines() if line.split()[1] == "ESTAB")

    def test_what_is_under_way_when_a_node_falls_silent_ends_with_a_word(self):
        self.policy(config.policy_yaml() + GRANT)
        self.log_on("alice", node=self.lab)
        alice = self.program("alice")
        one, key = self.key_of_purpose(alice, card.IN_SESSION)
        ticket = self.ticket("grace")
        signer = programs.pid(self.lab, "fas-signer")
        proc.halt(signer)  # so that both are at work in fasd
        self.addCleanup(os.kill, signer, signal.SIGCONT)
        question = dict(card_id=one, key_id=key["key_id"], mechanism=card.RSA_PKCS1, data=digest_info(b"to sign"))
        alice.send("sign", **question)
        self.root.send("logon", ticket=ticket, user="grace", service="test")
        proc.wait_for(lambda: self.unread(self.lab) >= 2, 10, "both at work")
        pid = self.silence(self.lab)
        signature, logon = alice.receive(), self.root.receive()
        self.assertEqual((signature["status"], signature["text"]), ("away", NO_NODE))
        self.assertEqual((logon["status"], logon["text"]), ("away", "The sign-in service does not answer."))
        os.kill(signer, signal.SIGCONT)
        self.wake(self.lab, pid)
        self.verify(key, self.sign(alice, one, key))
        self.log_on("grace")
