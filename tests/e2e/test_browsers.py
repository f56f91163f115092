"""Sign-on within a session: what a user's programs do with card and Kerberos ticket, on a desktop that a ticket has logged on to.

Browsers, curl, ssh, kinit and pam_krb5 run as the user in a real login; the site demands a certificate and looks at the CRL.
"""

import os
import re
import signal
import subprocess

from lab import agent, browsers, desktop, far, login, namespace, portal, proc, programs
from lab.layout import REALM, VDA1, VDA2, write

from case import LabCase

MODULE = browsers.MODULE
SEEN = re.compile(r"Hello (\S+), by (TLSv1\.[23]), serial ([0-9A-F]+)\.")
KERBEROS_STACK = f"""\
auth required pam_krb5.so use_pkinit preauth_opt=X509_user_identity=PKCS11:module_name={MODULE}
account required pam_krb5.so
"""
MATCH = f"[realms]\n {REALM} = {{\n  pkinit_cert_match = <EKU>msScLogin\n }}\n"


class SignOn(LabCase):
    """A desktop with browsers, the site, and another host to go on to."""

    login = None

    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, f"agent-{cls.__name__.lower()}")
        cls.host.enroll()
        cls.host.start()
        cls.addClassCleanup(cls.host.stop)
        cls.desktop = cls.put(desktop.Desktop(cls.lab, cls.host))
        cls.site = cls.put(portal.Portal(cls.lab))
        cls.far = cls.put(far.Far(cls.lab))
        cls.browsers = browsers.Browsers(cls.desktop, cls.site.root)
        cls.browsers.install()

    @classmethod
    def put(cls, part):
        cls.addClassCleanup(part.stop)
        part.start()
        return part

    @classmethod
    def tearDownClass(cls):
        if cls.login:
            cls.login.kill()

    def log_on(self, user="alice"):
        """A login whose first command is what fas-nss-register.service starts in a user's session."""
        made = login.Login(self.desktop, user, self.ticket(user))
        self.addCleanup(made.kill)
        self.assertEqual(made.run(self.browsers.register), (0, ""))
        return made

    def must(self, script, one=None, **options):
        status, said = (one or self.login).run(script, **options)
        self.assertEqual(status, 0, said)
        return said

    def certificates(self, session):
        return {int(one["serial"], 16): one for one in self.fasctl_json("cert", "list", "--session", session)["certificates"]}

    def assertSeen(self, said, versions, one=None):
        """The site has seen alice by these versions of TLS, with a certificate of her session; the certificate."""
        seen = SEEN.findall(said)
        self.assertEqual([(user, version) for user, version, _ in seen],
                         [("alice@corp.example.com", version) for version in versions], said)
        known = self.certificates((one or self.login).session)
        self.assertLessEqual({int(serial, 16) for _, _, serial in seen}, set(known), said)
        return known[int(seen[-1][2], 16)]

    def live_sessions(self):
        return {one["id"] for one in self.fasctl_json("session", "list")["sessions"]}

    def log_off(self, one):
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

    def ssh(self, *options):
        return f"ssh -F none -o BatchMode=yes -o UserKnownHostsFile={self.far.known_hosts} {' '.join(options)} {VDA2} " \
               "'id -un; echo $SSH_CONNECTION'"

    def assertThere(self, said):
        self.assertEqual(said.split()[::3], ["alice", self.lab.address(VDA2)], said)

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

    def test_with_a_key_of_the_host_the_site_opens_while_the_service_is_away(self):
        fasd = programs.pid(self.lab, "fasd")
        os.kill(fasd, signal.SIGSTOP)
        try:
            said = self.must(self.browsers.curl(portal.url()))
        finally:
            os.kill(fasd, signal.SIGCONT)
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
        status, out, _ = self.desktop.ssh(desktop.LOCAL_USER, password, f"{self.browsers.register}; {self.browsers.chromium(portal.url())} 2>&1")
        self.assertNotIn("Hello", out)
        self.assertIn("Page load failed: net::ERR_", out)
