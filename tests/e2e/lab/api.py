"""A client of the HTTPS interface, as a storefront or a VDA host is one."""

import http.client
import json
import ssl
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from . import pki

TIMEOUT_S = 20


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """The stable code of a problem document."""
        return self.json.get("code")

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """certificate and key: PEM files, or None for a caller without a client certificate."""

    def __init__(self, url, ca, certificate=None, key=None):
        self.parts = urlsplit(url)
        self.context = ssl.create_default_context(cafile=str(ca)) if self.parts.scheme == "https" else None
        if certificate:
            self.context.load_cert_chain(str(certificate), str(key))
        self.kept = None

    def connect(self):
        host, port = self.parts.hostname, self.parts.port
        if self.context:
            return http.client.HTTPSConnection(host, port or 443, timeout=TIMEOUT_S, context=self.context)
        return http.client.HTTPConnection(host, port or 80, timeout=TIMEOUT_S)

    def request(self, method, path, body=None, headers=None, keep=False):
        """body: an object to be sent as JSON, or bytes as they are.  keep: on one kept connection."""
        data = body if isinstance(body, (bytes, type(None))) else json.dumps(body).encode()
        headers = {**({"Content-Type": "application/json"} if data is not None else {}), **(headers or {})}
        connection = self.kept if keep and self.kept else self.connect()
        self.kept = connection if keep else None
        try:
            connection.request(method, path, data, headers)
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())
        finally:
            if not keep:
                connection.close()

    def post(self, path, body, **more):
        return self.request("POST", path, body, **more)

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)


def new_csr(key=None, common_name="ignored"):
    """(key, CSR as PEM text); nothing in it but the public key is of any use to the service."""
    key = key or pki.new_key()
    builder = x509.CertificateSigningRequestBuilder().subject_name(pki.name(common_name))
    return key, pki.pem(builder.sign(key, hashes.SHA256())).decode()


def curve_key(name="p256"):
    return ec.generate_private_key(ec.SECP384R1() if name == "p384" else ec.SECP256R1())


def weak_key():
    return rsa.generate_private_key(65537, 1024)


def save_key(path, key):
    return pki.write(path, key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()), 0o600)
