#!/usr/bin/python3
"""Responses as Okta, Entra ID, AD FS, PingFederate, Google and Keycloak write them: NAME.xml is made of NAME.template.xml.

The templates were written by hand after the providers' public documentation: their prefixes, order, identifiers, names of
attributes, places of signatures.  Each is signed with a key made for it, which is not kept; NAME.pem is its certificate.
Run it after a template was changed; saml_styles_test judges the results under the clock that the templates show.
"""

import base64
import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID
from lxml import etree

FOLDER = Path(__file__).parent
DS = {"ds": "http://www.w3.org/2000/09/xmldsig#"}
EC = "{http://www.w3.org/2001/10/xml-exc-c14n#}"


def new_certificate(name):
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{name} signing")])
    begin = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(begin)
    return key, builder.not_valid_after(begin + datetime.timedelta(days=3650)).sign(key, hashes.SHA256())


def canonical(element, prefixes=None):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=prefixes)


def digest(signature):
    """Of the signature's parent without the signature, by the prefix list of its transform."""
    parent = signature.getparent()
    whole = etree.fromstring(etree.tostring(parent.getroottree()))
    copy = whole if parent.get("ID") == whole.get("ID") else whole.xpath(f"//*[@ID='{parent.get('ID')}']")[0]
    copy.remove(copy.find("ds:Signature", DS))
    listed = signature.find(f".//{EC}InclusiveNamespaces")
    state = hashes.Hash(hashes.SHA256())
    state.update(canonical(copy, None if listed is None else listed.get("PrefixList").split()))
    return base64.b64encode(state.finalize()).decode()


def lines(text, width=76):
    return "\n".join(text[at:at + width] for at in range(0, len(text), width))


def sign(signature, key, certificate):
    for element in signature.iterfind(".//ds:X509Certificate", DS):
        element.text = lines(certificate)
    signature.find(".//ds:DigestValue", DS).text = digest(signature)
    value = key.sign(canonical(signature.find("ds:SignedInfo", DS)), padding.PKCS1v15(), hashes.SHA256())
    signature.find("ds:SignatureValue", DS).text = lines(base64.b64encode(value).decode())


def make(template):
    name = template.name.partition(".")[0]
    key, certificate = new_certificate(name)
    (FOLDER / f"{name}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    text = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    root = etree.fromstring(template.read_bytes())
    for signature in reversed(root.findall(".//ds:Signature", DS)):  # the inner one first: the outer one covers it
        sign(signature, key, text)
    (FOLDER / f"{name}.xml").write_bytes(etree.tostring(root))


if __name__ == "__main__":
    for one in sorted(FOLDER.glob("*.template.xml")):
        make(one)
