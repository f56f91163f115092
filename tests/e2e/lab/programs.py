"""This project's own programs in a lab: started under users of their own, given a logon CA below an offline root, and
joined by one storefront and two hosts."""

import hashlib
import json
import os
import signal
import socket
import ssl
import subprocess
from pathlib import Path

from . import api, config, namespace, pki, proc
from .layout import FASD_UID, LOGIN, REPO, SIGNER_UID, STOREFRONT, VDA1, VDA2, LabError, write

FASD = (FASD_UID, FASD_UID)
SIGNER = (SIGNER_UID, SIGNER_UID)
PROGRAMS = ["fasd", "fas-signer", "fas-launch", "fasctl", "fas-agent"]
CONFIGS = {"fasd": "fasd", "fas-signer": "signer"}
MACHINES = {"storefront": ("storefront", STOREFRONT), "host": ("host", VDA1), "host2": ("host", VDA2)}


def build_folder():
    """The build that the lab runs: FAS_BUILD, else the newest one that is whole."""
    given = os.environ.get("FAS_BUILD")
    folders = [Path(given).resolve()] if given else [REPO / "build" / "dev", REPO / "build" / "release"]
    whole = [one for one in folders if all((one / "bin" / name).exists() for name in PROGRAMS)]
    if not whole:
        raise LabError(f"the programs are not built in {' or '.join(map(str, folders))} "
                       "(cmake --preset dev && cmake --build --preset dev)")
    return max(whole, key=lambda one: (one / "bin" / "fasd").stat().st_mtime)


def program(name):
    return build_folder() / "bin" / name


def module(name):
    """A library that foreign programs load: of the same build, or from FAS_MODULES where theirs could not load it."""
    return Path(os.environ.get("FAS_MODULES") or build_folder() / "lib") / name


def tool_env(lab):
    """How fasctl finds this lab's programs."""
    return {**os.environ, "FAS_SIGNER_ADMIN": str(lab.run / "signer" / "admin.sock"),
            "FAS_ADMIN": str(lab.run / "fasd" / "admin.sock")}


def fasctl(lab, *words):
    """Run fasctl inside the lab; returns its standard output."""
    return proc.run(namespace.enter(lab, [program("fasctl"), *words]), env=tool_env(lab))


def fasctl_json(lab, *words):
    return json.loads(fasctl(lab, *words, "--json"))


def fasctl_status(lab, *words):
    """(exit status, output, errors), for tests of refusals."""
    done = subprocess.run([str(w) for w in namespace.enter(lab, [program("fasctl"), *words])], env=tool_env(lab),
                          text=True, capture_output=True)
    return done.returncode, done.stdout, done.stderr


def _start(lab, name, owner, options=(), env=None):
    """By fas-launch, which does without systemd what units do: users, the one capability, starting again."""
    argv = [program("fas-launch"), "--run", f"{owner[0]}:{owner[1]}", *options, "--",
            program(name), "--config", lab.fas / f"{CONFIGS[name]}.yaml"]
    proc.start(lab, lab.process(name), namespace.enter(lab, argv), env={"KRB5_CONFIG": str(lab.krb5_conf), **(env or {})})


def launch_signer(lab, env=None):
    """Without waiting until it is ready."""
    _start(lab, "fas-signer", SIGNER, env=env)


def start_signer(lab, env=None):
    launch_signer(lab, env)
    proc.wait_ready(lab, lab.process("fas-signer"), lambda: _listens(lab.run / "signer" / "admin.sock"))


def launch_fasd(lab, env=None):
    """Without waiting until it is ready.  The launcher holds its sockets, port 80 too: fasd has no privilege."""
    held = [f"{lab.address(lab.host)}:{port}" for port in (8443, 80)] + ([f"{lab.address(LOGIN)}:443"] if lab.has_front else [])
    _start(lab, "fasd", FASD, [word for address in held for word in ("--listen", address)], env)


def start_fasd(lab, env=None):
    launch_fasd(lab, env)
    proc.wait_ready(lab, lab.process("fasd"), lambda: is_ready(lab))


def pid(lab, name):
    """The process id of fasd or fas-signer itself, below its launcher; None when it is not there."""
    launcher = proc.pid_of(lab, lab.process(name))
    for one in proc.family(launcher) if launcher else []:
        try:
            if os.readlink(f"/proc/{one}/exe").rpartition("/")[2] == name:
                return one
        except OSError:
            continue
    return None


def restart(lab, name, number=signal.SIGTERM):
    """End the program and wait until its launcher has brought it back."""
    old = pid(lab, name)
    os.kill(old, number)
    proc.wait_for(lambda: pid(lab, name) not in (None, old), 30, f"{name} after its restart")
    proc.wait_ready(lab, lab.process(name), lambda: _listens(lab.run / "signer" / "admin.sock") and is_ready(lab))


def _listens(path):
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.connect(str(path))
        return True
    except OSError:
        return False


def is_ready(lab):
    try:
        return api.Client(lab.ops_url, None).get("/readyz").status == 200
    except OSError:
        return False


def make_logon_ca(lab, root):
    """fasctl ca init -> CSR -> the offline root signs -> fasctl ca install."""
    csr, chain, root_file, root_crl = (lab.pki / n for n in ("logon-ca.csr", "logon-ca.pem", "logon-root.crt",
                                                             "logon-root.crl"))
    fasctl(lab, "ca", "init", "--out", csr)
    certificate = pki.sign_subordinate(root, csr.read_bytes(), publish_url=lab.publish_url)
    write(lab.pki / "logon-ca.crt", pki.pem(certificate))
    write(chain, pki.pem(certificate) + pki.pem(root.certificate))
    write(root_crl, pki.pem(root.crl()))
    fasctl(lab, "ca", "install", "--chain", chain, "--root", root_file, "--root-crl", root_crl)


def enroll_machines(lab):
    """A one-time token for each; the machine makes its key and hands in token and CSR."""
    for stem, (role, name) in MACHINES.items():
        enroll(lab, stem, role, name)


def enroll(lab, stem, role, name):
    token = fasctl(lab, "host", "enroll", "--role", role, "--name", name).split()[0]
    service_ca = lab.pki / "service-ca.crt"
    if not service_ca.exists():
        write(service_ca, find_service_ca(lab, token.rpartition(".")[2]))
    key, csr = api.new_csr(api.curve_key())
    api.save_key(lab.pki / f"{stem}.key", key)
    answer = api.Client(lab.api_url, service_ca).post("/v1/enroll", {"token": token, "csr": csr})
    if answer.status != 201:
        raise LabError(f"{name} could not join: {answer}")
    write(lab.pki / f"{stem}.crt", answer.json["certificate"] + answer.json["chain"])


def find_service_ca(lab, fingerprint):
    """As a machine does that trusts nothing yet: the certificate with the token's fingerprint, out of the server's
    handshake."""
    address = lab.api_url.removeprefix("https://")
    shown = subprocess.run(["openssl", "s_client", "-connect", address, "-showcerts"], text=True, capture_output=True,
                           stdin=subprocess.DEVNULL).stdout
    for part in shown.split("-----BEGIN CERTIFICATE-----")[1:]:
        pem = "-----BEGIN CERTIFICATE-----" + part.partition("-----END CERTIFICATE-----")[0] + "-----END CERTIFICATE-----\n"
        if hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == fingerprint:
            return pem
    raise LabError("the server's handshake shows no certificate with the token's fingerprint")
