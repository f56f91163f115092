"""Pass-through logon on a desktop host: pam_fas.so in a real sshd, two users and root, from the ticket to the logoff."""

import os
import re
import signal

from lab import agent, config, desktop, proc, programs, remote
from lab.layout import VDA1

from case import SECRETS, LabCase

SENTENCE = re.compile(r"^[A-Z][^\n]*\.( \([0-9a-f]{32}\))?$", re.MULTILINE)


class Desktop(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, "agent-desktop")
        cls.host.enroll()
        cls.host.start()
        cls.desktop = desktop.Desktop(cls.lab, cls.host)
        cls.desktop.start()

    @classmethod
    def tearDownClass(cls):
        cls.desktop.stop()
        cls.host.stop()

    def uid(self, user):
        return (self.lab.folder / "home" / user).stat().st_uid

    def live_sessions(self):
        return {one["id"] for one in self.fasctl_json("session", "list")["sessions"]}

    def log_on(self, user, *command):
        status, out, errors = self.desktop.ssh(user, self.ticket(user), *command)
        self.assertEqual(status, 0, out + errors + self.desktop.log()[-2000:])
        return out

    def assertNoLogin(self, told):
        status, out, errors = told
        self.assertNotEqual(status, 0, out + errors)
        self.assertNotIn("uid=", out)

    # ---- in ----

    def test_alice_logs_on_with_her_ticket_and_has_kerberos(self):
        out = self.log_on("alice", "id; klist; echo $FAS_SESSION; stat -c '%u %a' ${KRB5CCNAME#FILE:}")
        self.assertIn(f"uid={self.uid('alice')}(alice)", out)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", out)
        self.assertRegex(out, f"(?m)^{self.uid('alice')} 600$")

    def test_a_page_of_the_intranet_opens_without_a_prompt(self):
        out = self.log_on("alice", "curl -s -D - --negotiate -u : http://web.corp.example.com/")
        self.assertIn("X-Remote-User: alice@CORP.EXAMPLE.COM", out)
        self.assertIn("Welcome to the intranet", out)

    def test_the_card_is_there_before_the_first_program_and_signs(self):
        module = programs.module("fas-pkcs11.so")
        out = self.log_on("alice", f"""set -e; cd $HOME; m={module}
            pkcs11-tool --module $m -O --type cert | grep -E 'label|ID:'
            id=$(pkcs11-tool --module $m -O --type privkey | sed -n 's/.*ID: *//p' | head -1)
            head -c 1000 /dev/zero > data
            pkcs11-tool --module $m --sign -m SHA256-RSA-PKCS --id $id -i data -o signature
            pkcs11-tool --module $m --read-object --type cert --id $id | openssl x509 -inform der -pubkey -noout > key.pem
            openssl dgst -sha256 -verify key.pem -signature signature data""")
        self.assertIn("Verified OK", out)

    def test_with_a_key_that_the_service_keeps_she_logs_on_and_her_own_kinit_works_too(self):
        file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(lambda: (file.write_text(config.policy_yaml()), self.fasctl("policy", "reload")))
        file.write_text(config.policy_yaml().replace("custody: host", "custody: service, pool_empty: wait"))
        self.fasctl("policy", "reload")
        module = programs.module("fas-pkcs11.so")
        # Twice: see krb5.kinit.
        out = self.log_on("alice", f"""klist -c; echo own; export KRB5CCNAME=FILE:$HOME/own; kdestroy -q
            k() {{ kinit -X X509_user_identity=PKCS11:module_name={module}:certlabel=Logon alice </dev/null; }}
            k || k; klist -c; kdestroy -q; echo $FAS_SESSION""")
        by_pam, own = out.split("own\n", 1)
        for shown in (by_pam, own):
            self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", shown)
        session = out.split()[-1]
        shown = self.fasctl_json("cert", "list", "--session", session)["certificates"]
        self.assertEqual(len(shown), 1)
        used = [r for r in self.audit(self.fasctl_json("session", "show", session)["correlation_id"])
                if r["event"] == "key_used"]
        self.assertGreaterEqual(len(used), 2)
        self.assertTrue(any(r["program"].endswith("/kinit") for r in used), used)

    def test_the_logon_works_by_keyboard_interactive_too(self):
        status, out, errors = self.desktop.ssh("alice", self.ticket("alice"), "id -un; klist -s && echo ticket",
                                               methods="keyboard-interactive")
        self.assertEqual((status, out.split()), (0, ["alice", "ticket"]), errors)

    def test_login_and_xrdp_take_it_too(self):
        for service in desktop.SERVICES:
            with self.subTest(service=service):
                status, said = self.desktop.pam(service, "alice", self.ticket("alice"), "authenticate", "acct_mgmt",
                                                "setcred(PAM_ESTABLISH_CRED)", "open_session", "close_session")
                self.assertEqual(status, 0, said)

    def test_a_ticket_in_a_file_of_the_launcher_logs_on(self):
        folder = self.lab.folder / "tickets"
        folder.mkdir(mode=0o700, exist_ok=True)
        module = programs.module("pam_fas.so")
        stack = self.desktop.stack("login")
        before = stack.read_text()
        self.addCleanup(stack.write_text, before)
        stack.write_text(f"auth required {module} ticket_file={folder}/%u socket={self.host.socket}\naccount required {module}\n")
        path = folder / "alice"
        path.write_text(self.ticket("alice") + "\n")
        path.chmod(0o600)
        status, said = self.desktop.pam("login", "alice", "unused", "authenticate", "acct_mgmt")
        self.assertEqual(status, 0, said)
        self.assertFalse(path.exists())

    def test_a_whole_remote_desktop_comes_up_by_rdp_and_ends_its_session(self):
        screens = remote.Remote(self.lab, self.desktop)
        self.addCleanup(screens.stop)
        screens.start()
        home = self.lab.folder / "home" / "alice"
        os.mkfifo(home / "end")
        os.chown(home / "end", self.uid("alice"), -1)
        viewer = screens.view("alice", self.ticket("alice"))
        told = home / "desktop"
        proc.wait_for(lambda: viewer.poll() is not None or told.exists() and "up" in told.read_text(), 60, "the desktop")
        said = told.read_text()
        self.assertTrue(said.startswith("alice\n"), said)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", said)
        session = re.search(r"(?m)^session ([0-9a-f]{32})$", said).group(1)
        self.assertIn(session, self.live_sessions())
        (home / "end").write_text("\n")
        proc.wait_for(lambda: session not in self.live_sessions(), 20, "the session's end at the service")
        (home / "end").unlink()
        told.unlink()
        viewer = screens.view("grace", self.ticket("alice"))  # hers is not the ticket
        proc.wait_for(lambda: "user=grace" in (self.lab.log / "sesman-file.log").read_text(), 30, "the refusal")
        self.assertFalse((self.lab.folder / "home" / "grace" / "desktop").exists())

    # ---- out ----

    def test_after_logoff_card_cache_and_session_are_gone_and_the_certificate_is_revoked(self):
        out = self.log_on("alice", "echo $FAS_SESSION $KRB5CCNAME")
        session, cache = out.split()
        proc.wait_for(lambda: session not in self.live_sessions(), 10, "the session's end at the service")
        self.assertFalse(os.path.exists(cache.removeprefix("FILE:")))
        program = self.host.program(self.uid("alice"))
        self.addCleanup(program.stop)
        self.assertNotIn("card", program.ask("cards"))
        states = [one["state"] for one in self.fasctl_json("cert", "list", "--session", session)["certificates"]]
        self.assertEqual(states, ["revoked"])

    def test_a_login_that_is_killed_ends_its_session(self):
        login = self.desktop.begin("alice", self.ticket("alice"), "echo $FAS_SESSION $PPID; exec cat")
        self.addCleanup(login.kill)
        session, sshd = login.stdout.readline().split()
        self.assertIn(session, self.live_sessions())
        leader = int(re.search(r"(?m)^PPid:\s+(\d+)", open(f"/proc/{sshd}/status", encoding="ascii").read()).group(1))
        os.kill(leader, signal.SIGKILL)
        proc.wait_for(lambda: session not in self.live_sessions(), 10, "the session's end at the service")

    # ---- whose ----

    def test_alices_ticket_is_never_another_users_or_roots(self):
        for user in ("grace", "root", "heidi", "daemon"):
            with self.subTest(user=user):
                self.assertNoLogin(self.desktop.ssh(user, self.ticket("alice"), "id"))

    def test_a_used_ticket_does_not_log_on_again(self):
        ticket = self.ticket("alice")
        self.assertEqual(self.desktop.ssh("alice", ticket, "true")[0], 0)
        self.assertNoLogin(self.desktop.ssh("alice", ticket, "id"))

    def test_another_hosts_ticket_does_not_log_on(self):
        self.assertNoLogin(self.desktop.ssh("alice", self.ticket("alice", host="vda2.vdi.corp.example.com"), "id"))

    def test_two_users_at_once_each_have_their_own_card_and_ticket(self):
        module = programs.module("fas-pkcs11.so")
        look = f"klist; pkcs11-tool --module {module} -L; echo end; exec cat"
        logins = {user: self.desktop.begin(user, self.ticket(user), look) for user in ("alice", "grace")}
        for user, login in logins.items():
            self.addCleanup(login.kill)
            out = "".join(iter(login.stdout.readline, "end\n"))
            other = "grace" if user == "alice" else "alice"
            self.assertIn(f"{user}@CORP", out)
            self.assertNotIn(f"{other}@", out)
        for login in logins.values():
            login.communicate("", 20)

    def test_grace_cannot_read_alices_cache_or_reach_her_card(self):
        login = self.desktop.begin("alice", self.ticket("alice"), "echo $KRB5CCNAME; exec cat")
        self.addCleanup(login.kill)
        cache = login.stdout.readline().strip().removeprefix("FILE:")
        out = self.log_on("grace", f"cat {cache} 2>&1; KRB5CCNAME=FILE:{cache} klist 2>&1; true")
        self.assertNotIn("krbtgt", out)
        self.assertIn("Permission denied", out)
        program = self.host.program(self.uid("grace"))
        self.addCleanup(program.stop)
        self.assertNotIn("card", program.ask("cards"))
        login.communicate("", 20)

    # ---- refused ----

    def test_a_refusal_is_one_sentence_with_an_id_that_explains_it(self):
        ticket = self.ticket("alice")
        self.assertEqual(self.desktop.pam("login", "alice", ticket)[0], 0)
        status, said = self.desktop.pam("login", "alice", ticket)
        self.assertNotEqual(status, 0)
        told = SENTENCE.search(said)
        self.assertTrue(told and told.group(1), said)
        story = self.fasctl("explain", told.group(1).strip(" ()"))
        self.assertIn("ticket_used", story)

    def test_a_disabled_user_is_refused_at_the_storefront_already(self):
        self.assertDenied(self.logon("bob"), "account_disabled")

    def test_a_password_still_works_where_the_stack_has_it(self):
        SECRETS.append(desktop.LOCAL_PASSWORD)
        status, out, errors = self.desktop.ssh("heidi", desktop.LOCAL_PASSWORD, "id -un; echo ${FAS_SESSION:-none}")
        self.assertEqual((status, out.split()), (0, ["heidi", "none"]), errors)
        self.assertNoLogin(self.desktop.ssh("heidi", "a wrong password", "id"))

    def test_without_a_service_a_ticket_fails_soon_and_a_local_password_works(self):
        ticket = self.ticket("alice")
        fasd = programs.pid(self.lab, "fasd")
        proc.halt(fasd)
        try:
            status, said = self.desktop.pam("login", "alice", ticket)
            self.assertNotEqual(status, 0)
            self.assertRegex(said, SENTENCE)
            self.assertEqual(self.desktop.ssh("heidi", desktop.LOCAL_PASSWORD, "id -un")[1].strip(), "heidi")
        finally:
            os.kill(fasd, signal.SIGCONT)
        self.assertEqual(self.desktop.ssh("alice", self.ticket("alice"), "true")[0], 0)

    def test_without_the_agent_a_local_password_works(self):
        self.host.stop()
        try:
            self.assertNoLogin(self.desktop.ssh("alice", self.ticket("alice"), "id"))
            self.assertEqual(self.desktop.ssh("heidi", desktop.LOCAL_PASSWORD, "id -un")[1].strip(), "heidi")
        finally:
            self.host.start()

    # ---- a locked screen ----

    def test_a_fresh_ticket_unlocks_the_running_session_and_nobody_elses_does(self):
        login = self.desktop.begin("alice", self.ticket("alice"), "echo up; exec cat")
        self.addCleanup(login.kill)
        self.assertEqual(login.stdout.readline(), "up\n")
        status, said = self.desktop.pam("screen-locker", "alice", self.ticket("alice"))
        self.assertEqual(status, 0, said)
        self.assertNotEqual(self.desktop.pam("screen-locker", "alice", self.ticket("grace"))[0], 0)
        login.communicate("", 20)
        self.assertNotEqual(self.desktop.pam("screen-locker", "alice", self.ticket("alice"))[0], 0)

    def test_no_ticket_is_in_the_logs(self):
        ticket = self.ticket("alice")
        self.assertEqual(self.desktop.ssh("alice", ticket, "true")[0], 0)
        self.assertNotIn(ticket, self.desktop.log() + self.host.log())
