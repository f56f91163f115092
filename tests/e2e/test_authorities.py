"""Two authorities at one node: what befalls one of them stops nobody who is served by the other."""

import json

from lab import api, config, pki, proc, programs
from lab.layout import DOMAIN, FAS2, VDA1, VDA2, write

from test_ca_keys import KeysCase

SECOND = f"""\
  - name: second
    publish_urls: [http://{FAS2}]
    common_name: Second Logon CA
"""
BACK_S = 30


class Two(KeysCase):
    """VDA1 is served by main, VDA2 by second."""

    def setUp(self):
        self.start(SECOND)
        self.make_second()
        self.write_policy()
        fasd = self.node.fas / "fasd.yaml"
        fasd.write_text(fasd.read_text() + "watchdog: { each: 1s, on_failure: stop }\n")
        programs.restart(self.node, "fasd")

    def make_second(self):
        root = pki.Authority.load(self.lab.pki, "logon-root")
        csr, chain = self.node.pki / "second.csr", self.node.pki / "second.pem"
        programs.fasctl(self.node, "ca", "init", "--authority", "second", "--out", csr)
        certificate = pki.sign_subordinate(root, csr.read_bytes(), "second-1", publish_url=self.node.publish_url)
        write(chain, pki.pem(certificate) + pki.pem(root.certificate))
        programs.fasctl(self.node, "ca", "install", "--authority", "second", "--chain", chain,
                        "--root", self.node.pki / "logon-root.crt", "--root-crl", self.node.pki / "logon-root.crl")

    def write_policy(self):
        text = config.policy_yaml()
        rule = text.partition("rules:\n")[2]
        other = rule.replace("name: vdi-users", "name: vdi-second").replace("authority: main", "authority: second")
        other = other.replace(f'"*.vdi.{DOMAIN}"', VDA2)
        (self.node.fas / "policy.d" / "lab.yaml").write_text(f"rules:\n{other}{rule}")

    # ---- what is asked ----

    def ops(self):
        return api.Client(self.node.ops_url, None)

    def fasctl(self, *words):
        return programs.fasctl(self.node, *words)

    def fasctl_json(self, *words):
        return programs.fasctl_json(self.node, *words)

    def revocation(self):
        return self.ops().get("/readyz").json["checks"]["revocation"]

    def ask(self, host):
        response = self.response("alice", recipient=self.node.acs_url, destination=self.node.acs_url)
        return self.storefront().post("/v1/logons", {"saml_response": response, "host": host})

    def redeem_at(self, stem, ticket):
        files = (self.node.pki / name for name in ("service-ca.crt", f"{stem}.crt", f"{stem}.key"))
        return api.Client(self.node.api_url, *files).post("/v1/certificates", {"ticket": ticket, "csr": api.new_csr()[1]})


    def test_an_authority_whose_list_is_gone_is_stopped_and_the_other_one_issues(self):
        ticket = self.ask(VDA2).json["ticket"]
        (self.node.fas / "public/crl/second-1.crl").unlink()
        proc.wait_for(lambda: not self.revocation()["ok"], BACK_S, "/readyz: the list that is gone")
        self.assertIn("logons under authority second fail, and nothing is issued there", self.revocation()["message"])
        self.assertRefused(self.ask(VDA2), 503, "unavailable", "revocation_unreachable")
        self.assertRefused(self.redeem_at("host2", ticket), 503, "unavailable", "revocation_unreachable")
        self.assertEqual(self.redeem_at("host", self.ask(VDA1).json["ticket"]).status, 201)
        status = json.loads(programs.fasctl_status(self.node, "status", "--json")[1])
        self.assertEqual(status["fasd"]["revocation"]["stopped"], ["second"])
        stopped = [one["what"] for one in status["findings"] if "stopped issuing" in one["what"]]
        self.assertEqual(stopped, ["the watchdog has stopped issuing under authority second"])

        self.fasctl("crl", "publish")
        proc.wait_for(lambda: self.revocation()["ok"], BACK_S, "/readyz: the list is back")
        self.assertEqual(self.redeem_at("host2", ticket).status, 201)
        self.assertEqual(self.redeem_at("host2", self.ask(VDA2).json["ticket"]).status, 201)

    def test_a_list_of_the_root_above_both_stops_both(self):
        for name in ("main-1-root", "second-1-root"):
            (self.node.fas / f"public/crl/{name}.crl").unlink()
        proc.wait_for(lambda: not self.revocation()["ok"] and "main, second" in self.revocation()["message"], BACK_S,
                      "/readyz: nobody can be served")
        for host in (VDA1, VDA2):
            self.assertRefused(self.ask(host), 503, "unavailable", "revocation_unreachable")
        self.fasctl("crl", "publish")
        proc.wait_for(lambda: self.revocation()["ok"], BACK_S, "/readyz: the lists are back")
        self.assertEqual(self.redeem_at("host", self.ask(VDA1).json["ticket"]).status, 201)
