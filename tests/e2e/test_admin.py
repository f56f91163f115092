"""fasctl: what an administrator asks and orders."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time

from lab import namespace, programs
from lab.layout import REPO

from case import LabCase


class Fasctl(LabCase):
    def test_every_command_has_help(self):
        out = subprocess.run([programs.program("fasctl"), "--help"], text=True, capture_output=True)
        self.assertEqual(out.returncode, 0)
        for words in (["ca", "init"], ["ca", "install"], ["ca", "show"], ["host", "enroll"], ["host", "list"],
                      ["host", "revoke"], ["cert", "list"], ["cert", "show"], ["cert", "revoke"],
                      ["cert", "hold"], ["cert", "release"], ["cert", "holds"], ["crl", "publish"],
                      ["crl", "show"], ["policy", "check"], ["policy", "explain"], ["policy", "reload"],
                      ["session", "list"], ["session", "end"], ["status"], ["doctor"], ["audit", "tail"], ["audit", "verify"],
                      ["audit", "acknowledge"], ["audit", "export"], ["config", "check"], ["config", "reload"]):
            with self.subTest(" ".join(words)):
                done = subprocess.run([programs.program("fasctl"), *words, "--help"], text=True, capture_output=True)
                self.assertEqual(done.returncode, 0)
                self.assertIn(words[-1], done.stdout)

    def test_each_alarm_has_its_runbook(self):
        """Whoever is woken by a name finds it in a heading, or in the first column of a table, of ADMIN's runbooks."""
        status = json.loads(programs.fasctl_status(self.lab, "status", "--json")[1])
        alarms = {end["what"] for one in ("signer", "fasd") for end in status[one]["ends"]}
        alarms |= set(self.ops().get("/readyz").json["checks"])
        for source in (REPO / "fas").glob("*.c"):
            alarms |= set(re.findall(r'"((?!fas_)\w+_alarm|issuing_stopped|watchdog_blind)"', source.read_text()))
        self.assertLessEqual({"root_crl", "revocation", "place_alarm", "revocation_alarm", "directory_alarm"}, alarms)
        chapter = (REPO / "docs/ADMIN.md").read_text().partition("\n## Runbooks\n")[2]
        places = " ".join(re.findall(r"^### .*$|^\| `[^|]*\|", chapter, re.M))
        self.assertEqual([one for one in sorted(alarms) if not re.search(rf"\b{one}\b", places)], [])

    def test_a_command_that_takes_long_says_so_on_a_terminal_until_it_is_done(self):
        for name, words in (("fasd", ("session", "list")), ("fas-signer", ("crl", "publish"))):
            with self.subTest(name):
                service = programs.pid(self.lab, name)
                self.addCleanup(os.kill, service, signal.SIGCONT)
                os.kill(service, signal.SIGSTOP)
                terminal, other = pty.openpty()
                argv = namespace.enter(self.lab, [programs.program("fasctl"), *words])
                with subprocess.Popen(argv, env=programs.tool_env(self.lab), stdout=subprocess.DEVNULL, stderr=other) as run:
                    os.close(other)
                    said = self.read_until(terminal, f"waiting for {name}, ")
                    self.assertIsNone(run.poll())
                    os.kill(service, signal.SIGCONT)
                    said += self.read_until(terminal, None)
                os.close(terminal)
                self.assertEqual(run.returncode, 0, said)
                self.assertTrue(said.endswith("\r\033[K"), said)

    def read_until(self, terminal, wanted):
        """Of what is written there; None: until nobody writes any more."""
        said, end = "", time.monotonic() + 30
        while wanted is None or wanted not in said:
            self.assertLess(time.monotonic(), end, said)
            if not select.select([terminal], [], [], 1)[0]:
                continue
            try:
                said += os.read(terminal, 4096).decode()
            except OSError:  # the other end is closed
                self.assertIsNone(wanted, said)
                break
        return said

    def test_a_wrong_word_is_a_usage_error_with_the_nearest_one(self):
        status, _, errors = programs.fasctl_status(self.lab, "cert", "revoek")
        self.assertEqual(status, 2)
        self.assertIn("cert revoke", errors)

    def test_certificates_are_listed_and_shown(self):
        session, _, _ = self.session()
        listed = self.fasctl_json("cert", "list", "--session", session["session_id"])["certificates"]
        self.assertEqual([c["serial"] for c in listed], [session["serial"]])
        shown = self.fasctl_json("cert", "show", session["serial"])
        self.assertEqual(shown["upn"], "alice@corp.example.com")
        self.assertIn("BEGIN CERTIFICATE", shown["pem"])

    def test_the_authority_is_shown_as_a_subordinate_of_the_offline_root(self):
        authority = self.fasctl_json("ca", "show")["authorities"][0]
        self.assertEqual((authority["name"], authority["generation"], authority["state"]), ("main", 1, "current"))
        self.assertNotEqual(authority["subject"], authority["issuer"])

    def test_the_published_crl_is_shown(self):
        crl = self.fasctl_json("crl", "show")["published"][0]
        self.assertTrue(crl["file"].endswith("main-1.crl"))

    def test_nobody_but_the_administrators_is_answered(self):
        sockets = programs.tool_env(self.lab)
        for words, who in ((["ca", "show"], 63999), (["session", "list"], 63999), (["ca", "show"], 63101)):
            with self.subTest(f"{words} {who}"):
                done = subprocess.run(["setpriv", f"--reuid={who}", f"--regid={who}", "--clear-groups",
                                       programs.program("fasctl"), *words], env=sockets, text=True, capture_output=True)
                self.assertNotEqual(done.returncode, 0)
                self.assertNotIn("main", done.stdout)

    def test_a_service_that_is_away_has_its_own_exit_status(self):
        env = {**os.environ, "FAS_SIGNER_ADMIN": "/nonexistent/admin.sock"}
        done = subprocess.run([programs.program("fasctl"), "ca", "show"], env=env, text=True, capture_output=True)
        self.assertEqual(done.returncode, 3)

    def test_a_root_made_by_another_key_cannot_be_installed(self):
        status, _, errors = programs.fasctl_status(self.lab, "ca", "install", "--chain", self.lab.pki / "logon-ca.pem",
                                                   "--root", self.lab.pki / "dcroot.crt")
        self.assertEqual(status, 1, errors)

    def test_every_act_leaves_a_record_with_the_operator(self):
        session, _, _ = self.session()
        self.fasctl("cert", "revoke", "--serial", session["serial"])
        records = self.fasctl("audit", "tail", "--signer", "--limit", "50", "--json")
        acts = [line for line in records.splitlines() if session["serial"] in line and "uid" in line]
        self.assertTrue(acts)
