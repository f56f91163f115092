"""Chromium without a screen, driven by its DevTools protocol over two pipes, as a person of the lab who trusts the public's root."""

import base64
import fcntl
import json
import os
import select
import subprocess
import time

from . import namespace, proc, public
from .layout import REPO, LabError

SHOTS = REPO / "build" / "e2e-shots"
DESKTOP, PHONE = (1000, 700), (390, 844)
PATIENCE_S = 60
KEYS = {"Tab": 9, "Enter": 13, "Space": 32}


def _pipe():
    """Its ends far from 3 and 4, as which Chromium finds its own."""
    ends = os.pipe()
    far = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in ends]
    for one in ends:
        os.close(one)
    return far


class Chrome:
    def __init__(self, lab, size=DESKTOP, script=True, language="en", user="alice"):
        self.lab, self.size, self.script, self.language = lab, size, script, language
        self.home = lab.folder / "home" / user / f"chrome-{os.urandom(4).hex()}"
        self.owner = (lab.folder / "home" / user).stat().st_uid
        self.number, self.events, self.buffer = 0, [], b""

    # ---- start and stop ----

    def start(self):
        self._trust()
        (ours_in, theirs_out), (theirs_in, ours_out) = _pipe(), _pipe()
        width, height = self.size
        command = ["chromium", "--headless", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe", "--hide-scrollbars",
                   f"--user-data-dir={self.home}/profile", f"--window-size={width},{height}", f"--lang={self.language}",
                   f"--accept-lang={self.language}", "about:blank"]
        shell = ["bash", "-c", f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}', "bash", *command]
        argv = namespace.enter(self.lab, self._as_person(shell))
        with open(self.lab.log / "chrome.log", "ab") as log:
            self.process = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            pass_fds=(theirs_in, theirs_out), env=self._env(), start_new_session=True)
        os.close(theirs_in)
        os.close(theirs_out)
        self.pipe_in, self.pipe_out, self.session = ours_in, ours_out, None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for name in ("Page.enable", "Network.enable", "Runtime.enable", "Log.enable", "Accessibility.enable"):
            self.ask(name)
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=self.size == PHONE)
        if not self.script:
            self.ask("Emulation.setScriptExecutionDisabled", value=True)
        return self

    def stop(self):
        for one in reversed(proc.family(self.process.pid)):
            try:
                os.kill(one, 9)
            except ProcessLookupError:
                continue
        self.process.wait(PATIENCE_S)
        os.close(self.pipe_in)
        os.close(self.pipe_out)

    def _as_person(self, argv):
        return ["setpriv", "--reuid", self.owner, "--regid", self.owner, "--clear-groups", *argv]

    def _env(self):
        return {"HOME": str(self.home), "PATH": "/usr/bin:/bin", "LANG": f"{self.language}.UTF-8", "LANGUAGE": self.language}

    def _trust(self):
        store = self.home / ".pki" / "nssdb"
        store.mkdir(parents=True)
        for tool in (["certutil", "-N", "-d", f"sql:{store}", "--empty-password"],
                     ["certutil", "-A", "-d", f"sql:{store}", "-n", "public", "-t", "C,,", "-i", public.root(self.lab)]):
            proc.run(tool)
        for path in (self.home, *self.home.rglob("*")):
            os.chown(path, self.owner, self.owner)

    # ---- the protocol: JSON texts that end in NUL ----

    def ask(self, method, **fields):
        self.number += 1
        message = {"id": self.number, "method": method, "params": fields}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.pipe_out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + PATIENCE_S
        while (answer := self._read(end)).get("id") != self.number:
            self.events.append(answer)
        if "error" in answer:
            raise LabError(f"chromium: {method}: {answer['error'].get('message')}")
        return answer["result"]

    def _read(self, end):
        while b"\0" not in self.buffer:
            left = end - time.monotonic()
            ready = left > 0 and select.select([self.pipe_in], [], [], left)[0]
            piece = os.read(self.pipe_in, 1 << 20) if ready else b""
            if not piece:
                raise LabError("chromium ended" if ready else "chromium does not answer")
            self.buffer += piece
        one, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(one)

    # ---- what a person does ----

    def go(self, url):
        error = self.ask("Page.navigate", url=url).get("errorText")
        if error:
            raise LabError(f"chromium: {url}: {error}")

    def type(self, text):
        self.ask("Input.insertText", text=text)

    def press(self, key):
        code = KEYS[key]
        more = {"text": "\r"} if key == "Enter" else {"text": " "} if key == "Space" else {}
        for kind in ("keyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=" " if key == "Space" else key, code=key, windowsVirtualKeyCode=code,
                     **(more if kind == "keyDown" else {}))

    def click(self, selector):
        """The first such thing that is seen, with the mouse."""
        seen = f"[...document.querySelectorAll({json.dumps(selector)})].find(e => e.offsetParent)"
        self.run(f"{seen}.scrollIntoView()")
        x, y = self.run(f"(r => [r.x + r.width / 2, r.y + r.height / 2])({seen}.getBoundingClientRect())")
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    @staticmethod
    def _find(selector):
        return f"document.querySelector({json.dumps(selector)})"

    def focus(self, selector):
        self.run(f"{self._find(selector)}.focus()")

    # ---- what a person sees ----

    def run(self, expression):
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in answer:
            raise LabError(f"chromium: {expression}: {answer['exceptionDetails'].get('exception', answer['exceptionDetails'])}")
        return answer["result"].get("value")

    @property
    def url(self):
        return self.run("location.href")

    @property
    def text(self):
        return self.run("document.body ? document.body.innerText : ''")

    def await_page(self, url, selector="body"):
        """Until a page whose address begins so is whole and has the element."""
        whole = f"location.href.startsWith({json.dumps(url)}) && document.readyState == 'complete' && !!{self._find(selector)}"

        def there():
            try:
                return self.run(whole)
            except LabError as error:  # between two pages there is nothing to ask
                if "ended" in str(error) or "does not answer" in str(error):
                    raise
                return False
        try:
            proc.wait_for(there, PATIENCE_S, f"the page {url}")
        except LabError as error:
            raise LabError(f"{error}; it stands at {self.url}: {self.text[:300]!r}; {self.complaints()}") from None

    def complaints(self):
        """What the console and the network said went wrong: a violated policy, a failed load."""
        entries = [one["params"]["entry"]["text"] for one in self.events if one.get("method") == "Log.entryAdded"]
        failed = [one["params"]["errorText"] for one in self.events if one.get("method") == "Network.loadingFailed"]
        return entries + failed

    def shot(self, name):
        """An artefact of the run: build/e2e-shots/NAME.png; returns its bytes."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        data = base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
        (SHOTS / f"{name}.png").write_bytes(data)
        return data

    def controls(self):
        """[(role, name)] of what can be reached and used, as a screen reader is told."""
        nodes = self.ask("Accessibility.getFullAXTree")["nodes"]
        roles = ("textbox", "button", "link", "checkbox", "radio", "combobox")
        return [(node["role"]["value"], node.get("name", {}).get("value", "")) for node in nodes
                if not node.get("ignored") and node.get("role", {}).get("value") in roles]

    def overflows(self):
        """Does the page have to be moved sideways to be read?"""
        return self.run("document.documentElement.scrollWidth > document.documentElement.clientWidth")
