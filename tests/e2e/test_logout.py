"""Single logout: by messages signed with the lab's own keys, by SimpleSAMLphp, and by the person's wish."""

import base64
import secrets
import time
import urllib.parse
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from lxml import etree

from lab import config, proc, programs, saml, simplesaml
from lab.layout import VDA1
from lab.samlp import ENTITY_ID as OTHER_PROVIDER

from front import MOBILE, SAML, FrontCase

PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
UNSPECIFIED = "urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"
PROTOCOL = "{urn:oasis:names:tc:SAML:2.0:protocol}"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"


class Logout(FrontCase):
    """The provider's part is played with its key: sign-ins that it starts, and its messages."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.policy_yaml = cls.lab.fas / "policy.d" / "lab.yaml"
        text = config.policy_yaml().replace("custody: host", "custody: service, pool_empty: wait")
        cls.policy_yaml.write_text(text)
        programs.fasctl(cls.lab, "policy", "reload")

    @classmethod
    def tearDownClass(cls):
        cls.policy_yaml.write_text(config.policy_yaml())
        programs.fasctl(cls.lab, "policy", "reload")

    def setUp(self):
        self.name = "_" + secrets.token_hex(8)  # nobody else's, so that tests do not sign each other out
        self.index = "_" + secrets.token_hex(8)

    def key(self, stem="simplesaml"):
        return serialization.load_pem_private_key((self.lab.pki / f"{stem}.key").read_bytes(), None)

    # ---- signing in ----

    def assertion(self, **fields):
        options = {"name_id": self.name, "session_index": self.index, "issuer": simplesaml.ENTITY_ID, "audience": f"{SAML}/metadata",
                   "recipient": f"{SAML}/acs", "destination": f"{SAML}/acs", **fields}
        return saml.response(self.claims("alice"), self.key(), **options)

    def bring(self, browser, response=None, follow=True):
        return browser.open(f"{SAML}/acs", {"SAMLResponse": response or self.assertion(), "RelayState": "store"}, follow)

    def desktop(self, browser=None, **fields):
        """A session with a key of the service's: (answer's members)."""
        page = self.bring(browser or self.visitor(), self.assertion(**fields))
        handed, got = self.assertAtStore(page), []

        def has_key():
            got.append(self.client("host").post("/v1/certificates", {"ticket": handed["ticket"]}))
            return got[-1].status != 503  # the pool is being filled
        proc.wait_for(has_key, 40, "a key of the pool")
        self.assertEqual(got[-1].status, 201, got[-1])
        return got[-1].json

    def lease(self, session):
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})

    def sign(self, session):
        body = {"mechanism": "rsa-pkcs1", "hash": "sha256", "digest": base64.b64encode(bytes(32)).decode()}
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/keys/{session['key']}/sign", body)

    def assertLives(self, session):
        self.assertEqual(self.lease(session).status, 200)

    def assertOver(self, session):
        """The very next lease and signature are refused, and what the rule says has happened."""
        self.assertProblem(self.sign(session), 404, "session_unknown")
        self.assertProblem(self.lease(session), 404, "session_unknown")
        self.assertTrue(self.fasctl_json("cert", "show", session["serial"])["revoked_at"])
        records = self.audit(session["correlation_id"])
        self.assertIn(("session_ended", "signed_out"), [(one["event"], one.get("reason")) for one in records])

    # ---- messages ----

    def request(self, name=None, indexes=None, issuer=simplesaml.ENTITY_ID, destination=f"{SAML}/slo", age_s=0, name_format=UNSPECIFIED):
        """A LogoutRequest, unsigned."""
        indexes = [self.index] if indexes is None else indexes
        named = "".join(f"<samlp:SessionIndex>{one}</samlp:SessionIndex>" for one in indexes)
        return (f'<samlp:LogoutRequest xmlns:samlp="{saml.SAMLP}" xmlns:saml="{saml.SAML}" ID="_{secrets.token_hex(16)}" Version="2.0"'
                f' IssueInstant="{saml.instant(-age_s)}" Destination="{destination}"><saml:Issuer>{issuer}</saml:Issuer>'
                f'<saml:NameID Format="{name_format}">{name or self.name}</saml:NameID>{named}</samlp:LogoutRequest>')

    def answer_to(self, request_id, issuer=simplesaml.ENTITY_ID, status=SUCCESS):
        return (f'<samlp:LogoutResponse xmlns:samlp="{saml.SAMLP}" xmlns:saml="{saml.SAML}" ID="_{secrets.token_hex(16)}" Version="2.0"'
                f' IssueInstant="{saml.instant()}" Destination="{SAML}/slo" InResponseTo="{request_id}">'
                f'<saml:Issuer>{issuer}</saml:Issuer><samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status></samlp:LogoutResponse>')

    def query(self, xml, key="simplesaml", parameter="SAMLRequest", relay_state="back", lower=False):
        """The redirect binding; key None: not signed."""
        packed = zlib.compress(xml.encode(), 9)[2:-4]
        query = f"{parameter}={urllib.parse.quote(base64.b64encode(packed), safe='')}"
        query += f"&RelayState={relay_state}" if relay_state else ""
        if key is None:
            return query
        query += f"&SigAlg={urllib.parse.quote(RSA_SHA256, safe='')}"
        if lower:  # as Microsoft's providers write it
            query = query.replace("%2F", "%2f").replace("%3A", "%3a").replace("%2B", "%2b").replace("%3D", "%3d")
        signature = self.key(key).sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
        return query + "&Signature=" + urllib.parse.quote(base64.b64encode(signature), safe="")

    def send(self, query, browser=None, server=SAML):
        return (browser or self.visitor()).open(f"{server}/slo?{query}", follow=False)

    def unpack(self, url, parameter, stem="saml"):
        """What the service sends by redirect: (the document, RelayState); its signature verified over the query as it stands."""
        base, _, query = url.partition("?")
        fields = dict(one.split("=", 1) for one in query.split("&"))
        signed = "&".join(f"{name}={fields[name]}" for name in (parameter, "RelayState", "SigAlg") if name in fields)
        self.assertEqual(urllib.parse.unquote(fields["SigAlg"]), RSA_SHA256)
        self.key(stem).public_key().verify(base64.b64decode(urllib.parse.unquote(fields["Signature"])), signed.encode(),
                                           padding.PKCS1v15(), hashes.SHA256())
        self.assertEqual(base, simplesaml.LOGOUT_URL)
        xml = zlib.decompress(base64.b64decode(urllib.parse.unquote(fields[parameter])), -15)
        return etree.fromstring(xml), urllib.parse.unquote_plus(fields.get("RelayState", ""))

    def assertAnswered(self, page, xml):
        """A signed LogoutResponse goes back, which says Success to this request."""
        self.assertEqual(page.status, 303, page)
        answer, relay_state = self.unpack(page.headers["Location"], "SAMLResponse")
        self.assertEqual(answer.tag, PROTOCOL + "LogoutResponse")
        self.assertEqual(answer.get("InResponseTo"), etree.fromstring(xml.encode()).get("ID"))
        self.assertEqual(answer.find(f"{PROTOCOL}Status/{PROTOCOL}StatusCode").get("Value"), SUCCESS)
        self.assertEqual(relay_state, "back")

    # ---- the provider's ----

    def test_a_logout_ends_the_session_at_once_and_is_answered(self):
        session, other = self.desktop(), self.desktop(name_id="_another")
        self.assertEqual(self.sign(session).status, 200)
        xml = self.request()
        page = self.send(self.query(xml))
        self.assertOver(session)
        self.assertAnswered(page, xml)
        self.assertLives(other)
        record = self.audit(page.headers["X-Correlation-Id"])[-1]
        self.assertEqual((record["event"], record["sessions"], record["caller"]), ("logout", 1, "provider:simplesaml"))

    def test_the_query_is_verified_as_it_came(self):
        session, xml = self.desktop(), self.request()
        self.assertAnswered(self.send(self.query(xml, lower=True)), xml)
        self.assertOver(session)

    def test_a_logout_may_come_by_post(self):
        session = self.desktop()
        root = etree.fromstring(self.request().encode())
        saml._sign_element(root, self.key(), None, "sha256")
        page = self.visitor().open(f"{SAML}/slo", {"SAMLRequest": base64.b64encode(etree.tostring(root)).decode()}, follow=False)
        self.assertEqual(page.status, 303, page)
        self.assertOver(session)

    def test_without_a_session_index_all_sessions_of_the_name_end(self):
        first, second = self.desktop(), self.desktop(session_index="_second")
        self.assertEqual(self.send(self.query(self.request(indexes=["_third"]))).status, 303)
        self.assertLives(first)
        self.assertEqual(self.send(self.query(self.request(indexes=[]))).status, 303)
        self.assertOver(first)
        self.assertOver(second)

    def test_another_subject_ends_nothing(self):
        session = self.desktop()
        self.assertEqual(self.send(self.query(self.request(name="_another"))).status, 303)
        self.assertLives(session)

    def test_a_format_counts_unless_the_assertion_has_left_it_open(self):
        session = self.desktop()
        self.assertEqual(self.send(self.query(self.request(name_format=PERSISTENT))).status, 303)
        self.assertOver(session)

    def test_a_code_and_a_ticket_of_the_person_are_void(self):
        page = self.bring(self.visitor(), follow=False)
        code = urllib.parse.parse_qs(page.headers["Location"].partition("?")[2])["code"][0]
        handed = self.assertAtStore(self.bring(self.visitor()))
        self.send(self.query(self.request()))
        answer = self.client("storefront").post("/v1/logons", {"code": code, "host": VDA1})
        self.assertRefused(answer, 403, "code_refused", "code_void")
        answer = self.client("host").post("/v1/certificates", {"ticket": handed["ticket"]})
        self.assertRefused(answer, 403, "ticket_refused", "ticket_void")

    def test_an_assertion_of_the_session_comes_too_late(self):
        response = self.assertion()
        self.send(self.query(self.request()))
        self.assertFrontRefuses(self.bring(self.visitor(), response), "logon_denied", "signed_out")

    def test_the_same_message_again_ends_nothing_that_is_younger(self):
        xml = self.request(indexes=[])
        query = self.query(xml)
        first = self.desktop()
        self.assertAnswered(self.send(query), xml)
        self.assertOver(first)
        time.sleep(1.1)  # an assertion of the logout's own second counts as older
        second = self.desktop()
        self.assertAnswered(self.send(query), xml)
        self.assertLives(second)

    # ---- attacks ----

    def test_what_the_provider_has_not_signed_for_this_place_and_time_ends_nothing(self):
        session = self.desktop()
        genuine = self.query(self.request())
        swapped = genuine.replace("RelayState=back", "RelayState=elsewhere")
        cases = {
            "unsigned": (self.query(self.request(), key=None), "saml_signature"),
            "by another provider's key": (self.query(self.request(), key="samlp"), "saml_signature"),
            "by a storefront's provider": (self.query(self.request(), key="idp"), "saml_signature"),
            "another RelayState": (swapped, "saml_signature"),
            "another place": (self.query(self.request(destination=f"{MOBILE}/slo")), "saml_destination"),
            "an hour old": (self.query(self.request(age_s=3600)), "saml_max_age"),
            "unknown issuer": (self.query(self.request(issuer="https://evil.example.net")), "saml_issuer"),
        }
        for name, (query, reason) in cases.items():
            with self.subTest(name):
                self.assertFrontRefuses(self.send(query), "assertion_refused", reason)
        self.assertLives(session)
        self.assertFrontRefuses(self.send(genuine + "&SAMLRequest=x"), "request_invalid", "form_repeated")
        self.assertLives(session)

    def test_another_provider_speaks_of_its_own_people_only(self):
        session = self.desktop()
        page = self.send(self.query(self.request(issuer=OTHER_PROVIDER, indexes=[]), key="samlp"))
        self.assertIn(page.status, (200, 303), page)
        self.assertLives(session)

    def test_an_unsigned_message_by_post_is_refused(self):
        session = self.desktop()
        form = {"SAMLRequest": base64.b64encode(self.request().encode()).decode()}
        self.assertFrontRefuses(self.visitor().open(f"{SAML}/slo", form), "assertion_refused", "saml_signature")
        self.assertLives(session)

    # ---- the person's ----

    def wish(self, browser):
        """Up to the LogoutRequest that goes to the provider: (its ID, the page)."""
        page = browser.open(f"{SAML}/logout")
        form = page.form("token")
        page = browser.open(form["action"], form["fields"], follow=False)
        request, _ = self.unpack(page.refresh, "SAMLRequest")
        self.assertEqual(request.tag, PROTOCOL + "LogoutRequest")
        self.assertEqual(request.find(f"{{{saml.SAML}}}NameID").text, self.name)
        self.assertEqual(request.find(f"{PROTOCOL}SessionIndex").text, self.index)
        return request.get("ID"), page

    def test_a_person_signs_out_here_and_at_the_provider(self):
        browser = self.visitor()
        session, other = self.desktop(browser), self.desktop(session_index="_elsewhere")
        request_id, _ = self.wish(browser)
        self.assertOver(session)
        self.assertLives(other)
        query = self.query(self.answer_to(request_id), parameter="SAMLResponse", relay_state=None)
        page = self.send(query, browser)
        self.assertEqual(page.status, 200, page)
        self.assertIn("signed out", page.text.lower())
        self.assertFrontRefuses(self.send(query, browser), "logout_refused", "logout_answered")

    def test_the_providers_answer_is_bound_to_what_was_asked(self):
        browser = self.visitor()
        self.desktop(browser)
        request_id, _ = self.wish(browser)

        def answer(**options):
            key = options.pop("key", "simplesaml")
            return self.query(self.answer_to(options.pop("to", request_id), **options), key, "SAMLResponse", None)
        cases = {"nobody's question": (answer(to="_nobody"), browser, "logout_refused", "logout_unknown"),
                 "another provider": (answer(issuer=OTHER_PROVIDER, key="samlp"), browser, "logout_refused", "logout_provider"),
                 "another browser": (answer(), self.visitor(), "logout_refused", "logout_browser"),
                 "unsigned": (answer(key=None), browser, "assertion_refused", "saml_signature")}
        for name, (query, who, code, reason) in cases.items():
            with self.subTest(name):
                self.assertFrontRefuses(self.send(query, who), code, reason)
        self.assertEqual(self.send(answer(), browser).status, 200)

    def test_another_site_cannot_sign_a_person_out(self):
        browser = self.visitor()
        session = self.desktop(browser)
        browser.open(f"{SAML}/logout")
        self.assertFrontRefuses(browser.open(f"{SAML}/logout", {"token": "0" * 64}), "sign_in_expired", "sign_in_form")
        self.assertFrontRefuses(browser.open(f"{SAML}/logout", {}), "sign_in_expired", "sign_in_form")
        self.assertLives(session)

    def test_a_browser_that_has_signed_in_nowhere_is_signed_out(self):
        browser = self.visitor()
        page = browser.open(f"{SAML}/logout")
        page = browser.submit(page, "token")
        self.assertEqual(page.status, 200, page)
        self.assertIn("signed out", page.text.lower())


class LogoutAtSimpleSaml(FrontCase):
    """The same with a provider that no one here wrote."""

    def lease(self, session):
        return self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})

    def test_a_logout_at_the_provider_ends_the_desktop(self):
        provider, browser = self.simplesaml(), self.visitor()
        session, _ = self.assertCertificate(self.hand_in(browser, self.sign_in(browser)))
        self.assertEqual(self.lease(session).status, 200)
        page = provider.log_out(browser)
        self.assertTrue(page.url.startswith(simplesaml.URL), page)
        self.assertProblem(self.lease(session), 404, "session_unknown")
        self.assertTrue(self.fasctl_json("cert", "show", session["serial"])["revoked_at"])

    def test_a_logout_here_ends_the_sign_in_at_the_provider(self):
        self.simplesaml()
        browser = self.visitor()
        session, _ = self.assertCertificate(self.hand_in(browser, self.sign_in(browser)))
        page = browser.submit(browser.open(f"{SAML}/logout"), "token")
        self.assertEqual((page.url.partition("?")[0], page.status), (f"{SAML}/slo", 200), page)
        self.assertIn("signed out", page.text.lower())
        self.assertNotIn("not confirmed", page.text)
        self.assertProblem(self.lease(session), 404, "session_unknown")
        page = browser.open(f"{SAML}/login?idp=simplesaml")  # the provider asks again who it is
        self.assertIn("username", {name for form in page.forms for name in form["fields"]}, page)
