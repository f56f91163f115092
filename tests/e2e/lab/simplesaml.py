"""SimpleSAMLphp: a provider that no one here wrote.  Served by PHP's own web server behind TLS, driven by a plain browser."""

import secrets
import sys
import urllib.parse
from pathlib import Path

from . import namespace, pki, proc, saml, visitor, web
from .layout import ACS_URL, FRONT_URL, SIMPLESAML, SP_ENTITY_ID, write

ENTITY_ID = "https://simplesaml.example.net/idp"
NAME = "simplesaml"
PHP_FOLDER = "/usr/share/simplesamlphp"
URL = f"https://{SIMPLESAML}/simplesaml/"
SIGN_ON_URL = URL + "saml2/idp/SSOService.php"
LOGOUT_URL = URL + "saml2/idp/SingleLogoutService.php"
METADATA_URL = URL + "saml2/idp/metadata.php"
PASSWORD = "lab"
PHP_PORT = 8080
REDIRECT = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"


def make_certificate(lab):
    """Made at `up`, so that fasd's configuration can pin it, whether or not a test starts the provider."""
    key, certificate = pki.issue_self_signed("simplesaml.example.net")
    write(lab.pki / "simplesaml.key", pki.key_pem(key), 0o600)
    write(lab.pki / "simplesaml.crt", pki.pem(certificate))


def _quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _flag(on):
    return "true" if on else "false"


class SimpleSaml:
    """users: name -> claims, as attributes of the provider's own user database.

    front_metadata: files of XML that the front's servers publish, imported as they are; without them what the front needs is
    written by hand.  encrypt: assertions to the front; its CBC stands under the Response's signature.
    """

    def __init__(self, lab, users, sign_response=True, sign_assertion=True, encrypt=False, encrypt_name_id=False, front_metadata=()):
        self.lab, self.users, self.front_metadata = lab, users, front_metadata
        self.sign = {"saml20.sign.response": sign_response, "saml20.sign.assertion": sign_assertion}
        self.encrypt = {"assertion.encryption": encrypt, "nameid.encryption": encrypt_name_id}
        self.folder = lab.folder / "simplesaml"

    def prepare(self):
        for name in ("config", "metadata", "docroot", "log", "data", "tmp", "sessions"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        link = self.folder / "docroot" / "simplesaml"
        link.unlink(missing_ok=True)
        link.symlink_to(PHP_FOLDER + "/www")
        write(self.folder / "config" / "config.php", self._config(), 0o600)
        write(self.folder / "config" / "authsources.php", self._authsources(), 0o600)
        write(self.folder / "metadata" / "saml20-idp-hosted.php", self._idp())
        write(self.folder / "metadata" / "saml20-sp-remote.php", "<?php\n" + self._storefront() + self._front())

    def _config(self):
        folder = self.folder
        sources = "".join(f", ['type' => 'xml', 'file' => {_quote(str(path))}]" for path in self.front_metadata)
        return f"""<?php $config = [
            'baseurlpath' => {_quote(URL)}, 'certdir' => {_quote(str(self.lab.pki) + "/")},
            'loggingdir' => '{folder}/log/', 'datadir' => '{folder}/data/', 'tempdir' => '{folder}/tmp',
            'metadatadir' => '{folder}/metadata', 'secretsalt' => '{secrets.token_hex(16)}',
            'auth.adminpassword' => '{secrets.token_hex(16)}', 'technicalcontact_email' => 'na@example.org',
            'timezone' => 'UTC', 'logging.handler' => 'file', 'logging.level' => 7, 'showerrors' => true,
            'errorreporting' => false, 'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true],
            'session.cookie.secure' => true, 'session.cookie.samesite' => 'None', 'session.phpsession.savepath' =>
            '{folder}/sessions', 'session.phpsession.cookiename' => 'SimpleSAML', 'store.type' => 'phpsession',
            'metadata.sources' => [['type' => 'flatfile', 'directory' => '{folder}/metadata']{sources}],
            'language.default' => 'en', 'theme.use' => 'default', 'authproc.idp' => [], 'authproc.sp' => [],
            'metadata.sign.enable' => true, 'metadata.sign.privatekey' => 'simplesaml.key',
            'metadata.sign.certificate' => 'simplesaml.crt',
            'metadata.sign.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256',
        ];
        """

    def _authsources(self):
        lines = []
        for name, claims in self.users.items():
            attributes = ", ".join(f"{_quote(k)} => [{_quote(v)}]" for k, v in {"uid": name, **claims}.items())
            lines.append(f"{_quote(name + ':' + PASSWORD)} => [{attributes}],")
        return "<?php $config = ['users' => ['exampleauth:UserPass',\n" + "\n".join(lines) + "\n]];\n"

    def _idp(self):
        """What holds for every service provider: messages of the front are taken when they are signed, and not otherwise."""
        options = ", ".join(f"'{name}' => {_flag(on)}" for name, on in {**self.sign, **self.encrypt}.items())
        return f"""<?php $metadata[{_quote(ENTITY_ID)}] = ['host' => '__DEFAULT__', 'privatekey' => 'simplesaml.key',
            'certificate' => 'simplesaml.crt', 'auth' => 'users', {options}, 'NameIDFormat' => '{PERSISTENT}',
            'redirect.sign' => true, 'redirect.validate' => true, 'sign.logout' => true, 'validate.logout' => true,
            'authproc' => [3 => ['class' => 'saml:AttributeNameID', 'attribute' => 'uid', 'Format' => '{PERSISTENT}']],
            'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'];
        """

    def _storefront(self):
        """The service as one that is shown responses by a storefront: it sends no messages, and so signs none."""
        return f"""$metadata[{_quote(SP_ENTITY_ID)}] = ['AssertionConsumerService' => {_quote(ACS_URL)},
            'assertion.encryption' => false, 'nameid.encryption' => false, 'redirect.validate' => false];
        """

    def _front(self):
        if self.front_metadata:
            return ""
        signing, encryption = (saml.certificate_text((self.lab.pki / f"{stem}.crt").read_bytes()) for stem in ("saml", "saml-enc"))
        entries = []
        for path in ("/saml", "/saml/v/mobile"):
            url = FRONT_URL + path
            entries.append(f"""$metadata['{url}/metadata'] = ['AssertionConsumerService' => '{url}/acs',
                'SingleLogoutService' => [['Binding' => '{REDIRECT}', 'Location' => '{url}/slo']], 'keys' => [
                ['type' => 'X509Certificate', 'signing' => true, 'encryption' => false, 'X509Certificate' => '{signing}'],
                ['type' => 'X509Certificate', 'signing' => false, 'encryption' => true, 'X509Certificate' => '{encryption}']]];
                """)
        return "".join(entries)

    def start(self):
        self.prepare()
        address, pki_folder = self.lab.address(SIMPLESAML), self.lab.pki
        argv = ["php", "-S", f"{address}:{PHP_PORT}", "-t", self.folder / "docroot", "-d", f"session.save_path={self.folder}/sessions"]
        proc.start(self.lab, "simplesaml", namespace.enter(self.lab, argv),
                   env={"SIMPLESAMLPHP_CONFIG_DIR": str(self.folder / "config"), "PHP_CLI_SERVER_WORKERS": "2"})
        tls = Path(__file__).with_name("tls.py")
        proc.start(self.lab, "simplesaml-tls", [sys.executable, "-B", tls, address, pki_folder / "simplesaml-tls.crt",
                                                pki_folder / "simplesaml-tls.key", str(PHP_PORT)])
        proc.wait_ready(self.lab, "simplesaml", lambda: web.listens(address, PHP_PORT))
        proc.wait_ready(self.lab, "simplesaml-tls", lambda: web.listens(address, 443))

    def stop(self):
        for name in ("simplesaml-tls", "simplesaml"):
            proc.stop(self.lab, name)

    # ---- as a browser sees it ----

    def login(self, name, relay_state="desktop"):
        """Provider-initiated sign-in at the service as a storefront shows it; the base64 SAMLResponse of the last form."""
        page = self.begin(visitor.Visitor(self.lab), name, SP_ENTITY_ID, relay_state)
        return page.form("SAMLResponse")["fields"]["SAMLResponse"]

    def begin(self, browser, name, entity_id, relay_state):
        """Provider-initiated: the page with the response's form, which a script would send on."""
        query = urllib.parse.urlencode({"spentityid": entity_id, **({"RelayState": relay_state} if relay_state else {})})
        return self.sign_in(browser, browser.open(f"{SIGN_ON_URL}?{query}"), name)

    @staticmethod
    def sign_in(browser, page, name):
        """From the provider's sign-in page to the page with the response's form."""
        return browser.submit(page, "AuthState", username=name, password=PASSWORD)

    @staticmethod
    def log_out(browser):
        """Single logout begun at the provider, through all that it sends the browser to; where that ended."""
        return browser.open(URL + "saml2/idp/initSLO.php?" + urllib.parse.urlencode({"RelayState": URL + "logout.php"}))
