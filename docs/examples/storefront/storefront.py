#!/usr/bin/python3
"""A complete small storefront: it takes the identity provider's response, asks for the ticket, starts the desktop.

    storefront.py CONFIG.json

    GET  /      sends the browser to the identity provider (unsolicited: the provider starts the sign-in)
    POST /acs   SAMLResponse and RelayState as the browser posts them (SAML 2.0 bindings 3.5): ticket, desktop, a page

The ticket goes to the desktop as its password, by a pipe or a file that only its reader may open: never into a URL, a page,
a log or a command line, which others can see.  CONFIG.json:

    {"listen": "127.0.0.1:8080",
     "provider": "https://idp.example.net/sso?spentityid=https://fas.corp.example.com/saml",
     "fas": ["https://fas1.corp.example.com:8443"],        each asked in turn until one answers
     "service_ca": "service-ca.pem",                       from `fas-agent enroll` on this machine, as the next two
     "certificate": "host.pem", "key": "host.pem",
     "hosts": ["vda1.vdi.corp.example.com"],               desktops; RelayState names one of them, else the first is taken
     "start": ["sshpass", "-d", "0", "ssh", "{user}@{host}"],
     "record": "storefront.log"}                           what "start" says; without it, nothing is kept

"start" is run without a shell.  {user} is the account's name, {host} the desktop; the ticket is its standard input.  For
xrdp: ["xfreerdp", "/v:{host}", "/u:{user}", "/from-stdin:force", ...].
"""

import html
import http.client
import json
import ssl
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

BODY_MAX = 400 * 1024  # as fasd's own bound (docs/PROTOCOL.md)
TRIES_S = 15

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title>
<h1>{title}</h1>
<p>{text}</p>
"""


class Refused(Exception):
    """A problem document of fasd: what a person may read, and the id that an administrator explains."""

    def __init__(self, status, title, correlation_id):
        super().__init__(title)
        self.status, self.correlation_id = status, correlation_id


class Service:
    """fasd as a storefront sees it: POST /v1/logons over mutual TLS."""

    def __init__(self, config):
        self.urls = config["fas"]
        self.context = ssl.create_default_context(cafile=config["service_ca"])
        self.context.load_cert_chain(config["certificate"], config["key"])

    def ticket(self, response, host):
        """The answer to one response.  The next server is asked only where one does not answer or cannot now."""
        refusal = Refused(503, "Sign-in is not possible right now. Please try again in a minute", "")
        for url in self.urls:
            try:
                return self._ask(url, {"saml_response": response, "host": host})
            except Refused as refused:
                refusal = refused
                if refused.status not in (429, 503):
                    break
            except (OSError, http.client.HTTPException):
                continue
        raise refusal

    def _ask(self, url, body):
        at = urlsplit(url)
        connection = http.client.HTTPSConnection(at.hostname, at.port or 443, timeout=TRIES_S, context=self.context)
        try:
            connection.request("POST", "/v1/logons", json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            answer = json.loads(reply.read())
        finally:
            connection.close()
        if reply.status != 201:
            raise Refused(reply.status, answer.get("title", "Sign-in is not possible"), answer.get("correlation_id", ""))
        return answer


class Storefront(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, config):
        host, _, port = config["listen"].rpartition(":")
        super().__init__((host, int(port)), Handler)
        self.config, self.service = config, Service(config)

    def start_desktop(self, user, host, ticket):
        """Its exit is awaited by nobody but the system; what it says goes where the configuration wants it."""
        argv = [word.format(user=user, host=host) for word in self.config["start"]]
        said = open(self.config["record"], "ab") if "record" in self.config else subprocess.DEVNULL
        desktop = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=said, stderr=said, start_new_session=True)
        desktop.stdin.write(ticket.encode() + b"\n")
        desktop.stdin.close()


class Handler(BaseHTTPRequestHandler):
    server_version = "storefront"
    timeout = 30

    def do_GET(self):
        if self.path != "/":
            self.page(404, "Not found", "There is nothing at this address.")
            return
        self.send_response(303)
        self.send_header("Location", self.server.config["provider"])
        self.end_headers()

    def do_POST(self):
        form = self.form() if self.path == "/acs" else None
        if form is None or len(form.get("SAMLResponse", [])) != 1:
            self.page(400, "Sign-in failed", "This is no answer of an identity provider.")
            return
        hosts = self.server.config["hosts"]
        wanted = form.get("RelayState", [""])[0]
        host = wanted if wanted in hosts else hosts[0]
        try:
            answer = self.server.service.ticket(form["SAMLResponse"][0], host)
        except Refused as refused:
            note = f" (Tell your administrator: {refused.correlation_id})" if refused.correlation_id else ""
            self.page(refused.status, "Sign-in failed", f"{refused}.{note}")
            return
        self.server.start_desktop(answer["upn"].partition("@")[0], host, answer["ticket"])
        self.page(200, "Your desktop is starting", f"Welcome, {answer['upn']}.")

    def form(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > BODY_MAX:
            return None
        return parse_qs(self.rfile.read(int(length)).decode("ascii", "replace"), keep_blank_values=True, max_num_fields=8)

    def page(self, status, title, text):
        body = PAGE.format(title=html.escape(title), text=html.escape(text)).encode()
        self.send_response(status)
        for name, value in (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", len(body)),
                            ("Cache-Control", "no-store"), ("Content-Security-Policy", "default-src 'none'"),
                            ("X-Content-Type-Options", "nosniff")):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args):
        """The request line alone: bodies hold assertions."""
        sys.stderr.write(f"{self.address_string()} {args[0] if args else ''} {args[1] if len(args) > 1 else ''}\n")


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    path = Path(sys.argv[1])
    config = json.loads(path.read_text())
    for name in ("service_ca", "certificate", "key"):
        config[name] = path.parent / config[name]
    Storefront(config).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
