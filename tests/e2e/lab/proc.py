"""Processes of a lab: started in a session of their own, known by process id and start time, ended by these alone."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from .layout import LabError


def wait_for(condition, seconds, what):
    """Poll until condition() is true and return its value; LabError after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise LabError(f"{what}: nothing after {seconds:g} s")
        time.sleep(0.01)


def start_time(pid):
    """Start time in ticks since boot, None when no such process lives: with it, a process id cannot be mistaken.

    One whose first thread has ended lives on in the others, which still hold its sockets.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" and int(fields[17]) <= 1 else int(fields[19])


def family(pid):
    """A live process and all that came from it: its descendants, and the members of its session."""
    parents, sessions = {}, {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            parents[int(entry)], sessions[int(entry)] = int(fields[1]), int(fields[3])
    found = {one for one in parents if one == pid or sessions[one] == pid}
    while more := {one for one, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found)


def clock(offset):
    """The environment of a program whose clock is off by that much ('-4m').  Not by the command faketime: it leaves a
    semaphore behind when it is killed, and the next process of its number fails."""
    return {"LD_PRELOAD": "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1", "FAKETIME": offset}


def halt(pid):
    """SIGSTOP, and wait until each of its threads stands still: the signal itself stops them one after the other."""
    def stands():
        states = []
        for task in os.listdir(f"/proc/{pid}/task"):
            try:
                states.append(Path(f"/proc/{pid}/task/{task}/stat").read_text().rpartition(")")[2].split()[0])
            except OSError:
                continue
        return all(state in "TtZX" for state in states)
    os.kill(pid, signal.SIGSTOP)
    wait_for(stands, 10, f"process {pid} to stand still")


def record_of(lab, name):
    return lab.folder / "run" / f"{name}.json"


def start(lab, name, argv, env=None, cwd=None, pass_fds=()):
    """Start argv in the background with its output in log/NAME.log; returns the process."""
    log = open(lab.log / f"{name}.log", "ab")
    with log:
        child = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 env={**os.environ, **(env or {})}, cwd=cwd or "/", pass_fds=pass_fds,
                                 start_new_session=True)
    record = record_of(lab, name)
    record.parent.mkdir(exist_ok=True)
    record.write_text(json.dumps({"pid": child.pid, "start": start_time(child.pid), "argv": [str(a) for a in argv]}))
    return child


def pid_of(lab, name):
    """The process id of a started program that still lives, else None."""
    try:
        saved = json.loads(record_of(lab, name).read_text())
    except OSError:
        return None
    return saved["pid"] if saved["start"] is not None and start_time(saved["pid"]) == saved["start"] else None


def names(lab):
    """Everything started in this lab, newest first."""
    records = (lab.folder / "run").glob("*.json")
    return [r.stem for r in sorted(records, key=lambda r: r.stat().st_mtime_ns, reverse=True)]


def stop(lab, name, seconds=10):
    """SIGTERM, then SIGKILL for what is left of the program and of all that it started."""
    pid = pid_of(lab, name)
    if pid is not None:
        members = {one: start_time(one) for one in family(pid)}
        _signal(members, [pid], signal.SIGTERM)
        _until_gone(lambda: pid_of(lab, name), seconds)
        for number in (signal.SIGTERM, signal.SIGKILL):
            _signal(members, members, number)
            _until_gone(lambda: any(start_time(one) == begun for one, begun in members.items()), 2)
    record_of(lab, name).unlink(missing_ok=True)


def _signal(members, which, number):
    """Send a signal to those that are still the processes that were meant."""
    for pid in which:
        if members[pid] is not None and start_time(pid) == members[pid]:
            os.kill(pid, number)


def _until_gone(living, seconds):
    end = time.monotonic() + seconds
    while living() and time.monotonic() < end:
        _reap()
        time.sleep(0.01)


def _reap():
    """Children of this very process must be waited for; others are init's."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def log_tail(lab, name, lines=15):
    try:
        text = (lab.log / f"{name}.log").read_text(errors="replace")
    except OSError:
        return ""
    return "\n".join("    " + line for line in text.splitlines()[-lines:])


def wait_ready(lab, name, condition, seconds=20):
    """wait_for, but a program that died meanwhile is said with the end of its log."""
    def ready():
        if pid_of(lab, name) is None:
            raise LabError(f"{name} ended at once; its log says:\n{log_tail(lab, name)}")
        return condition()
    try:
        return wait_for(ready, seconds, f"{name} is not ready")
    except LabError as error:
        if "its log says" in str(error):
            raise
        raise LabError(f"{error}; its log ends with:\n{log_tail(lab, name)}") from None


def run(argv, **more):
    """Run a tool to its end; LabError with what it said when it fails."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, text=True, capture_output=True, **more)
    if done.returncode:
        own = argv[argv.index("--") + 1:] if argv[0] == "nsenter" else argv
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-8:]
        raise LabError(f"{' '.join([Path(own[0]).name, *own[1:3]])} ... failed (status {done.returncode}): "
                       + "\n    ".join(said))
    return done.stdout
