"""A site that demands a certificate of the logon CA: Apache with mod_ssl, which looks at the CRLs that fasd publishes.

It answers with what it saw: the user's name, the certificate's serial, the version of TLS.
"""

import shutil
import urllib.request

from cryptography import x509

from . import namespace, pki, proc, web
from .layout import WEB, write

PORTS = {"TLSv1.3": 443, "TLSv1.2": 8443}
PAGE = """<!doctype html><title>Portal</title>
<p>Hello <!--#echo var="SSL_CLIENT_SAN_OTHER_msUPN_0" -->, by <!--#echo var="SSL_PROTOCOL" -->, serial <!--#echo var="SSL_CLIENT_M_SERIAL" -->.
"""
MODULES = ["mpm_event", "authz_core", "socache_shmcb", "ssl", "include", "dir", "mime"]


def url(version="TLSv1.3"):
    port = PORTS[version]
    return f"https://{WEB}/" if port == 443 else f"https://{WEB}:{port}/"


class Portal:
    def __init__(self, lab):
        self.lab, self.folder, self.run = lab, lab.folder / "portal", lab.run / "portal"
        self.root = self.folder / "root.crt"  # what browsers have to trust
        self.crls = self.folder / "crls.pem"

    def start(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        for path in (self.folder / "docs", self.run):
            path.mkdir(parents=True, exist_ok=True)
        self._make_certificate()
        write(self.folder / "docs" / "index.shtml", PAGE)
        write(self.folder / "apache.conf", self._config())
        self.fetch_crls()
        proc.start(self.lab, "portal", namespace.enter(self.lab, ["apache2", "-f", self.folder / "apache.conf", "-DFOREGROUND"]))
        for port in PORTS.values():
            proc.wait_ready(self.lab, "portal", lambda port=port: web.listens(self.lab.address(WEB), port))

    def stop(self):
        proc.stop(self.lab, "portal")

    def _make_certificate(self):
        root = pki.Authority.new_root("Lab Intranet Root")
        key, certificate = pki.issue_server(root, WEB)
        write(self.root, pki.pem(root.certificate))
        write(self.folder / "site.key", pki.key_pem(key), 0o600)
        write(self.folder / "site.crt", pki.pem(certificate))

    def _config(self):
        """No resumption and no kept connection: each request shows its certificate, and the CRL is asked."""
        address = self.lab.address(WEB)
        lines = [f"LoadModule {name}_module {web.MODULES}/mod_{name}.so" for name in MODULES]
        lines += [f"ServerRoot {self.folder}", f"ServerName {WEB}", f"PidFile {self.run}/apache.pid",
                  f"DefaultRuntimeDir {self.run}", f"Mutex file:{self.run} default", "User #33", "Group #33",
                  f"ErrorLog {self.lab.log}/portal-error.log", "LogLevel info", "StartServers 1", "ThreadsPerChild 4",
                  "MinSpareThreads 1", "MaxSpareThreads 8", "MaxRequestWorkers 8", "ServerLimit 2", "KeepAlive Off",
                  "TypesConfig /etc/mime.types", f"DocumentRoot {self.folder}/docs", "DirectoryIndex index.shtml",
                  "AddType text/html .shtml", "AddOutputFilter INCLUDES .shtml", "SSLSessionCache none",
                  "<Location />", "  Options +Includes", "  Require all granted", "</Location>"]
        for version, port in PORTS.items():
            lines += [f"Listen {address}:{port}", f"<VirtualHost {address}:{port}>", "  SSLEngine on",
                      f"  SSLProtocol -all +{version}", "  SSLSessionTickets off",
                      f"  SSLCertificateFile {self.folder}/site.crt", f"  SSLCertificateKeyFile {self.folder}/site.key",
                      "  SSLVerifyClient require", "  SSLVerifyDepth 2", f"  SSLCACertificateFile {self.lab.pki}/logon-ca.pem",
                      f"  SSLCARevocationFile {self.crls}", "  SSLCARevocationCheck chain", "  SSLOptions +StdEnvVars",
                      "</VirtualHost>"]
        return "\n".join(lines) + "\n"

    # ---- CRLs ----

    def fetch_crls(self):
        """From fasd's public listener, as any site of the domain would."""
        found = []
        for name in ("main-1.crl", "main-1-root.crl"):
            with urllib.request.urlopen(f"{self.lab.public_url}/crl/{name}", timeout=10) as reply:
                found.append(x509.load_der_x509_crl(reply.read()))
        write(self.crls, b"".join(map(pki.pem, found)))
        return found

    def revoked(self):
        """The serials on the CRLs as they are now."""
        return {one.serial_number for crl in self.fetch_crls() for one in crl}

    def refresh(self):
        """What a timer does on a real site: the CRLs anew, and Apache told of them."""
        self.fetch_crls()
        proc.run(namespace.enter(self.lab, ["apache2", "-f", self.folder / "apache.conf", "-k", "graceful"]))
