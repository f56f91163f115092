"""Fresh Debian machines: an image made once by debootstrap, an overlay and a booted systemd (nspawn) for each.

They share the test machine's network, so that the lab's loopback addresses are theirs too; names, users and files are
their own.
"""

import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from lab import proc
from lab.layout import REPO, LabError, write

SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
# What the guide's commands use besides the packages and what they depend on.
TOOLS = ["systemd", "systemd-sysv", "krb5-user", "openssl", "curl", "iproute2", "ca-certificates"]
BOOT_S = 60


def packages(build):
    """The two packages of a build, made anew; in a folder of their own."""
    folder = Path(tempfile.mkdtemp(prefix="fas-packages-"))
    proc.run(["cpack", "-G", "DEB", "-B", folder], cwd=build)
    found = {path.name.partition("_")[0]: path for path in folder.glob("*.deb")}
    if set(found) != {"fas-server", "fas-host"}:
        raise LabError(f"cpack made {sorted(found)}")
    return folder, found


def dependencies(package):
    said = proc.run(["dpkg-deb", "-f", package, "Depends"])
    return [part.split("|")[0].split("(")[0].strip() for part in said.split(",")]


def image(found):
    """The folder of the bare image; it holds what the packages depend on, so that installing them needs no network."""
    wanted = sorted({*TOOLS, *(name for package in found.values() for name in dependencies(package))})
    base = Path(os.environ.get("FAS_LAB_CACHE") or REPO / "build" / "lab-cache")
    base.mkdir(parents=True, exist_ok=True)
    folder = base / ("machine-" + hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:16])
    if not folder.exists():
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        proc.run(["debootstrap", "--variant=minbase", f"--include={','.join(wanted)}", SUITE, new, MIRROR])
        for path in (new / "var/cache/apt/archives").glob("*.deb"):
            path.unlink()
        new.rename(folder)
    return folder


class Machine:
    def __init__(self, name, source, hosts, resolv_conf):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix="fas-machine-"))
        self.root = self.folder / "root"
        for part in ("root", "upper", "work"):
            (self.folder / part).mkdir(mode=0o755)
        self.mounted, self.nspawn, self.leader = False, None, None
        options = f"lowerdir={source},upperdir={self.folder}/upper,workdir={self.folder}/work"
        proc.run(["mount", "-t", "overlay", "overlay", "-o", options, self.root])
        self.mounted = True
        write(self.root / "etc/hostname", name + "\n")
        write(self.root / "etc/hosts", hosts)
        write(self.root / "etc/resolv.conf", resolv_conf)
        write(self.root / "etc/apt/sources.list", "")
        write(self.root / "etc/apt/apt.conf.d/00test", 'APT::Install-Recommends "false";\nAPT::Get::Assume-Yes "true";\n')

    def boot(self):
        log = open(self.folder / "console.log", "wb")
        with log:
            # Its filter is older than landlock, and without the capability knows no mlock; the daemons' own walls are
            # what is looked at.
            self.nspawn = subprocess.Popen(
                ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "--console=pipe",
                 "--resolv-conf=off", "--timezone=off", f"--machine={self.name.partition('.')[0]}",
                 "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self seccomp",
                 "--capability=CAP_IPC_LOCK", "-D", str(self.root)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.leader = proc.wait_for(self._find_leader, BOOT_S, f"{self.name}: systemd")
        proc.wait_for(lambda: self.sh("systemctl is-system-running", check=False).stdout.strip()
                      in ("running", "degraded"), BOOT_S, f"{self.name} is up")

    def _find_leader(self):
        if self.nspawn.poll() is not None:
            raise LabError(f"{self.name} did not boot: " + (self.folder / "console.log").read_text(errors="replace")[-2000:])
        for pid in proc.family(self.nspawn.pid):
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                if re.search(r"(?m)^Name:\s+systemd$", status) and re.search(r"(?m)^NSpid:.*\s1$", status):
                    return pid
            except OSError:
                continue
        return None

    def sh(self, script, typed="", check=True):
        """A script as root's shell runs it, in /root; what an administrator would type goes to its standard input."""
        argv = ["nsenter", "--target", str(self.leader), "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--wdns=/root",
                "--", "/usr/bin/env", "-i", "HOME=/root", "TERM=dumb", "LC_ALL=C.UTF-8",
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "/bin/bash", "-e", "-c", script]
        done = subprocess.run(argv, input=typed, text=True, capture_output=True, timeout=180)
        if check and done.returncode:
            journal = self.sh("journalctl --no-pager -n 30 -u fasd -u fas-signer -u fas-agent", check=False).stdout
            raise LabError(f"on {self.name}, status {done.returncode}:\n{script}\n{done.stdout}{done.stderr}\n{journal}")
        return done

    def path(self, name):
        """A file of the machine as the test sees it."""
        return self.root / str(name).lstrip("/")

    def stop(self):
        if self.nspawn and self.nspawn.poll() is None:
            self.nspawn.send_signal(signal.SIGTERM)
            try:
                self.nspawn.wait(30)
            except subprocess.TimeoutExpired:
                self.nspawn.kill()
                self.nspawn.wait()
        if self.mounted:
            proc.run(["umount", "--lazy", self.root])
        shutil.rmtree(self.folder, ignore_errors=True)
