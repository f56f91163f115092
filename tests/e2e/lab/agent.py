"""A VDA host of the lab: fas-agent with a state folder of its own."""

import os
import re
import signal
import subprocess

from . import card, config, namespace, proc, programs
from .layout import REPO, LabError, write


class Agent:
    def __init__(self, lab, host, name="agent"):
        self.lab, self.host = lab, host
        self.folder = lab.folder / name
        self.config = self.folder / "agent.yaml"
        self.socket = lab.run / name / "card.sock"
        self.process = f"fas-{name}"
        self.krb5_conf = lab.krb5_conf

    def prepare(self, more="", **kerberos):
        """kerberos: keytab and whom to trust, for a host that has no certificate; more: lines of agent.yaml."""
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        (self.folder / "state").chmod(0o700)
        write(self.config, config.agent_yaml(self.lab, self.folder / "state", **kerberos)
              + f"socket: {self.socket}\npkcs11: {programs.module('fas-pkcs11.so')}\n" + more)

    def run(self, *words, stdin=None, **env):
        """Run fas-agent as root of that host; (status, output, errors)."""
        argv = namespace.enter(self.lab, [programs.program("fas-agent"), *words, "--config", self.config])
        env = {**os.environ, "KRB5_CONFIG": str(self.krb5_conf), **env}
        done = subprocess.run([str(a) for a in argv], text=True, capture_output=True, input=stdin, env=env)
        return done.returncode, done.stdout, done.stderr

    def must(self, *words, stdin=None, **env):
        status, out, err = self.run(*words, stdin=stdin, **env)
        if status:
            raise LabError(f"fas-agent {words[0]} failed (status {status}): {err.strip() or out.strip()}")
        return out

    def enroll(self, more="", nodes=(), **env):
        """nodes: the lab's and further ones; which of the servers a token belongs to is found by the agent."""
        self.prepare(more, servers=[f"https://{node.host}:8443" for node in nodes])
        for node in nodes or [self.lab]:
            token = programs.fasctl(node, "host", "enroll", "--name", self.host).split()[0]
            self.must("enroll", "--token-file", "-", stdin=token + "\n", **env)

    # ---- the daemon ----

    def start(self, **env):
        """With root's rights as far as the unit leaves them."""
        unit = (REPO / "fas" / "install" / "systemd" / "fas-agent.service").read_text()
        kept = re.search(r"(?m)^CapabilityBoundingSet=(.*)$", unit).group(1).lower().replace("cap_", "+").split()
        argv = namespace.enter(self.lab, ["setpriv", "--inh-caps=-all", f"--bounding-set=-all,{','.join(kept)}", "--",
                                          programs.program("fas-agent"), "run", "--config", self.config])
        proc.start(self.lab, self.process, argv, env={"KRB5_CONFIG": str(self.krb5_conf), **env})
        proc.wait_ready(self.lab, self.process, self.socket.exists)

    def stop(self):
        proc.stop(self.lab, self.process, 20)

    def kill(self):
        """As a crash would: nothing is told to anybody."""
        os.kill(self.pid, signal.SIGKILL)
        proc.wait_for(lambda: self.pid is None, 10, "fas-agent is gone")

    @property
    def pid(self):
        return proc.pid_of(self.lab, self.process)

    def log(self):
        return (self.lab.log / f"{self.process}.log").read_text(errors="replace")

    def program(self, uid=0, **options):
        """A process of that uid that speaks to the daemon."""
        return card.Program(self.socket, uid, **options)
