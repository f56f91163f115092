"""Run the end-to-end cases on one lab and give their results to the score."""

import ctypes
import importlib
import multiprocessing
import queue
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
import unittest
from pathlib import Path

from case import SECRETS, LabCase
from lab import lifecycle
from lab.layout import REPO

# Two labs at once, since most cases wait for something.  Each in this order: the whole path first, what disturbs the
# programs later, the search for secrets last.
HOSTS = ["test_lab", "test_agent", "test_card", "test_card_session", "test_desktop", "test_host_guide", "test_browsers",
         "test_browser_front", "test_storefront", "test_in_session", "test_nodes", "test_ca_keys", "test_authorities",
         "test_doctor", "test_keeping", "test_crash", "test_secrets"]
SERVICE = ["test_logon", "test_accounts", "test_claims", "test_saml", "test_tickets", "test_machines", "test_kerberos",
           "test_http", "test_policy", "test_profiles", "test_contexts", "test_admin", "test_audit", "test_revocation",
           "test_watchdog", "test_publishing", "test_providers", "test_front", "test_metadata", "test_interop",
           "test_logout", "test_restart", "test_operations", "test_faults", "test_install", "test_admin_guide",
           "test_signer", "test_ca_life", "test_service_ca", "test_secrets"]
LABS = {"hosts": HOSTS, "service": SERVICE}

PR_SET_PDEATHSIG = 1


def _frames_of_the_case(error):
    """The traceback without unittest's own frames."""
    shown = traceback.TracebackException(*error)
    shown.stack = traceback.StackSummary.from_list([f for f in shown.stack if "/unittest/" not in f.filename])
    return shown.format()


class Reporter(unittest.TestResult):
    """label: what the results' names begin with."""

    def __init__(self, score, label):
        super().__init__()
        self.score, self.label, self.begun = score, label, 0

    def startTest(self, test):
        super().startTest(test)
        self.begun = time.monotonic()

    def _say(self, test, ok, error=None):
        said = "" if error is None else "".join(_frames_of_the_case(error))
        name = test.id().replace("test_", "", 1).replace(".test_", ".").split(".", 1)
        self.score.add(f"{self.label}, {name[0]}: {test.id().rpartition('.')[2].removeprefix('test_')}", ok,
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
        self.score.add(f"{self.label}: {test.id()} was skipped: {reason}", False, 0)


def matching(pattern, modules):
    loader, suite = unittest.TestLoader(), unittest.TestSuite()

    def walk(tests):
        for test in tests:
            if isinstance(test, unittest.TestSuite):
                walk(test)
            elif pattern in test.id():
                suite.addTest(test)

    for name in modules:
        sys.modules.pop(name, None)  # it reads the environment of this pass
        walk(loader.loadTestsFromModule(importlib.import_module(name)))
    return suite


def run_all(score, label="e2e", pattern="", modules=None):
    """Those of modules (all) whose name contains pattern, on labs of their own."""
    labs = {"": modules} if modules else LABS
    todo = {name: suite for name, suite in ((name, matching(pattern, labs[name])) for name in labs) if suite.countTestCases()}
    if len(todo) > 1:
        _at_once(score, label, todo)
    for name, suite in todo.items() if len(todo) == 1 else ():
        _run_one(score, label, suite, name)


def _at_once(score, label, todo):
    """A process each, whose results are printed by it and counted here."""
    results = multiprocessing.Queue()

    def work(name, suite):
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # which unittest lets through: the lab goes with its process
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        _run_one(Teller(results), label, suite, name)
        results.put(None)

    processes = [multiprocessing.Process(target=work, args=one) for one in todo.items()]
    for one in processes:
        one.start()
    left = len(processes)
    while left:
        try:
            result = results.get(timeout=1)
        except queue.Empty:
            if any(one.exitcode for one in processes):  # it went without a word
                score.add(f"{label}: a process of the cases ended", False, 0)
                break
            continue
        left -= result is None
        if result is not None:
            score.add(*result)
    for one in processes:
        one.join()


class Teller:
    """The score of a process: it tells the one that counts."""

    def __init__(self, results):
        self.results, self.failed = results, []

    def add(self, name, ok, seconds, said=""):
        if not ok:
            self.failed.append(name)
        self.results.put((name, ok, seconds, said))


def _run_one(score, label, suite, name):
    SECRETS.clear()
    folder = Path(tempfile.mkdtemp(prefix="fas-e2e-"))
    folder.chmod(0o755)
    begun, failed = time.monotonic(), len(score.failed)
    what = f"{label}, lab of {name}" if name else label
    lab = None
    try:
        lab = lifecycle.up(folder / "lab", lifecycle.Steps(quiet=True))
        score.add(f"{what}: the lab is up", True, time.monotonic() - begun)
        LabCase.lab = lab
        suite.run(Reporter(score, label))
    except Exception:
        score.add(f"{what}: the lab is up" if lab is None else what, False, time.monotonic() - begun, traceback.format_exc())
    finally:
        if lab is not None:
            lifecycle.down(lab)
            _look_for_crashes(score, what, lab)
        if len(score.failed) > failed:
            _keep_logs(folder / "lab" / "log", name)
        shutil.rmtree(folder, ignore_errors=True)


CRASH = re.compile(r'Sanitizer|runtime error|stack smashing|how="signal (4|6|7|8|11)"')


def _look_for_crashes(score, label, lab):
    """After the end, when a sanitizer has also counted what leaked."""
    found = [f"{log.name}: {line[:300]}" for log in sorted(lab.log.glob("*.log"))
             for line in log.read_text(errors="replace").splitlines() if CRASH.search(line)]
    score.add(f"{label}: no program crashed or was caught by a sanitizer", not found, 0, "\n".join(found))


def _keep_logs(log, name):
    kept = REPO / "build" / "e2e-logs" / name
    shutil.rmtree(kept, ignore_errors=True)
    if log.exists():
        shutil.copytree(log, kept)
        print(f"the lab's logs: {kept}", file=sys.stderr)
