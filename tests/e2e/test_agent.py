"""fas-agent on a VDA host: from a ticket to a credential cache that the user owns."""

import json
import os
import stat
from pathlib import Path

from lab import agent, namespace, proc
from lab.layout import VDA1, VDA2

from case import SECRETS, LabCase


class Agent(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, "agent1")
        cls.host.enroll()

    def cache(self, user="alice"):
        return self.lab.folder / "home" / user / f"cc-{self.id().rpartition('.')[2][:40]}"

    def log_on(self, user="alice"):
        """(status, output, errors, cache) of fas-agent logon with a fresh ticket."""
        cache = self.cache(user)
        told = self.host.run("logon", "--ticket-file", "-", "--user", user, "--ccache", f"FILE:{cache}", "--json",
                             stdin=self.ticket(user))
        return *told, cache

    def test_it_logs_alice_on_by_pkinit_into_a_cache_of_hers(self):
        status, out, errors, cache = self.log_on()
        self.assertEqual(status, 0, errors)
        owner = cache.stat()
        self.assertEqual(stat.S_IMODE(owner.st_mode), 0o600)
        self.assertEqual(owner.st_uid, (self.lab.folder / "home" / "alice").stat().st_uid)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(namespace.enter(self.lab, ["klist", "-c", cache])))
        told = json.loads(out)
        self.assertEqual(told["upn"], "alice@corp.example.com")
        self.assertNotIn("PRIVATE", out + errors)

    def test_it_logs_frank_on_by_his_enterprise_name(self):
        status, _, errors, cache = self.log_on("frank")
        self.assertEqual(status, 0, errors)
        self.assertTrue(cache.exists())

    def test_it_logs_judy_on_by_her_implicit_name(self):
        self.assertEqual(self.log_on("judy")[0], 0)

    def test_logoff_takes_the_cache_and_ends_the_session(self):
        status, out, errors, cache = self.log_on()
        self.assertEqual(status, 0, errors)
        session = json.loads(out)["session_id"]
        self.host.must("logoff", "--session", session)
        self.assertFalse(cache.exists())
        listed = [s["id"] for s in self.fasctl_json("session", "list")["sessions"]]
        self.assertNotIn(session, listed)

    def test_a_ticket_for_another_host_gives_nothing(self):
        ticket = self.ticket("alice", host=VDA2)
        status, _, errors = self.host.run("logon", "--ticket-file", "-", "--user", "alice", "--ccache",
                                          f"FILE:{self.cache()}x", stdin=ticket)
        self.assertEqual(status, 1)
        self.assertFalse(Path(f"{self.cache()}x").exists())
        self.assertNotIn(ticket, errors)

    def test_a_ticket_of_alice_does_not_log_another_user_on(self):
        status, _, errors = self.host.run("logon", "--ticket-file", "-", "--user", "grace", "--ccache",
                                          f"FILE:{self.cache('grace')}", stdin=self.ticket("alice"))
        self.assertEqual(status, 1, errors)
        self.assertFalse(self.cache("grace").exists())

    def test_without_a_named_user_the_cache_is_that_of_the_tickets_account(self):
        told = json.loads(self.host.must("logon", "--ticket-file", "-", "--json", stdin=self.ticket("grace")))
        self.addCleanup(self.host.must, "logoff", "--session", told["session_id"])
        self.assertEqual(told["user"], "grace")
        cache = Path(told["ccache"].removeprefix("FILE:"))
        self.assertEqual(cache.stat().st_uid, (self.lab.folder / "home" / "grace").stat().st_uid)

    def test_root_is_never_logged_on(self):
        status, _, _ = self.host.run("logon", "--ticket-file", "-", "--user", "root", stdin=self.ticket("alice"))
        self.assertNotEqual(status, 0)

    def test_its_key_is_for_root_alone(self):
        for path in (self.host.folder / "state").rglob("*"):
            if path.is_file() and b"PRIVATE KEY" in path.read_bytes():
                self.assertEqual((path.stat().st_mode & 0o077, path.stat().st_uid), (0, os.getuid()))
                return
        self.fail("no key was found")

    def test_it_renews_its_certificate(self):
        self.host.must("renew")
        self.assertEqual(self.log_on()[0], 0)

    def test_a_token_for_joining_stays_out_of_what_it_says(self):
        token = self.fasctl("host", "enroll", "--name", VDA2).split()[0]
        SECRETS.append(token)
        other = agent.Agent(self.lab, VDA2, "agent2")
        other.prepare()
        status, out, errors = other.run("enroll", "--token-file", "-", stdin=token)
        self.assertEqual(status, 0, errors)
        self.assertNotIn(token, out + errors)
