"""SAML responses at the service's own door.  (The long list of attacks and variants is in tests/unit/saml.)"""

import base64

from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from lab import pki, saml
from lab.layout import DOMAIN

from case import LabCase


class Responses(LabCase):
    def assertAssertionRefused(self, response, reason):
        self.assertRefused(self.logon(response=response), 403, "assertion_refused", reason)

    def signed(self, user="alice", what="assertion", **fields):
        return saml.sign(saml.build(self.claims(user), **fields), saml.load_key(self.lab), what=what)

    def encoded(self, root):
        return base64.b64encode(root if isinstance(root, bytes) else etree.tostring(root)).decode()

    def test_a_signature_on_the_response_the_assertion_or_both_is_accepted(self):
        for what in ("response", "assertion", "both"):
            for digest in ("sha256", "sha384", "sha512"):
                with self.subTest(f"{what} {digest}"):
                    self.assertEqual(self.logon(what=what, digest=digest).status, 201)

    def test_sha1_is_refused(self):
        self.assertAssertionRefused(self.response(digest="sha1"), "saml_algorithm")

    def test_an_unsigned_response_is_refused(self):
        self.assertAssertionRefused(self.response(what="none"), "saml_signature")

    def test_another_key_in_the_providers_name_is_refused(self):
        key, certificate = pki.issue_self_signed("idp.example.net")
        made = saml.response(self.claims("alice"), key, certificate=saml.certificate_text(pki.pem(certificate)))
        self.assertAssertionRefused(made, "saml_signature")

    def test_an_elliptic_key_that_is_not_the_providers_is_refused(self):
        made = saml.response(self.claims("alice"), ec.generate_private_key(ec.SECP256R1()))
        self.assertIn(self.logon(response=made).status, (403,))

    def test_a_changed_claim_breaks_the_signature(self):
        xml = self.signed().replace(b"alice@", b"grace@")
        self.assertAssertionRefused(self.encoded(xml), "saml_signature")

    def test_a_wrapped_assertion_is_refused(self):
        """XSW: the signed assertion stays somewhere in the tree, a forged one stands in its place."""
        for place in ("before", "after", "extensions"):
            with self.subTest(place):
                root = etree.fromstring(self.signed("alice"))
                genuine = root.find(f"{{{saml.SAML}}}Assertion")
                forged = etree.fromstring(saml.build(self.claims("grace"))).find(f"{{{saml.SAML}}}Assertion")
                if place == "extensions":
                    root.remove(genuine)
                    etree.SubElement(root, f"{{{saml.SAMLP}}}Extensions").append(genuine)
                    root.append(forged)
                else:
                    root.insert(root.index(genuine) + (place == "after"), forged)
                self.assertAssertionRefused(self.encoded(root), "saml_structure")

    def test_a_comment_inside_a_name_does_not_cut_it(self):
        claims = self.claims("alice", upn="alice@" + DOMAIN + ".evil.example")
        xml = saml.build(claims).replace(b"@corp.example.com.evil", b"@corp.example.com<!-- -->.evil")
        made = self.encoded(saml.sign(xml, saml.load_key(self.lab)))
        self.assertEqual(self.logon(response=made).status, 403)

    def test_a_doctype_is_refused(self):
        xml = b'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + self.signed()
        self.assertAssertionRefused(self.encoded(xml), "saml_xml")

    def test_what_is_not_for_us_is_refused(self):
        for field, reason in (("audience", "saml_audience"), ("recipient", "saml_recipient"),
                              ("destination", "saml_destination")):
            with self.subTest(field):
                made = self.response(what="both", **{field: "https://other.example.com/saml"})
                self.assertAssertionRefused(made, reason)

    def test_an_unknown_provider_is_refused(self):
        self.assertAssertionRefused(self.response(issuer="https://evil.example.net"), "saml_issuer")

    def test_an_old_response_is_refused(self):
        self.assertAssertionRefused(self.response(age_s=3600, not_on_or_after=saml.instant(300)), "saml_max_age")
        self.assertAssertionRefused(self.response(age_s=200, not_on_or_after=saml.instant(-90)), "saml_expired")

    def test_a_response_from_the_future_is_refused(self):
        self.assertAssertionRefused(self.response(not_before=saml.instant(120)), "saml_not_before")

    def test_a_failed_status_is_refused(self):
        self.assertAssertionRefused(self.response(status="urn:oasis:names:tc:SAML:2.0:status:Responder"), "saml_status")

    def test_in_response_to_must_be_the_request_that_was_asked(self):
        good = self.response(in_response_to="_request1")
        self.assertEqual(self.logon(response=good, in_response_to="_request1").status, 201)
        answer = self.logon(response=self.response(in_response_to="_request1"), in_response_to="_request2")
        self.assertRefused(answer, 403, "assertion_refused", "saml_in_response_to")
