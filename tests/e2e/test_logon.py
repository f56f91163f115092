"""The whole path: a SAML response becomes a Kerberos ticket on a real Active Directory."""

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, ExtensionOID, ObjectIdentifier

from lab import namespace, proc
from lab.layout import PUBLISH_URL, WEB

from case import LabCase

SMART_CARD_LOGON = ObjectIdentifier("1.3.6.1.4.1.311.20.2.2")
UPN = ObjectIdentifier("1.3.6.1.4.1.311.20.2.3")
SID = ObjectIdentifier("1.3.6.1.4.1.311.25.2")


class Logon(LabCase):
    def klist(self, cache):
        return proc.run(namespace.enter(self.lab, ["klist", "-c", cache]))

    def page(self, cache):
        argv = ["env", f"KRB5CCNAME={cache}", f"KRB5_CONFIG={self.lab.krb5_conf}", "curl", "-sSi", "--fail",
                "--negotiate", "-u", ":", f"http://{WEB}/"]
        return proc.run(namespace.enter(self.lab, argv))

    def test_alices_response_becomes_a_ticket_a_certificate_a_tgt_and_a_web_page(self):
        session, key, _ = self.session("alice")
        cache = self.kinit(session, key)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", self.klist(cache))
        page = self.page(cache)
        self.assertIn("X-Remote-User: alice@CORP.EXAMPLE.COM", page)
        self.assertIn("Welcome to the intranet", page)

    def test_without_a_tgt_the_web_site_shows_nothing(self):
        argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"http://{WEB}/"]
        self.assertEqual(proc.run(namespace.enter(self.lab, argv)), "401")

    def test_grace_who_must_use_a_smart_card_gets_a_tgt(self):
        session, key, _ = self.session("grace")
        self.assertIn("grace@CORP.EXAMPLE.COM", self.klist(self.kinit(session, key)))

    def test_judy_without_a_user_principal_name_gets_a_tgt_by_her_implicit_name(self):
        session, key, _ = self.session("judy")
        self.assertIn("judy@CORP.EXAMPLE.COM", self.klist(self.kinit(session, key)))

    def test_frank_gets_a_tgt_by_his_enterprise_name(self):
        session, key, _ = self.session("frank")
        cache = self.kinit(session, key, user="frank@partner.example.org", enterprise=True)
        self.assertIn("krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM", self.klist(cache))

    def test_a_certificate_logs_on_its_own_user_only(self):
        session, key, _ = self.session("alice")
        with self.assertRaisesRegex(Exception, "kinit"):
            self.kinit(session, key, user="grace@CORP.EXAMPLE.COM")


class TheAnswer(LabCase):
    def test_it_says_what_a_host_needs(self):
        session, _, certificate = self.session("alice")
        alice = self.account("alice")
        self.assertEqual(set(session), {"session_id", "session_expires_at", "lease_s", "certificate", "chain", "serial",
                                        "not_after", "upn", "sam_account_name", "realm", "principal", "sid",
                                        "correlation_id", "custody", "in_session"})
        self.assertEqual((session["custody"], session["in_session"]), ("host", None))
        self.assertEqual((session["upn"], session["sid"]), (alice["upn"], alice["sid"]))
        self.assertEqual((session["sam_account_name"], session["realm"]), ("alice", "CORP.EXAMPLE.COM"))
        self.assertEqual(session["lease_s"], 600)
        self.assertEqual(int(session["serial"], 16), certificate.serial_number)

    def test_one_correlation_id_leads_from_the_assertion_to_the_certificate(self):
        session, _, _ = self.session("alice")
        records = self.audit(session["correlation_id"])
        events = [record["event"] for record in records]
        self.assertEqual(events[0], "logon_decided")
        self.assertIn("certificate_issued", events)
        issued = records[events.index("certificate_issued")]
        self.assertEqual(issued["serial"], session["serial"])
        self.assertEqual(issued["sid"], session["sid"])
        in_signer = self.audit(session["correlation_id"], "--signer")
        self.assertIn(session["serial"], [record.get("serial") for record in in_signer])


class TheCertificate(LabCase):
    """CERTIFICATES.md's table, as a Windows domain controller would read it."""

    def setUp(self):
        self.answer, self.key, self.certificate = self.session("alice")

    def value(self, oid):
        return self.certificate.extensions.get_extension_for_oid(oid)

    def test_the_chain_leads_to_the_offline_root(self):
        issuer = x509.load_pem_x509_certificate((self.lab.pki / "logon-ca.crt").read_bytes())
        issuer.public_key().verify(self.certificate.signature, self.certificate.tbs_certificate_bytes,
                                   padding.PKCS1v15(), hashes.SHA256())
        self.assertEqual(self.certificate.issuer, issuer.subject)
        self.assertEqual(self.answer["chain"].count("BEGIN CERTIFICATE"), 2)

    def test_the_key_is_the_hosts(self):
        self.assertEqual(self.certificate.public_key().public_numbers(), self.key.public_key().public_numbers())

    def test_the_serial_is_positive_and_long(self):
        self.assertGreater(self.certificate.serial_number, 0)
        self.assertTrue(64 < self.certificate.serial_number.bit_length() <= 159)

    def test_it_is_backdated_and_short(self):
        now = datetime.datetime.utcnow()
        self.assertLess(self.certificate.not_valid_before, now - datetime.timedelta(minutes=4))
        self.assertLessEqual(self.certificate.not_valid_after, now + datetime.timedelta(minutes=15))

    def test_the_subject_is_the_accounts_name_in_the_directory(self):
        self.assertEqual(self.certificate.subject.rfc4514_string(), self.account("alice")["dn"])

    def test_the_upn_is_the_one_name(self):
        names = list(self.value(ExtensionOID.SUBJECT_ALTERNATIVE_NAME).value)
        self.assertEqual([(name.type_id, name.value) for name in names], [(UPN, b"\x0c\x16alice@corp.example.com")])

    def test_the_sid_stands_in_its_extension(self):
        extension = self.value(SID)
        self.assertFalse(extension.critical)
        text = self.account("alice")["sid"].encode()
        inner = bytes.fromhex("060a2b060104018237190201") + bytes([0xa0, len(text) + 2, 4, len(text)]) + text
        self.assertEqual(extension.value.value, bytes([0x30, len(inner) + 2, 0xa0, len(inner)]) + inner)

    def test_the_usages_are_smart_card_logon_and_client_authentication(self):
        usages = list(self.value(ExtensionOID.EXTENDED_KEY_USAGE).value)
        self.assertEqual(set(usages), {SMART_CARD_LOGON, ExtendedKeyUsageOID.CLIENT_AUTH})
        usage = self.value(ExtensionOID.KEY_USAGE)
        self.assertTrue(usage.critical and usage.value.digital_signature and usage.value.key_encipherment)
        self.assertFalse(usage.value.key_cert_sign or usage.value.crl_sign or usage.value.data_encipherment)

    def test_it_is_no_authority(self):
        with self.assertRaises(x509.ExtensionNotFound):
            self.value(ExtensionOID.BASIC_CONSTRAINTS)

    def test_it_says_where_the_crl_and_the_authority_lie_and_they_lie_there(self):
        crl = self.value(ExtensionOID.CRL_DISTRIBUTION_POINTS).value[0].full_name[0].value
        places = self.value(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value
        ca = [p.access_location.value for p in places if p.access_method == AuthorityInformationAccessOID.CA_ISSUERS][0]
        self.assertEqual((crl, ca), (f"{PUBLISH_URL}/crl/main-1.crl", f"{PUBLISH_URL}/ca/main-1.cer"))
        for url in (crl, ca):
            done = proc.run(namespace.enter(self.lab, ["curl", "-sS", "--fail", "-o", "/dev/null", "-w",
                                                       "%{http_code} %{content_type}", url]))
            self.assertTrue(done.startswith("200 application/pkix-"), done)
