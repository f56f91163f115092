"""A provider made of the npm package samlp (node/provider.js): AES-256-GCM, single sign-on and single logout."""

import json

from . import namespace, pki, proc, web
from .layout import FRONT_URL, REPO, SAMLP, write

ENTITY_ID = f"https://{SAMLP}/metadata"
NAME = "samlp"
PROGRAM = REPO / "tests" / "e2e" / "lab" / "node" / "provider.js"
MODULES = REPO / "build" / "npm" / "node_modules"
PASSWORD = "lab"
METADATA = """\
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}"><IDPSSODescriptor
 protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing"><KeyInfo
 xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo>
</KeyDescriptor><SingleLogoutService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{url}/slo"/>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="{url}/sso"/>
<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{url}/sso"/>
</IDPSSODescriptor></EntityDescriptor>
"""


def make_certificate(lab):
    """Made at `up`, with the metadata that fasd's configuration names, whether or not a test starts the provider."""
    key, certificate = pki.issue_self_signed(SAMLP)
    write(lab.pki / "samlp.key", pki.key_pem(key), 0o600)
    write(lab.pki / "samlp.crt", pki.pem(certificate))
    text = "".join(line for line in pki.pem(certificate).decode().splitlines() if "-----" not in line)
    write(lab.pki / "samlp.xml", METADATA.format(entity_id=ENTITY_ID, certificate=text, url=f"https://{SAMLP}"))


class Samlp:
    """users: name -> claims."""

    def __init__(self, lab, users, encrypt=True, sign_response=False, authn_context=None, server="/saml"):
        self.lab, folder = lab, lab.folder / "samlp"
        self.path = folder / "config.json"
        self.config = {
            "entity_id": ENTITY_ID, "url": f"https://{SAMLP}", "address": lab.address(SAMLP), "port": 443,
            "certificate": lab.pki / "samlp.crt", "key": lab.pki / "samlp.key", "tls_certificate": lab.pki / "samlp-tls.crt",
            "tls_key": lab.pki / "samlp-tls.key", "sp_certificate": lab.pki / "saml.crt",
            "sp_encryption_certificate": lab.pki / "saml-enc.crt", "sp_entity_id": f"{FRONT_URL}{server}/metadata",
            "acs_url": f"{FRONT_URL}{server}/acs", "sp_logout_url": f"{FRONT_URL}{server}/slo", "password": PASSWORD,
            "encrypt": encrypt, "sign_response": sign_response, "authn_context": authn_context, "users": users}

    def start(self):
        write(self.path, json.dumps(self.config, default=str), 0o600)
        proc.start(self.lab, "samlp", namespace.enter(self.lab, ["node", "--no-deprecation", PROGRAM, self.path]),
                   env={"NODE_PATH": str(MODULES)})
        proc.wait_ready(self.lab, "samlp", lambda: web.listens(self.lab.address(SAMLP), 443))

    def stop(self):
        proc.stop(self.lab, "samlp")
