"""Another host of the domain, which people go on to from their desktop: an sshd that takes Kerberos, and the keys of cards."""

import shutil

from . import namespace, proc, web
from .layout import VDA2, write


class Far:
    def __init__(self, lab, host=VDA2):
        self.lab, self.host = lab, host
        self.folder = lab.folder / "far"
        self.known_hosts = self.folder / "known_hosts"

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.folder.chmod(0o755)
        address = self.lab.address(self.host)
        proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host.key"])
        write(self.known_hosts, f"{self.host} {(self.folder / 'host.key.pub').read_text()}")
        lines = [f"ListenAddress {address}:22", f"HostKey {self.folder}/host.key", f"PidFile {self.folder}/sshd.pid",
                 "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "GSSAPIAuthentication yes",
                 "GSSAPIStrictAcceptorCheck no", "StrictModes no", f"AuthorizedKeysFile {self.folder}/%u.keys", "UseDNS no"]
        write(self.folder / "sshd_config", "\n".join(lines) + "\n")
        argv = [shutil.which("sshd", path="/usr/sbin"), "-D", "-e", "-f", self.folder / "sshd_config"]
        proc.start(self.lab, "far", namespace.enter(self.lab, argv),
                   env={"KRB5_CONFIG": str(self.lab.krb5_conf), "KRB5_KTNAME": f"FILE:{self.lab.keytabs}/vda2.keytab"})
        proc.wait_ready(self.lab, "far", lambda: web.listens(address, 22))

    def stop(self):
        proc.stop(self.lab, "far")

    def allow(self, user, keys):
        """Public keys, as ssh-keygen -D prints them."""
        write(self.folder / f"{user}.keys", keys)
