"""A whole remote desktop: xrdp, its session manager with pam_fas.so, Xvnc, and xfreerdp on a screen of its own."""

import os
import socket
import subprocess

from . import namespace, proc
from .layout import write

MANAGER = """\
#!/bin/sh
# The window manager of the lab: it tells what the session has, and ends when it is told to.
exec > "$HOME/desktop" 2>&1
id -un; echo "session $FAS_SESSION"; klist; echo up
read -r _ < "$HOME/end"
"""
DISPLAY_OFFSET = 200  # of the sessions' screens: each lab has five of its own


class Remote:
    def __init__(self, lab, desktop):
        self.lab, self.desktop, self.address = lab, desktop, desktop.address
        self.folder = lab.folder / "remote"
        self.viewers = []

    def start(self):
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        write(self.folder / "startwm.sh", MANAGER, 0o755)
        proc.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={self.address}",
                  "-keyout", self.folder / "key.pem", "-out", self.folder / "certificate.pem"])
        self.desktop.lay("/etc/xrdp/sesman.ini", write(self.folder / "sesman.ini", self._sesman()))
        write(self.folder / "xrdp.ini", self._xrdp())
        proc.start(self.lab, "sesman", namespace.enter(self.lab, ["xrdp-sesman", "-n", "-c", self.folder / "sesman.ini"]),
                   env={"KRB5_CONFIG": str(self.lab.krb5_conf)})
        proc.wait_ready(self.lab, "sesman", lambda: self._listens(3350))
        proc.start(self.lab, "xrdp", namespace.enter(self.lab, ["xrdp", "-n", "-c", self.folder / "xrdp.ini"]))
        proc.wait_ready(self.lab, "xrdp", lambda: self._listens(3389))

    def stop(self):
        for viewer in self.viewers:
            viewer.kill()
            viewer.wait()
        for name in ("xrdp", "sesman", "screen"):
            if proc.pid_of(self.lab, name):
                proc.stop(self.lab, name)
        first = DISPLAY_OFFSET + 5 * self.lab.number
        for number in range(first, first + 5):  # what Xvnc leaves behind when it is killed
            for path in (f"/tmp/.X{number}-lock", f"/tmp/.X11-unix/X{number}"):
                if os.path.exists(path):
                    os.unlink(path)

    def _sesman(self):
        return f"""\
[Globals]
ListenAddress={self.address}
ListenPort=3350
EnableUserWindowManager=false
DefaultWindowManager={self.folder}/startwm.sh
UserWindowManager=none
ReconnectScript=/bin/true
[Security]
AllowRootLogin=true
MaxLoginRetry=2
[Sessions]
X11DisplayOffset={DISPLAY_OFFSET + 5 * self.lab.number}
MaxSessions=5
Policy=Default
[Logging]
LogFile={self.lab.log}/sesman-file.log
LogLevel=INFO
EnableSyslog=false
EnableConsole=false
[Xvnc]
param=Xvnc
param=-bs
param=-nolisten
param=tcp
param=-localhost
[Chansrv]
EnableFuseMount=false
[SessionVariables]
KRB5_CONFIG={self.lab.krb5_conf}
FAS_AGENT_SOCKET={self.desktop.agent.socket}
"""

    def _xrdp(self):
        return f"""\
[Globals]
ini_version=1
fork=true
port=tcp://{self.address}:3389
security_layer=tls
certificate={self.folder}/certificate.pem
key_file={self.folder}/key.pem
ssl_protocols=TLSv1.2, TLSv1.3
autorun=Xvnc
allow_channels=true
max_bpp=32
[Logging]
LogFile={self.lab.log}/xrdp-file.log
LogLevel=INFO
EnableSyslog=false
[Xvnc]
name=Xvnc
lib=libvnc.so
username=ask
password=ask
ip={self.address}
port=-1
"""

    def _listens(self, port):
        try:
            socket.create_connection((self.address, port), 1).close()
            return True
        except OSError:
            return False

    # ---- people at it ----

    def _screen(self):
        """The display that the viewers draw on; made at the first one."""
        if not proc.pid_of(self.lab, "screen"):
            read, write_end = os.pipe()
            proc.start(self.lab, "screen", ["Xvfb", "-displayfd", str(write_end), "-screen", "0", "1024x768x24", "-nolisten", "tcp"],
                       pass_fds=[write_end])
            os.close(write_end)
            with os.fdopen(read) as said:
                self.display = ":" + said.readline().strip()
        return self.display

    def view(self, user, password):
        """xfreerdp as a broker's client starts it."""
        argv = ["xfreerdp", f"/v:{self.address}:3389", f"/u:{user}", f"/p:{password}", "/cert:ignore", "/sec:tls", "/size:800x600",
                "/log-level:ERROR"]
        env = {**os.environ, "DISPLAY": self._screen(), "HOME": str(self.folder)}
        with open(self.lab.log / "viewer.log", "ab") as log:
            viewer = subprocess.Popen(namespace.enter(self.lab, argv), stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env)
        self.viewers.append(viewer)
        return viewer
