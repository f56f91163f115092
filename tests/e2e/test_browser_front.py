"""The front as a person meets it: Chromium from the e-mail page by way of a provider to the desktop that starts; by mouse, by
keyboard, without script, on a phone, in German.  The screenshots are in build/e2e-shots."""

from lab import chrome, simplesaml
from lab.layout import DOMAIN, FRONT_URL, SAMLP, SIMPLESAML, STORE_URL

from front import SAML, FrontCase

EMAIL = "#email, [name=email]"
NAME = "[name=username]"


class Person(FrontCase):
    def browser(self, **options):
        made = chrome.Chrome(self.lab, **options)
        made.start()
        self.addCleanup(made.stop)
        return made

    def at_provider(self, one, host, user="alice", send="Enter"):
        """What a person types there; SimpleSAMLphp and samlp call their fields the same."""
        one.await_page(f"https://{host}/", NAME)
        one.focus(NAME)
        one.type(user)
        one.press("Tab")
        one.type(simplesaml.PASSWORD)
        one.press(send)

    def go_on(self, one):
        """From the front's page that a request by POST starts from: nothing submits it but a person."""
        one.await_page(f"{SAML}/login", "[name=SAMLRequest]")
        self.assertReadable(one)
        one.shot("desk-going")
        one.click("button")

    def assertReadable(self, one, language="en"):
        """As a screen reader and a narrow screen need it."""
        self.assertEqual(one.run("document.documentElement.lang"), language)
        self.assertEqual(one.run("document.querySelectorAll('h1').length"), 1)
        self.assertEqual(one.run("document.querySelectorAll('main').length"), 1)
        self.assertTrue(one.run("document.title"))
        self.assertEqual([role for role, name in one.controls() if not name.strip()], [])
        self.assertFalse(one.overflows())
        small = one.run("[...document.querySelectorAll('input:not([type=hidden]), button, a')].map(e => e.getBoundingClientRect())"
                        ".filter(r => r.width && (r.height < 44 || r.width < 44)).length")
        self.assertEqual(small, 0)
        self.assertEqual(one.run("document.scripts.length"), 0)

    def assertQuiet(self, one):
        """Nothing was blocked by our policy, and nothing was missing."""
        self.assertEqual([said for said in one.complaints() if "Content Security" in said or "front" in said], [])

    def assertDesktop(self, one):
        one.await_page(STORE_URL, "#correlation")
        self.assertEqual(one.run("document.querySelector('#user').innerText"), f"alice@{DOMAIN}")
        self.assertIn("Desktop ready", one.text)
        self.assertQuiet(one)


class ByEmail(Person):
    def way_in(self, one, name):
        self.simplesaml()
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        self.assertReadable(one)
        one.shot(f"{name}-login")
        one.focus(EMAIL)
        one.type(f"alice@{DOMAIN}")
        one.press("Enter")
        self.at_provider(one, SIMPLESAML)
        self.assertDesktop(one)
        one.shot(f"{name}-desktop")

    def test_a_person_at_a_desk_arrives(self):
        self.way_in(self.browser(), "desk")

    def test_a_person_with_a_phone_arrives(self):
        self.way_in(self.browser(size=chrome.PHONE), "phone")

    def test_the_provider_is_remembered(self):
        self.samlp()
        one = self.browser()
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        one.focus(EMAIL)
        one.type("alice@example.org")
        one.press("Enter")
        self.go_on(one)
        self.at_provider(one, SAMLP)
        self.assertDesktop(one)
        one.go(f"{SAML}/login")
        self.go_on(one)
        one.await_page(STORE_URL, "#correlation")  # the provider knows her, and the front knows her provider

    def test_an_address_that_nobody_knows_is_said(self):
        one = self.browser()
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        one.focus(EMAIL)
        one.type("alice@nowhere.example")
        one.press("Enter")
        one.await_page(f"{SAML}/login", "[role=alert]")
        self.assertReadable(one)
        self.assertEqual(one.run(f"document.querySelector('{EMAIL}').value"), "alice@nowhere.example")
        one.shot("desk-unknown")


class ByKeyboard(Person):
    def tab_to(self, one, selector):
        """Tab until it has the focus; what has it is always seen."""
        for _ in range(12):
            if one.run(f"document.activeElement.matches({selector!r})"):
                style = "getComputedStyle(document.activeElement)"
                self.assertNotEqual(one.run(f"{style}.outlineStyle"), "none")
                return
            one.press("Tab")
        self.fail(f"Tab does not lead to {selector}")

    def test_a_person_without_a_mouse_arrives(self):
        self.samlp()
        one = self.browser()
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        self.tab_to(one, EMAIL)
        one.type("alice@example.org")
        self.tab_to(one, "button")
        one.press("Space")
        one.await_page(f"{SAML}/login", "[name=SAMLRequest]")
        self.tab_to(one, "button")
        one.press("Enter")
        self.at_provider(one, SAMLP)
        self.assertDesktop(one)


class WithoutScript(Person):
    def test_a_person_whose_browser_runs_no_script_arrives(self):
        self.simplesaml()
        one = self.browser(script=False)
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        one.focus(EMAIL)
        one.type(f"alice@{DOMAIN}")
        one.click("button")
        self.at_provider(one, SIMPLESAML)
        one.await_page(f"https://{SIMPLESAML}/", "[name=SAMLResponse]")
        one.shot("provider-without-script")
        one.click("[type=submit], button")
        self.assertDesktop(one)

    def test_a_provider_that_is_asked_by_post_is_reached_with_one_click(self):
        self.samlp()
        one = self.browser(script=False)
        one.go(f"{SAML}/login?idp=samlp")
        self.go_on(one)
        one.await_page(f"https://{SAMLP}/", NAME)
        self.assertQuiet(one)


class Refused(Person):
    def test_a_person_who_may_not_is_told_what_to_do_and_a_correlation_id(self):
        self.simplesaml()
        for size, name in ((chrome.DESKTOP, "desk"), (chrome.PHONE, "phone")):
            with self.subTest(name):
                one = self.browser(size=size)
                one.go(f"{SAML}/login?idp=simplesaml")
                self.at_provider(one, SIMPLESAML, "bob")
                one.await_page(f"{FRONT_URL}/saml/acs")
                self.assertIn("logon_denied", one.text)
                self.assertNotIn("account_disabled", one.run("document.documentElement.outerHTML"))
                self.assertReadable(one)
                one.shot(f"{name}-refused")

    def test_the_pages_are_in_german_where_the_browser_asks_for_it(self):
        one = self.browser(language="de")
        one.go(f"{SAML}/login")
        one.await_page(f"{SAML}/login", EMAIL)
        self.assertReadable(one, "de")
        one.shot("desk-login-de")


class SigningOut(Person):
    def test_a_person_signs_out_here_and_at_the_provider(self):
        self.simplesaml()
        one = self.browser()
        one.go(f"{SAML}/login?idp=simplesaml")
        self.at_provider(one, SIMPLESAML)
        self.assertDesktop(one)
        one.go(f"{SAML}/logout")
        one.await_page(f"{SAML}/logout", "button")
        self.assertReadable(one)
        one.shot("desk-sign-out")
        one.click("button")
        one.await_page(f"{SAML}/slo")
        self.assertIn("You are signed out", one.text)
        self.assertReadable(one)
        self.assertQuiet(one)
        one.shot("desk-signed-out")
        one.go(f"{SAML}/login?idp=simplesaml")
        one.await_page(f"https://{SIMPLESAML}/", NAME)
