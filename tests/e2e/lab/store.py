"""The storefront's page (storepage.py) in a lab, and the tickets that it has handed to the host."""

import json
import sys
from pathlib import Path

from . import namespace, proc, web
from .layout import STORE, VDA1, write

PROGRAM = Path(__file__).with_name("storepage.py")


class Store:
    def __init__(self, lab, host=VDA1):
        self.lab, self.host, self.tickets = lab, host, lab.folder / "store" / "tickets"

    def start(self):
        self.tickets.mkdir(parents=True, exist_ok=True)
        pki = self.lab.pki
        config = {"address": self.lab.address(STORE), "certificate": pki / "store.crt", "key": pki / "store.key",
                  "api": self.lab.api_url, "api_ca": pki / "service-ca.crt", "api_certificate": pki / "storefront.crt",
                  "api_key": pki / "storefront.key", "host": self.host, "tickets": self.tickets}
        path = write(self.lab.folder / "store" / "config.json", json.dumps({k: str(v) for k, v in config.items()}), 0o600)
        proc.start(self.lab, "store", namespace.enter(self.lab, [sys.executable, "-B", PROGRAM, path]))
        proc.wait_ready(self.lab, "store", lambda: web.listens(self.lab.address(STORE), 443))

    def stop(self):
        proc.stop(self.lab, "store")

    def handed_over(self, correlation_id):
        """The service's answer, with the ticket, that belongs to the page with this correlation id."""
        return json.loads((self.tickets / correlation_id).read_text())
