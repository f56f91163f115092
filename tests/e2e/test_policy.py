"""The policy file: reloaded whole or not at all, explained by the same code that decides."""

import os
import signal

from lab import api, config, proc, programs
from lab.layout import STOREFRONT, VDA1

from case import LabCase


class Policy(LabCase):
    def setUp(self):
        self.file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(self.restore)

    def restore(self):
        self.file.write_text(config.policy_yaml())
        self.fasctl("policy", "reload")

    def write(self, text):
        self.file.write_text(text)

    def digest(self):
        return self.fasctl_json("status")["fasd"]["policy"]["digest"]

    def hang_up(self):
        """SIGHUP, as an administrator's `systemctl reload` sends it, to fasd itself."""
        os.kill(programs.pid(self.lab, "fasd"), signal.SIGHUP)

    def test_reload_takes_a_new_policy(self):
        self.assertEqual(self.logon("alice").status, 201)
        self.write(config.policy_yaml().replace("VDI Users", "Domain Guests"))
        self.fasctl("policy", "reload")
        self.assertDenied(self.logon("alice"), "policy_no_rule")

    def test_sighup_takes_a_new_policy(self):
        old = self.digest()
        self.write(config.policy_yaml() + "# changed\n")
        self.hang_up()
        proc.wait_for(lambda: self.digest() != old, 10, "the new policy after SIGHUP")

    def test_a_policy_with_an_error_changes_nothing_and_says_where(self):
        old = self.digest()
        self.write(config.policy_yaml().replace("validity: 15m", "validty: 15m"))
        status, _, errors = programs.fasctl_status(self.lab, "policy", "reload")
        self.assertNotEqual(status, 0)
        self.assertRegex(errors, r'lab\.yaml:\d+:\d+: .*validty.*did you mean "validity"')
        self.assertEqual(self.digest(), old)
        self.assertEqual(self.logon("alice").status, 201)

    def test_one_bad_file_of_a_folder_leaves_all_of_the_old_policy(self):
        bad = self.file.with_name("zz.yaml")
        self.addCleanup(bad.unlink)
        bad.write_text("rules:\n  - name: broken\n    nonsense: 1\n")
        self.write(config.policy_yaml().replace("VDI Users", "Domain Guests"))
        self.assertNotEqual(programs.fasctl_status(self.lab, "policy", "reload")[0], 0)
        self.assertEqual(self.logon("alice").status, 201)

    def test_keys_of_the_service_come_from_one_pool(self):
        self.write(config.policy_yaml().replace("key: rsa-2048, custody: host", "key: [rsa-2048, p-256], custody: service"))
        status, _, errors = programs.fasctl_status(self.lab, "policy", "reload")
        self.assertNotEqual(status, 0)
        self.assertIn("want one kind of", errors)

    def test_check_reads_a_file_without_touching_the_service(self):
        old = self.digest()
        draft = self.lab.folder / "draft.yaml"
        draft.write_text(config.policy_yaml().replace("simplesaml", "no-such-provider"))
        status, _, errors = programs.fasctl_status(self.lab, "policy", "check", draft, "--config",
                                                   self.lab.fas / "fasd.yaml")
        self.assertNotEqual(status, 0)
        self.assertIn("no-such-provider", errors)
        self.assertEqual(self.digest(), old)

    def explain(self, user):
        return self.fasctl_json("policy", "explain", "--user", user, "--host", VDA1, "--storefront", STOREFRONT, "--idp",
                                "lab-idp")

    def test_explain_says_what_the_decision_would_be_and_why(self):
        self.assertEqual(self.explain("alice@corp.example.com")["verdict"], "allow")
        for user, reason in (("erin", "policy_no_rule"), ("dana", "policy_privileged")):
            with self.subTest(user):
                told = self.explain(user + "@corp.example.com")
                self.assertEqual((told["verdict"], told["reason"]), ("deny", reason))
                self.assertTrue(told["rules"][0]["because"])

    def test_a_ticket_is_decided_again_when_it_is_redeemed(self):
        ticket = self.ticket("alice")
        self.write(config.policy_yaml().replace("VDI Users", "Domain Guests"))
        self.fasctl("policy", "reload")
        self.assertDenied(self.redeem(ticket), "policy_no_rule")

    def test_under_a_rule_that_says_so_a_host_presents_the_response_itself(self):
        self.write(config.policy_yaml().replace("    storefronts: [", "    front_end: host\n    # storefronts: ["))
        self.fasctl("policy", "reload")
        body = {"saml_response": self.response(), "csr": api.new_csr()[1]}
        first, again = (self.client("host").post("/v1/certificates", body) for _ in range(2))
        self.assertEqual((first.status, again.status), (201, 201), first)
        self.assertEqual(first.json["certificate"], again.json["certificate"])
        self.assertProblem(self.client("host2").post("/v1/certificates", {**body, "csr": api.new_csr()[1]}), 409,
                           "assertion_used")
        self.assertDenied(self.logon("alice"), "policy_no_rule")

    def test_under_a_rule_for_pools_any_host_of_the_rule_redeems_and_only_one(self):
        self.write(config.policy_yaml() + "    ticket: pool\n")
        self.fasctl("policy", "reload")
        ticket = self.ticket("alice", host=VDA1)
        self.assertEqual(self.redeem(ticket, caller="host2").status, 201)
        self.assertProblem(self.redeem(ticket), 409, "ticket_used")

    def test_a_rule_that_denies_stops_the_search(self):
        sid = self.account("alice")["sid"]
        deny = f"  - name: no-alice\n    deny: true\n    identity_providers: [lab-idp]\n    hosts: [\"*\"]\n" \
               f"    storefronts: [\"*\"]\n    users: {{ sids: [{sid}] }}\n"
        self.write(config.policy_yaml().replace("rules:\n", "rules:\n" + deny))
        self.fasctl("policy", "reload")
        self.assertDenied(self.logon("alice"), "policy_denied_by_rule")
        self.assertEqual(self.logon("grace").status, 201)

    def test_a_privileged_account_logs_on_where_a_rule_names_it(self):
        dana = self.account("dana")["sid"]
        self.write(config.policy_yaml().replace("users:\n", f"users:\n      privileged: [{dana}]\n"))
        self.fasctl("policy", "reload")
        self.assertEqual(self.logon("dana").status, 201)

    def test_a_password_that_has_aged_is_denied_where_the_rule_says_so(self):
        self.write(config.policy_yaml() + "    expired_password: deny\n")
        self.fasctl("policy", "reload")
        self.assertDenied(self.logon("heidi"), "policy_password_expired")
        self.assertEqual(self.logon("alice").status, 201)

    def test_a_group_that_nobody_knows_denies(self):
        self.write(config.policy_yaml().replace("VDI Users", "No Such Group"))
        self.fasctl("policy", "reload")
        self.assertDenied(self.logon("alice"), "policy_group_unresolved")
