"""fasctl: what an administrator asks and orders."""

import os
import subprocess

from lab import programs

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
