"""How the provider knew the user: a condition of the rule, and an issuance policy in the certificate."""

import json
import uuid

from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from lab import api, config, namespace, proc, programs
from lab.layout import DOMAIN, IDP_NAME, NETBIOS, REALM, STOREFRONT, VDA1

from case import LabCase

MFA = "https://refeds.org/profile/mfa"
CARD = "urn:oasis:names:tc:SAML:2.0:ac:classes:SmartcardPKI"
OID_MFA = "1.3.6.1.4.1.99999.1.402"
OID_CARD = "1.3.6.1.4.1.99999.1.403"


def named_by(certificate):
    """The issuance policies of a certificate."""
    try:
        value = certificate.extensions.get_extension_for_oid(ExtensionOID.CERTIFICATE_POLICIES).value
    except x509.ExtensionNotFound:
        return []
    return [policy.policy_identifier.dotted_string for policy in value]


class Contexts(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.policy_yaml = cls.lab.fas / "policy.d" / "lab.yaml"
        cls.allow([OID_MFA, OID_CARD])

    @classmethod
    def tearDownClass(cls):
        cls.policy_yaml.write_text(config.policy_yaml())
        cls.allow([])
        programs.fasctl(cls.lab, "policy", "reload")

    @classmethod
    def allow(cls, oids):
        """The signer's limits let a rule ask for these."""
        more = f"issuance_policies: [{', '.join(oids)}]\n" if oids else ""
        (cls.lab.fas / "limits.yaml").write_text(config.limits_yaml(cls.lab) + more)
        programs.fasctl(cls.lab, "limits", "reload")

    def rule(self, authentication, match="", more=""):
        text = config.policy_yaml()
        if match:
            text = text.replace("match: { require: [sid, upn], also: [guid] }", f"match: {match}")
        lines = f"    authentication: {authentication}\n" if authentication else ""
        self.policy_yaml.write_text(text.replace("    logoff: revoke\n", f"{lines}{more}    logoff: revoke\n"))
        return programs.fasctl_status(self.lab, "policy", "reload")

    def put(self, *words, **options):
        status, _, errors = self.rule(*words, **options)
        self.assertEqual(status, 0, errors)

    def test_a_rule_for_a_second_factor_denies_a_password_alone(self):
        self.put(f"{{ contexts: ['{MFA}', '{CARD}'] }}")
        answer = self.logon()
        self.assertDenied(answer, "policy_authentication")
        record = self.audit(answer.json["correlation_id"])[0]
        self.assertTrue(record["authn_context"].endswith(":PasswordProtectedTransport"), record)
        self.assertEqual(self.logon(authn_context=MFA).status, 201)
        self.assertEqual(self.logon(authn_context=CARD).status, 201)

    def test_it_is_asked_again_at_redemption(self):
        self.put("")
        ticket = self.ticket(authn_context=CARD)
        self.put(f"{{ contexts: ['{MFA}'] }}")
        self.assertDenied(self.redeem(ticket), "policy_authentication")

    def test_a_session_ends_when_its_context_is_no_longer_enough(self):
        self.put("")
        session, _, _ = self.session(authn_context=CARD)
        lease = f"/v1/sessions/{session['session_id']}/lease"
        self.assertEqual(self.client("host").post(lease, {}).status, 200)
        self.put(f"{{ contexts: ['{MFA}'] }}")
        self.assertProblem(self.client("host").post(lease, {}), 403, "session_ended")

    def test_the_certificate_names_what_the_context_is_worth_and_the_logon_succeeds(self):
        self.put(f"{{ policies: {{ '{MFA}': {OID_MFA}, '{CARD}': [{OID_MFA}, {OID_CARD}] }} }}")
        self.assertEqual(named_by(self.session()[2]), [])
        self.assertEqual(named_by(self.session(authn_context=CARD)[2]), [OID_MFA, OID_CARD])
        session, key, certificate = self.session(authn_context=MFA)
        self.assertEqual(named_by(certificate), [OID_MFA])
        cache = self.kinit(session, key)
        self.assertIn(f"krbtgt/{REALM}@{REALM}", proc.run(namespace.enter(self.lab, ["klist", "-c", cache])))
        shown = self.fasctl("explain", session["correlation_id"])
        self.assertRegex(shown, rf"authentication\s+{MFA}")
        self.assertRegex(shown, rf"issuance policies\s+{OID_MFA}")

    def test_a_certificate_within_the_session_names_it_too(self):
        self.put(f"{{ policies: {{ '{MFA}': {OID_MFA} }} }}", more='    in_session: { allow: true, programs: ["*"] }\n')
        session, _, _ = self.session(authn_context=MFA)
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/certificates",
                                          {"request_id": uuid.uuid4().hex, "csr": api.new_csr()[1]})
        self.assertEqual(answer.status, 201, answer)
        self.assertEqual(named_by(x509.load_pem_x509_certificate(answer.json["certificate"].encode())), [OID_MFA])

    def test_an_oid_outside_the_signers_limits_is_an_error_at_its_place(self):
        status, _, errors = self.rule(f"{{ policies: {{ '{MFA}': {OID_MFA}9 }} }}")
        self.assertNotEqual(status, 0)
        self.assertRegex(errors, rf'lab\.yaml:\d+:\d+: error: issuance policy {OID_MFA}9 is not among issuance_policies of '
                                 rf'the signer.s limits \(did you mean "{OID_MFA}"\?\)')

    def test_limits_that_were_narrowed_refuse_what_the_rule_still_asks_for(self):
        self.put(f"{{ policies: {{ '{MFA}': {OID_MFA} }} }}")
        ticket = self.ticket(authn_context=MFA)
        self.allow([OID_CARD])
        try:
            answer = self.redeem(ticket)
            self.assertProblem(answer, 403, "logon_denied")
            self.assertIn("issuance_policy_outside_limits", self.reasons(answer))
        finally:
            self.allow([OID_MFA, OID_CARD])

    def test_policy_explain_says_what_a_context_would_do(self):
        self.put(f"{{ contexts: ['{MFA}'], policies: {{ '{MFA}': {OID_MFA} }} }}")
        question = ["policy", "explain", "--user", f"alice@{DOMAIN}", "--host", VDA1, "--storefront", STOREFRONT,
                    "--idp", IDP_NAME, "--json"]
        without = json.loads(self.fasctl(*question))
        self.assertEqual((without["verdict"], without["reason"]), ("deny", "policy_authentication"))
        by_factor = json.loads(self.fasctl(*question, "--authn-context", MFA))
        self.assertEqual((by_factor["verdict"], by_factor["grant"]["issuance_policies"]), ("allow", [OID_MFA]))

    # ---- claims ----

    def test_one_claim_of_several_is_enough_where_the_rule_says_so(self):
        self.put("", match="{ require_any: [sid, email] }")
        self.assertEqual(self.logon(claims=self.claims("alice", guid=None, upn=None)).status, 201)
        self.assertDenied(self.logon(claims=self.claims("alice", sid=None)), "policy_claims")

    def test_domain_and_forest_have_to_be_the_accounts(self):
        self.put("", match="{ require: [sid, domain], also: [forest] }")
        claims = self.claims("alice")
        self.assertDenied(self.logon(claims=claims), "policy_claims")
        for domain in (NETBIOS, DOMAIN.upper()):
            self.assertEqual(self.logon(claims={**claims, "cip_domain": domain, "cip_forest": DOMAIN}).status, 201)
        self.assertDenied(self.logon(claims={**claims, "cip_domain": "OTHER"}), "claim_domain_mismatch")
        answer = self.logon(claims={**claims, "cip_domain": NETBIOS, "cip_forest": "forest.example.net"})
        self.assertDenied(answer, "claim_forest_mismatch")
        answer = self.logon(claims={**claims, "cip_domain": NETBIOS, "cip_email": f"nobody@{DOMAIN}"})
        self.assertDenied(answer, "claim_email_mismatch")
