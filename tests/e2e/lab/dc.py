"""The domain controller: provisioned once, kept as a cached folder, copied and started for each lab."""

import fcntl
import hashlib
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from . import namespace, pki, proc
from .layout import DC, DOMAIN, NETBIOS, REALM, REPO, LabError, write

PROVISION_ADDRESS = "127.88.0.10"  # of the cached folder; each copy gets its lab's own


def smb_conf(samba, run, address, tls=False):
    lines = [
        "[global]",
        f"workgroup = {NETBIOS}", f"realm = {REALM}", "netbios name = DC1",
        "server role = active directory domain controller",
        "server services = rpc, ldap, cldap, kdc, dns, winbindd",
        f"interfaces = {address}/8", "bind interfaces only = yes",
        f"private dir = {samba}/private", f"state directory = {samba}/state", f"cache directory = {samba}/cache",
        f"binddns dir = {samba}/bind-dns", f"lock directory = {samba}/state",
        f"pid directory = {run}", f"ncalrpc dir = {run}/ncalrpc", f"winbindd socket directory = {run}/winbindd",
        f"ntp signd socket directory = {run}/ntp_signd",
        "load printers = no", "disable spoolss = yes", "allow dns updates = disabled", "dns forwarder =",
        "log level = 1",
    ]
    if tls:
        lines += ["tls enabled = yes", f"tls keyfile = {samba}/tls/kdc.key", f"tls certfile = {samba}/tls/kdc.crt",
                  f"tls cafile = {samba}/tls/dcroot.crt"]
    else:
        lines.append("tls enabled = no")
    lines += ["[sysvol]", f"path = {samba}/state/sysvol", "read only = no",
              "[netlogon]", f"path = {samba}/state/sysvol/{DOMAIN}/scripts", "read only = no"]
    return "\n".join(lines) + "\n"


def recipe():
    """Changes with whatever the cached folder depends on."""
    digest = hashlib.sha256(subprocess.run(["samba", "--version"], capture_output=True, check=True).stdout)
    for module in ("dc.py", "accounts.py", "dc_tool.py", "people.py", "layout.py"):
        digest.update((Path(__file__).parent / module).read_bytes())
    return digest.hexdigest()[:16]


def cached():
    """The folder of the provisioned domain, made now if there is none for this recipe yet."""
    base = Path(os.environ.get("FAS_LAB_CACHE") or REPO / "build" / "lab-cache")
    base.mkdir(parents=True, exist_ok=True)
    folder = base / recipe()
    with open(base / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two labs that start at once provision once
        if not folder.exists():
            _provision(folder)
    return folder


def _provision(folder):
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    password = secrets.token_urlsafe(24) + "aA1!"
    proc.run(["samba-tool", "domain", "provision", f"--realm={REALM}", f"--domain={NETBIOS}", "--server-role=dc",
              "--dns-backend=SAMBA_INTERNAL", f"--adminpass={password}", "--host-name=dc1",
              f"--host-ip={PROVISION_ADDRESS}", f"--targetdir={new / 'samba'}",
              f"--option=interfaces={PROVISION_ADDRESS}/8", "--option=bind interfaces only=yes"])
    write(new / "administrator.password", password + "\n", 0o600)
    conf = write(new / "samba" / "etc" / "smb.conf", smb_conf(new / "samba", new / "run", PROVISION_ADDRESS))
    # A process of its own: Samba's Python modules keep global state and must not see two databases.
    proc.run([sys.executable, "-B", "-P", "-m", "lab.dc_tool", "populate", conf, new], env=_python_env())
    new.rename(folder)


def _python_env():
    return {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}


def install(lab):
    """Copy the provisioned domain into the lab and give it the lab's addresses and certificates."""
    source = cached()
    proc.run(["cp", "-a", source / "samba", source / "keytabs", source / "accounts.json", lab.folder])
    proc.run(["cp", "-a", source / "administrator.password", lab.folder])
    for part in ("ncalrpc", "winbindd", "ntp_signd"):
        (lab.run / "samba" / part).mkdir(parents=True, exist_ok=True)
    os.chmod(lab.run / "samba" / "ntp_signd", 0o750)
    # By a short name: Samba has Unix sockets in its private folder, and their paths are short.
    short = lab.run / "dc"
    short.symlink_to(lab.samba)
    conf = write(lab.samba / "etc" / "smb.conf", smb_conf(short, lab.run / "samba", lab.address(DC), tls=True))
    proc.run([sys.executable, "-B", "-P", "-m", "lab.dc_tool", "addresses", conf, lab.folder, lab.number],
             env=_python_env())


def install_certificates(lab, dc_root, logon_root):
    """The DC's certificate comes from a root of its own; users' certificates are trusted from theirs."""
    key, certificate = pki.issue_kdc(dc_root, [DC, DOMAIN, NETBIOS])
    tls = lab.samba / "tls"
    write(tls / "kdc.key", pki.key_pem(key), 0o600)
    write(tls / "kdc.crt", pki.pem(certificate))
    write(tls / "dcroot.crt", pki.pem(dc_root.certificate))
    write(tls / "logon-root.crt", pki.pem(logon_root.certificate))
    write(lab.samba / "etc" / "krb5.conf", "\n".join([
        "[libdefaults]", f" default_realm = {REALM}",
        "[kdc]", " enable-pkinit = yes",
        f" pkinit_identity = FILE:{tls}/kdc.crt,{tls}/kdc.key",
        f" pkinit_anchors = FILE:{tls}/logon-root.crt",
        f" pkinit_pool = FILE:{tls}/dcroot.crt",
        " pkinit_principal_in_certificate = yes", ""]))


def make_machine_anew(lab, name, host):
    """An account NAME$ with a new SID and a new key, in keytabs/NAME.keytab; the domain controller may run."""
    proc.run([sys.executable, "-B", "-P", "-m", "lab.dc_tool", "machine", lab.run / "dc" / "etc" / "smb.conf",
              lab.keytabs / f"{name.lower()}.keytab", name, host], env=_python_env())


def start(lab):
    argv = ["samba", "-s", lab.run / "dc" / "etc" / "smb.conf", "-i", "-M", "single", "--debug-stdout"]
    proc.start(lab, "samba", namespace.enter(lab, argv))


def wait_ready(lab):
    proc.wait_ready(lab, "samba", lambda: _answers(lab, 88) and _is_synchronized(lab), 30)


def is_asked(lab):
    """Does a question lie unread in the stopped server?"""
    for line in open("/proc/net/tcp").readlines()[1:]:
        fields = line.split()
        local, port = fields[1].split(":")
        if port == "0185" and local == _hex(lab.address(DC)) and fields[3] == "01" and not fields[4].endswith("00000000"):
            return True
    return False


def _hex(address):
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


def _answers(lab, port):
    try:
        socket.create_connection((lab.address(DC), port), 1).close()
        return True
    except OSError:
        return False


def _is_synchronized(lab):
    done = subprocess.run(["ldapsearch", "-x", "-LLL", "-o", "nettimeout=2", "-H", f"ldap://{lab.address(DC)}",
                           "-s", "base", "-b", "", "isSynchronized"], text=True, capture_output=True)
    return "isSynchronized: TRUE" in done.stdout
