"""Every account of the lab gets the right verdict, and the audit trail says why."""

from case import LabCase


class Accounts(LabCase):
    def assertAllowed(self, user, warning=None):
        answer = self.logon(user)
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json["upn"], self.account(user)["upn"])
        self.assertEqual(answer.json["sid"], self.account(user)["sid"])
        self.assertEqual(answer.json["rule"], "vdi-users")
        decided = self.audit(answer.json["correlation_id"])[0]
        self.assertEqual((decided["event"], decided["outcome"]), ("logon_decided", "allow"))
        self.assertEqual(decided.get("reason"), warning)

    def test_alice_in_a_group_nested_twice_is_allowed(self):
        self.assertAllowed("alice")

    def test_bob_whose_account_is_disabled_is_denied(self):
        self.assertDenied(self.logon("bob"), "account_disabled")

    def test_carol_whose_account_has_expired_is_denied(self):
        self.assertDenied(self.logon("carol"), "account_expired")

    def test_dave_whose_account_is_locked_is_denied(self):
        self.assertDenied(self.logon("dave"), "account_locked")

    def test_erin_who_is_in_no_allowed_group_is_denied(self):
        self.assertDenied(self.logon("erin"), "policy_no_rule")

    def test_frank_whose_upn_suffix_is_not_the_realm_is_allowed(self):
        self.assertAllowed("frank")

    def test_grace_who_must_use_a_smart_card_is_allowed(self):
        self.assertAllowed("grace")

    def test_heidi_whose_password_has_aged_is_allowed_with_a_warning(self):
        self.assertAllowed("heidi", "password_expired")

    def test_ivan_who_must_change_his_password_is_allowed_with_a_warning(self):
        self.assertAllowed("ivan", "password_expired")

    def test_judy_without_a_user_principal_name_is_allowed_by_her_implicit_one(self):
        self.assertAllowed("judy")

    def test_kate_whose_implicit_name_is_also_anothers_upn_is_denied(self):
        self.assertDenied(self.logon("kate"), "account_ambiguous")

    def test_mallory_whose_upn_is_anothers_implicit_name_is_denied(self):
        self.assertDenied(self.logon("mallory"), "account_ambiguous")

    def test_a_upn_that_two_accounts_answer_to_is_denied(self):
        self.assertDenied(self.logon("kate", claims=self.claims("kate", sid=None, guid=None)), "account_ambiguous")

    def test_a_claimed_upn_that_one_account_bears_does_not_make_the_accounts_own_one_unambiguous(self):
        claims = self.claims("kate", upn=self.account("alice")["upn"])
        self.assertDenied(self.logon("kate", claims=claims), "account_ambiguous")

    def test_dana_the_domain_administrator_is_denied_as_no_rule_names_her(self):
        self.assertDenied(self.logon("dana"), "policy_privileged")

    def test_the_builtin_administrator_is_denied(self):
        answer = self.logon("Administrator")
        self.assertProblem(answer, 403, "logon_denied")

    def test_the_account_of_the_service_itself_is_denied(self):
        self.assertProblem(self.logon("svc-fas"), 403, "logon_denied")

    def test_a_computer_is_no_user(self):
        """A machine account's SID, as a captured machine might claim it."""
        sid = self.machine_sid("VDA1$")
        answer = self.logon(claims={"cip_sid": sid, "cip_upn": "VDA1$@corp.example.com"})
        self.assertProblem(answer, 403, "logon_denied")
        self.assertTrue({"account_kind", "account_not_found"} & set(self.reasons(answer)))

    def test_an_account_that_is_not_there_is_denied(self):
        claims = {"cip_sid": self.account("alice")["sid"].rpartition("-")[0] + "-99999",
                  "cip_upn": "nobody@corp.example.com"}
        self.assertDenied(self.logon(claims=claims), "account_not_found")

    def machine_sid(self, name):
        import os

        from lab import namespace, proc
        from lab.layout import BASE_DN, DC
        env = {**os.environ, "KRB5_CLIENT_KTNAME": str(self.lab.keytabs / "svc-fas.keytab"), "KRB5CCNAME": "MEMORY:c",
               "KRB5_CONFIG": str(self.lab.krb5_conf)}
        out = proc.run(namespace.enter(self.lab, ["ldapsearch", "-LLL", "-Q", "-o", "ldif-wrap=no", "-H", f"ldap://{DC}",
                                                  "-b", BASE_DN, f"(sAMAccountName={name})", "objectSid"]), env=env)
        import base64
        raw = base64.b64decode(out.partition("objectSid:: ")[2].split()[0])
        numbers = [int.from_bytes(raw[i:i + 4], "little") for i in range(8, len(raw), 4)]
        return "S-1-5-" + "-".join(map(str, numbers))
