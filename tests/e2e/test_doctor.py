"""fasctl doctor: each check finds what is broken in exactly its way, and its remedy makes the finding go."""

import base64
import datetime
import inspect
import os
import re
import shutil

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from lab import config, lifecycle, pki, proc, programs
from lab.layout import DOMAIN, FOREIGN_SUFFIX, NETBIOS, SecondNode, write
from lab.people import ticks

from doctor import BASE_DN, DC, DoctorCase, NTAUTH_DN, PKI_DN, ROOTS_DN, SAM, SERVICE_DN, der, person

CRL_URL, CA_URL = "http://pki.corp.example.com/crl/main-1", "http://pki.corp.example.com/ca/main-1"


class DoctorAtWork(DoctorCase):
    def test_it_says_what_it_looks_at(self):
        listed = self.fasctl_json("doctor", "--list")["checks"]
        self.assertGreaterEqual(len(listed), 20)
        made = [check["name"] for check in self.diagnose()["checks"]]
        self.assertEqual(made, [check["name"] for check in listed])

    def test_each_check_has_a_case_that_breaks_the_domain_in_its_way(self):
        """By its name, and by what it does: it sees this check's finding, and pastes what was printed."""
        here = [case for case in globals().values() if isinstance(case, type) and issubclass(case, DoctorCase)]
        checks = [check["name"] for check in self.fasctl_json("doctor", "--list")["checks"]]
        proved = set()
        for case, name in ((case, name) for case in here for name in dir(case) if name.startswith("test_")):
            check = max((check for check in checks if name.startswith(f"test_{check}_")), key=len, default=None)
            if check and re.search(rf"(cure|see|findings)\(\"{check}\"", self.text_of(case, name)):
                if re.search(r"self\.(cure|apply|on_this_machine)\(", self.text_of(case, name)):
                    proved.add(check)
        self.assertEqual([check for check in checks if check not in proved], [])

    def text_of(self, case, name):
        """Of a case, with what it calls that stands in this file beside it."""
        text = inspect.getsource(getattr(case, name))
        called = {one for one in re.findall(r"self\.(\w+)\(", text) if one in vars(case)}
        return text + "".join(inspect.getsource(getattr(case, one)) for one in sorted(called))

    def test_checks_can_be_chosen_and_left_out(self):
        self.assertEqual([c["name"] for c in self.diagnose("--only", "ldap_signing")["checks"]], ["ldap_signing"])
        self.assertNotIn("ldap_signing", [c["name"] for c in self.diagnose("--skip", "ldap_signing")["checks"]])

    def test_a_check_that_is_not_there_is_refused_with_the_nearest_one(self):
        status, _, errors = programs.fasctl_status(self.lab, "doctor", "--only", "ldap_singing")
        self.assertEqual(status, 1)
        self.assertIn('"ldap_signing"', errors)

    def test_a_person_gets_what_it_means_and_what_to_do(self):
        self.modify(BASE_DN, "replace: ms-DS-MachineAccountQuota", "ms-DS-MachineAccountQuota: 10")
        self.addCleanup(self.modify, BASE_DN, "replace: ms-DS-MachineAccountQuota", "ms-DS-MachineAccountQuota: 0")
        status, out, _ = programs.fasctl_status(self.lab, "doctor", "--only", "machine_quota")
        self.assertEqual(status, 4)
        for word in (f"FINDING  machine_quota: {DOMAIN}", "  what     ", "  meaning  ", "  remedy, on a domain controller:",
                     "    ldbmodify -H", "1 checks: 0 good, 1 with findings (1), 0 not made"):
            self.assertIn(word, out)

    def test_a_diagnosis_is_on_record(self):
        self.diagnose("--only", "ldap_signing")
        self.assertIn("doctor_run", self.fasctl("audit", "tail", "--limit", "5", "--json"))

    def test_a_name_that_is_shell_is_pasted_as_a_name(self):
        """Whoever may name accounts must not get what he wrote run by whoever pastes the remedy."""
        name = "o'$(touch x)"
        self.dc.sh(f'samba-tool user create "o\'\\$(touch x)" --random-password --userou=OU=People')
        self.addCleanup(self.dc.sh, 'samba-tool user delete "o\'\\$(touch x)"')
        self.dc.sh('samba-tool group addmembers "VDI Users" "o\'\\$(touch x)"; samba-tool user disable "o\'\\$(touch x)"')
        self.cure("rule_accounts", name, "disabled")
        self.assertFalse((self.dc.folder / "x").exists())


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
        look, mend = (step["command"] for step in self.see("controllers_known", DOMAIN)["remedy"])
        self.assertIn("dig +short SRV", look)
        self.assertEqual(mend.count("ADDRESS"), 2)
        self.on_this_machine(mend.replace("ADDRESS", answering.decode().split()[1], 1))
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
        self.cure("controller_certificate_life", DC, "ended at")

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


class DoctorOnAuthorities(DoctorCase):
    def node_without_authority(self, ntauth_wait="24h"):
        """A second node; from here on it is the one that is asked."""
        node = SecondNode(self.lab)
        for name in ("fas-signer", "fasd"):
            self.addCleanup(proc.stop, node, node.process(name))
        for path in (node.run, node.pki, node.fas):
            shutil.rmtree(path, ignore_errors=True)
        node.make_folders()
        for name in lifecycle.GIVEN:
            shutil.copy(self.lab.pki / name, node.pki / name)
        config.write_all(node, programs.FASD, programs.SIGNER)
        signer = node.fas / "signer.yaml"
        signer.write_text(signer.read_text().replace("    backdate:", f"    ntauth_wait: {ntauth_wait}\n    backdate:", 1))
        programs.start_signer(node)
        programs.launch_fasd(node)
        self.await_doctor(node)
        self.of_node(node)

    def sign_authority(self, days=1825, root_days=None):
        """The offline root's part of the ceremony; first it may sign itself anew, for so many days."""
        root = pki.Authority.load(self.lab.pki, "logon-root")
        if root_days:
            root.certificate = root.issue(root.certificate.subject, root.key.public_key(), root_days, [
                (x509.BasicConstraints(True, None), True), (pki.usage("key_cert_sign", "crl_sign"), True)])
        made = pki.sign_subordinate(root, (self.here / "main.csr").read_bytes(), days=days,
                                    publish_url=self.node.publish_url)
        write(self.here / "chain.pem", pki.pem(made) + pki.pem(root.certificate))
        write(self.here / "root.pem", pki.pem(root.certificate))
        write(self.here / "root.crl", pki.pem(root.crl()))

    def test_authority_that_is_not_made_yet(self):
        self.node_without_authority()
        finding = self.see("authority", "fas-signer", "nothing can be issued")
        init, install = (step["command"] for step in finding["remedy"])
        self.on_this_machine(init)
        self.sign_authority()
        self.on_this_machine(install)
        self.assertGone("authority", "fas-signer")

    def renew(self, says, ends, mended):
        """says: each finding; ends: what sign_authority is given when it breaks the authority; mended: when it applies the
        last one's remedy.  In the lab NTAuth is waited for no time: else the last command would have to be pasted a day
        later."""
        self.node_without_authority(ntauth_wait="0s")
        init, install = (step["command"] for step in self.see("authority", "fas-signer")["remedy"])
        self.on_this_machine(init)
        self.sign_authority(**ends)
        self.on_this_machine(install)
        found = self.findings("authority_life", "main-1")
        self.assertEqual(len(found), len(says), found)
        for one, words in zip(found, says):
            self.assertIn(words, one["what"])
        remedy = found[-1]["remedy"]
        request = next(at for at, step in enumerate(remedy) if "ca csr" in step["command"])
        self.apply(remedy[:request + 1])
        self.sign_authority(**mended)
        shutil.copy(self.here / "chain.pem", self.dc.path("/root/chain.pem"))
        self.apply(remedy[request + 1:])
        self.assertGone("authority_life", "main-1")
        self.assertNotIn("main-1", [finding["subject"] for finding in self.findings("authority_ntauth")])

    def test_authority_life_that_ends_within_three_months(self):
        self.renew(["its certificate ends at"], {"days": 80}, {})

    def test_authority_life_of_a_root_that_ends_within_three_months(self):
        # an authority that outlives its root is not installed
        self.renew(["its certificate ends at", "its root ends at"], {"days": 79, "root_days": 80}, {"days": 200, "root_days": 3650})

    def of_node(self, node):
        """From here on it is the other node's fasctl that is asked."""
        self.node = node
        self.addCleanup(delattr, self, "node")

    def test_authority_ntauth_where_there_is_no_such_object(self):
        self.dc.sh(f"ldbdel -H {SAM} '{NTAUTH_DN}'")
        self.addCleanup(self.modify, NTAUTH_DN, "add: cACertificate", "cACertificate:: " + der(
            pki.Authority.load(self.lab.pki, "dcroot").certificate))
        self.cure("authority_ntauth", "main-1", "not there at all")
        notes = self.diagnose("--only", "authority_ntauth")["checks"][0]["notes"]
        self.assertIn(f"{DOMAIN}: NTAuth is as it is since {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d}",
                      notes[0][:len(DOMAIN) + 41])

    def test_authority_ntauth_that_lists_others_only(self):
        self.modify(NTAUTH_DN, "delete: cACertificate", "cACertificate:: " + der(self.logon_ca()))
        self.cure("authority_ntauth", "main-1")

    def test_authority_root_that_the_forest_does_not_trust(self):
        self.dc.sh(f"ldbdel -H {SAM} 'CN=lab-logon-root,{ROOTS_DN}'")
        self.cure("authority_root", "main-1", "Lab Offline Root")

    def test_ntauth_ended_with_an_authority_of_the_past(self):
        gone = pki.Authority.new_root("Authority of the Past", days=0).certificate
        self.modify(NTAUTH_DN, "add: cACertificate", "cACertificate:: " + der(gone))
        proc.wait_for(lambda: self.findings("ntauth_ended", DOMAIN), 10, "its end")
        self.cure("ntauth_ended", DOMAIN, "Authority of the Past")


class DoctorOnPublished(DoctorCase):
    def published(self, name):
        return self.lab.fas / "public" / name

    def put(self, name, content):
        path = self.published(name)
        write(path, content, 0o644, programs.SIGNER)

    def test_crl_reachable_nowhere(self):
        for name, url in (("crl/main-1.crl", CRL_URL), ("crl/main-1-root.crl", CRL_URL + "-root")):
            with self.subTest(name):
                self.published(name).unlink()
                self.cure("crl_reachable", url + ".crl", "404")

    def test_crl_good_only_by_its_own_authoritys_key(self):
        other = pki.Authority.load(self.lab.pki, "dcroot")
        self.put("crl/main-1.crl", crl_der(other.crl()))
        self.cure("crl_good", CRL_URL + ".crl")

    def test_crl_good_only_until_it_ends(self):
        root = pki.Authority.load(self.lab.pki, "logon-root")
        self.put("crl/main-1-root.crl", crl_der(root.crl(days=-0.001)))
        write(self.here / "root.crl", pki.pem(root.crl()))
        self.cure("crl_good", CRL_URL + "-root.crl", "nextUpdate was")

    def test_issuer_reachable_nowhere(self):
        self.published("ca/main-1.cer").unlink()
        self.cure("issuer_reachable", CA_URL + ".cer", "404")


class DoctorOnPublishedInTheDirectory(DoctorCase):
    """The CRL lies in the directory too, where the service may write it."""

    CONTAINER = f"CN=fas1,CN=CDP,{PKI_DN}"
    CRL = f"CN=main-1,{CONTAINER}"
    URL = f"ldap:///{CRL}?certificateRevocationList?base?objectClass=cRLDistributionPoint".replace(" ", "%20")

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ldb("ldbadd", f"dn: {cls.CONTAINER}\nobjectClass: container")
        cls.dc.undo.append(f"ldbdel -H {SAM} --recursive '{cls.CONTAINER}'")
        cls.dc.sh(f"samba-tool dsacl set --objectdn='{cls.CONTAINER}' "
                  f"--sddl='(A;CI;RPWPCCDCLCLO;;;{cls.lab.accounts['svc-fas']['sid']})'")
        for name, old, new in (("signer.yaml", "    backdate:", f"    ldap_cdp: {cls.CONTAINER}\n    backdate:"),
                               ("fasd.yaml", "workers:", "publish: { each: 1h, places: [cdp] }\nworkers:")):
            path = cls.lab.fas / name
            cls.addClassCleanup(cls.anew, path, path.read_text())
            cls.anew(path, path.read_text().replace(old, new, 1))

    @classmethod
    def anew(cls, path, text):
        path.write_text(text)
        programs.restart(cls.lab, "fas-signer" if path.name == "signer.yaml" else "fasd")

    def setUp(self):
        self.fasctl("publish")

    def test_crl_reachable_over_http_only(self):
        self.dc.sh(f"ldbdel -H {SAM} '{self.CRL}'")
        self.cure("crl_reachable", self.URL)

    def test_crl_good_in_the_directory(self):
        foreign = base64.b64encode(crl_der(pki.Authority.load(self.lab.pki, "dcroot").crl())).decode()
        self.modify(self.CRL, "replace: certificateRevocationList", f"certificateRevocationList:: {foreign}")
        self.cure("crl_good", self.URL)


def crl_der(crl):
    from cryptography.hazmat.primitives.serialization import Encoding
    return crl.public_bytes(Encoding.DER)


class DoctorOnDomains(DoctorCase):
    def test_functional_level_of_2003(self):
        for dn in (BASE_DN, f"CN=Partitions,CN=Configuration,{BASE_DN}"):
            self.modify(dn, "replace: msDS-Behavior-Version", "msDS-Behavior-Version: 2")
            self.addCleanup(self.modify, dn, "replace: msDS-Behavior-Version", "msDS-Behavior-Version: 4")
        self.cure("functional_level", DOMAIN)

    def test_machine_quota_of_ten(self):
        self.modify(BASE_DN, "replace: ms-DS-MachineAccountQuota", "ms-DS-MachineAccountQuota: 10")
        self.cure("machine_quota", DOMAIN, "10 computers")

    def test_upn_suffixes_that_the_forest_does_not_know(self):
        partitions = f"CN=Partitions,CN=Configuration,{BASE_DN}"
        self.modify(partitions, "delete: uPNSuffixes", f"uPNSuffixes: {FOREIGN_SUFFIX}")
        finding = self.findings("upn_suffixes", FOREIGN_SUFFIX)
        self.assertTrue(finding)
        self.apply(finding[0]["remedy"])
        self.assertGone("upn_suffixes", FOREIGN_SUFFIX)

    def raw(self, name, upn):
        """Past Samba's checks, as a migration or an old controller leaves it."""
        script = ("from lab import accounts; import sys; "
                  "accounts.Directory(sys.argv[1]).set_raw(sys.argv[2], 'userPrincipalName', sys.argv[3])")
        proc.run(["/usr/bin/python3", "-B", "-c", script, self.lab.run / "dc" / "etc" / "smb.conf", name, upn],
                 env={**os.environ, "PYTHONPATH": os.path.dirname(__file__)})

    def test_upn_collisions_with_an_implicit_name(self):
        self.addCleanup(self.raw, "mallory", "kate@" + DOMAIN)
        self.cure("upn_collisions", person("mallory"), "kate")

    def test_upn_duplicates_of_one_name(self):
        self.raw("frank", "alice@" + DOMAIN)
        self.addCleanup(self.raw, "frank", "frank@" + FOREIGN_SUFFIX)
        self.cure("upn_duplicates", person("frank"), "alice@")

    def test_certificate_mappings_that_name_the_logon_authority(self):
        value = f"X509:<I>CN=CORP Federated Logon CA<S>{','.join(reversed(person('alice').split(',')))}"
        self.modify(person("erin"), "add: altSecurityIdentities", f"altSecurityIdentities: {value}")
        self.cure("certificate_mappings", person("erin"), "CORP Federated Logon CA")


class DoctorOnAccounts(DoctorCase):
    def sid(self, name):
        return self.account(name)["sid"]

    def test_service_account_rights_that_an_entry_denies(self):
        dn = person("grace")
        self.addCleanup(self.dc.sh, f"samba-tool dsacl set --objectdn='{dn}' --sddl='(A;;LCRPRC;;;AU)'")
        self.dc.sh(f"samba-tool dsacl set --objectdn='{dn}' "
                   f"--sddl='(OD;;RP;bf967950-0de6-11d0-a285-00aa003049e2;;{self.sid('svc-fas')})"
                   f"(OD;;RP;bf967915-0de6-11d0-a285-00aa003049e2;;{self.sid('svc-fas')})'")
        self.cure("service_account_rights", dn)

    def test_service_account_rights_below_the_configuration(self):
        dn = f"CN=Partitions,CN=Configuration,{BASE_DN}"
        self.dc.sh(f"samba-tool dsacl set --objectdn='{dn}' --sddl='(D;;RPLCLORC;;;{self.sid('svc-fas')})'")
        self.cure("service_account_rights", DOMAIN, "Partitions")

    def test_service_account_power_of_a_domain_administrator(self):
        self.dc.sh("samba-tool group addmembers 'Domain Admins' svc-fas")
        self.cure("service_account_power", SERVICE_DN)

    def test_service_account_delegation_to_any_service(self):
        self.dc.sh("samba-tool delegation for-any-service svc-fas on")
        self.cure("service_account_delegation", SERVICE_DN)

    def test_service_account_end_within_the_month(self):
        self.dc.sh("samba-tool user setexpiry svc-fas --days=5")
        self.cure("service_account_end", SERVICE_DN, "account ends")

    def test_service_account_encryption_by_rc4(self):
        self.modify(SERVICE_DN, "replace: msDS-SupportedEncryptionTypes", "msDS-SupportedEncryptionTypes: 28")
        self.cure("service_account_encryption", SERVICE_DN)

    def test_rule_accounts_that_are_disabled_expired_or_locked(self):
        later = datetime.datetime.now(datetime.timezone.utc).timestamp() - 86400
        for name, says, broken in (
                ("bob", "disabled", lambda: self.dc.sh("samba-tool user disable bob")),
                ("carol", "expired", lambda: self.modify(person("carol"), "replace: accountExpires",
                                                         f"accountExpires: {ticks(later)}")),
                ("dave", "locked", None)):
            with self.subTest(name):
                if broken:
                    self.addCleanup(broken)
                self.cure("rule_accounts", name, says)


class DoctorOnPolicies(DoctorCase):
    def rule(self, name, group, key):
        """One rule more, behind the lab's own."""
        path = write(self.lab.fas / "policy.d" / "zz-doctor.yaml", f"""\
rules:
  - name: {name}
    identity_providers: [lab-idp]
    storefronts: [storefront01.{DOMAIN}]
    hosts: ["*.vdi.{DOMAIN}"]
    users: {{ groups: ["{NETBIOS}\\\\{group}"] }}
    match: {{ require: [sid, upn] }}
    session: {{ max: 12h, lease: 10m }}
    logon: {{ authority: main, profile: smartcard-logon, validity: 15m, key: {key}, custody: host }}
""")
        self.addCleanup(self.drop, path)
        self.fasctl("policy", "reload")

    def drop(self, path):
        path.unlink()
        self.fasctl("policy", "reload")

    def test_policy_groups_that_the_directory_does_not_know(self):
        self.rule("newcomers", "New Comers", "rsa-2048")
        self.addCleanup(self.dc.sh, "samba-tool group delete 'New Comers'")
        self.cure("policy_groups", f"{NETBIOS}\\New Comers")

    def test_key_types_that_no_controller_here_takes(self):
        self.rule("curves", "Engineering", "p-256")
        self.cure("key_types", "curves")
