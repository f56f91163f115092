"""A VDA host of the lab: fas-agent with a state folder of its own."""

import os
import subprocess

from . import config, namespace, programs
from .layout import LabError, write


class Agent:
    def __init__(self, lab, host, name="agent"):
        self.lab, self.host = lab, host
        self.folder = lab.folder / name
        self.config = self.folder / "agent.yaml"

    def prepare(self, **kerberos):
        """kerberos: keytab and server, for a host that has no certificate."""
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        (self.folder / "state").chmod(0o700)
        write(self.config, config.agent_yaml(self.lab, self.folder / "state", **kerberos))

    def run(self, *words, stdin=None):
        """Run fas-agent as root of that host; (status, output, errors)."""
        argv = namespace.enter(self.lab, [programs.program("fas-agent"), *words, "--config", self.config])
        env = {**os.environ, "KRB5_CONFIG": str(self.lab.krb5_conf)}
        done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, input=stdin, env=env)
        return done.returncode, done.stdout, done.stderr

    def must(self, *words, stdin=None):
        status, out, err = self.run(*words, stdin=stdin)
        if status:
            raise LabError(f"fas-agent {words[0]} failed (status {status}): {err.strip() or out.strip()}")
        return out

    def enroll(self):
        self.prepare()
        token = programs.fasctl(self.lab, "host", "enroll", "--name", self.host).split()[0]
        self.must("enroll", "--token-file", "-", stdin=token + "\n")
