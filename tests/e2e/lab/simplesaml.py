"""SimpleSAMLphp: a provider that no one here wrote.  Served by PHP's own web server, driven by an HTTP client."""

import html
import http.cookiejar
import re
import secrets
import socket
import urllib.parse
import urllib.request

from . import namespace, pki, proc
from .layout import ACS_URL, IDP, SP_ENTITY_ID, LabError, write

ENTITY_ID = "https://simplesaml.example.net/idp"
PHP_FOLDER = "/usr/share/simplesamlphp"
PASSWORD = "lab"


def make_certificate(lab):
    """Made at `up`, so that fasd's configuration can pin it, whether or not a test starts the provider."""
    key, certificate = pki.issue_self_signed("simplesaml.example.net")
    write(lab.pki / "simplesaml.key", pki.key_pem(key), 0o600)
    write(lab.pki / "simplesaml.crt", pki.pem(certificate))


def _quote(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class SimpleSaml:
    """users: name -> claims, as attributes of the provider's own user database."""

    def __init__(self, lab, users, sign_response=True, sign_assertion=True):
        self.lab, self.users = lab, users
        self.sign = {"saml20.sign.response": sign_response, "saml20.sign.assertion": sign_assertion}
        self.folder = lab.folder / "simplesaml"
        self.url = f"http://{lab.address(IDP)}:8080/simplesaml/"

    def prepare(self):
        for name in ("config", "metadata", "docroot", "log", "data", "tmp", "sessions"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        link = self.folder / "docroot" / "simplesaml"
        link.unlink(missing_ok=True)
        link.symlink_to(PHP_FOLDER + "/www")
        write(self.folder / "config" / "config.php", self._config(), 0o600)
        write(self.folder / "config" / "authsources.php", self._authsources(), 0o600)
        write(self.folder / "metadata" / "saml20-idp-hosted.php", self._idp())
        write(self.folder / "metadata" / "saml20-sp-remote.php", self._sp())

    def _config(self):
        folder = self.folder
        return f"""<?php $config = [
            'baseurlpath' => {_quote(self.url)}, 'certdir' => {_quote(str(self.lab.pki) + "/")},
            'loggingdir' => '{folder}/log/', 'datadir' => '{folder}/data/', 'tempdir' => '{folder}/tmp',
            'metadatadir' => '{folder}/metadata', 'secretsalt' => '{secrets.token_hex(16)}',
            'auth.adminpassword' => '{secrets.token_hex(16)}', 'technicalcontact_email' => 'na@example.org',
            'timezone' => 'UTC', 'logging.handler' => 'file', 'logging.level' => 4, 'showerrors' => true,
            'errorreporting' => false, 'enable.saml20-idp' => true, 'module.enable' => ['exampleauth' => true],
            'session.cookie.secure' => false, 'session.cookie.samesite' => null, 'session.phpsession.savepath' =>
            '{folder}/sessions', 'session.phpsession.cookiename' => 'SimpleSAML', 'store.type' => 'phpsession',
            'metadata.sources' => [['type' => 'flatfile', 'directory' => '{folder}/metadata']],
            'language.default' => 'en', 'theme.use' => 'default', 'authproc.idp' => [], 'authproc.sp' => [],
        ];
        """

    def _authsources(self):
        lines = []
        for name, claims in self.users.items():
            attributes = ", ".join(f"{_quote(k)} => [{_quote(v)}]" for k, v in {"uid": name, **claims}.items())
            lines.append(f"{_quote(name + ':' + PASSWORD)} => [{attributes}],")
        return "<?php $config = ['users' => ['exampleauth:UserPass',\n" + "\n".join(lines) + "\n]];\n"

    def _idp(self):
        return f"""<?php $metadata[{_quote(ENTITY_ID)}] = ['host' => '__DEFAULT__', 'privatekey' => 'simplesaml.key',
            'certificate' => 'simplesaml.crt', 'auth' => 'users',
            'signature.algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256'];
        """

    def _sp(self):
        flags = ", ".join(f"'{name}' => {'true' if on else 'false'}" for name, on in self.sign.items())
        return f"""<?php $metadata[{_quote(SP_ENTITY_ID)}] = [
            'AssertionConsumerService' => {_quote(ACS_URL)}, 'simplesaml.nameidattribute' => 'uid', {flags}];
        """

    def start(self):
        self.prepare()
        argv = ["php", "-S", f"{self.lab.address(IDP)}:8080", "-t", self.folder / "docroot",
                "-d", f"session.save_path={self.folder}/sessions"]
        proc.start(self.lab, "simplesaml", namespace.enter(self.lab, argv),
                   env={"SIMPLESAMLPHP_CONFIG_DIR": str(self.folder / "config"), "PHP_CLI_SERVER_WORKERS": "2"})
        proc.wait_ready(self.lab, "simplesaml", self._answers)

    def _answers(self):
        try:
            socket.create_connection((self.lab.address(IDP), 8080), 1).close()
            return True
        except OSError:
            return False

    def stop(self):
        proc.stop(self.lab, "simplesaml")

    def login(self, name, relay_state="desktop"):
        """Provider-initiated sign-in as a browser does it; the base64 SAMLResponse of the last form."""
        browser = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                              urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        query = urllib.parse.urlencode({"spentityid": SP_ENTITY_ID, "RelayState": relay_state})
        with browser.open(f"{self.url}saml2/idp/SSOService.php?{query}", timeout=20) as page:
            form, url = page.read().decode(), page.geturl()
        state = _field(form, "AuthState")
        data = urllib.parse.urlencode({"username": name, "password": PASSWORD, "AuthState": state}).encode()
        with browser.open(url.partition("?")[0], data, timeout=20) as page:
            return _field(page.read().decode(), "SAMLResponse")


def _field(page, name):
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page) or re.search(rf'value="([^"]*)"[^>]*name="{name}"', page)
    if not found:
        raise LabError(f"SimpleSAMLphp's page has no {name}: {re.sub('<[^>]*>', ' ', page)[:500]}")
    return html.unescape(found[1])
