"""fasctl doctor: each check finds what is broken in exactly its way, and its remedy makes the finding go."""


from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from lab import pki, proc, programs
from lab.layout import DOMAIN

from doctor import DC, DoctorCase, ROOTS_DN, SAM


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


class DoctorOnCertificates(DoctorCase):
    """The controller's own, each with one thing wrong."""

    def issue(self, issuer=None, names=(DC,), usages=(pki.EKU_KDC, ExtendedKeyUsageOID.SERVER_AUTH), days=365, key=None):
        key = key or pki.new_key()
        certificate = (issuer or pki.Authority.load(self.lab.pki, "dcroot")).issue(
            pki.name(DC), key.public_key(), days, [
                (pki.usage("digital_signature", "key_encipherment"), True),
                (x509.ExtendedKeyUsage(list(usages)), False),
                (x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)])
        self.controller_certificate(certificate, key)

    def test_controller_certificate_that_is_not_there(self):
        self.keep_conf()
        self.dc.sh("sed -i 's/^tls enabled = yes/tls enabled = no/' /etc/samba/smb.conf")
        self.dc.restart()
        self.cure("controller_certificate", DC)

    def test_controller_certificate_life_that_ends_within_the_month(self):
        self.issue(days=20)
        self.cure("controller_certificate_life", DC, "ends at")

    def test_controller_certificate_life_that_has_ended(self):
        self.issue(days=0)
        self.cure("controller_certificate_life", DC, "end")

    def test_controller_certificate_purpose_without_kdc_authentication(self):
        self.issue(usages=[ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        self.cure("controller_certificate_purpose", DC, "KDC authentication")

    def test_controller_certificate_name_of_another_machine(self):
        self.issue(names=["dc2." + DOMAIN])
        self.cure("controller_certificate_name", DC)

    def test_controller_certificate_key_of_1024_bits(self):
        self.issue(key=rsa.generate_private_key(65537, 1024))
        self.cure("controller_certificate_key", DC, "2048")

    def test_controller_certificate_chain_to_a_root_that_nobody_has(self):
        self.dc.sh(f"ldbdel -H {SAM} 'CN=lab-dcroot,{ROOTS_DN}'")
        self.addCleanup(self.restore_root)
        self.cure("controller_certificate_chain", DC)

    def restore_root(self):
        root = pki.Authority.load(self.lab.pki, "dcroot").certificate
        self.dc.sh(f"for dn in $(ldbsearch -H {SAM} -b '{ROOTS_DN}' '(cn=dcroot-*)' dn | sed -n 's/^dn: //p' | tr ' ' '~'); "
                   f"do ldbdel -H {SAM} \"$(echo $dn | tr '~' ' ')\"; done")
        self.publish_authority("lab-dcroot", root)

    def test_controller_certificate_ntauth_that_lacks_its_issuer(self):
        other = pki.Authority.new_root("Another Root of Controllers")
        self.issue(issuer=other)
        self.cure("controller_certificate_ntauth", DC, "Another Root")
