"""Revocation: out over HTTP at once, exactly where the certificates say, and believed by a KDC."""

import time

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.x509.oid import ExtensionOID

from lab import krb5, namespace, pki, proc
from lab.layout import LabError

from case import LabCase

CRL_URL_OID = ExtensionOID.CRL_DISTRIBUTION_POINTS


class Revocation(LabCase):
    def fetch(self, url):
        """As a KDC does: plain HTTP, by the name in the certificate."""
        folder = self.lab.folder / "fetched"
        folder.mkdir(exist_ok=True)
        file = folder / url.rpartition("/")[2]
        proc.run(namespace.enter(self.lab, ["curl", "-sS", "--fail", "-o", file, url]))
        return file.read_bytes()

    def crl_of(self, certificate):
        url = certificate.extensions.get_extension_for_oid(CRL_URL_OID).value[0].full_name[0].value
        return x509.load_der_x509_crl(self.fetch(url))

    def is_revoked(self, certificate):
        return self.crl_of(certificate).get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def assertRevokedWithin(self, certificate, seconds):
        begun = time.monotonic()
        proc.wait_for(lambda: self.is_revoked(certificate), 5, "the certificate on the CRL")
        self.assertLess(time.monotonic() - begun, seconds)

    def number(self, crl):
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number

    def test_logoff_puts_the_certificate_on_the_crl(self):
        session, _, certificate = self.session()
        self.assertFalse(self.is_revoked(certificate))
        self.assertEqual(self.end(session["session_id"]).status, 204)
        self.assertRevokedWithin(certificate, 1.5)

    def test_an_administrators_revocation_is_on_the_crl_within_a_second(self):
        session, _, certificate = self.session()
        before = self.number(self.crl_of(certificate))
        self.fasctl("cert", "revoke", "--serial", session["serial"], "--reason", "keyCompromise")
        self.assertRevokedWithin(certificate, 1.0)
        crl = self.crl_of(certificate)
        self.assertGreater(self.number(crl), before)
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        self.assertEqual(entry.extensions.get_extension_for_class(x509.CRLReason).value.reason,
                         x509.ReasonFlags.key_compromise)

    def test_certificates_are_revoked_by_user(self):
        _, _, first = self.session("grace")
        _, _, second = self.session("grace")
        _, _, other = self.session("alice")
        self.fasctl("cert", "revoke", "--user", "grace@corp.example.com")
        self.assertRevokedWithin(first, 1.5)
        self.assertTrue(self.is_revoked(second))
        self.assertFalse(self.is_revoked(other))

    def test_the_crl_is_signed_by_the_authority_and_backdated(self):
        _, _, certificate = self.session()
        crl = self.crl_of(certificate)
        issuer = x509.load_pem_x509_certificate((self.lab.pki / "logon-ca.crt").read_bytes())
        issuer.public_key().verify(crl.signature, crl.tbs_certlist_bytes, padding.PKCS1v15(), crl.signature_hash_algorithm)
        self.assertEqual(crl.issuer, certificate.issuer)
        self.assertLess((crl.last_update - pki.now()).total_seconds(), -240)
        self.assertGreater((crl.next_update - pki.now()).total_seconds(), 3600)
        self.assertEqual(sorted(e.oid.dotted_string for e in crl.extensions if e.critical), [])

    def test_the_roots_crl_and_certificate_lie_where_the_authoritys_certificate_says(self):
        authority = x509.load_pem_x509_certificate((self.lab.pki / "logon-ca.crt").read_bytes())
        root = x509.load_pem_x509_certificate((self.lab.pki / "logon-root.crt").read_bytes())
        self.assertEqual(self.crl_of(authority).issuer, root.subject)
        url = authority.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_INFORMATION_ACCESS).value[0]
        self.assertEqual(x509.load_der_x509_certificate(self.fetch(url.access_location.value)), root)

    def test_published_objects_can_be_cached(self):
        answer = self.public().get("/crl/main-1.crl")
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.headers["ETag"] and answer.headers["Cache-Control"])
        again = self.public().get("/crl/main-1.crl", headers={"If-None-Match": answer.headers["ETag"]})
        self.assertEqual(again.status, 304)


class AtAKdc(LabCase):
    """An MIT KDC that demands CRLs, because Samba 4.17 reads none."""

    def setUp(self):
        self.session_, self.key, self.certificate = self.session("alice")
        self.kdc = krb5.MitKdc(self.lab, self.session_["upn"])
        self.addCleanup(self.kdc.stop)

    def start_kdc(self, clock=None):
        """A new CRL needs a restart; it takes PEM only.  The CRLs come over HTTP, as published."""
        crls = []
        for name in ("main-1", "main-1-root"):
            crl = x509.load_der_x509_crl(self.public().get(f"/crl/{name}.crl").body)
            file = self.lab.folder / f"{name}.crl.pem"
            file.write_bytes(pki.pem(crl))
            crls.append(file)
        self.kdc.stop()
        self.kdc.prepare([self.lab.pki / "logon-root.crt"], crls)
        self.kdc.start(clock)

    def log_on(self):
        return self.kinit(self.session_, self.key, user=self.session_["upn"], conf=self.kdc.client_conf)

    def test_a_revoked_certificate_is_refused_by_the_published_crl(self):
        self.start_kdc()
        self.log_on()
        self.fasctl("cert", "revoke", "--serial", self.session_["serial"])
        proc.wait_for(lambda: self.on_crl(), 5, "the certificate on the CRL")
        self.start_kdc()
        with self.assertRaisesRegex(LabError, "[Rr]evoked"):
            self.log_on()

    def on_crl(self):
        crl = x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)
        return crl.get_revoked_certificate_by_serial_number(self.certificate.serial_number) is not None

    def test_a_kdc_whose_clock_is_four_minutes_behind_accepts_certificate_and_crl(self):
        self.fasctl("crl", "publish")
        self.start_kdc("-4m")
        self.log_on()
