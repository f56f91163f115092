"""A program of the lab: the storefront's page where a sign-in at the front ends.

    storepage.py CONFIG.json     {address, certificate, key, api, api_ca, api_certificate, api_key, host, tickets}

GET /return?code=... exchanges the code at POST /v1/logons, as the storefront that it is, and shows what became of it.  The
ticket goes to the host: here into the folder `tickets`, in a file named after the correlation id; it is on no page.
"""

import html
import http.client
import json
import os
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><h1>{title}</h1><dl>{facts}</dl>
"""


class Page(BaseHTTPRequestHandler):
    config = None

    def do_GET(self):
        url = urlsplit(self.path)
        codes = parse_qs(url.query).get("code", [])
        if url.path == "/return" and len(codes) == 1:
            self.show(*self.exchange(codes[0]))
        else:
            self.show(200 if url.path == "/" else 404, "Store", {"state": "nobody has signed in"})

    def exchange(self, code):
        """(status, title, facts) of what the service says to the code."""
        status, answer = self.ask({"code": code, "host": self.config["host"]})
        if status != 201:
            return 502, "No desktop", {"state": answer.get("code"), "correlation": answer.get("correlation_id")}
        self.hand_over(answer)
        return 200, "Desktop ready", {"state": "ticket handed to the host", "host": self.config["host"], "user": answer["upn"],
                                      "expires": answer["expires_at"], "correlation": answer["correlation_id"]}

    def ask(self, body):
        config = self.config
        context = ssl.create_default_context(cafile=config["api_ca"])
        context.load_cert_chain(config["api_certificate"], config["api_key"])
        where = urlsplit(config["api"])
        connection = http.client.HTTPSConnection(where.hostname, where.port, timeout=20, context=context)
        try:
            connection.request("POST", "/v1/logons", json.dumps(body), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            connection.close()

    def hand_over(self, answer):
        path = os.path.join(self.config["tickets"], answer["correlation_id"])
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            json.dump(answer, out)

    def show(self, status, title, facts):
        shown = "".join(f'<dt>{name}<dd id="{name}">{html.escape(str(value))}' for name, value in facts.items())
        body = PAGE.format(title=title, facts=shown).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *words):
        """Not the request's line: a code stands in it."""


def main(path):
    with open(path, encoding="utf-8") as file:
        Page.config = json.load(file)
    server = ThreadingHTTPServer((Page.config["address"], 443), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Page.config["certificate"], Page.config["key"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
