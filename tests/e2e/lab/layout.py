"""Names, addresses and paths of one lab.

Lab number N owns the loopback addresses 127.88.N.*; no network namespace is needed, so a lab's listeners are reachable
from the whole machine, and labs run side by side.  Only names are private: see namespace.py.
"""

import json
import os
from pathlib import Path

REPO = Path(__file__).resolve().parents[3]

DOMAIN = "corp.example.com"
REALM = "CORP.EXAMPLE.COM"
NETBIOS = "CORP"
BASE_DN = "DC=corp,DC=example,DC=com"
FOREIGN_SUFFIX = "partner.example.org"

DC = "dc1." + DOMAIN
FAS = "fas1." + DOMAIN
FAS2 = "fas2." + DOMAIN  # a second node, for the cases that start one
PKI = "pki." + DOMAIN
WEB = "web." + DOMAIN
KDC = "kdc1." + DOMAIN
VDA1 = "vda1.vdi." + DOMAIN
VDA2 = "vda2.vdi." + DOMAIN
STOREFRONT = "storefront01." + DOMAIN
LOGIN = "login." + DOMAIN  # the front, as browsers call it
STORE = "store." + DOMAIN  # the storefront's page, where a sign-in ends
SIMPLESAML = "sso.example.net"  # providers stand at another site than the front, as browsers see it
SAMLP = "id.example.org"

# Last part of the address that each name of the domain has, and each that is not in its DNS.
HOSTS = {DC: 10, FAS: 20, PKI: 20, FAS2: 21, LOGIN: 25, WEB: 30, KDC: 40, VDA1: 61, VDA2: 62,
         STOREFRONT: 70, STORE: 71}
OUTSIDE = {SIMPLESAML: 51, SAMLP: 52}

# fasd and fas-signer run under numbers that no passwd file of the machine knows.
FASD_UID = 63101
SIGNER_UID = 63102

SP_ENTITY_ID = "https://fas.corp.example.com/saml"
ACS_URL = "https://fas.corp.example.com/saml/acs"
ACS2_URL = "https://fas.corp.example.com/saml/acs2"  # an assertion is good at one node only
IDP_ENTITY_ID = "https://idp.example.net/lab"
IDP_NAME = "lab-idp"
PUBLISH_URL = "http://" + PKI
FRONT_URL = "https://" + LOGIN
STORE_URL = f"https://{STORE}/return"


class LabError(Exception):
    """What failed, in words for whoever runs the lab."""


class Lab:
    """Where everything of one lab lies."""

    # Of the node: its name, its host and what it alone is told.
    node, host, acs_url, publish_url = "fas1", FAS, ACS_URL, PUBLISH_URL
    http_keytab = "fas-http.keytab"
    has_front = True  # the door of browsers
    key, tokens = "", ""  # where its logon CA's key lies, and PKCS#11 tokens: lines of signer.yaml

    def __init__(self, folder, number):
        self.folder = Path(folder)
        self.number = number
        # Sockets: short, because a Unix socket's path has at most 107 octets and the folder is the user's choice.
        self.run = Path(f"/run/fas-lab/{number}")
        self.log = self.folder / "log"
        self.samba = self.folder / "samba"
        self.pki = self.folder / "pki"
        self.keytabs = self.folder / "keytabs"
        self.etc = self.folder / "etc"
        self.fas = self.folder / "fas"
        self.krb5_conf = self.folder / "krb5.conf"
        self.accounts_file = self.folder / "accounts.json"
        self.env_file = self.folder / "env"

    def address(self, name):
        return f"127.88.{self.number}.{HOSTS.get(name) or OUTSIDE[name]}"

    @property
    def api_url(self):
        return f"https://{self.address(self.host)}:8443"

    @property
    def public_url(self):
        return f"http://{self.address(self.host)}"

    @property
    def ops_url(self):
        return f"http://{self.address(self.host)}:9643"

    @property
    def accounts(self):
        return json.loads(self.accounts_file.read_text())

    def process(self, program):
        """What one of this node's programs is called among the lab's processes."""
        return program

    def make_folders(self):
        for path in (self.folder, self.run, self.log, self.pki, self.etc, self.fas):
            path.mkdir(parents=True, exist_ok=True)
            path.chmod(0o755)

    def save(self):
        (self.folder / "lab.json").write_text(json.dumps({"number": self.number}) + "\n")

    @classmethod
    def load(cls, folder):
        try:
            saved = json.loads((Path(folder) / "lab.json").read_text())
        except OSError:
            raise LabError(f"no lab in {folder} (is FAS_LAB right? start one with tests/lab up)") from None
        return cls(Path(folder).resolve(), saved["number"])


class SecondNode(Lab):
    """Another node in the same domain: its own state, keys, authorities, addresses and folder of certificates."""

    node, host, acs_url, publish_url = "fas2", FAS2, ACS2_URL, "http://" + FAS2
    http_keytab, has_front = "fas2-http.keytab", False

    def __init__(self, lab):
        super().__init__(lab.folder, lab.number)
        self.run, self.pki, self.fas = lab.run / "fas2", lab.folder / "pki2", lab.folder / "fas2"

    def process(self, program):
        return f"{program}2"


def default_folder():
    """FAS_LAB names the lab in use; without it there is one place for it."""
    return Path(os.environ.get("FAS_LAB") or Path(os.environ.get("TMPDIR") or "/tmp") / "fas-lab")


def write(path, text, mode=0o644, owner=None):
    """Write a file that is never readable by more than mode says, not even for a moment."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode() if isinstance(text, str) else text
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as out:
        out.write(data)
        if owner is not None:
            os.fchown(out.fileno(), *owner)
        os.fchmod(out.fileno(), mode)
    return path
