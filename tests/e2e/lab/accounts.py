"""The people, groups and machines of the lab's directory, made by one process straight into the provisioned database.

Run by /usr/bin/python3 with python3-samba, before the domain controller starts.
"""

import json
import os
import secrets
import time

import ldb
from samba import dckeytab, dsdb, net, param  # noqa: F401  (dckeytab adds export_keytab to net.Net)
from samba.auth import system_session
from samba.dcerpc import dnsp, misc, security
from samba.ndr import ndr_pack, ndr_unpack
from samba.samdb import SamDB

from .layout import BASE_DN, DC, DOMAIN, FAS, FAS2, FOREIGN_SUFFIX, HOSTS, REALM, WEB
from .people import GROUPS, MACHINE_GROUPS, MACHINE_OU, MACHINES, MACHINES_IN_OU, NESTING, PEOPLE, RAW, ticks

UF_DISABLED, UF_SMARTCARD, UF_NORMAL = 0x2, 0x40000, 0x200
DNS_NAMES_OF_DC = [DOMAIN, "DomainDnsZones." + DOMAIN, "ForestDnsZones." + DOMAIN, "gc._msdcs." + DOMAIN]

AES_ONLY = "24"  # msDS-SupportedEncryptionTypes: without it a keytab holds RC4 only
TEN_YEARS = "-3153600000000000"
NEVER = "-9223372036854775808"


def a_record(address):
    record = dnsp.DnssrvRpcRecord()
    record.wType = dnsp.DNS_TYPE_A
    record.dwTtlSeconds = 60
    record.rank = dnsp.DNS_RANK_ZONE
    record.data = address
    return record


def srv_record(target, port):
    record = dnsp.DnssrvRpcRecord()
    record.wType = dnsp.DNS_TYPE_SRV
    record.dwTtlSeconds = 60
    record.rank = dnsp.DNS_RANK_ZONE
    record.data = dnsp.srv()
    record.data.nameTarget, record.data.wPort, record.data.wPriority, record.data.wWeight = target, port, 0, 100
    return record


class Directory:
    def __init__(self, smb_conf):
        self.lp = param.LoadParm()
        self.lp.load(str(smb_conf))
        self.sam = SamDB(url=self.lp.samdb_url(), session_info=system_session(), lp=self.lp)

    def dn_of(self, name):
        found = self.sam.search(BASE_DN, ldb.SCOPE_SUBTREE, f"(sAMAccountName={ldb.binary_encode(name)})", ["dn"])
        return found[0].dn

    def set(self, dn, controls=(), **attributes):
        message = ldb.Message()
        message.dn = dn
        for key, value in attributes.items():
            key = key.replace("_", "-")
            flag = ldb.FLAG_MOD_REPLACE if value is not None else ldb.FLAG_MOD_DELETE
            message[key] = ldb.MessageElement(value or [], flag, key)
        self.sam.modify(message, list(controls))

    def add_person(self, name, groups, upn="", spns=None, **special):
        password = secrets.token_urlsafe(24) + "aA1!"
        self.sam.newuser(name, password, givenname=name.capitalize(), surname="Lab",
                         userou=None if name.startswith("svc-") else "OU=People")
        dn = self.dn_of(name)
        if upn != "":
            self.set(dn, userPrincipalName=upn)
        for group in groups:
            self.sam.add_remove_group_members(group, [name], add_members_operation=True)
        if spns is not None:
            self.set(dn, msDS_SupportedEncryptionTypes=AES_ONLY)
            if spns:
                self.set(dn, servicePrincipalName=spns)
            self.sam.setpassword(f"(sAMAccountName={name})", password)
        self.make_special(dn, **special)

    def make_special(self, dn, disabled=False, expired=False, locked=False, smartcard=False, must_change=False,
                     admin=False):
        if disabled or smartcard:
            flags = UF_NORMAL | (UF_DISABLED if disabled else 0) | (UF_SMARTCARD if smartcard else 0)
            self.set(dn, userAccountControl=str(flags))
        if expired:
            self.set(dn, accountExpires=ticks(time.time() - 86400))
        if locked:
            self.set(dn, ["local_oid:%s:0" % dsdb.DSDB_CONTROL_DBCHECK_MODIFY_RO_REPLICA], lockoutTime=ticks(time.time()))
        if admin:
            self.set(dn, adminCount="1")  # Windows does it by itself within the hour
        if must_change:
            self.set(dn, pwdLastSet="0")

    def add_machine(self, name, host, ou=None):
        self.sam.newcomputer(name, computerou=ou or (MACHINE_OU if name in MACHINES_IN_OU else None))
        dn = self.dn_of(name + "$")
        self.set(dn, dNSHostName=host, servicePrincipalName=["host/" + host, "HOST/" + name],
                 msDS_SupportedEncryptionTypes=AES_ONLY)
        self.sam.setpassword(f"(sAMAccountName={name}$)", secrets.token_urlsafe(24) + "aA1!")
        for group in MACHINE_GROUPS.get(name, []):
            self.sam.add_remove_group_members(group, [name + "$"], add_members_operation=True)

    def prepare_domain(self):
        self.set(ldb.Dn(self.sam, BASE_DN), maxPwdAge=TEN_YEARS, lockoutDuration=NEVER)
        self.set(ldb.Dn(self.sam, f"CN=Partitions,CN=Configuration,{BASE_DN}"), uPNSuffixes=FOREIGN_SUFFIX)
        self.sam.create_ou(f"OU=People,{BASE_DN}")
        self.sam.create_ou(f"{MACHINE_OU},{BASE_DN}")
        # The service that would add these names is off.
        dn = self.dn_of("DC1$")
        message = ldb.Message(dn)
        message["s"] = ldb.MessageElement([f"ldap/{DC}", f"ldap/{DC}/{DOMAIN}", f"GC/{DC}/{DOMAIN}"],
                                          ldb.FLAG_MOD_ADD, "servicePrincipalName")
        try:
            self.sam.modify(message)
        except ldb.LdbError as error:
            if error.args[0] != ldb.ERR_ATTRIBUTE_OR_VALUE_EXISTS:
                raise

    def add_name(self, host):
        """A host's name in the DNS; each lab puts its own address there (dc_tool)."""
        self.add_record(host.removesuffix("." + DOMAIN), a_record("127.88.0.1"))

    def add_record(self, name, record):
        zone = f"DC={DOMAIN},CN=MicrosoftDNS,DC=DomainDnsZones,{BASE_DN}"
        self.sam.add({"dn": f"DC={name},{zone}", "objectClass": "dnsNode", "dnsRecord": ndr_pack(record)})

    def set_raw(self, name, attribute, value):
        """Past Samba's checks, straight into the file of the partition."""
        raw = ldb.Ldb(self.lp.samdb_url().replace("sam.ldb", f"sam.ldb.d/{BASE_DN.upper()}.ldb"),
                      flags=ldb.FLG_DONT_CREATE_DB)
        message = ldb.Message(ldb.Dn(raw, str(self.dn_of(name))))
        message["x"] = ldb.MessageElement(value, ldb.FLAG_MOD_REPLACE, attribute)
        raw.modify(message)

    def export_keytab(self, path, principal):
        path.unlink(missing_ok=True)
        net.Net(None, self.lp).export_keytab(keytab=str(path), principal=principal)
        os.chmod(path, 0o600)

    def describe(self, name):
        """What FAS_ACCOUNTS says of one account; upn is the implicit name where there is no other."""
        attributes = ["objectSid", "objectGUID", "userPrincipalName", "distinguishedName"]
        entry = self.sam.search(BASE_DN, ldb.SCOPE_SUBTREE, f"(sAMAccountName={ldb.binary_encode(name)})",
                                attributes)[0]
        explicit = str(entry["userPrincipalName"]) if "userPrincipalName" in entry else None
        return {
            "sid": str(ndr_unpack(security.dom_sid, entry["objectSid"][0])),
            "upn": explicit or f"{name}@{DOMAIN}",
            "upn_is_implicit": explicit is None,
            "guid": str(ndr_unpack(misc.GUID, entry["objectGUID"][0])),
            "dn": str(entry["distinguishedName"]),
        }


def make_machine_anew(smb_conf, keytab, name, host):
    """A computer account in the machines' unit under a name that may have been another's; its keytab."""
    directory = Directory(smb_conf)
    for entry in directory.sam.search(BASE_DN, ldb.SCOPE_SUBTREE, f"(sAMAccountName={name}$)", ["dn"]):
        directory.sam.delete(entry.dn, ["tree_delete:1"])
    directory.add_machine(name, host, MACHINE_OU)
    directory.export_keytab(keytab, f"{name}$@{REALM}")


def populate(smb_conf, folder):
    """Fill the provisioned domain; accounts.json and keytabs/ go into folder."""
    directory = Directory(smb_conf)
    directory.prepare_domain()
    for group in GROUPS:
        directory.sam.newgroup(group)
    for group, members in NESTING:
        directory.sam.add_remove_group_members(group, members, add_members_operation=True)
    for name, special in PEOPLE.items():
        directory.add_person(name, **special)
    for name, host in MACHINES.items():
        directory.add_machine(name, host)
    for host in HOSTS:
        if host != DC:
            directory.add_name(host)
    directory.add_record("_fas._tcp", srv_record(FAS, 8443))

    keytabs = folder / "keytabs"
    keytabs.mkdir(mode=0o755, exist_ok=True)
    directory.export_keytab(keytabs / "svc-fas.keytab", f"svc-fas@{REALM}")
    directory.export_keytab(keytabs / "fas-http.keytab", f"HTTP/{FAS}@{REALM}")
    directory.export_keytab(keytabs / "fas2-http.keytab", f"HTTP/{FAS2}@{REALM}")
    directory.export_keytab(keytabs / "web.keytab", f"HTTP/{WEB}@{REALM}")
    for name, host in MACHINES.items():
        directory.export_keytab(keytabs / f"{name.lower()}.keytab", f"{name}$@{REALM}")
        net.Net(None, directory.lp).export_keytab(keytab=str(keytabs / f"{name.lower()}.keytab"),
                                                  principal=f"host/{host}@{REALM}")
    for name, values in RAW.items():
        for attribute, value in values.items():
            directory.set_raw(name, attribute, value)
    directory = Directory(smb_conf)
    described = {name: directory.describe(name) for name in list(PEOPLE) + ["Administrator"]}
    (folder / "accounts.json").write_text(json.dumps(described, indent=2) + "\n")
