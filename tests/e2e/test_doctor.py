"""fasctl doctor: each check finds what is broken in exactly its way, and its remedy makes the finding go."""


from lab import pki, proc, programs
from lab.layout import DOMAIN

from doctor import DC, DoctorCase


class DoctorOnControllers(DoctorCase):
    def test_controllers_known_by_nobody(self):
        """Found by SRV records, and the machine asks a name server that is none."""
        conf, resolv = self.lab.fas / "fasd.yaml", self.lab.etc / "resolv.conf"
        answering = resolv.read_bytes()
        self.addCleanup(self.fasd_anew)
        for path in (conf, resolv):
            self.addCleanup(path.write_bytes, path.read_bytes())
        conf.write_bytes(conf.read_bytes().replace(f"    controllers: [{DC}]\n".encode(), b""))
        resolv.write_bytes(b"nameserver 127.88.255.254\noptions timeout:1 attempts:1\n")
        proc.stop(self.lab, "fasd")
        programs.launch_fasd(self.lab)
        self.await_doctor(self.lab)
        finding = self.see("controllers_known", DOMAIN)
        self.assertIn("resolv.conf", finding["remedy"][1]["command"])
        resolv.write_bytes(answering)
        proc.wait_for(lambda: not self.findings("controllers_known"), 30, "the keeper's next look")

    def fasd_anew(self):
        proc.stop(self.lab, "fasd")
        programs.start_fasd(self.lab)

    def test_controller_away_and_started_again(self):
        proc.stop(self.lab, "samba")
        self.cure("controller_away", DC)

    def test_controller_clock_that_is_three_minutes_ahead(self):
        self.fake_clock("+3m")
        self.cure("controller_clock", DC, "ahead")

    def test_ldap_signing_that_is_not_required(self):
        self.samba_setting("ldap server require strong auth = no")
        self.cure("ldap_signing", DC)

    def test_ldap_channel_binding_that_is_not_required(self):
        self.samba_setting("ldap server require strong auth = allow_sasl_over_tls")
        self.cure("ldap_channel_binding", DC)
