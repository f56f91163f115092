"""Build, check, test and count.

Without arguments: the quick set, everything that must never break.  `tests/run full` adds what takes hours.
The last line is "N passed, N failed"; the exit status is 0 only when something passed and nothing failed.
"""

import argparse
import os
import sys
from collections import namedtuple

import analysis
import coverage_report
import fuzzing
from built import build, lab_tests, unit_tests
from score import BUILD, REPO, Score

GCC = "gcc, without warnings"
ASAN = "gcc, address and undefined sanitizers"
CLANG = "clang, without warnings"


def check(score, _):
    score.add_command("check: tests/packages is complete", REPO / "tests" / "check-packages")
    score.add_command("check: includes point downward", REPO / "tests" / "check-includes")
    score.add_command("check: clang-format", REPO / "tests" / "check-format")
    score.add_command("check: docs/SAML.md explains each refusal", REPO / "tests" / "check-guide")


def unit(preset, what):
    def stage(score, _):
        if build(score, preset, what):
            unit_tests(score, preset)
    return stage


def e2e(preset, what):
    return lambda score, options: lab_tests(score, preset, what, options.pattern)


def clang(score, _):
    build(score, "clang", CLANG)


def crash(score, options):
    lab_tests(score, "dev", GCC, options.pattern, ["test_crash"], FAS_CRASH_ROUNDS=options.crash_rounds)


def soak(score, options):
    lab_tests(score, "dev", GCC, options.pattern, ["test_soak"], FAS_SOAK_S=options.soak_seconds)


def flat(score, _):
    if build(score, "dev", GCC):
        score.add_command("flat: a million records", BUILD / "dev" / "tests" / "test_keeping_flat",
                          env={**os.environ, "FAS_FLAT_RECORDS": "1000000"})


def fuzz(score, options):
    long = options.stage in ("full", "fuzz-long")
    fuzzing.run(score, options.fuzz_seconds or (600 if long else 20), options.pattern)


def bench(score, _):
    score.add_command("bench: every goal that is due is met", REPO / "tests" / "bench" / "run", "--full")


Stage = namedtuple("Stage", "name run quick takes what")
STAGES = [
    Stage("check", check, True, "5 s", "packages, includes and format"),
    Stage("unit", unit("dev", GCC), True, "3 min", "unit tests"),
    Stage("e2e", e2e("dev", GCC), True, "8 min", "end-to-end cases on a lab with a domain controller"),
    Stage("asan", unit("asan", ASAN), True, "4 min", "unit tests under the address and undefined sanitizers"),
    Stage("clang", clang, True, "1 min", "all builds with clang without warnings"),
    Stage("fuzz", fuzz, True, "4 min", "each fuzz target for 20 s; in `full` for 10 min, which takes over an hour"),
    Stage("clang-unit", unit("clang", CLANG), False, "3 min", "unit tests with the clang build"),
    Stage("clang-e2e", e2e("clang", CLANG), False, "8 min", "end-to-end cases with the clang build"),
    Stage("asan-e2e", e2e("asan", ASAN), False, "15 min", "end-to-end cases with the sanitizers"),
    Stage("tsan", unit("tsan", "gcc, thread sanitizer"), False, "8 min", "unit tests under the thread sanitizer"),
    Stage("analyze", analysis.gcc, False, "5 min", "gcc -fanalyzer"),
    Stage("tidy", analysis.clang_tidy, False, "14 min", "clang-tidy (.clang-tidy)"),
    Stage("cppcheck", analysis.cppcheck, False, "1 min", "cppcheck"),
    Stage("coverage", coverage_report.run, False, "4 min", "lines and branches that unit tests reach; build/coverage/html"),
    Stage("crash", crash, False, "30 min", "100 rounds of kill -9 under load"),
    Stage("soak", soak, False, "15 min", "a load of logons, renewals, sessions and CRLs: nothing grows"),
    Stage("flat", flat, False, "4 min", "a million certificates and logons come and go: neither database grows"),
    Stage("bench", bench, False, "11 min", "tests/bench/run --full"),
]


def parse():
    listed = "\n".join(f"  {s.name:<11} {'quick' if s.quick else 'full ':<6} {s.takes:>7}  {s.what}" for s in STAGES)
    top = argparse.ArgumentParser(prog="tests/run", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter,
                                  epilog=f"stages, in this order (times on two cores):\n{listed}")
    top.add_argument("stage", nargs="?", default="quick", metavar="STAGE", choices=["quick", "full", *(s.name for s in STAGES)],
                     help="quick (default), full, or one stage alone")
    top.add_argument("pattern", nargs="?", default="", metavar="PATTERN",
                     help="e2e stages, crash, soak: only cases whose name contains this; fuzz: only this target")
    top.add_argument("--fuzz-seconds", type=int, metavar="N", help="each fuzz target for N seconds")
    top.add_argument("--crash-rounds", type=int, default=100, metavar="N", help="N rounds of the stage crash (100)")
    top.add_argument("--soak-seconds", type=int, default=600, metavar="N", help="load of the stage soak (600)")
    return top.parse_args()


def main():
    options = parse()
    if os.geteuid():
        print("tests/run: needs root", file=sys.stderr)
    score = Score()
    for stage in STAGES:
        if options.stage in ("full", stage.name) or (options.stage == "quick" and stage.quick):
            with score.stage(stage.name):
                stage.run(score, options)
    return score.summary()


if __name__ == "__main__":
    sys.exit(main())
