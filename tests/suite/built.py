"""Builds of the presets, and the tests that run in them: unit tests by ctest, end-to-end cases on a lab."""

import os
import xml.etree.ElementTree as ElementTree

from score import BUILD

JOBS = str(os.cpu_count() or 2)
SANITIZED = ("asan", "tsan")
# In unit tests every finding of a sanitizer ends in a status of its own.  In the lab LeakSanitizer cannot look at programs
# that confine themselves; the address and undefined-behaviour sanitizers can.
IN_UNIT_TESTS = {"TSAN_OPTIONS": "exitcode=66 second_deadlock_stack=1"}
IN_LABS = {"ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}  # the order: where a clock is loaded before it


def build(score, preset, what):
    """Once a run, whichever stage asks first; a stage whose build fails does not test what an older one left."""
    if preset not in score.built:
        score.built[preset] = score.add_command(f"build: {what}", "sh", "-c",
                                                f"cmake --preset {preset} && cmake --build --preset {preset}")
    return score.built[preset]


def unit_tests(score, preset):
    """Each test program counts as one."""
    report = BUILD / preset / "junit.xml"
    report.unlink(missing_ok=True)
    _, said = score.run(f"unit, {preset}", ["ctest", "--test-dir", BUILD / preset, "-j", JOBS, "--output-junit", report,
                                            "--output-on-failure", "--timeout", "1200",
                                            "--test-output-size-passed", "10000000"], env={**os.environ, **IN_UNIT_TESTS})
    if not report.exists():
        score.add(f"ctest: {preset}", False, 0, said)
        return
    for case in ElementTree.parse(report).iter("testcase"):
        said = case.findtext("system-out") or ""
        # cmocka ends with 0 behind a test that was skipped.  Under sanitizers a few have nothing to look at.
        ran = preset in SANITIZED or "[  SKIPPED ]" not in said
        score.add(f"unit, {preset}: {case.get('name')}", case.get("status") == "run" and ran, float(case.get("time") or 0),
                  said)


def lab_tests(score, preset, what, pattern="", modules=None, **variables):
    """The end-to-end cases with the programs of one preset, or with those that FAS_BUILD names.  variables: what these
    cases read from the environment."""
    before = dict(os.environ)
    if not os.environ.get("FAS_BUILD"):
        if not build(score, preset, what):
            score.add(f"e2e, {preset}: the programs are built", False, 0)
            return
        os.environ["FAS_BUILD"] = str(BUILD / preset)
    if preset == "asan":  # sshd and browsers have no sanitizer's runtime to load a module with one
        if not build(score, "dev", "gcc, without warnings"):
            return
        os.environ["FAS_MODULES"] = str(BUILD / "dev" / "lib")
        os.environ["FAS_SANITIZED"] = "1"
    os.environ.update(IN_LABS, **{name: str(value) for name, value in variables.items()})
    import cases
    try:
        cases.run_all(score, "e2e" if preset == "dev" else f"e2e, {preset}", pattern, modules)
    finally:
        os.environ.clear()
        os.environ.update(before)
