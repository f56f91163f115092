"""The service CA is renewed before it ends: who took its new certificate goes on beyond the end of the old one."""

import datetime
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import serialization

import test_audit
from lab import proc, programs
from lab.agent import Agent
from lab.layout import VDA1

DAY_S = 86400
TAKEN_S = 20


class Renewal(test_audit.Databases):
    """The clocks of both services and of the hosts are set to days before and behind its end; the databases are put back."""

    def setUp(self):
        super().setUp()
        self.old = x509.load_pem_x509_certificate((self.lab.pki / "service-ca.crt").read_bytes())
        self.environment = {}

    def begin_at(self, days):
        """So many days behind the end of the service CA that the lab began with."""
        end = self.old.not_valid_after.replace(tzinfo=datetime.timezone.utc)
        offset_s = int(end.timestamp() - time.time()) + days * DAY_S
        self.environment = {**test_audit.FAKETIME, "FAKETIME": f"{offset_s:+d}"}
        self.stop()
        self.start(self.environment)

    def join(self, name):
        agent = Agent(self.lab, VDA1, name)
        agent.enroll(**self.environment)
        return agent

    def anchor(self, agent):
        return x509.load_pem_x509_certificate((agent.folder / "state" / "service-ca.pem").read_bytes())

    def what_is_said(self):
        """What `fasctl status` says of the end: its alarm, and the lines for people."""
        status = json.loads(programs.fasctl_status(self.lab, "status", "--json")[1])
        ends = [end for end in status["signer"]["ends"] if end["what"] == "service_ca"]
        return ends[0]["alarm"], programs.fasctl_status(self.lab, "status")[1]

    def is_taken(self):
        return "event=service_ca_taken" in (self.lab.log / f"{self.lab.process('fasd')}.log").read_text()

    def public_key(self, certificate):
        return certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo)

    def test_hosts_that_renew_in_time_go_on_and_one_that_does_not_is_out(self):
        self.begin_at(-60)
        timely, late = self.join("agent-timely"), self.join("agent-late")
        alarm, text = self.what_is_said()
        self.assertEqual(alarm, 1)
        self.assertIn("fasctl ca renew-service", text)
        self.assertEqual(self.anchor(timely), self.old)

        self.fasctl("ca", "renew-service", "--out", self.lab.folder / "service-ca.pem")
        new = x509.load_pem_x509_certificate((self.lab.folder / "service-ca.pem").read_bytes())
        alarm, text = self.what_is_said()
        self.assertEqual((alarm, "renew-service" in text), (0, False))
        self.assertEqual((self.public_key(new), new.subject), (self.public_key(self.old), self.old.subject))
        proc.wait_for(self.is_taken, TAKEN_S, "fasd to take the renewed certificate")

        joining = self.join("agent-joining")  # by a token that names the new certificate
        self.assertEqual(self.anchor(joining), new)
        timely.must("renew", **self.environment)  # it knows the old one until now
        self.assertEqual(self.anchor(timely), new)

        self.begin_at(10)
        timely.must("renew", **self.environment)
        joining.must("renew", **self.environment)
        status, _, errors = late.run("renew", **self.environment)
        self.assertNotEqual(status, 0)
        self.assertIn("server_untrusted", errors)
