"""What cases at the front have at hand: the two providers, the storefront's page, browsers that end there."""

import base64

from cryptography import x509

from lab import api, samlp, saml, simplesaml, store, visitor
from lab.layout import FRONT_URL, STORE_URL

from case import SECRETS, LabCase

SAML = FRONT_URL + "/saml"
MOBILE = FRONT_URL + "/saml/v/mobile"
USERS = ("alice", "bob", "frank")


class FrontCase(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.store = cls.put(store.Store(cls.lab))

    @classmethod
    def put(cls, part):
        cls.addClassCleanup(part.stop)
        part.start()
        return part

    def provider(self, kind, **options):
        """simplesaml.SimpleSaml or samlp.Samlp, for this test."""
        made = kind(self.lab, {name: self.claims(name) for name in USERS}, **options)
        self.addCleanup(made.stop)
        made.start()
        return made

    def simplesaml(self, **options):
        return self.provider(simplesaml.SimpleSaml, **options)

    def samlp(self, **options):
        return self.provider(samlp.Samlp, **options)

    def visitor(self, **options):
        return visitor.Visitor(self.lab, **options)

    # ---- ways in ----

    def sign_in(self, browser, idp="simplesaml", user="alice", server=SAML, **query):
        """Begun at the front, up to the provider's page with the response's form."""
        words = "".join(f"&{name}={value}" for name, value in query.items())
        page = browser.open(f"{server}/login?idp={idp}{words}")
        if page.forms and "SAMLRequest" in page.forms[0]["fields"]:
            page = browser.submit(page, "SAMLRequest")
        if "username" not in {name for form in page.forms for name in form["fields"]}:
            return page  # the provider knows the person already
        return browser.submit(page, "username", username=user, password=simplesaml.PASSWORD)

    def hand_in(self, browser, page):
        """What the provider's script would send to the front; where that leads."""
        SECRETS.append(page.form("SAMLResponse")["fields"]["SAMLResponse"][200:260])
        return browser.submit(page, "SAMLResponse")

    # ---- what is expected ----

    def assertAtStore(self, page):
        """The browser stands at the storefront's page with a ticket made; its facts, as the service gave them to the storefront."""
        self.assertTrue(page.url.startswith(STORE_URL), page)
        self.assertIn("Desktop ready", page.text)
        handed = self.store.handed_over(page.text.rpartition("correlation ")[2])
        SECRETS.extend([handed["ticket"], page.url.partition("code=")[2]])
        self.assertNotIn(handed["ticket"], page.body.decode() + page.url)
        return handed

    def assertCertificate(self, page, user="alice"):
        """From the page at the store to the host's certificate: (answer's members, certificate)."""
        handed = self.assertAtStore(page)
        answer = self.client("host").post("/v1/certificates", {"ticket": handed["ticket"], "csr": api.new_csr()[1]})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json["upn"], self.account(user)["upn"])
        self.assertEqual(answer.json["correlation_id"], handed["correlation_id"])
        return answer.json, x509.load_pem_x509_certificate(answer.json["certificate"].encode())

    def assertFrontRefuses(self, page, code, reason):
        """A page for people: the stable code, a correlation id, nothing of the reason; and that in the audit trail."""
        self.assertTrue(page.url.startswith(FRONT_URL), page)
        self.assertGreaterEqual(page.status, 400)
        self.assertIn(code, page.text)
        self.assertNotIn(reason, page.body.decode())
        self.assertIn(reason, [one.get("reason") for one in self.audit(page.headers["X-Correlation-Id"])])

    @staticmethod
    def response_of(page):
        return base64.b64decode(page.form("SAMLResponse")["fields"]["SAMLResponse"])
