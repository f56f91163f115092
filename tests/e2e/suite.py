"""What tests/run does: build with both compilers and under the sanitizers, check, test, count.

The last line is "N passed, N failed"; the exit status is 0 only when something passed and nothing failed.
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / "build"
TAIL_LINES = 40
JOBS = str(os.cpu_count() or 2)


class Score:
    def __init__(self):
        self.passed, self.failed, self.built = 0, [], {}

    def add(self, name, ok, seconds, said=""):
        print(f"{'ok    ' if ok else 'FAILED'} {seconds:7.2f} s  {name}", flush=True)
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            for line in said.splitlines()[-TAIL_LINES:]:
                print("    | " + line, flush=True)

    def add_command(self, name, *argv):
        begun = time.monotonic()
        done = subprocess.run([str(a) for a in argv], cwd=REPO, text=True, errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.add(name, done.returncode == 0, time.monotonic() - begun, done.stdout)
        return done.returncode == 0


def build(score, preset, what):
    """Once a run, whichever stage asks first; a stage whose build fails does not test what an older one left."""
    if preset not in score.built:
        score.built[preset] = score.add_command(f"build: {what}", "sh", "-c",
                                                f"cmake --preset {preset} && cmake --build --preset {preset}")
    return score.built[preset]


def ctest(score, preset):
    """Each test program counts as one."""
    report = BUILD / preset / "junit.xml"
    report.unlink(missing_ok=True)
    done = subprocess.run(["ctest", "--test-dir", str(BUILD / preset), "-j", JOBS, "--output-junit", str(report),
                           "--output-on-failure", "--timeout", "300"], text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    if not report.exists():
        score.add(f"ctest: {preset}", False, 0, done.stdout)
        return
    for case in ElementTree.parse(report).iter("testcase"):
        said = case.findtext("system-out") or ""
        score.add(f"unit, {preset}: {case.get('name')}", case.get("status") == "run", float(case.get("time") or 0), said)


def stage_check(score, _):
    score.add_command("check: tests/packages is complete", REPO / "tests" / "check-packages")
    score.add_command("check: includes point downward", REPO / "tests" / "check-includes")
    score.add_command("check: clang-format", REPO / "tests" / "check-format")


def stage_unit(score, _):
    if build(score, "dev", "gcc, without warnings"):
        ctest(score, "dev")


def stage_asan(score, _):
    if build(score, "asan", "gcc, address and undefined sanitizers"):
        ctest(score, "asan")


def stage_clang(score, _):
    build(score, "clang", "clang, without warnings")


def stage_e2e(score, pattern):
    if not os.environ.get("FAS_BUILD"):
        if not build(score, "dev", "gcc, without warnings"):
            score.add("e2e: the programs are built", False, 0)
            return
        os.environ["FAS_BUILD"] = str(BUILD / "dev")
    import cases
    cases.run_all(score, pattern)


STAGES = {"check": stage_check, "unit": stage_unit, "e2e": stage_e2e, "asan": stage_asan, "clang": stage_clang}


def main():
    top = argparse.ArgumentParser(prog="tests/run", description=__doc__.splitlines()[0])
    top.add_argument("stage", nargs="?", choices=STAGES, help="only this one; default: all, in this order: "
                     + ", ".join(STAGES))
    top.add_argument("pattern", nargs="?", default="", help="e2e: only cases whose name contains this text")
    args = top.parse_args()
    if os.geteuid():
        print("tests/run: needs root", file=sys.stderr)
    score = Score()
    for name, stage in STAGES.items():
        if args.stage in (None, name):
            try:
                stage(score, args.pattern)
            except Exception as error:  # whatever breaks a stage is a failure, never a missing count
                score.add(f"stage {name}: {error}", False, 0)
    for name in score.failed:
        print(f"failed: {name}")
    print(f"{score.passed} passed, {len(score.failed)} failed", flush=True)
    return 0 if score.passed and not score.failed else 1


if __name__ == "__main__":
    sys.exit(main())
