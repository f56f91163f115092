"""What browsers trust: certificates of a public authority for the front, the storefront's page and the providers' pages; and
fasd's own keys as a service provider."""

from . import pki
from .layout import LOGIN, SAMLP, SIMPLESAML, STORE, write

ROOT = "public-root"
NAMES = {"front": LOGIN, "store": STORE, "simplesaml-tls": SIMPLESAML, "samlp-tls": SAMLP}
SAML_KEYS = ("saml", "saml-enc")


def make(lab):
    """In lab.pki: public-root.crt, and NAME.key with NAME.crt for each."""
    root = pki.Authority.new_root("Lab Public Root")
    root.save(lab.pki, ROOT)
    for stem, name in NAMES.items():
        _keep(lab, stem, *pki.issue_server(root, name, pki.new_key("p256")))
    for stem in SAML_KEYS:
        _keep(lab, stem, *pki.issue_self_signed(LOGIN))


def _keep(lab, stem, key, certificate):
    write(lab.pki / f"{stem}.key", pki.key_pem(key), 0o600)
    write(lab.pki / f"{stem}.crt", pki.pem(certificate))


def root(lab):
    return lab.pki / f"{ROOT}.crt"
