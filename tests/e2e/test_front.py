"""The browser's door with responses that the lab's own key has signed: each way in, and what must not get through it."""

import base64
import signal
import ssl
import socket
import urllib.parse
import zlib

from cryptography import x509
from lxml import etree

from lab import pki, proc, programs, public
from lab.layout import ACS_URL, FRONT_URL, LOGIN, SP_ENTITY_ID, STORE_URL, VDA1, VDA2, write

from case import SECRETS
from front import FrontCase

SERVER = FRONT_URL + "/saml/v/lab"
ENTITY, ACS, LOGIN_PAGE = SERVER + "/metadata", SERVER + "/acs", SERVER + "/login"
COOKIE = "__Host-fas-browser"


class OwnKey(FrontCase):
    """The provider is the test itself: it reads the question and signs what it likes."""

    def ask(self, browser, **query):
        """The question that the browser is sent away with: (RelayState, ID of the AuthnRequest)."""
        page = browser.open(f"{LOGIN_PAGE}?{urllib.parse.urlencode(query)}", follow=False)
        self.assertEqual(page.status, 303, page)
        sent = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.headers["Location"]).query))
        self.assertEqual(sent["RelayState"], page.headers["X-Correlation-Id"])
        request = etree.fromstring(zlib.decompress(base64.b64decode(sent["SAMLRequest"]), -15))
        self.assertEqual(request.get("AssertionConsumerServiceURL"), ACS)
        return sent["RelayState"], request.get("ID")

    def signed(self, user="alice", **options):
        return self.response(user, **{"audience": ENTITY, "recipient": ACS, "destination": ACS, **options})

    def bring(self, browser, response, relay=None, where=ACS):
        """The form that a provider's page posts; its answer, not what lies behind."""
        fields = {"SAMLResponse": response, **({"RelayState": relay} if relay is not None else {})}
        return browser.open(where, fields, follow=False)

    def code(self, page, target=STORE_URL):
        """Of the way on to the target."""
        self.assertEqual(page.status, 303, page)
        url = urllib.parse.urlsplit(page.headers["Location"])
        self.assertEqual(f"{url.scheme}://{url.netloc}{url.path}", target)
        code = dict(urllib.parse.parse_qsl(url.query))["code"]
        SECRETS.append(code)
        return code

    def signed_in(self, user="alice", **query):
        """A whole sign-in that was begun here: (code, correlation id)."""
        browser = self.visitor()
        relay, request = self.ask(browser, **query)
        return self.code(self.bring(browser, self.signed(user, in_response_to=request), relay)), relay

    def exchange(self, code, host=VDA1, caller="storefront"):
        answer = self.client(caller).post("/v1/logons", {"code": code, "host": host})
        if answer.status == 201:
            SECRETS.append(answer.json["ticket"])
        return answer

    def events(self, correlation_id):
        return [(one["event"], one["outcome"]) for one in self.audit(correlation_id)]


class TheWayIn(OwnKey):
    def test_begun_here_it_ends_with_a_certificate_under_one_correlation_id(self):
        code, correlation = self.signed_in()
        answer = self.exchange(code)
        self.assertEqual((answer.status, answer.json["correlation_id"]), (201, correlation), answer)
        session = self.redeem(answer.json["ticket"])
        self.assertEqual((session.status, session.json["correlation_id"]), (201, correlation), session)
        self.assertEqual(self.events(correlation)[:5],
                         [("sign_in_begun", "done"), ("sign_in_decided", "allow"), ("logon_decided", "allow"),
                          ("ticket_redeemed", "allow"), ("certificate_issued", "done")])
        told = self.fasctl("explain", correlation)
        for word in ("sign_in_begun", "sign_in_decided", "logon_decided", "certificate_issued", "alice@", "lab-idp"):
            self.assertIn(word, told)

    def test_begun_by_the_provider_it_ends_at_the_first_target_or_at_the_one_that_is_named(self):
        for relay in (None, "", "store", STORE_URL):
            with self.subTest(relay=relay):
                answer = self.exchange(self.code(self.bring(self.visitor(), self.signed(), relay)))
                self.assertEqual(answer.status, 201, answer)

    def test_a_storefront_gets_its_own_state_back(self):
        browser = self.visitor()
        relay, request = self.ask(browser, target="store", state="s~1._-X")
        page = self.bring(browser, self.signed(in_response_to=request), relay)
        self.assertTrue(page.headers["Location"].endswith("&state=s~1._-X"), page.headers["Location"])

    def test_a_code_may_be_exchanged_again_until_its_ticket_was_redeemed(self):
        code, _ = self.signed_in()
        first, second = self.exchange(code).json["ticket"], self.exchange(code, VDA2).json["ticket"]
        self.assertRefused(self.redeem(first), 403, "ticket_refused", "ticket_void")
        self.assertEqual(self.redeem(second, caller="host2").status, 201)
        self.assertRefused(self.exchange(code), 409, "code_used", "code_used")

    def test_a_crash_at_any_step_loses_nothing_that_was_answered(self):
        browser = self.visitor()
        relay, request = self.ask(browser)
        programs.restart(self.lab, "fasd", signal.SIGKILL)
        code = self.code(self.bring(browser, self.signed(in_response_to=request), relay))
        programs.restart(self.lab, "fasd", signal.SIGKILL)
        answer = self.exchange(code)
        self.assertEqual(answer.status, 201, answer)
        programs.restart(self.lab, "fasd", signal.SIGKILL)
        self.assertEqual(self.redeem(answer.json["ticket"]).status, 201)


class WhatDoesNotGetThrough(OwnKey):
    def test_another_browser_cannot_finish_what_this_one_began(self):
        browser = self.visitor()
        relay, request = self.ask(browser)
        response = self.signed(in_response_to=request)
        self.assertFrontRefuses(self.bring(self.visitor(), response, relay), "sign_in_expired", "sign_in_browser")
        other = self.visitor()
        self.ask(other)  # it has a cookie of its own
        self.assertFrontRefuses(self.bring(other, response, relay), "sign_in_expired", "sign_in_browser")
        self.code(self.bring(browser, response, relay))

    def test_a_question_is_answered_once(self):
        browser = self.visitor()
        relay, request = self.ask(browser)
        self.code(self.bring(browser, self.signed(in_response_to=request), relay))
        self.assertFrontRefuses(self.bring(browser, self.signed(in_response_to=request), relay), "sign_in_expired", "sign_in_used")

    def test_an_assertion_is_good_once_at_the_front_and_at_the_api_together(self):
        response = self.signed()
        browser = self.visitor()
        self.code(self.bring(browser, response))
        self.assertFrontRefuses(self.bring(browser, response), "assertion_used", "assertion_replayed")

    def test_a_response_to_another_question_is_none(self):
        browser = self.visitor()
        relay, _ = self.ask(browser)
        _, request = self.ask(browser)
        self.assertFrontRefuses(self.bring(browser, self.signed(in_response_to=request), relay), "assertion_refused",
                                "saml_in_response_to")
        self.assertFrontRefuses(self.bring(browser, self.signed(), relay), "assertion_refused", "saml_in_response_to")

    def test_an_answer_to_a_question_does_not_pass_for_an_unsolicited_one(self):
        browser = self.visitor()
        _, request = self.ask(browser)
        self.assertFrontRefuses(self.bring(browser, self.signed(in_response_to=request)), "assertion_refused", "saml_in_response_to")

    def test_a_response_for_somebody_else_is_refused(self):
        for wrong, reason in (({"audience": SP_ENTITY_ID}, "saml_audience"), ({"recipient": ACS_URL}, "saml_recipient"),
                              ({"destination": ACS_URL}, "saml_destination"), ({"age_s": 4000}, "saml_")):
            with self.subTest(reason):
                page = self.bring(self.visitor(), self.signed(**wrong))
                self.assertEqual(page.status, 403, page)
                self.assertIn("assertion_refused", page.text)
                reasons = [one.get("reason", "") for one in self.audit(page.headers["X-Correlation-Id"])]
                self.assertTrue(reasons[-1].startswith(reason), reasons)
        self.assertRefused(self.logon(response=self.signed()), 403, "assertion_refused", "saml_destination")

    def test_another_virtual_server_is_another_audience(self):
        page = self.bring(self.visitor(), self.signed(), where=f"{FRONT_URL}/saml/acs")
        self.assertEqual(page.status, 403, page)
        browser = self.visitor()
        relay, request = self.ask(browser)
        page = self.bring(browser, self.signed(in_response_to=request), relay, where=f"{FRONT_URL}/saml/acs")
        self.assertFrontRefuses(page, "sign_in_expired", "sign_in_unknown")

    def test_relay_state_leads_to_no_place_that_is_not_in_the_list(self):
        for relay in ("https://evil.example.org/", STORE_URL + "/../x", STORE_URL + "?x=1", "//evil.example.org", "javascript:alert(1)"):
            with self.subTest(relay):
                self.assertFrontRefuses(self.bring(self.visitor(), self.signed(), relay), "target_refused", "sign_in_target")
                page = self.visitor().open(f"{LOGIN_PAGE}?{urllib.parse.urlencode({'target': relay})}", follow=False)
                self.assertEqual((page.status, "target_refused" in page.text), (403, True), page)

    def test_who_may_not_log_on_is_told_so_in_words_and_no_more(self):
        page = self.bring(self.visitor(), self.signed("bob"))
        self.assertFrontRefuses(page, "logon_denied", "account_disabled")
        self.assertIn("help desk", page.text)
        page = self.bring(self.visitor(language="de-AT,de;q=0.9"), self.signed("bob"))
        self.assertIn("Helpdesk", page.text)
        self.assertIn('<html lang="de">', page.body.decode())

    def test_a_code_is_the_named_storefronts_alone(self):
        code = self.code(self.bring(self.visitor(), self.signed(), "other"), "https://other.example.net/return")
        self.assertRefused(self.exchange(code), 403, "code_refused", "code_unknown")
        code, _ = self.signed_in()
        self.assertProblem(self.exchange(code, caller="host"), 403, "role_refused")
        self.assertRefused(self.exchange(code + "x"), 403, "code_refused", "code_malformed")
        self.assertRefused(self.redeem(code), 403, "ticket_refused", "ticket_unknown")

    def test_a_host_that_no_rule_names_gets_no_ticket_for_a_code(self):
        code, _ = self.signed_in()
        self.assertDenied(self.exchange(code, "dc1.corp.example.com"), "policy_no_rule")

    def test_forms_that_say_two_things_are_refused(self):
        response = urllib.parse.quote_plus(self.signed())
        for body in (f"SAMLResponse={response}&SAMLResponse={response}", f"SAMLResponse={response}&RelayState=%zz",
                     f"SAMLResponse={response}&RelayState=%00", "RelayState=store", ""):
            with self.subTest(body[-40:]):
                page = self.visitor().open(ACS, body.encode(), follow=False)
                self.assertEqual((page.status, "request_invalid" in page.text), (400, True), page)


class TheDoor(OwnKey):
    def test_every_answer_has_the_headers_that_browsers_obey(self):
        for path in ("/saml/login", "/saml/v/lab/metadata", "/nowhere", "/saml/acs"):
            with self.subTest(path):
                headers = self.visitor().open(FRONT_URL + path, follow=False).headers
                self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
                self.assertIn("frame-ancestors 'none'", headers["Content-Security-Policy"])
                self.assertEqual((headers["Referrer-Policy"], headers["X-Content-Type-Options"], headers["Cache-Control"]),
                                 ("no-referrer", "nosniff", "no-store"))
                self.assertIn("max-age=", headers["Strict-Transport-Security"])

    def test_it_asks_for_no_client_certificate_and_answers_nothing_of_the_api(self):
        for path in ("/v1/logons", "/healthz", "/metrics", "/crl/main-1.crl"):
            self.assertEqual(self.visitor().open(FRONT_URL + path, follow=False).status, 404)

    def test_its_cookie_comes_back_from_another_site_and_never_to_a_script(self):
        page = self.visitor().open(LOGIN_PAGE, follow=False)
        cookie = [value for value in page.headers.get_all("Set-Cookie") if value.startswith(COOKIE)][0]
        self.assertEqual(cookie.partition("; ")[2], "Path=/; Secure; HttpOnly; SameSite=None")

    def served(self):
        context = ssl.create_default_context(cafile=str(public.root(self.lab)))
        with socket.create_connection((self.lab.address(LOGIN), 443), 20) as tcp, \
                context.wrap_socket(tcp, server_hostname=LOGIN) as tls:
            return x509.load_der_x509_certificate(tls.getpeercert(True)).serial_number

    def test_its_certificate_is_changed_without_a_restart_and_a_broken_one_changes_nothing(self):
        old, pid = self.served(), programs.pid(self.lab, "fasd")
        files = [self.lab.fas / name for name in ("front.pem", "front.key")]
        before = [(path, path.read_bytes()) for path in files]
        owner = files[1].stat()
        root = pki.Authority.load(self.lab.pki, public.ROOT)
        key, certificate = pki.issue_server(root, LOGIN)
        try:
            write(files[0], pki.pem(certificate))
            write(files[1], pki.key_pem(key), 0o400, (owner.st_uid, owner.st_gid))
            self.fasctl("config", "reload")
            self.assertEqual(self.served(), certificate.serial_number)
            write(files[0], b"no certificate")
            status, _, _ = programs.fasctl_status(self.lab, "config", "reload")
            self.assertNotEqual(status, 0)
            self.assertEqual(self.served(), certificate.serial_number)
        finally:
            for path, data in before:
                write(path, data, 0o400 if path.suffix == ".key" else 0o644, (owner.st_uid, owner.st_gid))
            self.fasctl("config", "reload")
        self.assertEqual((self.served(), programs.pid(self.lab, "fasd")), (old, pid))

    def test_what_happens_is_counted(self):
        def count(line):
            text = self.ops().get("/metrics").body.decode()
            return int([one for one in text.splitlines() if one.startswith(line + " ")][0].rpartition(" ")[2])
        lines = ("fas_sign_ins_begun_total", 'fas_sign_ins_total{outcome="allow"}', 'fas_sign_ins_total{outcome="deny"}')
        before = [count(line) for line in lines]
        self.signed_in()
        self.bring(self.visitor(), self.signed("bob"))
        self.assertEqual([count(line) for line in lines], [before[0] + 1, before[1] + 1, before[2] + 1])

    def test_the_metadata_name_the_virtual_server(self):
        page = self.visitor().open(ENTITY)
        root = etree.fromstring(page.body)
        self.assertEqual(root.get("entityID"), ENTITY)
        self.assertIn(ACS, [one.get("Location") for one in root.iter("{*}AssertionConsumerService")])
