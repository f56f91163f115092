"""A provider that no one here wrote: SimpleSAMLphp signs, the service verifies."""

from lab import saml, simplesaml

from case import SECRETS, LabCase


class SimpleSaml(LabCase):
    def provider(self, **options):
        users = {name: saml.claims_of(self.account(name)) for name in ("alice", "bob")}
        made = simplesaml.SimpleSaml(self.lab, users, **options)
        made.start()
        self.addCleanup(made.stop)
        return made

    def login(self, provider, user):
        response = provider.login(user)
        SECRETS.append(response[200:260])
        return self.logon(response=response)

    def test_its_response_for_alice_becomes_a_certificate(self):
        provider = self.provider()
        answer = self.login(provider, "alice")
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(self.audit(answer.json["correlation_id"])[0]["idp"], "simplesaml")
        self.assertEqual(self.redeem(answer.json["ticket"]).status, 201)

    def test_its_response_is_accepted_when_only_the_assertion_or_only_the_response_is_signed(self):
        for options in ({"sign_response": False}, {"sign_assertion": False}):
            with self.subTest(str(options)):
                provider = self.provider(**options)
                self.assertEqual(self.login(provider, "alice").status, 201)
                provider.stop()

    def test_its_response_for_bob_is_denied_because_of_his_account(self):
        self.assertDenied(self.login(self.provider(), "bob"), "account_disabled")

    def test_its_response_is_good_once(self):
        provider = self.provider()
        response = provider.login("alice")
        self.assertEqual(self.redeem(self.ticket(response=response)).status, 201)
        self.assertProblem(self.logon(response=response), 409, "assertion_used")
