"""Providers that no one here wrote, through the front: SimpleSAMLphp, and one made of the npm package samlp."""

import base64

from cryptography import x509
from lxml import etree

from lab import config, layout, proc, public, samlp, simplesaml
from lab.layout import STORE_URL

from front import MOBILE, SAML, FrontCase

ENC = "{http://www.w3.org/2001/04/xmlenc#}"
CBC, GCM = "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.w3.org/2009/xmlenc11#aes256-gcm"


class Interop(FrontCase):
    def algorithm(self, page):
        """With which the data of the response is encrypted."""
        data = etree.fromstring(self.response_of(page)).find(f".//{ENC}EncryptedData/{ENC}EncryptionMethod")
        return None if data is None else data.get("Algorithm")


class SimpleSaml(Interop):
    def test_a_sign_in_from_the_front_ends_in_a_certificate(self):
        self.simplesaml()
        browser = self.visitor()
        page = self.hand_in(browser, self.sign_in(browser))
        answer, _ = self.assertCertificate(page)
        self.assertEqual(self.audit(answer["correlation_id"])[0]["idp"], "simplesaml")

    def test_a_sign_in_from_the_provider_ends_at_the_target_that_it_names(self):
        provider = self.simplesaml()
        for relay_state in ("store", STORE_URL, ""):
            with self.subTest(relay_state):
                browser = self.visitor()
                self.assertCertificate(self.hand_in(browser, provider.begin(browser, "alice", f"{SAML}/metadata", relay_state)))

    def test_a_sign_in_from_the_provider_to_a_target_that_is_none_is_refused(self):
        provider, browser = self.simplesaml(), self.visitor()
        page = self.hand_in(browser, provider.begin(browser, "alice", f"{SAML}/metadata", "https://store.example.net/return"))
        self.assertFrontRefuses(page, "target_refused", "sign_in_target")

    def test_a_response_is_good_once(self):
        self.simplesaml()
        browser = self.visitor()
        page = self.sign_in(browser)
        self.assertAtStore(self.hand_in(browser, page))
        self.assertEqual(self.hand_in(browser, page).status, 409)

    def test_a_response_is_good_in_the_browser_that_asked_for_it_only(self):
        self.simplesaml()
        page = self.sign_in(self.visitor())
        self.assertFrontRefuses(self.hand_in(self.visitor(), page), "sign_in_expired", "sign_in_browser")

    def test_a_response_for_the_one_server_is_none_for_the_other(self):
        provider, browser = self.simplesaml(), self.visitor()
        page = provider.begin(browser, "alice", f"{MOBILE}/metadata", "store")
        form = page.form("SAMLResponse")
        self.assertEqual(form["action"], f"{MOBILE}/acs")
        page = browser.open(f"{SAML}/acs", form["fields"])
        self.assertFrontRefuses(page, "assertion_refused", "saml_destination")

    def test_each_server_has_its_own_way(self):
        self.simplesaml()
        browser = self.visitor()
        self.assertCertificate(self.hand_in(browser, self.sign_in(browser, server=MOBILE)))
        self.assertIn(f"{MOBILE}/acs", browser.trail)

    def test_an_encrypted_assertion_under_the_signed_response_is_opened(self):
        self.simplesaml(encrypt=True)
        browser = self.visitor()
        page = self.sign_in(browser)
        self.assertEqual(self.algorithm(page), CBC)
        self.assertNotIn(self.account("alice")["sid"].encode(), self.response_of(page))
        self.assertCertificate(self.hand_in(browser, page))

    def test_a_ciphertext_in_cbc_that_nobody_signed_is_refused(self):
        self.simplesaml(encrypt=True, sign_response=False)
        browser = self.visitor()
        self.assertFrontRefuses(self.hand_in(browser, self.sign_in(browser)), "assertion_refused", "saml_algorithm")

    def test_an_encrypted_name_is_opened(self):
        self.simplesaml(encrypt_name_id=True)
        browser = self.visitor()
        page = self.sign_in(browser)
        self.assertIn(b"EncryptedID", self.response_of(page))
        self.assertCertificate(self.hand_in(browser, page))

    def test_bob_is_told_that_he_may_not_and_the_trail_says_why(self):
        self.simplesaml()
        browser = self.visitor()
        self.assertFrontRefuses(self.hand_in(browser, self.sign_in(browser, user="bob")), "logon_denied", "account_disabled")


class Samlp(Interop):
    def test_it_is_asked_by_post_and_its_encrypted_assertion_is_opened(self):
        self.samlp()
        browser = self.visitor()
        page = self.sign_in(browser, "samlp")
        self.assertEqual(self.algorithm(page), GCM)
        self.assertCertificate(self.hand_in(browser, page))

    def test_its_response_in_the_clear_is_taken(self):
        for options in ({"encrypt": False}, {"encrypt": False, "sign_response": True}):
            with self.subTest(str(options)):
                provider = self.samlp(**options)
                browser = self.visitor()
                self.assertCertificate(self.hand_in(browser, self.sign_in(browser, "samlp")))
                provider.stop()

    def test_unasked_it_is_refused_where_its_entry_does_not_allow_that(self):
        self.samlp()
        browser = self.visitor()
        page = browser.submit(browser.open(f"https://{layout.SAMLP}/sso"), "username", username="alice", password=samlp.PASSWORD)
        self.assertFrontRefuses(self.hand_in(browser, page), "assertion_refused", "saml_unsolicited")


class Metadata(Interop):
    """Each side imports what the other publishes."""

    def is_fresh(self, name):
        provider = {one["name"]: one for one in self.fasctl_json("idp", "list")}[name]
        return provider.get("metadata", {}).get("ok")

    def reload(self, text):
        (self.lab.fas / "fasd.yaml").write_text(text)
        self.fasctl("config", "reload")

    def test_the_front_signs_in_by_simplesamlphps_metadata(self):
        """What `fasctl idp import` prints takes the place of certificate and URLs."""
        self.simplesaml()
        signer = self.lab.fas / "simplesaml-metadata.pem"
        signer.unlink(missing_ok=True)
        entry = self.fasctl("idp", "import", simplesaml.METADATA_URL, "--name", simplesaml.NAME, "--ca-file", public.root(self.lab),
                            "--out", signer)
        before = (self.lab.fas / "fasd.yaml").read_text()
        begin = before.index(f"  - name: {simplesaml.NAME}\n")
        end = before.index("    audiences:", begin)
        self.addCleanup(self.reload, before)
        after = before[:begin] + entry + before[end:]
        for line in [one for one in after.splitlines() if simplesaml.SIGN_ON_URL in one or simplesaml.LOGOUT_URL in one]:
            after = after.replace(line + "\n", "")
        self.reload(after)
        proc.wait_for(lambda: self.is_fresh(simplesaml.NAME), 30, "fresh metadata of SimpleSAMLphp")
        browser = self.visitor()
        self.assertCertificate(self.hand_in(browser, self.sign_in(browser)))

    def published(self, server):
        """The server's metadata in a file, its signature verified by xmlsec1."""
        path = self.lab.folder / f"front-{server.rpartition('/')[2]}.xml"
        path.write_bytes(self.visitor().open(f"{server}/metadata").body)
        proc.run(["xmlsec1", "--verify", "--pubkey-cert-pem", self.lab.pki / "saml.crt", "--enabled-key-data", "raw-x509-cert",
                  "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:metadata:EntityDescriptor", path])
        return path

    def test_simplesamlphp_signs_in_by_the_fronts_metadata(self):
        self.simplesaml(front_metadata=[self.published(SAML), self.published(MOBILE)], encrypt=True)
        for server in (SAML, MOBILE):
            browser = self.visitor()
            self.assertCertificate(self.hand_in(browser, self.sign_in(browser, server=server)))


class Logout(Interop):
    """A session whose key the service keeps, so that each signature is asked for."""

    def setUp(self):
        self.file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(self.policy, config.policy_yaml())
        self.policy(config.policy_yaml().replace("custody: host", "custody: service, pool_empty: wait"))

    def policy(self, text):
        self.file.write_text(text)
        self.fasctl("policy", "reload")

    def begin(self, browser, idp):
        """A desktop session by a sign-in of this browser: (answer's members, certificate)."""
        handed, heard = self.assertAtStore(self.hand_in(browser, self.sign_in(browser, idp))), []

        def is_answered():
            heard.append(self.client("host").post("/v1/certificates", {"ticket": handed["ticket"]}))
            return heard[-1].status != 503
        proc.wait_for(is_answered, 40, "a key of the pool")
        self.assertEqual(heard[-1].status, 201, heard[-1])
        return heard[-1].json, x509.load_pem_x509_certificate(heard[-1].json["certificate"].encode())

    def sign(self, session):
        body = {"mechanism": "rsa-pkcs1", "hash": "sha256", "digest": base64.b64encode(bytes(32)).decode()}
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/keys/{session['key']}/sign", body)

    def lease(self, session):
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})

    def is_revoked(self, certificate):
        crl = x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)
        return crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None

    def assertLives(self, session, certificate):
        self.assertEqual(self.sign(session).status, 200)
        self.assertEqual(self.lease(session).status, 200)
        self.assertFalse(self.is_revoked(certificate))

    def assertEnded(self, session, certificate):
        self.assertProblem(self.sign(session), 404, "session_unknown")
        self.assertProblem(self.lease(session), 404, "session_unknown")
        proc.wait_for(lambda: self.is_revoked(certificate), 10, "the certificate on the CRL")

    def assertAskedAgain(self, browser, idp):
        """The provider does not know the person any more."""
        page = browser.open(f"{SAML}/login?idp={idp}")
        if "SAMLRequest" in {name for form in page.forms for name in form["fields"]}:
            page = browser.submit(page, "SAMLRequest")
        self.assertIn("username", {name for form in page.forms for name in form["fields"]}, page)

    def test_after_simplesamlphps_logout_nothing_is_signed_or_leased_and_the_certificate_is_revoked(self):
        provider, one, other = self.simplesaml(), self.visitor(), self.visitor()
        ended, lives = self.begin(one, "simplesaml"), self.begin(other, "simplesaml")
        self.assertLives(*ended)
        self.assertTrue(provider.log_out(one).url.startswith(simplesaml.URL))
        self.assertEnded(*ended)
        self.assertLives(*lives)  # of another browser
        self.assertAskedAgain(one, "simplesaml")

    def test_after_samlps_logout_the_same_holds(self):
        self.samlp()
        browser = self.visitor()
        session = self.begin(browser, "samlp")
        browser.open(f"https://{layout.SAMLP}/slo")
        self.assertEnded(*session)
        self.assertAskedAgain(browser, "samlp")

    def test_a_person_who_signs_out_at_the_front_is_signed_out_at_samlp(self):
        self.samlp()
        browser = self.visitor()
        session = self.begin(browser, "samlp")
        page = browser.submit(browser.open(f"{SAML}/logout"), "token")
        self.assertIn("You are signed out", page.text)
        self.assertNotIn("not confirmed", page.text)
        self.assertEnded(*session)
        self.assertAskedAgain(browser, "samlp")
