"""The example storefront of the documentation: from the provider's response in a browser's POST to a desktop by ssh."""

import http.client
import json
import socket
import urllib.parse

from lab import agent, desktop, namespace, proc
from lab.layout import REPO, VDA1

from case import LabCase

PROGRAM = REPO / "docs" / "examples" / "storefront" / "storefront.py"


class Storefront(LabCase):
    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, "agent-storefront")
        cls.host.enroll()
        cls.host.start()
        cls.desktop = desktop.Desktop(cls.lab, cls.host)
        cls.desktop.start()
        cls.record = cls.lab.folder / "storefront.log"
        cls.port = free_port()
        folder = cls.lab.folder / "storefront"
        folder.mkdir()
        client = [word for word in cls.desktop.client("password") if "{" not in str(word)]
        config = {"listen": f"127.0.0.1:{cls.port}", "provider": "https://idp.example.net/sso",
                  "fas": ["https://127.0.0.1:1", cls.lab.api_url], "service_ca": str(cls.lab.pki / "service-ca.crt"),
                  "certificate": str(cls.lab.pki / "storefront.crt"), "key": str(cls.lab.pki / "storefront.key"),
                  "hosts": [VDA1], "record": str(cls.record),
                  "start": ["sshpass", "-d", "0", *client, "{user}@" + cls.desktop.address, "id -un; klist -s && echo ticket"]}
        (folder / "config.json").write_text(json.dumps(config))
        proc.start(cls.lab, "storefront", namespace.enter(cls.lab, ["/usr/bin/python3", "-B", PROGRAM, folder / "config.json"]))
        proc.wait_ready(cls.lab, "storefront", lambda: answers(cls.port))

    @classmethod
    def tearDownClass(cls):
        proc.stop(cls.lab, "storefront")
        cls.desktop.stop()
        cls.host.stop()

    def ask(self, method, path, **form):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        body = urllib.parse.urlencode(form) if form else None
        connection.request(method, path, body, {"Content-Type": "application/x-www-form-urlencoded"} if body else {})
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        return reply, text

    def test_a_response_becomes_a_desktop(self):
        reply, page = self.ask("POST", "/acs", SAMLResponse=self.response(), RelayState=VDA1)
        self.assertEqual(reply.status, 200, page)
        self.assertIn("Your desktop is starting", page)
        proc.wait_for(lambda: "ticket" in self.record.read_text(), 30, "the desktop")
        self.assertIn("alice", self.record.read_text())

    def test_a_refusal_is_a_page_with_an_id_that_explains_it(self):
        response = self.response()
        self.assertEqual(self.redeem(self.ticket(response=response)).status, 201)
        reply, page = self.ask("POST", "/acs", SAMLResponse=response)
        self.assertEqual(reply.status, 409, page)
        correlation = page.partition("administrator: ")[2][:32]
        self.assertIn("assertion_replayed", self.fasctl("explain", correlation))

    def test_it_sends_the_browser_to_the_provider(self):
        reply, _ = self.ask("GET", "/")
        self.assertEqual((reply.status, reply.headers["Location"]), (303, "https://idp.example.net/sso"))

    def test_what_is_no_response_asks_nobody(self):
        for form in ({"SAMLRequest": "x"}, {"RelayState": VDA1}):
            self.assertEqual(self.ask("POST", "/acs", **form)[0].status, 400)
        self.assertEqual(self.ask("POST", "/other", SAMLResponse="x")[0].status, 400)

    def test_markup_in_what_it_shows_is_text(self):
        reply, page = self.ask("POST", "/acs", SAMLResponse="<script>")
        self.assertEqual(reply.status, 400, page)
        self.assertNotIn("<script>", page)
        self.assertEqual(reply.headers["Content-Security-Policy"], "default-src 'none'")

    def test_no_ticket_and_no_assertion_is_in_its_log(self):
        response = self.response()
        self.ask("POST", "/acs", SAMLResponse=response)
        said = (self.lab.log / "storefront.log").read_text()
        self.assertNotIn(response[:60], said)
        self.assertNotIn("fas1-", said + self.record.read_text())


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False
