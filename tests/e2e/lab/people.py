"""Who is in the lab's directory, and what is special about each."""

from .layout import DOMAIN, FAS, FAS2, FOREIGN_SUFFIX, STOREFRONT, VDA1, VDA2, WEB

VDI_USERS, ENGINEERING, COMPILERS = "VDI Users", "Engineering", "Compiler Team"
VDI_HOSTS = "VDI Hosts"
GROUPS = [VDI_USERS, ENGINEERING, COMPILERS, VDI_HOSTS]
NESTING = [(VDI_USERS, [ENGINEERING]), (ENGINEERING, [COMPILERS])]


def ticks(seconds):
    """Windows time: 100 ns since 1601."""
    return str(int((seconds + 11644473600) * 10_000_000))


# name -> what is special about it.  upn None = no userPrincipalName; absent = name@corp.example.com.
PEOPLE = {
    "alice": {"groups": [COMPILERS]},
    "bob": {"groups": [VDI_USERS], "disabled": True},
    "carol": {"groups": [VDI_USERS], "expired": True},
    "dave": {"groups": [VDI_USERS], "locked": True},
    "erin": {"groups": []},
    "frank": {"groups": [VDI_USERS], "upn": "frank@" + FOREIGN_SUFFIX},
    "grace": {"groups": [VDI_USERS], "smartcard": True},
    "heidi": {"groups": [VDI_USERS]},
    "ivan": {"groups": [VDI_USERS], "must_change": True},
    "judy": {"groups": [VDI_USERS], "upn": None},
    "kate": {"groups": [VDI_USERS], "upn": None},
    "mallory": {"groups": [VDI_USERS]},
    "dana": {"groups": [VDI_USERS, "Domain Admins"], "admin": True},
    "svc-fas": {"groups": [], "spns": ["HTTP/" + FAS, "HTTP/" + FAS2]},
    "svc-web": {"groups": [], "spns": ["HTTP/" + WEB]},
}
# What Samba refuses to be told, though Windows domains have it.
RAW = {
    "heidi": {"pwdLastSet": ticks(1136073600)},  # aged: set in 2006, and passwords last ten years here
    "mallory": {"userPrincipalName": "kate@" + DOMAIN},  # kate's implicit name
}
MACHINES = {"VDA1": VDA1, "VDA2": VDA2, "STOREFRONT01": STOREFRONT}
# By which fasd.yaml makes hosts of them: one by its group, one by where it lies.
MACHINE_GROUPS = {"VDA1": [VDI_HOSTS]}
MACHINE_OU = "OU=VDI"
MACHINES_IN_OU = ["VDA2"]
