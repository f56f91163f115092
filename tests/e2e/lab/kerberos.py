"""Machines that prove themselves by their account's keytab: curl as a foreign client, and tokens made by hand."""

import base64
import hashlib
import http.client
import json
import os
import ssl
import subprocess
import sys
from urllib.parse import urlsplit

from . import namespace, proc
from .api import Answer
from .layout import FAS, REALM

URL = f"https://{FAS}:8443"
# Run inside the lab's names: the token for one service, as base64 on standard output.
TOKEN = """
import base64, sys, gssapi
service, binding = sys.argv[1], bytes.fromhex(sys.argv[2])
bindings = gssapi.raw.ChannelBindings(application_data=binding) if binding else None
mech = gssapi.OID.from_int_seq(sys.argv[3])
context = gssapi.SecurityContext(name=gssapi.Name(service, gssapi.NameType.hostbased_service), usage="initiate",
                                 mech=mech, channel_bindings=bindings)
sys.stdout.write(base64.b64encode(context.step()).decode())
"""
KRB5, SPNEGO = "1.2.840.113554.1.2.2", "1.3.6.1.5.5.2"


class Machine:
    """An account with its keytab: VDA1$, or a user that tries to be a machine."""

    def __init__(self, lab, principal, keytab):
        self.lab, self.principal, self.keytab = lab, principal, lab.keytabs / keytab
        self.cache = lab.folder / "machines" / f"{principal.strip('$')}.cache"
        self.cache.parent.mkdir(exist_ok=True)

    def _run(self, *argv, check=True):
        env = {**os.environ, "KRB5_CONFIG": str(self.lab.krb5_conf), "KRB5CCNAME": f"FILE:{self.cache}"}
        if check:
            return proc.run(namespace.enter(self.lab, [str(a) for a in argv]), env=env)
        return subprocess.run([str(a) for a in namespace.enter(self.lab, argv)], env=env, text=True, capture_output=True)

    def kinit(self, *options):
        self._run("kinit", *options, "-k", "-t", self.keytab, f"{self.principal}@{REALM}")
        return self

    def token(self, binding=b"", mech=SPNEGO, service=f"HTTP@{FAS}"):
        return self._run(sys.executable, "-c", TOKEN, service, binding.hex(), mech).strip()

    def curl(self, path, body, *more):
        """(status, body as an object): a foreign client, which knows nothing but HTTP and Kerberos."""
        out = self._run("curl", "-sS", "--negotiate", "-u", ":", "--cacert", self.lab.pki / "service-ca.crt", "-H",
                        "Content-Type: application/json", "--data-binary", json.dumps(body), "-w", "\n%{http_code}",
                        *more, URL + path)
        said, _, status = out.rpartition("\n")
        return int(status), json.loads(said) if said else None


    def curl_to(self, url, *more):
        """The status of a POST to any server."""
        return int(self._run("curl", "-sS", "--negotiate", "-u", ":", "-o", "/dev/null", "-w", "%{http_code}", "-d", "{}",
                             *more, url))


class Connection:
    """One kept TLS connection to the API, without a client certificate."""

    def __init__(self, lab):
        parts = urlsplit(lab.api_url)
        context = ssl.create_default_context(cafile=str(lab.pki / "service-ca.crt"))
        self.http = http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=context)
        self.http.connect()
        self.certificate = self.http.sock.getpeercert(True)
        self.socket = self.http.sock

    def binding(self):
        """RFC 5929 tls-server-end-point; the service CA signs by ECDSA or RSA with SHA-256."""
        return b"tls-server-end-point:" + hashlib.sha256(self.certificate).digest()

    def post(self, path, body, token=None, scheme="Negotiate"):
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"{scheme} {token}"
        self.http.request("POST", path, json.dumps(body).encode(), headers)
        reply = self.http.getresponse()
        return Answer(reply.status, reply.headers, reply.read())

    def is_kept(self):
        """The very connection of before: http.client would open another one silently."""
        return self.http.sock is self.socket

    def close(self):
        self.http.close()


def ntlm_token():
    return base64.b64encode(b"NTLMSSP\0" + bytes([1, 0, 0, 0]) + bytes(24)).decode()
