"""What an administrator does with the installed programs: check, reload, upgrade; and the walls around them."""

import os
import re
import signal
import shutil
import subprocess
import tempfile
from pathlib import Path

from lab import pki, proc, programs, saml
from lab.layout import REPO, write

from case import SECRETS, LabCase

UNITS = REPO / "fas" / "install" / "systemd"
MAN = REPO / "docs" / "man"
EXPOSURE_MAX = 2.0
BECOMES_USERS = {"fas-agent.service": 3.1}  # root, with the rights to become the users and to see who calls
SECCOMP_FILTER = "2"  # proc(5), Seccomp


def run(*argv, **more):
    return subprocess.run([str(a) for a in argv], text=True, capture_output=True, **more)


class Walls(LabCase):
    """The unit tests try what is forbidden; here it is seen that the running programs stand behind those walls."""

    def status(self, name):
        lines = Path(f"/proc/{programs.pid(self.lab, name)}/status").read_text().splitlines()
        return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}

    def test_the_daemons_run_without_privileges_behind_their_filter(self):
        for name in ("fasd", "fas-signer"):
            with self.subTest(name):
                status = self.status(name)
                self.assertEqual(status["NoNewPrivs"], "1")
                self.assertEqual(status["Seccomp"], SECCOMP_FILTER)
                self.assertNotIn("0", status["Uid"].split())

    def test_the_daemons_say_nothing_of_a_kernel_without_landlock(self):
        for name in ("fasd", "fas-signer"):
            self.assertNotIn("sandbox_without_landlock", (self.lab.log / f"{name}.log").read_text())


class Reload(LabCase):
    """SIGHUP: providers' certificates and the API's own, without a restart."""

    def setUp(self):
        self.certificate = self.lab.pki / "idp.crt"
        self.old = self.certificate.read_bytes()
        self.addCleanup(self.put, self.old)
        self.before = programs.pid(self.lab, "fasd")

    def records(self):
        return len(self.log_lines("event=providers_loaded"))

    def log_lines(self, text):
        return [line for line in (self.lab.log / "fasd.log").read_text().splitlines() if text in line]

    def put(self, certificate):
        """Replace the file as an editor does, by rename, and tell fasd."""
        count, renewals = self.records(), len(self.log_lines("event=api_certificate_renewed"))
        write(self.certificate.with_suffix(".new"), certificate)
        self.certificate.with_suffix(".new").rename(self.certificate)
        os.kill(programs.pid(self.lab, "fasd"), signal.SIGHUP)
        proc.wait_for(lambda: self.records() > count, 10, "the providers' reload")
        proc.wait_for(lambda: len(self.log_lines("event=api_certificate_renewed")) > renewals, 10, "a new certificate")

    def signed_by(self, key):
        response = saml.response(self.claims("alice"), key, name_id="alice")
        SECRETS.append(response[200:260])
        return self.logon(response=response)

    def test_a_new_certificate_of_the_provider_counts_at_once_and_the_old_one_no_more(self):
        key, certificate = pki.issue_self_signed("idp.example.net")
        self.assertRefused(self.signed_by(key), 403, "assertion_refused", "saml_signature")
        self.put(pki.pem(certificate))
        self.assertEqual(self.signed_by(key).status, 201)
        self.assertRefused(self.signed_by(saml.load_key(self.lab)), 403, "assertion_refused", "saml_signature")
        self.assertEqual(programs.pid(self.lab, "fasd"), self.before)

    def test_a_broken_certificate_changes_nothing(self):
        self.put(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
        self.assertEqual(self.signed_by(saml.load_key(self.lab)).status, 201)
        self.assertIn("outcome=error", self.log_lines("event=providers_loaded")[-1])

    def test_the_api_has_a_new_certificate_and_kept_sessions(self):
        session, _, _ = self.session()
        before = self.serial()
        self.put(self.old)
        self.assertNotEqual(self.serial(), before)
        answer = self.client("host").post(f"/v1/sessions/{session['session_id']}/lease", {})
        self.assertEqual(answer.status, 200)

    def serial(self):
        address = self.lab.api_url.removeprefix("https://")
        shown = run("openssl", "s_client", "-connect", address, stdin=subprocess.DEVNULL).stdout
        return run("openssl", "x509", "-noout", "-serial", input=shown).stdout.strip()


class ConfigCheck(LabCase):
    def copy(self):
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        folder.chmod(0o755)
        for name in ("fasd.yaml", "signer.yaml", "limits.yaml"):
            shutil.copy(self.lab.fas / name, folder / name)
        for pattern in ("*.pem", "*.key"):
            for file in self.lab.fas.glob(pattern):
                shutil.copy(file, folder / file.name)
        shutil.copytree(self.lab.fas / "policy.d", folder / "policy.d")
        return folder

    def check(self, path, *more):
        return programs.fasctl_status(self.lab, "config", "check", path, *more)

    def test_good_files_are_good(self):
        status, out, err = self.check(self.copy())
        self.assertEqual((status, err), (0, ""))
        self.assertEqual(len(out.splitlines()), 2)

    def test_an_error_is_one_line_with_its_place_as_a_compiler_says_it(self):
        for name, wrong, right in (("fasd.yaml", "nod: fas1", "node"), ("signer.yaml", "stat: /tmp", "state"),
                                   ("limits.yaml", "domain: []", "domains")):
            with self.subTest(name):
                folder = self.copy()
                path = folder / name
                path.write_text(wrong + "\n" + path.read_text())
                status, _, err = self.check(folder)
                self.assertEqual(status, 1)
                self.assertRegex(err, rf"^{re.escape(str(path))}:1:1: error: .*{right}")
                self.assertEqual(len(err.splitlines()), 1)

    def test_a_folder_without_such_a_file_is_a_wrong_command_line(self):
        self.assertEqual(self.check("/proc")[0], 2)

    def test_programs_get_json(self):
        status, out, _ = self.check(self.copy() / "fasd.yaml", "--json")
        self.assertEqual(status, 0)
        self.assertIn('"ok": true', out)


class Manual(LabCase):
    def help(self, *words):
        done = run(programs.program(words[0]), *words[1:], "--help")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def commands(self, program):
        return [m.group(1).split() for m in re.finditer(r"(?m)^  ([a-z][a-z-]*(?: [a-z][a-z-]*)*)  +\S", self.help(program))]

    def test_each_command_and_option_of_the_help_is_in_the_manual(self):
        for program in programs.PROGRAMS:
            page = run("man", "-l", MAN / f"{program}.8", env={**os.environ, "MANWIDTH": "500", "LC_ALL": "C.UTF-8"})
            text = re.sub(r"\s+", " ", page.stdout.replace("‐", "-").replace("−", "-"))
            commands = self.commands(program) if program in ("fasctl", "fas-agent") else []
            self.assertEqual(bool(commands), program in ("fasctl", "fas-agent"))
            for words in commands:
                self.assertIn(" ".join(words), text)
            said = self.help(program) + "".join(self.help(program, *words) for words in commands)
            for option in sorted(set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", said))):
                with self.subTest(f"{program} {option}"):
                    self.assertIn(option, text)

    def test_the_pages_are_clean(self):
        pages = sorted([*MAN.glob("*.8"), *MAN.glob("*.5")])
        self.assertEqual(len(pages), 12)
        for page in pages:
            with self.subTest(page.name):
                done = run("man", "--warnings", "-l", page, env={**os.environ, "LC_ALL": "C.UTF-8"})
                self.assertEqual((done.returncode, done.stderr), (0, ""))
                lint = run("mandoc", "-Tlint", "-Wwarning", page)
                self.assertEqual(lint.stdout, "")

    def test_bash_completes_commands_and_options(self):
        script = REPO / "fas" / "install" / "completion" / "fas.bash"
        for line, expected in (("fasctl au", "audit"), ("fasctl audit ver", "verify"),
                               ("fasctl host enroll --ro", "--role"), ("fas-agent log", "logoff logon"),
                               ("fasd --ch", "--check"), ("fas-launch --low", "--low-ports")):
            with self.subTest(line):
                words = line.split()
                words[0] = str(programs.program(words[0]))
                quoted = " ".join(f"'{word}'" for word in words)
                done = run("bash", "--norc", "-c", f". {script}; COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; "
                           '_fas; echo "${COMPREPLY[@]}"')
                self.assertEqual(done.stdout.strip(), expected, done.stderr)


class Units(LabCase):
    def test_the_daemons_are_started_again_however_often_they_die(self):
        for name in ("fasd", "fas-signer", "fas-agent"):
            text = (UNITS / f"{name}.service").read_text()
            self.assertRegex(text, r"(?m)^Restart=always$")
            self.assertRegex(text, r"(?m)^StartLimitIntervalSec=0$")

    def test_each_unit_is_exposed_less_than_it_may_be(self):
        for unit in sorted(UNITS.glob("*.service")):
            with self.subTest(unit.name):
                done = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
                found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
                self.assertIsNotNone(found, done.stderr)
                self.assertLess(float(found.group(1)), BECOMES_USERS.get(unit.name, EXPOSURE_MAX))
        self.assertEqual(len(list(UNITS.glob("*.service"))), 4)
