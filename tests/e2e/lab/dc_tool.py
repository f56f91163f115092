"""Work on the domain controller's database, in a process of its own: python3 -m lab.dc_tool populate|addresses|machine ..."""

import sys
from pathlib import Path

from samba.dcerpc import dnsp

from . import accounts
from .layout import DC, HOSTS, Lab


def set_addresses(smb_conf, folder, number):
    """The A records of the lab's names: its addresses differ from those that the cached folder was provisioned with."""
    lab = Lab(folder, number)
    sam = accounts.Directory(smb_conf).sam
    records = {name: lab.address(name) for name in HOSTS}
    records |= {name: lab.address(DC) for name in accounts.DNS_NAMES_OF_DC}
    for name, address in records.items():
        node, kept = sam.dns_lookup(name)
        kept = [r for r in kept if r.wType not in (dnsp.DNS_TYPE_A, dnsp.DNS_TYPE_TOMBSTONE)]
        sam.dns_replace_by_dn(node, kept + [accounts.a_record(address)])


def main(argv):
    if argv[1] == "populate":
        accounts.populate(Path(argv[2]), Path(argv[3]))
    elif argv[1] == "machine":
        accounts.make_machine_anew(Path(argv[2]), Path(argv[3]), argv[4], argv[5])
    elif argv[1] == "addresses":
        set_addresses(Path(argv[2]), Path(argv[3]), int(argv[4]))


if __name__ == "__main__":
    main(sys.argv)
