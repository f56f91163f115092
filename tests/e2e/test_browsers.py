"""Sign-on within a session: what a user's programs do with card and Kerberos ticket, on a desktop that a ticket has logged on to.

Browsers, curl, ssh, kinit and pam_krb5 run as the user in a real login; the site demands a certificate and looks at the CRL.
"""

import contextlib
import os
import re
import signal
import subprocess

from lab import agent, browsers, config, desktop, far, login, namespace, portal, proc, programs
from lab.layout import REALM, VDA1, VDA2, write

from case import LabCase

MODULE = browsers.MODULE
SEEN = re.compile(r"Hello (\S+), by (TLSv1\.[23]), serial ([0-9A-F]+)\.")
KERBEROS_STACK = f"""\
auth required pam_krb5.so use_pkinit preauth_opt=X509_user_identity=PKCS11:module_name={MODULE}
account required pam_krb5.so
"""
GRANT = "    in_session: {{ allow: true, validity: 30m, {} }}\n"
PINENTRY = """\
#!/bin/sh
# A person at the screen: what is asked goes to a file, the answer comes from one.
echo OK
while read -r word rest; do
	case $word in
	SETDESC) echo "$rest" >> "$HOME/asked"; echo OK ;;
	CONFIRM) cat "$HOME/answer" ;;
	*) echo OK ;;
	esac
done
"""
YES, NO = "OK", "ERR 83886179 Operation cancelled <Pinentry>"
MATCH = f"[realms]\n {REALM} = {{\n  pkinit_cert_match = <EKU>msScLogin\n }}\n"


class SignOn(LabCase):
    """A desktop with browsers, the site, and another host to go on to."""

    login = None
    custody, grant = "custody: host", "programs: ['*']"

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.write_policy, config.policy_yaml())
        cls.govern(cls.grant)
        cls.host = agent.Agent(cls.lab, VDA1, f"agent-{cls.__name__.lower()}")
        pinentry = write(cls.host.folder / "pinentry", PINENTRY, 0o755)
        cls.host.enroll(f"pinentry: {pinentry}\n")
        cls.host.start()
        cls.addClassCleanup(cls.host.stop)
        cls.desktop = cls.put(desktop.Desktop(cls.lab, cls.host))
        cls.site = cls.put(portal.Portal(cls.lab))
        cls.far = cls.put(far.Far(cls.lab))
        cls.browsers = browsers.Browsers(cls.desktop, cls.site.root)
        cls.browsers.install()

    @classmethod
    def govern(cls, grant):
        """The lab's rule, with who keeps the logon's key and what is allowed within the session (docs/POLICY.md)."""
        text = config.policy_yaml().replace("custody: host", cls.custody)
        cls.write_policy(text + (GRANT.format(grant) if grant else ""))

    @classmethod
    def write_policy(cls, text):
        (cls.lab.fas / "policy.d" / "lab.yaml").write_text(text)
        programs.fasctl(cls.lab, "policy", "reload")

    @classmethod
    def put(cls, part):
        cls.addClassCleanup(part.stop)
        part.start()
        return part

    @classmethod
    def tearDownClass(cls):
        if cls.login:
            cls().log_off(cls.login)

    def log_on(self, user="alice"):
        """A login whose first command is what fas-nss-register.service starts in a user's session."""
        made = login.Login(self.desktop, user, self.ticket(user))
        self.addCleanup(self.log_off, made)
        self.assertEqual(made.run(self.browsers.register), (0, ""))
        return made

    def must(self, script, one=None, **options):
        status, said = (one or self.login).run(script, **options)
        self.assertEqual(status, 0, said)
        return said

    def assertSeen(self, said, versions, one=None):
        """The site has seen alice by these versions of TLS, with the in-session certificate of this session; its record."""
        seen = SEEN.findall(said)
        self.assertEqual([(user, version) for user, version, _ in seen],
                         [("alice@corp.example.com", version) for version in versions], said)
        shown = {int(serial, 16) for _, _, serial in seen}
        self.assertEqual(len(shown), 1, said)
        listed = self.fasctl_json("cert", "list", "--session", (one or self.login).session)["certificates"]
        found = [record for record in listed if int(record["serial"], 16) in shown]
        self.assertEqual([record["profile"] for record in found], ["client-auth"], listed)
        return found[0]

    @contextlib.contextmanager
    def service_away(self):
        """Connections are taken and nothing is answered, as behind a network that has been cut."""
        fasd = programs.pid(self.lab, "fasd")
        proc.halt(fasd)
        try:
            yield
        finally:
            os.kill(fasd, signal.SIGCONT)

    def live_sessions(self):
        return {one["id"] for one in self.fasctl_json("session", "list")["sessions"]}

    def ssh(self, *options):
        return f"ssh -F none -o BatchMode=yes -o UserKnownHostsFile={self.far.known_hosts} {' '.join(options)} {VDA2} " \
               "'id -un; echo $SSH_CONNECTION'"

    def assertThere(self, said):
        self.assertEqual(said.split()[::3], ["alice", self.lab.address(VDA2)], said)

    def log_off(self, one):
        """A second card of the same name would be there until then."""
        one.end()
        proc.wait_for(lambda: one.session not in self.live_sessions(), 20, "the session's end at the service")

    def outside(self, *argv):
        """A program of alice's that is no part of a login."""
        uid = (self.lab.folder / "home" / "alice").stat().st_uid
        argv = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", *argv]
        env = {"PATH": "/usr/bin:/bin", "FAS_AGENT_SOCKET": str(self.host.socket), "FAS_PKCS11_DEBUG": "1"}
        return subprocess.run(namespace.enter(self.lab, argv), text=True, capture_output=True, env=env, timeout=60)


class Programs(SignOn):
    """One login, and each program that a user may have in it."""

    def setUp(self):
        if not self.login:
            type(self).login = login.Login(self.desktop, "alice", self.ticket("alice"))
            self.must(self.browsers.register)

    # ---- browsers ----

    def test_chromium_opens_the_site_without_a_prompt(self):
        for version in portal.PORTS:
            with self.subTest(version):
                self.assertSeen(self.must(self.browsers.chromium(portal.url(version))), [version])

    def test_firefox_opens_the_site_without_a_prompt(self):
        said = self.must(self.browsers.firefox(*map(portal.url, portal.PORTS)))
        self.assertSeen(said, portal.PORTS)

    def test_the_module_is_registered_once(self):
        self.must(self.browsers.register)
        listed = self.must("modutil -dbdir sql:.pki/nssdb -rawlist")
        self.assertEqual(listed.count(str(MODULE)), 1, listed)

    # ---- tools ----

    def test_curl_opens_the_site(self):
        for version in portal.PORTS:
            with self.subTest(version):
                self.assertSeen(self.must(self.browsers.curl(portal.url(version))), [version])

    def test_p11tool_finds_the_card_by_the_packages_configuration_and_signs(self):
        keys = re.findall(r"(?m)URL: (\S+type=private)$", self.must("p11tool --list-all 'pkcs11:token=alice%40CORP'"))
        self.assertTrue(keys)
        for key in keys:
            said = self.must(f"p11tool --test-sign '{key}'")
            self.assertEqual(said.count("... ok"), 3, said)

    def test_certutil_sees_the_certificate_with_its_key(self):
        self.assertRegex(self.must("certutil -L -d sql:.pki/nssdb -h all"), r"(?m)^alice@CORP:\S.* u,u,u$")

    def test_pkcs11_tool_finds_nothing_wrong(self):
        self.assertIn("No errors", self.must(f"pkcs11-tool --module {MODULE} --test"))

    # ---- further on ----

    def test_ssh_goes_on_with_a_key_of_the_card(self):
        self.far.allow("alice", self.must(f"ssh-keygen -D {MODULE}") + "\n")
        self.assertThere(self.must(self.ssh("-o GSSAPIAuthentication=no", "-I", str(MODULE))))

    def test_ssh_goes_on_by_kerberos(self):
        self.assertThere(self.must(self.ssh("-o PubkeyAuthentication=no", "-o GSSAPIAuthentication=yes")))

    # ---- Kerberos by the card ----

    def test_kinit_takes_the_logon_certificate_where_krb5_conf_says_which(self):
        conf = write(self.browsers.folder / "match.conf", MATCH)
        get = f"kinit -X X509_user_identity=PKCS11:module_name={MODULE}"
        own = "export KRB5CCNAME=FILE:$HOME/own"
        said = self.must(f"{own}; KRB5_CONFIG={conf}:$KRB5_CONFIG {get} alice && klist && kdestroy")
        self.assertIn(f"krbtgt/{REALM}@{REALM}", said)
        said = self.must(f"{own}; {get}:certlabel=Logon alice && klist && kdestroy")
        self.assertIn(f"krbtgt/{REALM}@{REALM}", said)
        status, said = self.login.run(f"{own}; {get} alice")
        self.assertNotEqual(status, 0, said)  # among several certificates MIT Kerberos takes none

    def test_pam_krb5_unlocks_with_the_card(self):
        write(self.desktop.stack("kerberos"), KERBEROS_STACK)
        conf = write(self.browsers.folder / "match.conf", MATCH)
        said = self.must(f"KRB5_CONFIG={conf}:$KRB5_CONFIG pamtester kerberos alice authenticate")
        self.assertIn("successfully authenticated", said)

    # ---- the service is away ----

    def test_with_keys_of_the_host_the_site_opens_while_the_service_is_away(self):
        self.must(self.browsers.curl(portal.url()))  # the in-session certificate has been fetched
        with self.service_away():
            said = self.must(self.browsers.curl(portal.url()))
        self.assertSeen(said, ["TLSv1.3"])


class Ends(SignOn):
    """What is left after logoff, and how the next logon goes."""

    def ask(self, certificate, key):
        """The site with fresh CRLs, asked by somebody who has certificate and key as files."""
        self.site.refresh()
        argv = namespace.enter(self.lab, ["curl", "-sS", "--cacert", self.site.root, "--cert", certificate, "--key", key,
                                          portal.url()])
        return subprocess.run([str(a) for a in argv], text=True, capture_output=True, timeout=60)

    def test_after_logoff_the_card_is_gone_and_the_certificate_is_on_the_sites_crl(self):
        one = self.log_on()
        serial = int(self.assertSeen(self.must(self.browsers.curl(portal.url()), one), ["TLSv1.3"], one)["serial"], 16)
        self.assertIn("alice@CORP", self.outside("p11tool", "--list-tokens").stdout)
        self.log_off(one)
        self.assertNotIn("alice@CORP", self.outside("p11tool", "--list-tokens").stdout)
        proc.wait_for(lambda: serial in self.site.revoked(), 20, "the certificate on the CRL")

    def test_a_site_refuses_an_ended_sessions_certificate_to_whoever_kept_its_key(self):
        session, key, _ = self.session()
        files = self.files_of(session, key)
        self.assertIn("Hello alice@corp.example.com", self.ask(*files).stdout)
        self.assertEqual(self.end(session["session_id"]).status, 204)
        proc.wait_for(lambda: "certificate revoked" in self.ask(*files).stderr, 20, "the refusal")

    def test_after_the_next_logon_the_same_browsers_work_again(self):
        pages = []
        for _ in range(2):
            one = self.log_on()
            for open_page in (self.browsers.chromium, self.browsers.firefox):
                pages.append(self.assertSeen(self.must(open_page(portal.url()), one), ["TLSv1.3"], one)["serial"])
            self.log_off(one)
        self.assertEqual(len(set(pages)), 2, pages)

    def test_without_a_card_browsers_say_so_and_do_not_hang(self):
        password = desktop.LOCAL_PASSWORD
        command = f"{self.browsers.register}; {self.browsers.chromium(portal.url())} 2>&1"
        out = self.desktop.ssh(desktop.LOCAL_USER, password, command)[1]
        self.assertNotIn("Hello", out)
        self.assertIn("Page load failed: net::ERR_", out)


class Service(SignOn):
    """The service keeps both keys: each signature is asked for there, and on record there."""

    custody, grant = "custody: service", "programs: ['*'], custody: service"

    def setUp(self):
        if not self.login:
            type(self).login = login.Login(self.desktop, "alice", self.ticket("alice"))
            self.must(self.browsers.register)

    def test_a_browser_opens_the_site_and_each_signature_is_on_record(self):
        shown = self.assertSeen(self.must(self.browsers.chromium(portal.url())), ["TLSv1.3"])
        used = [record for record in self.audit(shown["correlation_id"]) if record["event"] == "key_used"
                and record["program"] == "/usr/lib/chromium/chromium"]
        self.assertTrue(used)
        self.assertEqual({(one["serial"], one["upn"], one["session"]) for one in used},
                         {(shown["serial"], "alice@corp.example.com", self.login.session)})

    def test_curl_and_ssh_go_on(self):
        for version in portal.PORTS:
            self.assertSeen(self.must(self.browsers.curl(portal.url(version))), [version])
        self.far.allow("alice", self.must(f"ssh-keygen -D {MODULE}") + "\n")
        self.assertThere(self.must(self.ssh("-o GSSAPIAuthentication=no", "-I", str(MODULE))))

    def test_a_used_ticket_neither_logs_on_again_nor_unlocks_and_its_session_runs_on(self):
        ticket = self.ticket("alice")
        one = login.Login(self.desktop, "alice", ticket)
        self.addCleanup(self.log_off, one)
        for service in ("login", "screen-locker"):
            status, said = self.desktop.pam(service, "alice", ticket)
            self.assertNotEqual(status, 0)
            self.assertIn("This sign-in has been used already.", said)
        self.assertIn(one.session, self.live_sessions())
        self.must("klist -s", one)

    def test_while_the_service_is_away_a_signature_fails_with_a_sentence_and_works_again_after(self):
        ask = "export FAS_PKCS11_DEBUG=1; " + self.browsers.curl(portal.url())
        with self.service_away():
            for _ in range(2):
                status, said = self.login.run(ask)
                self.assertEqual(status, 35, said)  # of curl: no TLS connection
                self.assertRegex(said, "fas-pkcs11: away: The sign-in server that keeps this session.s key does not answer. [^\n]*[0-9a-f]{32}")
        proc.wait_for(lambda: self.login.run(ask)[0] == 0, 30, "a signature after the service has come back")


class Ruled(SignOn):
    """What the rule says of programs and consent holds for whatever is on the card."""

    ASK = "export FAS_PKCS11_DEBUG=1 GPG_TTY=/dev/tty; "

    def curl(self, one):
        return one.run(self.ASK + self.browsers.curl(portal.url()))

    def test_a_program_that_is_not_listed_is_refused_and_a_listed_one_is_not(self):
        self.govern("programs: [/usr/bin/curl]")
        one = self.log_on()
        self.assertSeen(self.must(self.browsers.curl(portal.url()), one), ["TLSv1.3"], one)
        said = one.run(self.browsers.chromium(portal.url()))[1]
        self.assertIn("Page load failed: net::ERR_", said)
        self.assertNotIn("Hello", said)
        self.assertIn("No matching objects", one.run("p11tool --list-all 'pkcs11:token=alice%40CORP'")[1])
        self.assertNotEqual(one.run(f"ssh-keygen -D {MODULE}")[0], 0)
        status, said = one.run("cp /usr/bin/curl . && " + self.browsers.curl(portal.url()).replace("curl", "./curl", 1))
        self.assertEqual(status, 58, said)  # of curl: no such certificate

    def answer(self, one, text):
        self.must(f"rm -f asked; echo '{text}' > answer", one)

    def test_consent_that_is_denied_is_refused(self):
        self.govern("programs: ['*'], consent: { scope: program, timeout: 5m }")
        one = self.log_on()
        self.answer(one, NO)
        status, said = self.curl(one)
        self.assertEqual(status, 35, said)
        self.assertRegex(said, "fas-pkcs11: no_consent: The use of the card was not confirmed.")
        asked = self.must("cat asked", one)
        self.assertIn("/usr/bin/curl", asked)
        self.assertIn("alice@CORP", asked)
        self.answer(one, YES)
        self.assertEqual(self.curl(one)[0], 35)  # a refusal holds for a while
        self.assertNotEqual(one.run("test -e asked")[0], 0)
        self.must(self.ASK + "p11tool --test-sign 'pkcs11:token=alice%40CORP;object=Session;type=private'", one)
        self.assertIn("/usr/bin/p11tool", self.must("cat asked", one))

    def test_consent_for_the_session_is_asked_for_once(self):
        self.govern("programs: ['*'], consent: { scope: session, timeout: 5m }")
        one = self.log_on()
        self.answer(one, YES)
        self.assertSeen(self.must(self.ASK + self.browsers.curl(portal.url()), one), ["TLSv1.3"], one)
        self.must(self.ASK + "p11tool --test-sign 'pkcs11:token=alice%40CORP;object=Session;type=private'", one)
        self.assertEqual(self.must("wc -l < asked", one), "1")

    def test_where_nobody_can_be_asked_it_is_refused(self):
        self.govern("programs: ['*'], consent: { scope: session, timeout: 5m }")
        one = self.log_on()
        self.answer(one, YES)
        status, said = one.run("unset GPG_TTY DISPLAY; FAS_PKCS11_DEBUG=1 " + self.browsers.curl(portal.url()))
        self.assertEqual(status, 35, said)
        self.assertIn("no_consent", said)

    def test_a_rule_that_no_longer_allows_ends_it_at_the_next_signature_of_a_service_key(self):
        self.govern("programs: ['*'], custody: service")
        one = self.log_on()
        self.assertEqual(self.curl(one)[0], 0)
        self.govern("")
        status, said = self.curl(one)
        self.assertEqual(status, 35, said)
