"""The test identity provider: makes and signs SAML responses, written without the service's own XML code.

Tests change the parts before signing (template fields) or the tree after it (bytes in, bytes out).
"""

import base64
import datetime
import secrets

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from lxml import etree

from .layout import ACS_URL, IDP_ENTITY_ID, SP_ENTITY_ID

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
SAMLP = "urn:oasis:names:tc:SAML:2.0:protocol"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC_C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
HASHES = {"sha1": hashes.SHA1, "sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}
DIGEST_URIS = {"sha1": DS + "sha1", "sha256": "http://www.w3.org/2001/04/xmlenc#sha256",
               "sha384": "http://www.w3.org/2001/04/xmldsig-more#sha384",
               "sha512": "http://www.w3.org/2001/04/xmlenc#sha512"}

RESPONSE = """\
<samlp:Response xmlns:samlp="{samlp}" xmlns:saml="{saml}" ID="{response_id}" Version="2.0" IssueInstant="{now}"\
{destination_attribute}{in_response_to_attribute}>\
<saml:Issuer>{issuer}</saml:Issuer>\
<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status>\
<saml:Assertion ID="{assertion_id}" Version="2.0" IssueInstant="{now}">\
<saml:Issuer>{issuer}</saml:Issuer>\
<saml:Subject>\
<saml:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">{name_id}</saml:NameID>\
<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">\
<saml:SubjectConfirmationData NotOnOrAfter="{not_on_or_after}" Recipient="{recipient}"{in_response_to_attribute}/>\
</saml:SubjectConfirmation></saml:Subject>\
<saml:Conditions NotBefore="{not_before}" NotOnOrAfter="{not_on_or_after}">\
<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction></saml:Conditions>\
<saml:AuthnStatement AuthnInstant="{now}" SessionIndex="{session_index}">\
<saml:AuthnContext><saml:AuthnContextClassRef>{authn_context}</saml:AuthnContextClassRef></saml:AuthnContext>\
</saml:AuthnStatement>\
<saml:AttributeStatement>{attributes}</saml:AttributeStatement>\
</saml:Assertion></samlp:Response>"""

ATTRIBUTE = ('<saml:Attribute Name="{name}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:unspecified">'
             "<saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>")


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def instant(offset_s=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=offset_s)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def claims_of(account):
    """The claims that a provider synchronised with the directory sends; account: an entry of FAS_ACCOUNTS."""
    return {"cip_sid": account["sid"], "cip_upn": account["upn"], "cip_oid": account["guid"]}


def build(claims, name_id="someone", in_response_to=None, destination=ACS_URL, age_s=0, **fields):
    """An unsigned response as bytes; any field of the template can be given."""
    attributes = "".join(ATTRIBUTE.format(name=escape(k), value=escape(v)) for k, v in claims.items())
    values = {
        "response_id": "_" + secrets.token_hex(16), "assertion_id": "_" + secrets.token_hex(16),
        "issuer": IDP_ENTITY_ID, "audience": SP_ENTITY_ID, "recipient": ACS_URL,
        "status": "urn:oasis:names:tc:SAML:2.0:status:Success", "now": instant(-age_s),
        "not_before": instant(-age_s - 30), "not_on_or_after": instant(300 - age_s),
        "authn_context": "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport",
    }
    values.update(fields)
    values.setdefault("session_index", values["assertion_id"])
    values = {k: escape(v) for k, v in values.items()}
    values["name_id"] = escape(name_id)
    values["destination_attribute"] = f' Destination="{escape(destination)}"' if destination else ""
    values["in_response_to_attribute"] = f' InResponseTo="{escape(in_response_to)}"' if in_response_to else ""
    return RESPONSE.format(samlp=SAMLP, saml=SAML, attributes=attributes, **values).encode()


def sign(xml, key, certificate=None, what="assertion", digest="sha256"):
    """Sign the response, the assertion or "both" of an unsigned document (enveloped, exclusive c14n)."""
    root = etree.fromstring(xml)
    assertion = root.find(f"{{{SAML}}}Assertion")
    if what in ("assertion", "both"):
        _sign_element(assertion, key, certificate, digest)
    if what in ("response", "both"):
        _sign_element(root, key, certificate, digest)
    return etree.tostring(root)


def _canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False)


def _digest(data, name):
    state = hashes.Hash(HASHES[name]())
    state.update(data)
    return base64.b64encode(state.finalize()).decode()


def _sign_element(element, key, certificate, digest):
    kind = "ecdsa" if isinstance(key, ec.EllipticCurvePrivateKey) else "rsa"
    method = DS + "rsa-sha1" if (kind, digest) == ("rsa", "sha1") \
        else f"http://www.w3.org/2001/04/xmldsig-more#{kind}-{digest}"
    tail, element.tail = element.tail, None
    value = _digest(_canonical(element), digest)
    signature = etree.fromstring(
        f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC_C14N}"/>'
        f'<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="#{element.get("ID")}"><ds:Transforms>'
        f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXC_C14N}"/></ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{DIGEST_URIS[digest]}"/><ds:DigestValue>{value}</ds:DigestValue>'
        "</ds:Reference></ds:SignedInfo><ds:SignatureValue/></ds:Signature>")
    element.insert(1, signature)  # after Issuer: SAML core's schema
    element.tail = tail
    signature.find(f"{{{DS}}}SignatureValue").text = _sign_bytes(_canonical(signature[0]), key, digest)
    if certificate is not None:
        info = etree.SubElement(signature, f"{{{DS}}}KeyInfo")
        data = etree.SubElement(info, f"{{{DS}}}X509Data")
        etree.SubElement(data, f"{{{DS}}}X509Certificate").text = certificate


def _sign_bytes(data, key, digest):
    algorithm = HASHES[digest]()
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(algorithm)))
        size = (key.key_size + 7) // 8
        return base64.b64encode(r.to_bytes(size, "big") + s.to_bytes(size, "big")).decode()
    return base64.b64encode(key.sign(data, padding.PKCS1v15(), algorithm)).decode()


def certificate_text(pem_bytes):
    """The base64 lines of a PEM certificate, for ds:X509Certificate."""
    return "".join(line for line in pem_bytes.decode().splitlines() if "-----" not in line)


def load_key(lab):
    return serialization.load_pem_private_key((lab.pki / "idp.key").read_bytes(), None)


def response(claims, key, what="assertion", digest="sha256", certificate=None, **fields):
    """A signed response, base64 as a browser posts it."""
    return base64.b64encode(sign(build(claims, **fields), key, certificate, what, digest)).decode()
