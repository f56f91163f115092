"""The lab's names: a mount namespace with its own /etc/hosts, resolv.conf, passwd and group.

A keeper process (sleep) holds the namespace and, by an inherited descriptor, the lock on the lab's number.
"""

import fcntl
import os
import shutil
import subprocess
import time
from pathlib import Path

from . import proc
from .layout import DOMAIN, HOSTS, NETBIOS, OUTSIDE, LabError, write

LOCKS = Path("/run/fas-lab")
NUMBERS = range(1, 201)
FIRST_UID = 71001  # of the people with a local account, so that a host can give them a session
LISTENING = "0A"  # in /proc/net/tcp


def _listened_on():
    """The numbers at whose addresses (127.88.NUMBER.*) somebody listens."""
    found = set()
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, state = line.split()[1], line.split()[3]
        octets = bytes.fromhex(local.partition(":")[0])[::-1]
        if state == LISTENING and octets[:2] == bytes([127, 88]):
            found.add(octets[2])
    return found


def claim():
    """Lock the first free number; returns it with the open descriptor of its lock.

    A lab that was killed may have left programs behind, and those that share their port (SO_REUSEPORT: krb5kdc) would
    answer every other question of the new one.
    """
    LOCKS.mkdir(exist_ok=True)
    taken = _listened_on()
    for number in NUMBERS:
        if number in taken:
            continue
        fd = os.open(LOCKS / f"{number}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number, fd
        except BlockingIOError:
            os.close(fd)
    raise LabError(f"all {len(NUMBERS)} lab numbers are in use")


def hosts_file(lab):
    lines = ["127.0.0.1 localhost", "::1 localhost"]
    lines += [f"{lab.address(name)} {name}" for name in (*HOSTS, *OUTSIDE)]
    lines.append(f"{lab.address('dc1.' + DOMAIN)} {DOMAIN} {NETBIOS}")
    return "\n".join(lines) + "\n"


def make_files(lab, people):
    """The files that the namespace shows instead of the machine's own."""
    write(lab.etc / "hosts", hosts_file(lab))
    write(lab.etc / "resolv.conf", f"nameserver {lab.address('dc1.' + DOMAIN)}\nsearch {DOMAIN}\n"
                                   "options timeout:1 attempts:2\n")
    passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
    for uid, name in enumerate((p for p in people if not p.startswith("svc-")), FIRST_UID):
        home = lab.folder / "home" / name
        home.mkdir(parents=True, exist_ok=True)
        home.chmod(0o700)
        os.chown(home, uid, uid)
        passwd += f"{name}:x:{uid}:{uid}:{name} of the lab:{home}:/bin/bash\n"
        group += f"{name}:x:{uid}:\n"
    write(lab.etc / "passwd", passwd)
    write(lab.etc / "group", group)


def start(lab, lock_fd):
    """Start the keeper and put the lab's files over the machine's, for its namespace only."""
    proc.start(lab, "keeper", ["unshare", "--mount", "--propagation", "private", "sleep", "infinity"],
               pass_fds=[lock_fd])
    os.close(lock_fd)
    pid = proc.wait_ready(lab, "keeper", lambda: _in_own_namespace(proc.pid_of(lab, "keeper")))
    script = "set -e; for f in hosts resolv.conf passwd group; do mount --bind \"$1/$f\" \"/etc/$f\"; done"
    if Path("/etc/resolv.conf").is_symlink() and not Path("/etc/resolv.conf").exists():
        raise LabError("/etc/resolv.conf is a dangling link: nothing to put the lab's own over")
    proc.run(["nsenter", "--mount", "--target", pid, "sh", "-c", script, "sh", lab.etc])


def _in_own_namespace(pid):
    return pid if pid and os.readlink(f"/proc/{pid}/ns/mnt") != os.readlink("/proc/self/ns/mnt") else None


def enter(lab, argv, cwd=None):
    """argv as it runs where the lab's names resolve."""
    pid = proc.pid_of(lab, "keeper")
    if pid is None:
        raise LabError(f"the lab in {lab.folder} is not running")
    return ["nsenter", "--mount", "--target", str(pid), f"--wd={cwd or '/'}", "--"] + [str(a) for a in argv]


def stop(lab):
    proc.stop(lab, "keeper")
    shutil.rmtree(lab.run, ignore_errors=True)
