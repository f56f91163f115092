"""Run in a user's session: Firefox without a screen opens pages, by Marionette (its WebDriver, without geckodriver).

    firefox.py PROFILE URL...

Each page's text goes to standard output.  The first URL that does not open ends it with status 1 and Firefox's reason.
"""

import json
import os
import socket
import subprocess
import sys
import time

PATIENCE_S = 50  # a page that asks something of a person would be waited for until then


class Marionette:
    """A connection: packets are LENGTH:JSON, both ways."""

    def __init__(self, port, browser):
        self.socket = self.connect(port, browser)
        self.file, self.number = self.socket.makefile("rb"), 0
        self.read()  # its greeting
        self.ask("WebDriver:NewSession")

    def connect(self, port, browser):
        end = time.monotonic() + PATIENCE_S
        while browser.poll() is None and time.monotonic() < end:
            try:
                return socket.create_connection(("127.0.0.1", port), PATIENCE_S)
            except ConnectionRefusedError:
                time.sleep(0.05)
        raise SystemExit("Firefox did not start")

    def read(self):
        size = b""
        while not size.endswith(b":"):
            size += self.file.read(1) or sys.exit("Firefox has gone")
        return json.loads(self.file.read(int(size[:-1])))

    def ask(self, name, **fields):
        self.number += 1
        data = json.dumps([0, self.number, name, fields]).encode()
        self.socket.sendall(b"%d:%s" % (len(data), data))
        _, _, error, answer = self.read()
        if error:
            raise SystemExit(error["message"])
        return answer


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def main(profile, *urls):
    port = free_port()
    os.makedirs(profile, exist_ok=True)
    with open(f"{profile}/user.js", "w", encoding="ascii") as prefs:
        prefs.write(f'user_pref("marionette.port", {port});\n')
    argv = ["firefox-esr", "--headless", "--marionette", "--profile", profile]
    browser = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        marionette = Marionette(port, browser)
        for url in urls:
            marionette.ask("WebDriver:Navigate", url=url)
            print(marionette.ask("WebDriver:ExecuteScript", script="return document.body.innerText", args=[])["value"], flush=True)
        marionette.ask("Marionette:Quit", flags=["eForceQuit"])
        browser.wait(PATIENCE_S)
    finally:
        browser.kill()
        browser.wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
