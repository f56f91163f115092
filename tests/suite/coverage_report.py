"""What unit tests reach: lines and branches of each room and file, as text and as build/coverage/html.

A room below its floor is a failure: what decides about a logon must not lose its tests.
"""

import json
import shutil

from built import build, unit_tests
from score import BUILD, REPO

# Percent of lines and of branches; a little below what stands now, so that a loss is seen and a rounding is not.
FLOORS = {"fas/base": (90, 75), "fas/saml": (90, 75), "ldap": (80, 65), "policy": (90, 75), "ca": (85, 70),
          "fas": (75, 60), "fas/http": (80, 65), "fas/agent": (60, 45), "fas/ctl": (60, 45)}


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
    made = score.add_command("coverage: the report is made", "gcovr", "--root", REPO, folder, "--exclude", "tests/",
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
