"""docs/HOST.md's PAM stacks, as they stand there: a ticket logs on, a password does, and break-glass holds."""

import os
import re
import shutil
import signal
import subprocess

from lab import agent, desktop, namespace, proc, programs
from lab.layout import REPO, VDA1, write

from case import LabCase

GUIDE = REPO / "docs" / "HOST.md"
PROFILE = REPO / "fas" / "install" / "pam-configs" / "fas"
ALL = ("authenticate", "acct_mgmt", "setcred(PAM_ESTABLISH_CRED)", "open_session", "close_session")
INCLUDES = {"debian": "@include common-auth\n@include common-account\n@include common-session\n",
            "rhel": "auth substack password-auth\naccount include password-auth\nsession include password-auth\n"}


def block(name):
    """A fenced block of the guide: ```pam NAME."""
    return re.search(rf"(?ms)^```pam {re.escape(name)}\n(.*?)^```", GUIDE.read_text()).group(1)


class Stacks(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, "agent-guide")
        cls.host.enroll()
        cls.host.start()
        cls.addClassCleanup(cls.host.stop)
        cls.desktop = desktop.Desktop(cls.lab, cls.host)
        cls.addClassCleanup(cls.desktop.stop)
        cls.desktop.start()
        for family, text in INCLUDES.items():
            write(cls.desktop.stack(family), text)
        write(cls.desktop.stack("password-auth"), cls.here(block("password-auth")))
        write(cls.desktop.stack("swaylock"), cls.here(block("swaylock")))
        cls.update_debian()

    @classmethod
    def here(cls, text):
        """The module and its socket where this lab has them."""
        return text.replace("pam_fas.so", f"{programs.module('pam_fas.so')} socket={cls.host.socket}")

    @classmethod
    def update_debian(cls):
        """What pam-auth-update makes of the package's profile, beside what is installed here."""
        for path in ("/usr/share/pam-configs", "/var/lib/pam", "/var/cache/debconf"):
            copy = cls.desktop.folder / path.replace("/", "_")
            shutil.copytree(path, copy)
            cls.desktop.lay(path, copy)
        write(cls.desktop.folder / "_usr_share_pam-configs" / "fas", cls.here(PROFILE.read_text()))
        done = subprocess.run(namespace.enter(cls.lab, ["pam-auth-update", "--enable", "fas"]), text=True, capture_output=True,
                              env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, timeout=60)
        assert done.returncode == 0 and "pam_fas" in cls.desktop.stack("common-auth").read_text(), done

    def log_on(self, family, user, password, *acts):
        return self.desktop.pam(family, user, password, *(acts or ALL))

    def test_a_ticket_logs_on(self):
        for family in INCLUDES:
            with self.subTest(family):
                status, said = self.log_on(family, "alice", self.ticket("alice"))
                self.assertEqual(status, 0, said)

    def test_a_local_password_logs_on_and_a_wrong_one_does_not(self):
        for family in INCLUDES:
            with self.subTest(family):
                status, said = self.log_on(family, desktop.LOCAL_USER, desktop.LOCAL_PASSWORD)
                self.assertEqual(status, 0, said)
                self.assertNotEqual(self.log_on(family, desktop.LOCAL_USER, "a wrong one", "authenticate")[0], 0)

    def test_a_ticket_of_another_ends_there(self):
        for family in INCLUDES:
            with self.subTest(family):
                status, said = self.log_on(family, desktop.LOCAL_USER, self.ticket("alice"), "authenticate")
                self.assertNotEqual(status, 0)
                self.assertIn("This sign-in is for another user.", said)

    def test_break_glass_without_a_service_passwords_go_on(self):
        fasd = programs.pid(self.lab, "fasd")
        ticket = self.ticket("alice")
        proc.halt(fasd)
        try:
            status, said = self.log_on("rhel", "alice", ticket, "authenticate")
            self.assertNotEqual(status, 0)
            self.assertIn("The sign-in service does not answer.", said)
            for family in INCLUDES:
                with self.subTest(family):
                    status, said = self.log_on(family, desktop.LOCAL_USER, desktop.LOCAL_PASSWORD)
                    self.assertEqual(status, 0, said)
        finally:
            os.kill(fasd, signal.SIGCONT)

    def test_a_locked_screen_takes_a_fresh_ticket(self):
        login = self.desktop.begin("alice", self.ticket("alice"), "echo up; exec cat")
        self.assertEqual(login.stdout.readline(), "up\n")
        status, said = self.log_on("swaylock", "alice", self.ticket("alice"), "authenticate")
        login.communicate("", 20)
        self.assertEqual(status, 0, said)
