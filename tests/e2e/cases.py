"""Run the end-to-end cases on one lab and give their results to the score."""

import importlib
import re
import shutil
import sys
import tempfile
import time
import traceback
import unittest
from pathlib import Path

from case import LabCase
from lab import lifecycle
from lab.layout import REPO

# In this order: the whole path first, what disturbs the programs later, the search for secrets last.
MODULES = ["test_lab", "test_logon", "test_agent", "test_card", "test_card_session", "test_desktop",
           "test_host_guide", "test_browsers", "test_storefront", "test_accounts", "test_claims", "test_saml",
           "test_tickets", "test_machines", "test_kerberos", "test_http", "test_policy", "test_in_session",
           "test_nodes", "test_admin", "test_audit", "test_revocation", "test_providers", "test_restart",
           "test_crash", "test_operations", "test_faults", "test_install", "test_admin_guide", "test_signer",
           "test_secrets"]


def _frames_of_the_case(error):
    """The traceback without unittest's own frames."""
    shown = traceback.TracebackException(*error)
    shown.stack = traceback.StackSummary.from_list([f for f in shown.stack if "/unittest/" not in f.filename])
    return shown.format()


class Reporter(unittest.TestResult):
    def __init__(self, score):
        super().__init__()
        self.score, self.begun = score, 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def _say(self, test, ok, error=None):
        said = "" if error is None else "".join(_frames_of_the_case(error))
        name = test.id().replace("test_", "", 1).replace(".test_", ".").split(".", 1)
        self.score.add(f"e2e, {name[0]}: {test.id().rpartition('.')[2].removeprefix('test_')}", ok,
                       time.monotonic() - self.begun, said)

    def addSuccess(self, test):
        self._say(test, True)

    def addError(self, test, error):
        self._say(test, False, error)

    def addFailure(self, test, error):
        self._say(test, False, error)

    def addSubTest(self, test, subtest, err):
        """A failed part is a failure: unittest then calls neither addSuccess nor addFailure."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._say(test, False, err)

    def addSkip(self, test, reason):
        """A test that does not run proves nothing."""
        self.score.add(f"e2e: {test.id()} was skipped: {reason}", False, 0)


def matching(pattern):
    loader, suite = unittest.TestLoader(), unittest.TestSuite()

    def walk(tests):
        for test in tests:
            if isinstance(test, unittest.TestSuite):
                walk(test)
            elif pattern in test.id():
                suite.addTest(test)

    for name in MODULES:
        walk(loader.loadTestsFromModule(importlib.import_module(name)))
    return suite


def run_all(score, pattern=""):
    suite = matching(pattern)
    folder = Path(tempfile.mkdtemp(prefix="fas-e2e-"))
    folder.chmod(0o755)
    begun = time.monotonic()
    lab = None
    try:
        lab = lifecycle.up(folder / "lab", lifecycle.Steps(quiet=True))
        score.add("e2e: the lab is up", True, time.monotonic() - begun)
        LabCase.lab = lab
        suite.run(Reporter(score))
    except Exception:
        score.add("e2e: the lab is up" if lab is None else "e2e", False, time.monotonic() - begun, traceback.format_exc())
    finally:
        if lab is not None:
            lifecycle.down(lab)
            _look_for_crashes(score, lab)
        if score.failed:
            _keep_logs(folder / "lab" / "log")
        shutil.rmtree(folder, ignore_errors=True)


CRASH = re.compile(r'Sanitizer|runtime error|stack smashing|how="signal (4|6|7|8|11)"')


def _look_for_crashes(score, lab):
    """After the end, when a sanitizer has also counted what leaked."""
    found = [f"{log.name}: {line[:300]}" for log in sorted(lab.log.glob("*.log"))
             for line in log.read_text(errors="replace").splitlines() if CRASH.search(line)]
    score.add("e2e: no program crashed or was caught by a sanitizer", not found, 0, "\n".join(found))


def _keep_logs(log):
    kept = REPO / "build" / "e2e-logs"
    shutil.rmtree(kept, ignore_errors=True)
    if log.exists():
        shutil.copytree(log, kept)
        print(f"the lab's logs: {kept}", file=sys.stderr)
