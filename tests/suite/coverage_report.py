"""What unit tests reach: lines and branches of each room and file, as text and as build/coverage/html.

A room below its floor is a failure: what decides about a logon must not lose its tests.
"""

import json
import shutil

from built import build, unit_tests
from score import BUILD, REPO

# Percent of lines and of branches, a little below what stood when it was last looked at (November 2026): a loss is seen.
# Connections to a directory (ldap/conn*, creds, io_deadline) and the agent's daemon and PKINIT are run end to end, by programs
# whose walls let no counter out.
FLOORS = {"fas/base": (92, 82), "fas/saml": (95, 86), "policy": (97, 88), "ca": (90, 73), "ldap": (60, 51), "fas": (83, 70),
          "fas/http": (91, 77), "fas/card": (94, 80), "fas/ctl": (81, 68), "fas/agent": (43, 37),
          "fas/agent/pam": (91, 76), "fas/agent/pkcs11": (94, 87)}


def percent(covered, total):
    return 100.0 * covered / total if total else 100.0


def by_room(files):
    rooms = {}
    for one in files:
        room = one["filename"].rpartition("/")[0]
        sums = rooms.setdefault(room, [0, 0, 0, 0])
        for i, key in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
            sums[i] += one[key]
    return {room: (percent(*sums[:2]), percent(*sums[2:])) for room, sums in rooms.items()}


def run(score, _):
    folder = BUILD / "coverage"
    for old in folder.rglob("*.gcda"):
        old.unlink()
    if not build(score, "coverage", "gcc, measuring coverage"):
        return
    unit_tests(score, "coverage")
    shutil.rmtree(folder / "html", ignore_errors=True)
    (folder / "html").mkdir()
    summary = folder / "coverage.json"
    # gcov leaves its files where it runs
    made = score.add_command("coverage: the report is made", "env", "-C", folder, "gcovr", "--root", REPO, folder, "--exclude", "tests/",
                             "--exclude", "build/", "--exclude-throw-branches", "--txt", folder / "coverage.txt",
                             "--html-details", folder / "html" / "index.html", "--json-summary", summary)
    if made:
        judge(score, json.loads(summary.read_text())["files"])
        print(f"lines and branches of each file: {folder}/coverage.txt, {folder}/html/index.html")


def judge(score, files):
    print("   lines branches  file")
    for one in sorted(files, key=lambda one: one["filename"]):
        print(f"{one['line_percent']:7.1f}% {one['branch_percent'] or 0:7.1f}%  {one['filename']}")
    rooms = by_room(files)
    for room, floor in FLOORS.items():
        lines, branches = rooms.get(room, (0, 0))
        score.add(f"coverage: {room} {lines:.1f} % of lines, {branches:.1f} % of branches (floor {floor[0]} and {floor[1]})",
                  lines >= floor[0] and branches >= floor[1], 0)
