"""tests/demo: one whole logon on a real domain, a line for each step."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cryptography import x509

from lab import agent, api, lifecycle, namespace, proc, programs, saml
from lab.layout import REPO, VDA1, WEB, LabError


def build(steps):
    with steps.step("build") as note:
        done = subprocess.run(["sh", "-c", "cmake --preset release && cmake --build --preset release --target "
                               + " ".join(programs.PROGRAMS)], cwd=REPO, text=True,
                              capture_output=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise LabError("the build failed:\n" + (done.stdout + done.stderr)[-3000:])
        os.environ["FAS_BUILD"] = str(REPO / "build" / "release")
        note("gcc, release")


class Demo:
    def __init__(self, lab, steps):
        self.lab, self.steps = lab, steps
        self.host = agent.Agent(lab, VDA1, "vda1")
        self.cache = f"FILE:{lab.folder}/home/alice/krb5cc"
        self.serial = None

    def sign_response(self):
        with self.steps.step("the identity provider signs a SAML response for alice") as note:
            claims = saml.claims_of(self.lab.accounts["alice"])
            response = saml.response(claims, saml.load_key(self.lab), name_id="alice")
            note(", ".join(f"{name}={value}" for name, value in claims.items()))
            return response

    def ask_for_ticket(self, response):
        with self.steps.step("the storefront gets a ticket for it") as note:
            client = api.Client(self.lab.api_url, *(self.lab.pki / name for name in (
                "service-ca.crt", "storefront.crt", "storefront.key")))
            answer = client.post("/v1/logons", {"saml_response": response, "host": VDA1})
            if answer.status != 201:
                raise LabError(f"POST /v1/logons: {answer}")
            note(f"rule {answer.json['rule']}, until {answer.json['expires_at']}")
            return answer.json["ticket"]

    def log_on(self, ticket):
        with self.steps.step("the VDA host makes a key, gets the certificate, and a TGT by PKINIT") as note:
            told = self.host.must("logon", "--ticket-file", "-", "--user", "alice", "--ccache", self.cache, "--json",
                                  stdin=ticket)
            session = json.loads(told)
            self.serial = int(session["serial"], 16)
            note(f"session {session['session_id']}, certificate {session['serial']}")
            return session

    def inside(self, *argv):
        """Run a command in alice's session on the host: as her user, with her credential cache."""
        env = {**os.environ, "KRB5CCNAME": self.cache, "KRB5_CONFIG": str(self.lab.krb5_conf)}
        as_alice = ["setpriv", "--reuid=alice", "--regid=alice", "--init-groups"]
        return proc.run(namespace.enter(self.lab, [*as_alice, *argv]), env=env)

    def show_tickets(self):
        with self.steps.step("klist"):
            tickets = self.inside("klist")
            if "krbtgt/CORP.EXAMPLE.COM@CORP.EXAMPLE.COM" not in tickets:
                raise LabError("klist shows no ticket-granting ticket:\n" + tickets)
        for line in tickets.splitlines():
            if line.strip():
                print("          | " + line)

    def fetch_page(self):
        with self.steps.step("a page of the Kerberos-protected web site") as note:
            page = self.inside("curl", "-sSi", "--fail", "--negotiate", "-u", ":", f"http://{WEB}/")
            user = re.search(r"X-Remote-User: (\S+)", page)
            if not user:
                raise LabError("the web site names no user:\n" + page)
            note(f"http://{WEB}/ says 200 to {user[1]}")

    def log_off(self, session):
        with self.steps.step("logoff"):
            self.host.must("logoff", "--session", session["session_id"])

    def find_on_crl(self):
        with self.steps.step("the certificate is on the CRL") as note:
            url = "http://pki.corp.example.com/crl/main-1.crl"
            file = self.lab.folder / "main-1.crl"

            def listed():
                proc.run(namespace.enter(self.lab, ["curl", "-sS", "--fail", "-o", file, url]))
                crl = x509.load_der_x509_crl(file.read_bytes())
                return crl.get_revoked_certificate_by_serial_number(self.serial)
            entry = proc.wait_for(listed, 5, f"the certificate on {url}")
            note(f"{url}, revoked {entry.revocation_date:%H:%M:%S} UTC")

    def run(self):
        with self.steps.step("the VDA host joins the service") as note:
            self.host.enroll()
            note(VDA1)
        session = self.log_on(self.ask_for_ticket(self.sign_response()))
        self.show_tickets()
        self.fetch_page()
        self.log_off(session)
        self.find_on_crl()


def main():
    if os.geteuid():
        print("tests/demo: needs root", file=sys.stderr)
        return 1
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    steps, lab = lifecycle.Steps(), None
    folder = Path(tempfile.mkdtemp(prefix="fas-demo-"))
    folder.chmod(0o755)
    try:
        build(steps)
        begun = time.monotonic()
        lab = lifecycle.up(folder / "lab", steps)
        Demo(lab, steps).run()
        print(f"{time.monotonic() - begun:6.2f} s  in all: a SAML response became a Kerberos ticket, and was withdrawn")
        return 0
    except (LabError, OSError) as error:
        print(f"tests/demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        if lab is not None:
            lifecycle.down(lab)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
