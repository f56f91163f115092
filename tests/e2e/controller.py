"""The lab's domain controller as its administrator sees it: root's shell, with smb.conf and the database where Debian has
them."""

import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import dc, namespace, proc
from lab.layout import LabError

BINDS = {"etc": "/etc/samba", "private": "/var/lib/samba/private"}
PLACES = "set -e; {mounts}; exec \"$@\""


class Controller:
    def __init__(self, lab):
        self.lab = lab
        self.folder = Path(tempfile.mkdtemp(prefix="fas-dc-"))  # root's home
        self.kept = {path.name: path.read_bytes() for path in (lab.samba / "etc").iterdir() if path.is_file()}
        self.undo = []

    def _inside(self, argv):
        """argv where the lab's names resolve and its Samba lies in the usual places."""
        mounts = "; ".join(f"mount --bind {self.lab.samba.resolve() / part} {place}" for part, place in BINDS.items())
        return namespace.enter(self.lab, ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                                          PLACES.format(mounts=mounts), "sh", *argv])

    def sh(self, script, typed=""):
        if "systemctl restart samba-ad-dc" in script:
            return self.restart()
        argv = self._inside(["env", "-i", f"--chdir={self.folder}", f"HOME={self.folder}", "LC_ALL=C.UTF-8",
                             "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "bash", "-e", "-c", script])
        done = subprocess.run(argv, input=typed, text=True, capture_output=True, timeout=120)
        if done.returncode:
            raise LabError(f"on the domain controller, status {done.returncode}:\n{script}\n{done.stdout}{done.stderr}")
        return done

    def path(self, name):
        for part, place in BINDS.items():
            if str(name).startswith(place + "/"):
                return self.lab.samba / part / str(name).removeprefix(place + "/")
        return self.folder / str(name).removeprefix("/root/")

    def restart(self):
        """As its unit would: the server sees the usual places too."""
        proc.stop(self.lab, "samba")
        argv = ["samba", "-s", self.lab.run / "dc" / "etc" / "smb.conf", "-i", "-M", "single", "--debug-stdout"]
        proc.start(self.lab, "samba", self._inside(argv))
        dc.wait_ready(self.lab)
        return subprocess.CompletedProcess([], 0, "", "")

    def put_back(self):
        """What the guide has changed in the domain, and the server as the lab started it."""
        for script in reversed(self.undo):
            self.sh(script)
        for path in (self.lab.samba / "etc").iterdir():
            if path.is_file() and path.name not in self.kept:
                path.unlink()
        for name, content in self.kept.items():
            (self.lab.samba / "etc" / name).write_bytes(content)
        proc.stop(self.lab, "samba")
        dc.start(self.lab)
        dc.wait_ready(self.lab)
        shutil.rmtree(self.folder)
