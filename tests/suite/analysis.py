"""Static analysers over every C file: gcc -fanalyzer, clang-tidy, cppcheck.

Each room of the house (and tests/) counts as one test.  What an analyser says wrongly stands in accepted-findings with
the reason; an entry there that nothing finds any more is a failure too, so that the list only ever holds what is true.
"""

import json
import os
import re
import shlex
import subprocess
import time
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from score import BUILD, PROGRESS_S, REPO

ACCEPTED = Path(__file__).with_name("accepted-findings")
ELSEWHERE = "headers that are not the project's"
ROOMS = ["fas/base", "fas/saml", "ldap", "policy", "ca", "fas/http", "fas/ctl", "fas/agent", "fas", "tests"]
FINDING = re.compile(r"^(?P<file>[^\s:]+):(?P<line>\d+):\d+: (?:warning|error): (?P<said>.*) \[(?P<check>[\w.,=-]+)\]$")

# file: where the finding is; of gcc, which follows macros and calls, the source that was compiled.
Finding = namedtuple("Finding", "tool check file code said")


def commands(preset):
    """[(file, folder, argv)] of a preset, each source once; what the build itself has written is nobody's to mend."""
    listed = json.loads((BUILD / preset / "compile_commands.json").read_text())
    found = {}
    for entry in listed:
        name = os.path.relpath(entry["file"], REPO)
        if name.startswith(os.path.relpath(BUILD, REPO) + "/"):
            continue
        found.setdefault(name, (name, entry["directory"], shlex.split(entry["command"])))
    return list(found.values())


def code_at(path, number):
    try:
        return Path(path).read_text(errors="replace").splitlines()[int(number) - 1].strip()
    except (OSError, IndexError):
        return ""


def findings_of(tool, name, folder, output):
    found = set()
    for line in output.splitlines():
        match = FINDING.match(line)
        if match:
            path = os.path.join(folder, match["file"])
            check = match["check"].removeprefix("-Werror=").split(",")[0]
            about = name if tool == "gcc" else os.path.relpath(path, REPO)
            found.add(Finding(tool, check, about, code_at(path, match["line"]),
                              f"{os.path.relpath(path, REPO)}:{match['line']}: {match['said']} [{check}]"))
    return found


def room_of(name):
    return next((room for room in ROOMS if name.startswith(room + "/")), ELSEWHERE)


def accepted():
    """{(tool, check, file, code): reason}, as the file's own first lines say."""
    found, last = {}, None
    for number, line in enumerate(ACCEPTED.read_text().splitlines(), 1):
        head = re.match(r"(\S+) (\S+) ([^\s:]+):\s*(.*)$", line)
        if not line.strip() or line.startswith("#"):
            continue
        if line[0].isspace() and last:
            found[last] += line.strip() + " "
        elif head:
            last = tuple(word.strip() for word in head.groups())
            found[last] = ""
        else:
            raise ValueError(f"{ACCEPTED.name}:{number}: no finding, and no reason of one")
    without = [key for key, reason in found.items() if not reason]
    if without:
        raise ValueError(f"{ACCEPTED.name}: no reason for {without}")
    return found


def covers(key, finding):
    """FILE of an accepted finding may be * or FOLDER/*: then the code is a part of the line, or empty for any."""
    if key[2].endswith("*"):
        return key[:2] == finding[:2] and finding.file.startswith(key[2][:-1]) and key[3] in finding.code
    return key == finding[:4]


def judge(score, tool, names, found, seconds):
    """One test a room; an accepted finding that is gone is a failure as well."""
    known = accepted()
    new = [one for one in found if not any(covers(key, one) for key in known)]
    for room in [*ROOMS, ELSEWHERE]:
        files = [name for name in names if room_of(name) == room]
        said = sorted(one.said for one in new if room_of(one.file) == room)
        if files or said:
            score.add(f"{tool}: {room}, {len(files)} files", not said, seconds * len(files) / len(names), "\n".join(said))
    gone = [key for key in known if key[0] == tool and not any(covers(key, one) for one in found)]
    score.add(f"{tool}: every accepted finding is still there", not gone, 0, "\n".join(" ".join(key) for key in gone))


def look(score, tool, work):
    """Run work(name, folder, argv) -> (status, output) for each source of a preset, in parallel."""
    accepted()  # a mistake in it is said before the work
    begun, said_at, found, broken = time.monotonic(), time.monotonic(), set(), []
    entries = work.entries
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        running = {pool.submit(work, *entry): entry for entry in entries}
        for number, future in enumerate(as_completed(running), 1):
            name, folder, _ = running[future]
            status, output = future.result()
            found |= findings_of(tool, name, folder, output)
            if status != 0 and not findings_of(tool, name, folder, output):
                broken.append(f"{name}: {output[-400:]}")
            if time.monotonic() - said_at > PROGRESS_S:
                said_at = time.monotonic()
                score.progress(tool, said_at - begun, f"{number} of {len(entries)} files, {len(found)} findings")
    if broken or not entries:
        score.add(f"{tool}: could look at every file", False, 0, "\n".join(broken))
    judge(score, tool, [entry[0] for entry in entries], found, time.monotonic() - begun)


def run_in(folder, argv):
    done = subprocess.run(argv, cwd=folder, text=True, errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


class Work:
    """A command for each source of a preset: argv(name, its compile command)."""

    def __init__(self, score, preset, argv):
        self.argv = argv
        configured = score.add_command(f"configure: {preset}", "cmake", "--preset", preset)
        self.entries = commands(preset) if configured else []

    def __call__(self, name, folder, command):
        return run_in(folder, self.argv(name, command))


def gcc(score, _):
    def argv(_, command):
        at = command.index("-o")
        return [*command[:at], "-o", "/dev/null", *command[at + 2:], "-fdiagnostics-plain-output"]
    look(score, "gcc", Work(score, "analyze", argv))


def clang_tidy(score, _):
    def argv(name, _):
        return ["clang-tidy", "-p", str(BUILD / "clang"), "--quiet", "--warnings-as-errors=-*", str(REPO / name)]
    look(score, "clang-tidy", Work(score, "clang", argv))


CPPCHECK = Path(__file__).with_name("cppcheck-suppressions")
MACROS = Path(__file__).with_name("cppcheck-macros.cfg")


def cppcheck(score, _):
    def argv(name, command):
        given = [word for word in command if word.startswith(("-D", "-I"))]
        return ["cppcheck", "--quiet", "--enable=warning,style,performance,portability", "--std=c11", "--library=posix",
                f"--library={MACROS}", f"--suppressions-list={CPPCHECK}", *given,
                "--template={file}:{line}:{column}: warning: {message} [{id}]", str(REPO / name)]
    work = Work(score, "dev", argv)
    work.entries = [entry for entry in work.entries if not entry[0].startswith("tests/")]
    look(score, "cppcheck", work)
