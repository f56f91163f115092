"""Counts what passed and failed, says what goes on, and remembers how long each stage took."""

import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path

REPO = Path(__file__).resolve().parents[2]
BUILD = REPO / "build"
TAIL_LINES = 40
PROGRESS_S = 30


class Score:
    def __init__(self):
        self.passed, self.failed, self.built, self.stages = 0, [], {}, []

    def add(self, name, ok, seconds, said=""):
        print(f"{'ok    ' if ok else 'FAILED'} {seconds:7.2f} s  {name}", flush=True)
        if ok:
            self.passed += 1
        else:
            self.failed.append(name)
            for line in said.splitlines()[-TAIL_LINES:]:
                print("    | " + line, flush=True)

    def add_command(self, name, *argv, env=None):
        """One that has to end with status 0 is one test."""
        begun = time.monotonic()
        status, said = self.run(name, argv, env=env)
        self.add(name, status == 0, time.monotonic() - begun, said)
        return status == 0

    def run(self, what, argv, env=None, on_line=None):
        """(status, output) of a command; a line of progress now and then.  on_line gets each line as it comes."""
        child = subprocess.Popen([str(a) for a in argv], cwd=REPO, env=env, text=True, errors="replace",
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        lines, begun = [], time.monotonic()

        def read():
            for line in child.stdout:
                lines.append(line)
                if on_line:
                    on_line(line.rstrip("\n"))

        reader = threading.Thread(target=read)
        reader.start()
        while reader.is_alive():
            reader.join(PROGRESS_S)
            if reader.is_alive():
                last = lines[-1].strip()[:90] if lines else ""
                self.progress(what, time.monotonic() - begun, last)
        return child.wait(), "".join(lines)

    def progress(self, what, seconds, said):
        print(f"  ...  {seconds:7.0f} s  {what}: {said}", flush=True)

    @contextmanager
    def stage(self, name, counted=True):
        """Whatever breaks a stage is a failure, never a missing count."""
        begun, passed, failed = time.monotonic(), self.passed, len(self.failed)
        print(f"---- {name}", flush=True)
        try:
            yield
        except Exception as error:
            self.add(f"stage {name}: {error}", False, 0)
        if counted and (self.passed, len(self.failed)) == (passed, failed):
            self.add(f"stage {name}: nothing was tested", False, 0)
        self.stages.append((name, time.monotonic() - begun, self.passed - passed, len(self.failed) - failed))

    def summary(self):
        """The last line is "N passed, N failed"."""
        print("---- summary")
        for name, seconds, passed, failed in self.stages:
            print(f"{seconds:9.1f} s  {name:<12} {passed:5} passed {failed:4} failed")
        print(f"{sum(stage[1] for stage in self.stages):9.1f} s  in all")
        for name in self.failed:
            print(f"failed: {name}")
        print(f"{self.passed} passed, {len(self.failed)} failed", flush=True)
        return 0 if self.passed and not self.failed else 1
