"""PKCS#11 tokens for a CA's key: SoftHSM2's files, and a TPM in software behind a network address."""

import os
import socket
import subprocess

from . import proc
from .layout import write
from .programs import SIGNER

LABEL, PIN, SO_PIN = "fas", "7319405826", "56785678"
SOFTHSM = "/usr/lib/softhsm/libsofthsm2.so"
TPM2_PKCS11 = "/usr/lib/x86_64-linux-gnu/pkcs11/libtpm2_pkcs11.so"


class Token:
    """One token with the user's PIN set, in a folder of the signer's user."""

    module = name = None  # a module's file; p11-kit's name for it
    network = False

    def __init__(self, lab, folder):
        self.lab, self.folder = lab, lab.folder / folder
        self.pin_file = self.folder / "pin"
        self.store = self.folder / "store"
        for path in (self.folder, self.store):
            path.mkdir(mode=0o755)
            os.chown(path, *SIGNER)
        self.set_pin(PIN)
        self.prepare()

    def set_pin(self, pin):
        """A new file in the old one's place, as an administrator's editor does it."""
        write(self.folder / "pin.new", pin + "\n", 0o400, SIGNER).rename(self.pin_file)

    def environment(self):
        return {}

    def as_signer(self, *argv):
        """The token's own tools, as the user whose files these are."""
        done = subprocess.run(["setpriv", f"--reuid={SIGNER[0]}", f"--regid={SIGNER[1]}", "--clear-groups", *map(str, argv)],
                              env={**os.environ, **self.environment()}, text=True, capture_output=True)
        if done.returncode:
            raise AssertionError(f"{argv[0]}: {done.stdout}{done.stderr}")
        return done.stdout

    def tool(self, *words, login=True):
        return self.as_signer("pkcs11-tool", "--module", self.module, "--token-label", LABEL,
                              *(["--login", "--pin", PIN] if login else []), *words)

    def objects(self):
        return self.tool("--list-objects")

    def yaml(self, uri=None, **more):
        """The token's section of signer.yaml."""
        uri = uri or f"pkcs11:token={LABEL}?module-name={self.name}"
        lines = [f"  - name: box\n    uri: {uri}\n    pin_file: {self.pin_file}\n    network: {str(self.network).lower()}\n",
                 f"    read: [{self.folder}]\n    write: [{self.store}]\n    environment:\n",
                 *(f"      {name}: {value}\n" for name, value in self.environment().items()),
                 *(f"    {name}: {value}\n" for name, value in more.items())]
        return "pkcs11:\n" + "".join(lines)


class SoftHsm(Token):
    module, name = SOFTHSM, "softhsm2"

    def environment(self):
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def prepare(self):
        write(self.folder / "softhsm2.conf", f"directories.tokendir = {self.store}\nobjectstore.backend = file\n"
                                             "log.level = ERROR\nslots.removable = true\n")
        self.as_signer("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", SO_PIN)

    def vanish(self):
        """Its files, which are the token, lie elsewhere."""
        for one in list(self.store.iterdir()):
            one.rename(self.folder / f"away-{one.name}")

    def come_back(self):
        for one in list(self.folder.glob("away-*")):
            one.rename(self.store / one.name.removeprefix("away-"))

    def stop(self):
        pass


class Tpm(Token):
    """swtpm keeps its state in the folder and is reached over TCP; tpm2-pkcs11 keeps wrapped keys in its store."""

    module, name, network = TPM2_PKCS11, "tpm2_pkcs11", True
    port = 2321

    def environment(self):
        tcti = f"swtpm:host={self.address()},port={self.port}"
        return {"TPM2_PKCS11_STORE": str(self.store), "TPM2_PKCS11_BACKEND": "esysdb", "TPM2_PKCS11_TCTI": tcti,
                "TSS2_LOG": "all+NONE"}

    def address(self):
        return f"127.88.{self.lab.number}.21"

    def prepare(self):
        (self.folder / "state").mkdir(mode=0o700)
        self.come_back()
        self.as_signer("pkcs11-tool", "--module", self.module, "--slot-index", "0", "--init-token", "--label", LABEL,
                       "--so-pin", SO_PIN)
        self.tool("--login", "--login-type", "so", "--so-pin", SO_PIN, "--init-pin", "--new-pin", PIN, login=False)

    def come_back(self):
        proc.start(self.lab, "swtpm", ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}/state", "--server",
                                       f"type=tcp,port={self.port},bindaddr={self.address()}", "--ctrl",
                                       f"type=tcp,port={self.port + 1},bindaddr={self.address()}", "--flags",
                                       "not-need-init,startup-clear"])
        proc.wait_for(self.listens, 10, "the TPM")

    def listens(self):
        """By the kernel's word: a connection would be the one that it serves."""
        wanted = f"{socket.inet_aton(self.address())[::-1].hex().upper()}:{self.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(line.split()[1] == wanted and line.split()[3] == "0A" for line in table)

    def vanish(self):
        proc.stop(self.lab, "swtpm")

    stop = vanish
