"""A desktop host that people log on to: a real sshd with pam_fas.so in its stack, beside fas-agent.

The stack and the host's shadow file lie over the machine's own in the lab's mount namespace only.
"""

import os
import shutil
import socket
import subprocess

from . import namespace, proc, programs
from .layout import write

LOCAL_USER, LOCAL_PASSWORD = "heidi", "a password of this host alone"
STACK = """\
auth    [success=done ignore=ignore default=die] {module} socket={socket}
auth    required   pam_unix.so try_first_pass
account [success=done ignore=ignore default=die] {module}
account required   pam_unix.so
session optional   {module} socket={socket}
session required   pam_unix.so
password required  pam_deny.so
"""
UNLOCK = "auth required {module} unlock socket={socket}\naccount required pam_permit.so\n"
SERVICES = ("sshd", "login", "xrdp-sesman")


class Desktop:
    def __init__(self, lab, agent, keytab=None):
        self.lab, self.agent, self.keytab = lab, agent, keytab
        self.folder = lab.folder / f"desktop-{agent.folder.name}"
        self.address = lab.address(agent.host)
        self.process = "sshd"

    # ---- start ----

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        self.folder.chmod(0o755)
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        self._lay_stack()
        self._lay_shadow()
        proc.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "host.key"])
        write(self.folder / "known_hosts", f"{self.address} {(self.folder / 'host.key.pub').read_text()}")
        write(self.folder / "sshd_config", self._config())
        argv = namespace.enter(self.lab, [shutil.which("sshd", path="/usr/sbin"), "-D", "-e", "-f", self.folder / "sshd_config"])
        env = {"KRB5_CONFIG": str(self.lab.krb5_conf)}
        if self.keytab:
            env["KRB5_KTNAME"] = f"FILE:{self.keytab}"
        proc.start(self.lab, self.process, argv, env=env)
        proc.wait_ready(self.lab, self.process, self._answers)

    def stop(self):
        proc.stop(self.lab, self.process)
        for path in self.laid:
            proc.run(namespace.enter(self.lab, ["umount", path]))

    def _config(self):
        lines = [f"ListenAddress {self.address}:22", f"HostKey {self.folder}/host.key", f"PidFile {self.folder}/sshd.pid",
                 "UsePAM yes", "PasswordAuthentication yes", "KbdInteractiveAuthentication yes", "PubkeyAuthentication no",
                 "GSSAPIAuthentication yes", "GSSAPIStrictAcceptorCheck no", "PermitRootLogin yes", "LogLevel VERBOSE",
                 "MaxAuthTries 3", "UseDNS no",
                 f"SetEnv FAS_AGENT_SOCKET={self.agent.socket} KRB5_CONFIG={self.lab.krb5_conf}"]
        return "\n".join(lines) + "\n"

    def _lay_stack(self):
        words = {"module": programs.module("pam_fas.so"), "socket": self.agent.socket}
        self.laid = []
        shutil.copytree("/etc/pam.d", self.folder / "pam.d")
        for service in SERVICES:
            write(self.stack(service), STACK.format(**words))
        write(self.stack("screen-locker"), UNLOCK.format(**words))
        self.lay("/etc/pam.d", self.folder / "pam.d")

    def stack(self, service):
        """The file of a PAM service; a test may write it."""
        return self.folder / "pam.d" / service

    def _lay_shadow(self):
        """One account has a password of this host; the domain's people have none here."""
        hashed = proc.run(["openssl", "passwd", "-6", LOCAL_PASSWORD]).strip()
        text = open("/etc/shadow", encoding="utf-8").read()
        for name in self.people():
            text += f"{name}:{hashed if name == LOCAL_USER else '*'}:20000:0:99999:7:::\n"
        self.lay("/etc/shadow", write(self.folder / "shadow", text, 0o640, owner=(0, 42)))

    def people(self):
        return sorted(path.name for path in (self.lab.folder / "home").iterdir())

    def lay(self, path, over):
        """A file of the lab's over one of the machine's, until the stop."""
        if not os.path.exists(path):
            return  # its package is not here
        proc.run(namespace.enter(self.lab, ["mount", "--bind", over, path]))
        self.laid.insert(0, path)

    def _answers(self):
        try:
            socket.create_connection((self.address, 22), 1).close()
            return True
        except OSError:
            return False

    # ---- people at it ----

    def ssh(self, user, password, *command, methods="password", stdin=None, timeout=60):
        """A login by ssh as a broker makes one: (status, output, errors)."""
        argv = ["sshpass", "-d", "0" if stdin is None else "3", *self.client(methods), f"{user}@{self.address}", *command]
        return self._run(argv, password, timeout)

    def begin(self, user, password, *command):
        """A login that lasts: the process of the client, its command running."""
        argv = ["sshpass", "-p", password, *self.client("password"), f"{user}@{self.address}", *command]
        return subprocess.Popen([str(a) for a in namespace.enter(self.lab, argv)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def client(self, methods):
        return ["ssh", "-F", "none", "-o", f"UserKnownHostsFile={self.folder}/known_hosts", "-o", "StrictHostKeyChecking=yes",
                "-o", f"PreferredAuthentications={methods}", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1",
                "-o", "LogLevel=ERROR"]

    def _run(self, argv, password, timeout):
        done = subprocess.run([str(a) for a in namespace.enter(self.lab, argv)], input=password + "\n", text=True,
                              capture_output=True, timeout=timeout)
        return done.returncode, done.stdout, done.stderr

    def pam(self, service, user, password, *acts):
        """pamtester, as root of this host: (status, what it said)."""
        argv = namespace.enter(self.lab, ["pamtester", service, user, *(acts or ["authenticate"])])
        done = subprocess.run([str(a) for a in argv], input=password + "\n", text=True, capture_output=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    def log(self):
        return (self.lab.log / f"{self.process}.log").read_text(errors="replace")


