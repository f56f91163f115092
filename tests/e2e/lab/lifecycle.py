"""A whole lab up and down, in steps that report themselves."""

import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from . import config, dc, env, krb5, namespace, people, pki, proc, programs, public, samlp, simplesaml, web
from .layout import Lab, LabError, SecondNode, write

# Of lab.pki: what any node is given before it has a key of its own.
GIVEN = ("idp.crt", "simplesaml.crt", "samlp.xml", "logon-root.crt",
         *(f"{stem}.{part}" for stem in public.SAML_KEYS for part in ("key", "crt")))


class Steps:
    """One line for each step: what happened and how long it took."""

    def __init__(self, quiet=False):
        self.quiet = quiet

    @contextmanager
    def step(self, what):
        begun = time.monotonic()
        note = []
        try:
            yield note.append
        except BaseException:
            if not self.quiet:
                print(f"FAILED  {what}", flush=True)
            raise
        if not self.quiet:
            said = f": {', '.join(note)}" if note else ""
            print(f"{time.monotonic() - begun:6.2f} s  {what}{said}", flush=True)


def check_folder(folder):
    """The programs run under other users: they must be able to reach their files."""
    for path in [folder, *folder.parents]:
        if path.exists() and not path.stat().st_mode & 0o001:
            raise LabError(f"{path} cannot be entered by other users, so fasd could not read its files below it: "
                           "choose another folder or chmod o+x")


def up(folder, steps):
    """Start a lab in folder and return it; what was started is stopped again when a step fails."""
    folder = Path(folder).resolve()
    _refuse_running(folder)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o755)
    folder.chmod(0o755)
    check_folder(folder)
    programs.build_folder()
    number, lock = namespace.claim()
    lab = Lab(folder, number)
    shutil.rmtree(lab.run, ignore_errors=True)
    lab.make_folders()
    lab.save()
    try:
        _bring_up(lab, lock, steps)
    except BaseException:
        down(lab)
        raise
    return lab


def _refuse_running(folder):
    if (folder / "lab.json").exists():
        if proc.pid_of(Lab.load(folder), "keeper"):
            raise LabError(f"a lab runs in {folder} already: tests/lab down {folder}")
    elif folder.exists() and any(folder.iterdir()):
        raise LabError(f"{folder} is not empty and no lab: will not touch it")


def _bring_up(lab, lock, steps):
    with steps.step("names and addresses of the lab") as note:
        namespace.make_files(lab, people.PEOPLE)
        namespace.start(lab, lock)
        note(f"127.88.{lab.number}.0/24 in {lab.folder}")
    with steps.step("domain controller started") as note:
        dc.install(lab)
        dc_root = pki.Authority.new_root("Lab Domain Controllers Root")
        logon_root = pki.Authority.new_root("Lab Offline Root")
        dc_root.save(lab.pki, "dcroot")
        logon_root.save(lab.pki, "logon-root")
        dc.install_certificates(lab, dc_root, logon_root)
        krb5.write_client_conf(lab)
        dc.start(lab)
        note("Samba, realm CORP.EXAMPLE.COM")
    with steps.step("identity providers' keys and public certificates made"):
        make_identity_providers(lab)
    with steps.step("web site started"):
        web.start(lab)
    with steps.step("fas-signer started"):
        config.write_all(lab, programs.FASD, programs.SIGNER)
        programs.start_signer(lab)
    with steps.step("logon CA made under the offline root"):
        programs.make_logon_ca(lab, logon_root)
    with steps.step("fasd started") as note:
        dc.wait_ready(lab)
        programs.start_fasd(lab)
        note(lab.api_url)
    with steps.step("storefront and two VDA hosts joined"):
        programs.enroll_machines(lab)
    web.wait_ready(lab)
    env.write_file(lab)


def start_second_node(lab, key="", tokens=""):
    """Another fasd and fas-signer, with a logon CA of their own under the same offline root, joined by the same machines."""
    node = prepare_second_node(lab, key, tokens)
    programs.start_signer(node)
    programs.make_logon_ca(node, pki.Authority.load(lab.pki, "logon-root"))
    programs.start_fasd(node)
    programs.enroll_machines(node)
    return node


def prepare_second_node(lab, key="", tokens=""):
    """Its files, before anything runs."""
    node = SecondNode(lab)
    node.key, node.tokens = key, tokens
    for path in (node.run, node.pki, node.fas):
        shutil.rmtree(path, ignore_errors=True)
    node.make_folders()
    for name in GIVEN:
        shutil.copy(lab.pki / name, node.pki / name)
    config.write_all(node, programs.FASD, programs.SIGNER)
    return node


def stop_second_node(node):
    for name in ("fasd", "fas-signer"):
        proc.stop(node, node.process(name))


def make_identity_providers(lab):
    key, certificate = pki.issue_self_signed("idp.example.net")
    write(lab.pki / "idp.key", pki.key_pem(key), 0o600)
    write(lab.pki / "idp.crt", pki.pem(certificate))
    simplesaml.make_certificate(lab)
    samlp.make_certificate(lab)
    public.make(lab)


def down(lab):
    """End everything that `up` and the tests started in this lab; its files stay for a look at the logs."""
    for name in proc.names(lab):
        if name != "keeper":
            proc.stop(lab, name)
    namespace.stop(lab)


def purge(lab):
    shutil.rmtree(lab.folder)
