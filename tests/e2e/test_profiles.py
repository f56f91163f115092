"""Profiles of the administrator's own: from signer.yaml and limits.yaml through a rule to a logon; and `fasctl lint`."""

import json
import subprocess
import uuid

from cryptography import x509
from cryptography.x509.oid import ExtensionOID, ObjectIdentifier

from lab import api, config, namespace, proc, programs
from lab.layout import DC, DOMAIN, REALM

from case import LabCase

POLICY = "1.3.6.1.4.1.311.21.8.7.1.402"
CLIENT_POLICY = "1.3.6.1.4.1.99999.7"
PKINIT_CLIENT = "1.3.6.1.5.2.3.4"
MAIL = f"alice.lab@{DOMAIN}"

PROFILES = f"""\
profiles:
  - name: staff-logon
    like: smartcard-logon
    longest_life: 10m
    key_usage: [digitalSignature, keyEncipherment, contentCommitment]
    purposes: [{PKINIT_CLIENT}]
    policies: [{POLICY}]
    names: [sid-uri, principal, e-mail]
  - name: staff-client
    like: client-auth
    policies: [{CLIENT_POLICY}]
    names: [sid-uri]
"""

ALLOWED = f"""\
own_profiles:
  key_usage: [contentCommitment]
  purposes: [{PKINIT_CLIENT}]
  policies: [{POLICY}, {CLIENT_POLICY}]
  names: [sid-uri, principal, e-mail]
"""


class Profiles(LabCase):
    @classmethod
    def setUpClass(cls):
        lab = cls.lab
        cls.signer_yaml, cls.limits_yaml = lab.fas / "signer.yaml", lab.fas / "limits.yaml"
        cls.policy_yaml = lab.fas / "policy.d" / "lab.yaml"
        cls.signer_yaml.write_text(config.signer_yaml(lab) + PROFILES)
        cls.limits_yaml.write_text(cls.limits(ALLOWED))
        programs.restart(lab, "fas-signer")
        cls.rule("profile: staff-logon")
        cls.modify("add: mail\nmail: " + MAIL)

    @classmethod
    def tearDownClass(cls):
        cls.modify("delete: mail")
        cls.policy_yaml.write_text(config.policy_yaml())
        cls.signer_yaml.write_text(config.signer_yaml(cls.lab))
        cls.limits_yaml.write_text(config.limits_yaml(cls.lab))
        programs.restart(cls.lab, "fas-signer")
        programs.fasctl(cls.lab, "policy", "reload")

    @classmethod
    def limits(cls, allowed):
        """The lab's limits with the domain's name, the own profiles by name, and what they may have."""
        suffixes = "    upn_suffixes:"
        names = "profiles: [smartcard-logon, client-auth"
        text = config.limits_yaml(cls.lab).replace(suffixes, f"    dns_name: {DOMAIN}\n{suffixes}")
        return text.replace(names, f"{names}, staff-logon, staff-client") + allowed

    @classmethod
    def rule(cls, logon, more=""):
        text = config.policy_yaml().replace("profile: smartcard-logon", logon)
        cls.policy_yaml.write_text(text.replace("    logoff: revoke\n", f"{more}    logoff: revoke\n"))
        return programs.fasctl_status(cls.lab, "policy", "reload")

    @classmethod
    def modify(cls, change):
        dn = cls.lab.accounts["alice"]["dn"]
        subprocess.run(["ldbmodify", "-H", str(cls.lab.samba / "private" / "sam.ldb")], check=True, text=True,
                       input=f"dn: {dn}\nchangetype: modify\n{change}\n", capture_output=True)

    def setUp(self):
        self.assertEqual(self.rule("profile: staff-logon")[0], 0)

    def file_of(self, session, key):
        return self.files_of(session, key)[0]

    def test_a_rule_with_an_own_profile_gives_what_it_says_and_the_logon_succeeds(self):
        session, key, certificate = self.session("alice")
        extensions = certificate.extensions
        policies = extensions.get_extension_for_oid(ExtensionOID.CERTIFICATE_POLICIES).value
        self.assertEqual([policy.policy_identifier.dotted_string for policy in policies], [POLICY])
        names = extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value
        self.assertEqual(names.get_values_for_type(x509.UniformResourceIdentifier),
                         ["tag:microsoft.com,2022-09-14:sid:" + self.account("alice")["sid"]])
        self.assertEqual(names.get_values_for_type(x509.RFC822Name), [MAIL])
        others = names.get_values_for_type(x509.OtherName)
        principals = [name.value for name in others if name.type_id == ObjectIdentifier("1.3.6.1.5.2.2")]
        self.assertEqual(len(principals), 1)
        self.assertIn(b"alice", principals[0])
        self.assertIn(REALM.encode(), principals[0])
        purposes = extensions.get_extension_for_oid(ExtensionOID.EXTENDED_KEY_USAGE).value
        self.assertIn(ObjectIdentifier(PKINIT_CLIENT), list(purposes))
        cache = self.kinit(session, key)
        self.assertIn(f"krbtgt/{REALM}@{REALM}", proc.run(namespace.enter(self.lab, ["klist", "-c", cache])))

    def test_the_profile_ends_the_life_and_names_itself_in_the_records(self):
        session, _, certificate = self.session("alice")
        life = certificate.not_valid_after - certificate.not_valid_before
        self.assertLessEqual(life.total_seconds(), 15 * 60 + 60)  # 10m of the rule's 15m, and the backdate of 5m
        shown = self.fasctl_json("cert", "show", session["serial"])
        self.assertEqual(shown["profile"], "staff-logon")

    def test_foreign_readers_read_it(self):
        session, key, _ = self.session("alice")
        path = self.file_of(session, key)
        sid = self.account("alice")["sid"]
        by_openssl = proc.run(["openssl", "x509", "-noout", "-text", "-in", path])
        by_gnutls = proc.run(["certtool", "--certificate-info", "--infile", path])
        for text in (by_openssl, by_gnutls):
            self.assertIn(POLICY, text)
            self.assertIn(f"tag:microsoft.com,2022-09-14:sid:{sid}", text)
            self.assertIn(MAIL, text)
        self.assertIn(f"KRB5Principal: alice@{REALM}", by_gnutls)
        proc.run(["openssl", "verify", "-CAfile", self.lab.pki / "logon-root.crt", "-untrusted",
                  self.lab.pki / "logon-ca.crt", path])

    def test_in_session_certificates_have_profiles_of_their_own(self):
        more = '    in_session: { allow: true, programs: ["*"], profile: staff-client }\n'
        self.assertEqual(self.rule("profile: smartcard-logon", more)[0], 0)
        session, _, _ = self.session("alice")
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/certificates",
                                          {"request_id": uuid.uuid4().hex, "csr": api.new_csr()[1]})
        self.assertEqual(answer.status, 201, answer)
        given = x509.load_pem_x509_certificate(answer.json["certificate"].encode())
        policies = given.extensions.get_extension_for_oid(ExtensionOID.CERTIFICATE_POLICIES).value
        self.assertEqual([policy.policy_identifier.dotted_string for policy in policies], [CLIENT_POLICY])

    def test_an_account_without_the_name_that_the_profile_wants_gets_nothing(self):
        answer = self.redeem(self.ticket("grace"))
        self.assertNotEqual(answer.status, 201, answer)
        self.assertIn("mail_outside_limits", self.reasons(answer))

    def test_a_rule_names_a_profile_that_the_signer_has_and_for_its_use(self):
        status, _, errors = self.rule("profile: stuff-logon")
        self.assertNotEqual(status, 0)
        self.assertRegex(errors, r'lab\.yaml:\d+:\d+: .*stuff-logon.*did you mean "staff-logon"')
        status, _, errors = self.rule("profile: staff-client")
        self.assertNotEqual(status, 0)
        self.assertRegex(errors, r'lab\.yaml:\d+:\d+: .*unknown profile for logons "staff-client"')

    def test_a_profile_beyond_the_limits_is_an_error_at_its_place(self):
        folder = self.lab.folder / "profiles-check"
        folder.mkdir(mode=0o755)
        (folder / "signer.yaml").write_text(config.signer_yaml(self.lab) + PROFILES)
        (folder / "limits.yaml").write_text(self.limits(ALLOWED))
        self.assertEqual(programs.fasctl_status(self.lab, "config", "check", folder / "signer.yaml")[0], 0)
        (folder / "limits.yaml").write_text(self.limits(""))
        status, _, errors = programs.fasctl_status(self.lab, "config", "check", folder / "signer.yaml")
        self.assertNotEqual(status, 0)
        self.assertRegex(errors, r"signer\.yaml:\d+:\d+: error: key_usage .contentCommitment. of profile .staff-logon. is not "
                                 r"among own_profiles")

    # ---- fasctl lint ----

    def lint(self, *words):
        status, out, errors = programs.fasctl_status(self.lab, "lint", *words, "--json")
        self.assertIn(status, (0, 4), errors)
        return status, json.loads(out)

    def test_lint_says_of_what_was_issued_that_a_logon_is_possible(self):
        for rule in ("profile: staff-logon", "profile: smartcard-logon"):
            self.assertEqual(self.rule(rule)[0], 0)
            session, key, _ = self.session("alice")
            status, (one,) = self.lint(self.file_of(session, key), "--issuer", self.lab.pki / "logon-ca.crt")
            self.assertEqual((status, one["findings"], one["signature"]), (0, [], "good"))
            self.assertEqual((one["profile"], one["logon"]["verdict"]), ("smartcard-logon", "possible"))

    def test_lint_judges_the_published_crl_and_the_authority(self):
        status, (crl,) = self.lint(self.lab.fas / "public" / "crl" / "main-1.crl", "--issuer",
                                   self.lab.pki / "logon-ca.crt")
        self.assertEqual((status, crl["kind"], crl["signature"], crl["findings"]), (0, "crl", "good", []))
        changed = self.lab.folder / "changed.crl"
        octets = (self.lab.fas / "public" / "crl" / "main-1.crl").read_bytes()
        changed.write_bytes(octets[:-1] + bytes([octets[-1] ^ 1]))
        status, (crl,) = self.lint(changed, "--issuer", self.lab.pki / "logon-ca.crt")
        self.assertEqual((status, crl["signature"], crl["logon"]["verdict"]), (4, "bad", "refused"))
        status, both = self.lint(self.lab.pki / "logon-ca.pem")
        self.assertEqual([one["profile"] for one in both], ["ca", "ca"])
        self.assertEqual([one["signature"] for one in both], ["good", "good"])

    def test_lint_finds_a_domain_controllers_certificate_of_the_house_fit(self):
        csr, out = self.lab.folder / "dc1.csr", self.lab.folder / "dc1.pem"
        csr.write_text(api.new_csr()[1])
        self.fasctl("kdc", "issue", "--csr", csr, "--dns", DC, "--realm", REALM, "--out", out)
        status, found = self.lint(out)
        self.assertEqual((status, found[0]["profile"], found[0]["signature"]), (0, "kdc", "good"), found)
        self.assertEqual((found[0]["findings"], found[0]["logon"]["verdict"]), ([], "possible"))

    def test_lint_sees_that_the_labs_other_authority_left_out_where_its_crl_is(self):
        status, found = self.lint(self.lab.samba / "tls" / "kdc.crt")
        self.assertEqual((status, found[0]["profile"]), (4, "kdc"))
        self.assertEqual([f["lint"] for f in found[0]["findings"] if "logon" in f], ["crl_points_present"], found)

    def test_lint_sees_that_a_machines_certificate_is_not_meant_for_a_logon(self):
        _, found = self.lint(self.lab.pki / "host.crt")
        self.assertEqual(found[0]["logon"]["verdict"], "not meant")
