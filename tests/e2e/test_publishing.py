"""Publishing in the directory: what the service may write it writes, what it may not an administrator imports, and
certificates name the directory only while the CRL lies there."""

import base64
import json
import re
import shlex

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtensionOID

from lab import dc, namespace, pki, proc, programs
from lab.layout import BASE_DN, DC, LabError, write

from case import LabCase

OK, DEFECT = 0, 4
SERVICES = f"CN=Public Key Services,CN=Services,CN=Configuration,{BASE_DN}"
CONTAINER = f"CN=fas1,CN=CDP,{SERVICES}"
CRL = f"CN=main-1,{CONTAINER}"
NTAUTH = f"CN=NTAuthCertificates,{SERVICES}"
AIA = f"CN=CORP Federated Logon CA,CN=AIA,{SERVICES}"
AUTHORITIES = f"CN=Lab Offline Root,CN=Certification Authorities,{SERVICES}"
LDAP_URL = (f"ldap:///{CRL}?certificateRevocationList?base?objectClass=cRLDistributionPoint").replace(" ", "%20")


class Directory(LabCase):
    """A lab whose signer.yaml has ldap_cdp, and whose fasd.yaml has publish."""

    publish_section = None

    @classmethod
    def setUpClass(cls):
        cls.saved = {name: (cls.lab.fas / name).read_text() for name in ("signer.yaml", "fasd.yaml")}
        cls.configure(cls.saved["signer.yaml"].replace("    backdate:", f"    ldap_cdp: {CONTAINER}\n    backdate:"),
                      cls.saved["fasd.yaml"] + cls.publish_section)

    @classmethod
    def tearDownClass(cls):
        cls.configure(cls.saved["signer.yaml"], cls.saved["fasd.yaml"])

    @classmethod
    def configure(cls, signer, fasd):
        (cls.lab.fas / "signer.yaml").write_text(signer)
        (cls.lab.fas / "fasd.yaml").write_text(fasd)
        programs.restart(cls.lab, "fas-signer")
        programs.restart(cls.lab, "fasd")

    def setUp(self):
        self.clear()
        self.addCleanup(self.clear)

    def clear(self):
        """The directory as it was before anything was published."""
        proc.wait_for(self.is_cleared, 30, "nothing of what is published in the directory")
        self.verify()

    def is_cleared(self):
        """Again, if the service has put its CRL back between: without the container it cannot."""
        names = "".join(f"(distinguishedName={dn})" for dn in (CRL, CONTAINER, NTAUTH, AIA, AUTHORITIES))
        found = self.ldb("ldbsearch", "-o", "ldif-wrap=no", "-b", SERVICES, f"(|{names})", "dn")
        there = re.findall("^dn: (.*)$", found, re.M)
        for dn in sorted(there, key=len, reverse=True):
            try:
                self.ldb("ldbdel", "--recursive", dn)
            except LabError:
                return False
        return not there

    # ---- the administrator of the forest ----

    def ldb(self, tool, *words):
        """On the domain controller itself."""
        return proc.run([tool, "-H", self.lab.run / "dc/private/sam.ldb", *words])

    def as_administrator(self, *words, stdin=None):
        """By LDAP, as from anywhere."""
        password = write(self.lab.folder / "administrator.bare",
                         (self.lab.folder / "administrator.password").read_text().strip(), 0o600)
        argv = [*words, "-x", "-H", f"ldaps://{DC}", "-D", "Administrator@corp.example.com", "-y", password]
        return proc.run(namespace.enter(self.lab, ["env", f"LDAPTLS_CACERT={self.lab.pki / 'dcroot.crt'}", *argv]))

    def import_ldif(self, text):
        self.as_administrator("ldapmodify", "-f", write(self.lab.folder / "import.ldif", text))

    def read(self, dn, attribute):
        """The attribute's values, None when there is no such object."""
        done = self.ldb("ldbsearch", "-b", SERVICES, f"(distinguishedName={dn})", attribute)
        if "dn: " not in done:
            return None
        found = self.as_administrator("ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-s", "base", "-b", dn, attribute)
        return [base64.b64decode(value) for value in re.findall(rf"^{attribute}:: (.*)$", found, re.M)]

    def grant(self, printed):
        """The command that was printed for Samba, as it was printed."""
        line, = (line for line in printed.splitlines() if "samba-tool dsacl set" in line)
        words = shlex.split(line.lstrip("# "))
        proc.run([*words, "-H", self.lab.run / "dc/private/sam.ldb", "--configfile",
                  self.lab.run / "dc/etc/smb.conf"])

    # ---- the service ----

    def publish(self):
        status, out, errors = programs.fasctl_status(self.lab, "publish", "--json")
        self.assertIn(status, (OK, DEFECT), errors)
        return status, {one["place"]: one for one in json.loads(out)["objects"]}

    def verify(self):
        status, out, errors = programs.fasctl_status(self.lab, "crl", "verify", "--json")
        self.assertIn(status, (OK, DEFECT), errors)
        places = [place for link in json.loads(out)["links"] for place in link["places"]]
        return status, {place["url"]: place for place in places}

    def finding(self):
        _, out, _ = programs.fasctl_status(self.lab, "status", "--json")
        return [one for one in json.loads(out)["findings"] if "in the directory" in one["what"]]

    def metric(self, dn):
        text = self.ops().get("/metrics").body.decode()
        return int(re.search(rf'^fas_directory_object_up{{object="{re.escape(dn)}"}} (\d)$', text, re.M).group(1))

    def crl_file(self):
        return (self.lab.fas / "public/crl/main-1.crl").read_bytes()

    def in_ntauth(self):
        """Since when the signer believes the authority to stand there; None: it does not."""
        return self.current().get("in_ntauth")

    def current(self):
        at, = (one for one in self.fasctl_json("ca", "list")["authorities"] if one["state"] == "current")
        return at

    def add_ntauth(self, *certificates):
        self.import_ldif("\n".join([
            f"dn: {NTAUTH}", "changetype: add", "objectClass: certificationAuthority",
            *(f"cACertificate:: {base64.b64encode(one).decode()}" for one in certificates),
            "certificateRevocationList:: AA==", "authorityRevocationList:: AA==", ""]))

    def places_in(self, certificate):
        point, = certificate.extensions.get_extension_for_oid(ExtensionOID.CRL_DISTRIBUTION_POINTS).value
        return [name.value for name in point.full_name]

    def certificate(self, name):
        return x509.load_pem_x509_certificate((self.lab.pki / name).read_bytes()).public_bytes(Encoding.DER)


class Publishing(Directory):
    publish_section = "publish: { each: 1h, places: [cdp, aia, authorities, ntauth] }\n"

    def test_what_the_account_may_not_write_is_said_and_an_administrators_import_clears_it(self):
        status, objects = self.publish()
        self.assertEqual((status, set(objects)), (DEFECT, {"cdp", "aia", "authorities", "ntauth"}))
        self.assertEqual({one["reason"] for one in objects.values()}, {"ldap_rights"}, objects)
        self.assertTrue(self.finding())
        self.assertEqual(self.metric(NTAUTH), 0)

        self.import_ldif(self.fasctl("publish", "--ldif"))
        self.assertEqual(self.publish()[0], OK)
        self.assertEqual(self.finding(), [])
        self.assertEqual(self.metric(NTAUTH), 1)
        self.assertIn("Nothing is missing", self.fasctl("publish", "--ldif"))

        self.assertEqual(self.read(CRL, "certificateRevocationList"), [self.crl_file()])
        self.assertEqual(self.read(NTAUTH, "cACertificate"), [self.certificate("logon-ca.crt")])
        self.assertEqual(self.read(AIA, "cACertificate"), [self.certificate("logon-ca.crt")])
        self.assertEqual(self.read(AUTHORITIES, "cACertificate"), [self.certificate("logon-root.crt")])

    def test_what_others_have_in_ntauth_stays(self):
        _, other = pki.issue_self_signed("Another CA")
        der = other.public_bytes(Encoding.DER)
        self.add_ntauth(der)
        ldif = self.fasctl("publish", "--ldif")
        self.assertIn("changetype: modify\nadd: cACertificate", ldif)
        self.import_ldif(ldif)
        self.assertEqual(sorted(self.read(NTAUTH, "cACertificate")), sorted([der, self.certificate("logon-ca.crt")]))

    def test_since_when_the_authority_stands_in_ntauth_is_noted_until_it_is_gone(self):
        self.fasctl("ca", "ntauth-seen", "--gone")
        self.publish()
        self.assertIsNone(self.in_ntauth())
        self.import_ldif(self.fasctl("publish", "--ldif"))
        self.publish()
        self.assertIsNotNone(self.in_ntauth())
        self.clear()
        self.publish()
        self.assertIsNone(self.in_ntauth())

    def renew(self):
        """A second certificate of the same key waits for its switch; returns it."""
        csr, chain = self.lab.folder / "renewal.csr", self.lab.folder / "renewal.pem"
        root = pki.Authority.load(self.lab.pki, "logon-root")
        self.fasctl("ca", "csr", "--renewal", "--out", csr)
        certificate = pki.sign_subordinate(root, csr.read_bytes(), publish_url=self.lab.publish_url)
        write(chain, pki.pem(certificate) + pki.pem(root.certificate))
        self.fasctl("ca", "install", "--chain", chain, "--root", self.lab.pki / "logon-root.crt")
        number = self.current()["generation"]
        self.addCleanup(self.fasctl, "ca", "retire", "--generation", str(number), "--renewal")
        return certificate

    def test_a_renewed_certificate_is_published_before_its_switch_and_its_sighting_is_noted(self):
        renewed = self.renew()
        self.assertNotIn("in_ntauth", self.current()["renewal"])
        self.import_ldif(self.fasctl("publish", "--ldif"))
        self.assertEqual(self.publish()[0], OK)
        self.assertEqual(sorted(self.read(NTAUTH, "cACertificate")),
                         sorted([renewed.public_bytes(Encoding.DER), self.certificate("logon-ca.crt")]))
        self.assertIn("in_ntauth", self.current()["renewal"])
        self.clear()
        self.publish()
        self.assertNotIn("in_ntauth", self.current()["renewal"])
        self.assertIsNone(self.in_ntauth())

    def test_with_the_printed_grant_the_service_writes_its_crl_and_nothing_else(self):
        ldif = self.fasctl("publish", "--ldif")
        self.import_ldif(f"dn: {CONTAINER}\nchangetype: add\nobjectClass: container\n")
        self.grant(ldif)
        _, objects = self.publish()
        self.assertTrue(objects["cdp"]["ok"], objects)
        self.assertEqual({objects[name]["reason"] for name in ("aia", "authorities", "ntauth")}, {"ldap_rights"})
        self.assertEqual(self.read(CRL, "certificateRevocationList"), [self.crl_file()])

        old = self.crl_file()
        self.fasctl("crl", "publish")
        self.assertEqual(self.read(CRL, "certificateRevocationList"), [old])  # on schedule, or when it is asked for
        self.publish()
        self.assertNotEqual(self.crl_file(), old)
        self.assertEqual(self.read(CRL, "certificateRevocationList"), [self.crl_file()])

    def test_a_certificate_names_the_directory_only_while_the_crl_lies_there(self):
        _, _, before = self.session()
        self.assertEqual(len(self.places_in(before)), 1)

        self.import_ldif(self.fasctl("publish", "--ldif"))
        self.publish()
        self.assertTrue(self.verify()[1][LDAP_URL]["ok"])
        session, key, with_directory = self.session()
        self.assertEqual(self.places_in(with_directory)[1:], [LDAP_URL])
        self.assertTrue(self.places_in(with_directory)[0].startswith("http://"))
        self.kinit(session, key)

        self.ldb("ldbdel", CRL)
        self.assertEqual(self.verify()[1][LDAP_URL]["reason"], "ldap_no_object")
        _, _, after = self.session()
        self.assertEqual(len(self.places_in(after)), 1)

    def test_while_the_directory_has_the_crl_a_missing_file_is_a_warning(self):
        self.import_ldif(self.fasctl("publish", "--ldif"))
        file = self.lab.fas / "public/crl/main-1.crl"
        self.addCleanup(self.fasctl, "crl", "publish")
        file.unlink()
        for _ in range(2):
            status, places = self.verify()
        broken = [place for url, place in places.items() if url.endswith("/crl/main-1.crl")]
        self.assertEqual((status, [place["reason"] for place in broken]), (DEFECT, ["http_status"]))
        self.assertTrue(places[LDAP_URL]["usable"])
        self.assertTrue(self.ops().get("/readyz").json["checks"]["revocation"]["ok"])

    def test_a_foreign_crl_in_the_directory_is_found_and_replaced(self):
        ldif = self.fasctl("publish", "--ldif")
        self.import_ldif(ldif)
        self.grant(ldif)
        foreign = pki.Authority.new_root("CORP Federated Logon CA").crl().public_bytes(Encoding.DER)
        self.import_ldif(f"dn: {CRL}\nchangetype: modify\nreplace: certificateRevocationList\n"
                         f"certificateRevocationList:: {base64.b64encode(foreign).decode()}\n")
        status, places = self.verify()
        self.assertEqual((status, places[LDAP_URL]["usable"]), (DEFECT, False))
        self.assertIn(places[LDAP_URL]["reason"], ("crl_wrong_issuer", "crl_wrong_signature"))
        _, _, certificate = self.session()
        self.assertEqual(len(self.places_in(certificate)), 1)
        self.assertEqual(self.publish()[0], OK)
        self.assertEqual(self.verify()[0], OK)
        self.assertEqual(self.read(CRL, "certificateRevocationList"), [self.crl_file()])


class OnSchedule(Directory):
    """publish: each: 1s."""

    publish_section = "publish: { each: 1s, places: [cdp] }\n"

    def setUp(self):
        super().setUp()
        ldif = self.fasctl("publish", "--ldif")
        self.import_ldif(f"dn: {CONTAINER}\nchangetype: add\nobjectClass: container\n")
        self.grant(ldif)

    def await_published(self):
        proc.wait_for(lambda: self.read(CRL, "certificateRevocationList") == [self.crl_file()], 30,
                      "the CRL in the directory, by itself")

    def test_the_present_crl_comes_into_the_directory_by_itself(self):
        self.await_published()
        self.fasctl("crl", "publish")
        self.await_published()

    def test_ntauth_is_looked_at_also_where_it_is_not_published_to(self):
        self.fasctl("ca", "ntauth-seen", "--gone")
        self.add_ntauth(self.certificate("logon-ca.crt"))
        proc.wait_for(lambda: self.in_ntauth() is not None, 30, "the authority's certificate seen in NTAuth")

    def test_a_domain_controller_that_is_away_is_an_alarm_until_it_is_back(self):
        self.await_published()
        proc.stop(self.lab, "samba")
        try:
            proc.wait_for(self.finding, 60, "fasctl status: the directory cannot be published to")
        finally:
            dc.start(self.lab)
            dc.wait_ready(self.lab)
        proc.wait_for(lambda: not self.finding(), 60, "fasctl status: published again")
        proc.wait_for(lambda: programs.is_ready(self.lab), 60, "/readyz with the domain controller back")
