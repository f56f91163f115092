"""A login that lasts, and commands run in it one after the other, as its user types them."""

import os
import secrets
import select
import time

from .layout import LabError


class Login:
    def __init__(self, desktop, user, ticket):
        self.user = user
        self.process = desktop.begin(user, ticket, "exec bash 2>&1")
        status, self.session = self.run("echo $FAS_SESSION")
        if status or not self.session:
            raise LabError(f"{user} is not logged on: {self.process.stderr.read()}")

    def run(self, script, timeout=60):
        """(status, what it said on both channels)."""
        mark = secrets.token_hex(8)
        self.process.stdin.write(f"( cd; {script}\n) < /dev/null 2>&1; echo \" {mark} $?\"\n")
        self.process.stdin.flush()
        said, end = b"", time.monotonic() + timeout
        while f" {mark} ".encode() not in said or not said.endswith(b"\n"):
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.process.stdout], [], [], left)[0]
            piece = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise LabError(f"{'the login has ended' if ready else 'no end'} after {script!r}: {said.decode(errors='replace')}")
            said += piece
        text, _, status = said.decode(errors="replace").rpartition(f" {mark} ")
        return int(status), text.strip()

    def end(self):
        """Log off, and wait until the login is over."""
        if self.process.returncode is None:
            self.process.communicate("", 20)
