"""What a desktop has so that browsers and tools of its sessions find the card: the files of the package fas-host, each over its
place in the lab's mount namespace, and the administrator's policies of Chromium and Firefox."""

import base64
import json
import shutil
import ssl
from pathlib import Path

from . import programs
from .layout import REPO, write

LIBRARIES = Path("/usr/lib/x86_64-linux-gnu/pkcs11")
MODULE = LIBRARIES / "fas-pkcs11.so"
P11KIT = Path("/usr/share/p11-kit/modules")
CHROMIUM = Path("/etc/chromium")
FIREFOX = Path("/usr/share/firefox-esr/distribution")
INSTALL = REPO / "fas" / "install"


class Browsers:
    def __init__(self, desktop, root):
        """root: file of the certificate that sites of the intranet chain to."""
        self.desktop, self.root, self.folder = desktop, root, desktop.folder / "browsers"
        self.register = self.folder / "fas-nss-register"
        self.build = programs.build_folder()

    def install(self):
        self._over(LIBRARIES, {MODULE.name: programs.module(MODULE.name).read_bytes()})
        self._over(P11KIT, {"fas.module": (INSTALL / "p11-kit" / "fas.module").read_bytes()})
        self._over(CHROMIUM, {"policies/managed/fas.json": self._chromium()})
        self._over(FIREFOX, {"policies.json": self._firefox()})
        write(self.register, (self.build / "install" / self.register.name).read_bytes(), 0o755)
        write(self.folder / "firefox.py", Path(__file__).with_name("firefox.py").read_bytes())

    def _over(self, path, more):
        """The machine's folder with more in it."""
        copy = self.folder / path.name
        shutil.copytree(path, copy, symlinks=True)
        for name, data in more.items():
            write(copy / name, data)
        self.desktop.lay(path, copy)

    def _chromium(self):
        """The example that the package has, and trust in the intranet's sites."""
        policies = json.loads((INSTALL / "nss" / "chromium-policies.json").read_text())
        policies["CACertificates"] = [base64.b64encode(ssl.PEM_cert_to_DER_cert(self.root.read_text())).decode()]
        return json.dumps(policies)

    def _firefox(self):
        policies = json.loads((self.build / "install" / "firefox-policies.json").read_text())
        policies["policies"]["Certificates"] = {"Install": [str(self.root)]}
        return json.dumps(policies)

    # ---- what a user types ----

    def chromium(self, url):
        return "chromium --headless --disable-gpu --no-first-run --user-data-dir=$HOME/chromium --timeout=30000 " \
               f"--dump-dom {url}"

    def firefox(self, *urls):
        return f"python3 {self.folder}/firefox.py $HOME/.mozilla/firefox/lab {' '.join(urls)}"

    def curl(self, url, kind="%27%27"):
        token = "pkcs11:token=alice%40CORP"
        return f"curl -sS --max-time 30 --cacert {self.root} --engine pkcs11 --cert-type ENG --key-type ENG " \
               f"--cert '{token};type=cert' --key '{token};type=private' {url}"
