"""The service CA is renewed before it ends: who took its new certificate goes on beyond the end of the old one."""

import datetime
import json
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

import test_audit
from lab import proc, programs
from lab.agent import Agent
from lab.layout import VDA1, LabError

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
        before = self.begun()
        self.start(self.environment)
        proc.wait_for(lambda: self.begun() > before, TAKEN_S, "fasd to serve, or to wait for a certificate")

    def begun(self):
        return sum(self.log("fasd").count(f"event={event} ") for event in ("started", "waiting_for_signer"))

    def join(self, name):
        agent = Agent(self.lab, VDA1, name)
        agent.enroll(**self.environment)
        return agent

    def renew(self):
        """The remedy, and fasd shows what it has brought."""
        file = self.lab.folder / "service-ca.pem"
        self.fasctl("ca", "renew-service", "--out", file)
        new = x509.load_pem_x509_certificate(file.read_bytes())
        proc.wait_for(lambda: self.is_shown(new), TAKEN_S, "fasd to show the renewed certificate")
        return new

    def is_shown(self, certificate):
        try:
            return programs.find_service_ca(self.lab, certificate.fingerprint(hashes.SHA256()).hex())
        except LabError:
            return None

    def anchor(self, agent):
        return x509.load_pem_x509_certificate((agent.folder / "state" / "service-ca.pem").read_bytes())

    def what_is_said(self):
        """What `fasctl status` says of the end: its alarm, and the lines for people."""
        status = json.loads(programs.fasctl_status(self.lab, "status", "--json")[1])
        ends = [end for end in status["signer"]["ends"] if end["what"] == "service_ca"]
        return ends[0]["alarm"], programs.fasctl_status(self.lab, "status")[1]

    def log(self, name):
        return (self.lab.log / f"{self.lab.process(name)}.log").read_text()

    def public_key(self, certificate):
        return certificate.public_key().public_bytes(serialization.Encoding.DER,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo)

    def test_hosts_that_renew_in_time_go_on_and_one_that_does_not_is_out(self):
        self.begin_at(-60)
        timely, late = self.join("agent-timely"), self.join("agent-late")
        self.assertEqual(self.what_is_said()[0], 1)
        self.begin_at(-20)
        self.assertEqual(self.what_is_said()[0], 2)
        self.begin_at(-5)
        alarm, text = self.what_is_said()
        self.assertEqual(alarm, 3)
        self.assertIn("fasctl ca renew-service", text)
        self.assertIn('fas_end_alarm{what="service_ca",name="service-1"} 3\n', self.ops().get("/metrics").body.decode())
        proc.wait_for(lambda: "event=ends_soon what=service_ca" in self.log("fas-signer"), TAKEN_S, "the log")
        self.assertEqual(self.anchor(timely), self.old)

        new = self.renew()
        alarm, text = self.what_is_said()
        self.assertEqual((alarm, "renew-service" in text), (0, False))
        self.assertEqual((self.public_key(new), new.subject), (self.public_key(self.old), self.old.subject))
        self.assertIn("event=service_ca_taken", self.log("fasd"))

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

    def test_one_that_has_ended_is_renewed_and_machines_join_anew(self):
        self.begin_at(-60)
        before = self.join("agent-before")
        self.begin_at(10)
        self.assertEqual(self.what_is_said()[0], 4)
        self.assertNotEqual(before.run("renew", **self.environment)[0], 0)
        self.renew()
        self.assertEqual(self.what_is_said()[0], 0)
        self.assertNotEqual(before.run("renew", **self.environment)[0], 0)
        before.enroll(**self.environment)
        before.must("renew", **self.environment)
