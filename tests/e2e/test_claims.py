"""Every claim that is present agrees with the account, or there is no logon."""

import base64
import uuid

from case import LabCase


class Claims(LabCase):
    def test_a_sid_of_another_account_is_denied(self):
        answer = self.logon(claims=self.claims("alice", sid=self.account("frank")["sid"]))
        self.assertDenied(answer, "claim_upn_mismatch")

    def test_a_upn_of_another_account_is_denied(self):
        answer = self.logon(claims=self.claims("alice", upn=self.account("frank")["upn"]))
        self.assertDenied(answer, "claim_upn_mismatch")

    def test_a_guid_of_another_account_is_denied(self):
        answer = self.logon(claims=self.claims("alice", guid=self.account("frank")["guid"]))
        self.assertDenied(answer, "claim_guid_mismatch")

    def test_a_sid_of_nobody_is_denied(self):
        answer = self.logon(claims=self.claims("alice", sid="S-1-5-21-1-2-3-1106"))
        self.assertDenied(answer, "account_not_found")

    def test_without_a_required_claim_the_rule_denies(self):
        self.assertDenied(self.logon(claims=self.claims("alice", sid=None)), "policy_claims")

    def test_without_a_claim_that_is_not_required_the_logon_works(self):
        self.assertEqual(self.logon(claims=self.claims("alice", guid=None)).status, 201)

    def test_without_any_claim_the_assertion_is_refused(self):
        answer = self.logon(claims={"mail": "alice@corp.example.com"})
        self.assertRefused(answer, 403, "assertion_refused", "saml_claims")

    def test_a_upn_in_another_case_is_the_same_name(self):
        answer = self.logon(claims=self.claims("alice", upn="Alice@CORP.example.com"))
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(answer.json["upn"], "alice@corp.example.com")

    def test_the_guid_is_understood_in_every_form_that_providers_send(self):
        guid = uuid.UUID(self.account("alice")["guid"])
        forms = [str(guid), "{" + str(guid) + "}", str(guid).upper(), guid.hex,
                 base64.b64encode(guid.bytes_le).decode()]
        for form in forms:
            with self.subTest(form):
                self.assertEqual(self.logon(claims=self.claims("alice", guid=form)).status, 201)

    def test_text_that_is_no_sid_is_refused(self):
        for bad in ("S-1-5", "S-1-5-21-1-2-3-1106)(objectClass=*", "alice", "S-1-5-21-1-2-3-99999999999"):
            with self.subTest(bad):
                answer = self.logon(claims=self.claims("alice", sid=bad))
                self.assertRefused(answer, 403, "assertion_refused", "saml_claims")

    def test_ldap_metacharacters_in_a_upn_find_nobody(self):
        for bad in ("*@corp.example.com", "alice*@corp.example.com", "alice)(cn=*@corp.example.com"):
            with self.subTest(bad):
                answer = self.logon(claims=self.claims("alice", sid=None, guid=None, upn=bad))
                self.assertEqual(answer.status, 403, answer)
