"""A provider whose keys come from its metadata, over https: fetched by fasd within its walls, kept, and judged."""

import http.server
import json
import ssl
import threading

from lxml import etree

from lab import pki, proc, programs, saml
from lab.layout import IDP_ENTITY_ID, IDP_NAME, SIMPLESAML

from case import LabCase

MD = "urn:oasis:names:tc:SAML:2.0:metadata"
PORT = 9443
URL = f"https://{SIMPLESAML}:{PORT}/metadata"


def metadata(certificate, more=""):
    """What lab-idp would say of itself."""
    return f"""<md:EntityDescriptor xmlns:md="{MD}" ID="_m1" entityID="{IDP_ENTITY_ID}"{more}><md:IDPSSODescriptor
        protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo
        xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{saml.certificate_text(certificate)}
        </ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService
        Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://{SIMPLESAML}:{PORT}/sso"/>
        </md:IDPSSODescriptor></md:EntityDescriptor>"""


def signed(xml, key):
    root = etree.fromstring(xml)
    saml._sign_element(root, key, None, "sha256")  # pylint: disable=protected-access
    return etree.tostring(root)


class Server:
    """https with a certificate of the lab's own authority; gives the one document."""

    def __init__(self, lab, root, body):
        self.body, self.asked = body, 0
        key, certificate = pki.issue_server(root, SIMPLESAML)
        file = lab.folder / "metadata-server.pem"
        file.write_bytes(pki.key_pem(key) + pki.pem(certificate))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):  # pylint: disable=no-self-argument
                self.asked += 1
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(self.body)))
                handler.end_headers()
                handler.wfile.write(self.body)

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer((lab.address(SIMPLESAML), PORT), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Metadata(LabCase):
    def setUp(self):
        self.file = self.lab.fas / "fasd.yaml"
        self.before = self.file.read_text()
        self.key, certificate = pki.issue_self_signed("metadata.example.net")
        self.root = pki.Authority.new_root("Metadata Root")
        self.good = metadata((self.lab.pki / "idp.crt").read_bytes())
        (self.lab.pki / "metadata.crt").write_bytes(pki.pem(certificate))
        (self.lab.pki / "metadata-root.crt").write_bytes(pki.pem(self.root.certificate))
        self.addCleanup(self.put_back)

    def put_back(self):
        self.file.write_text(self.before)
        self.fasctl("config", "reload")

    def configure(self):
        old = f"    entity_id: {IDP_ENTITY_ID}\n    certificates: [{self.lab.pki}/idp.crt]\n"
        self.assertIn(old, self.before)
        self.file.write_text(self.before.replace(old, f"    metadata: {URL}\n"
                             f"    metadata_certificates: [{self.lab.pki}/metadata.crt]\n"
                             f"    metadata_ca_file: {self.lab.pki}/metadata-root.crt\n"))
        self.fasctl("config", "reload")

    def serve(self, body):
        server = Server(self.lab, self.root, body)
        self.addCleanup(server.stop)
        return server

    def state(self):
        rows = json.loads(self.fasctl("idp", "list", "--json"))
        return next(row for row in rows if row["name"] == IDP_NAME)["metadata"]

    def test_it_is_fetched_kept_over_a_restart_and_tried(self):
        self.serve(signed(self.good, self.key))
        self.configure()
        proc.wait_for(lambda: self.state()["ok"], 60, "the metadata")
        self.assertEqual(self.logon().status, 201)
        status, out, errors = programs.fasctl_status(self.lab, "idp", "test", IDP_NAME, "--config", self.file, "--json")
        rows = {row["check"]: row["verdict"] for row in json.loads(out)}
        self.assertEqual(rows["metadata"], "ok", out + errors)
        self.assertEqual(rows["sign-on"], "BAD", out)  # by the system's authorities it is a stranger
        self.assertEqual(status, 4)
        self.doCleanups_of_the_server()
        programs.restart(self.lab, "fasd")
        self.assertTrue(self.state()["ok"])
        self.assertEqual(self.logon().status, 201)

    def doCleanups_of_the_server(self):
        self._cleanups.pop()[0]()

    def test_what_nobody_pinned_has_signed_is_not_believed(self):
        stranger, _ = pki.issue_self_signed("evil.example.net")
        for copy in (self.lab.fas / "fasd" / "metadata").glob("*.xml"):
            copy.unlink()
        server = self.serve(signed(self.good, stranger))
        self.configure()
        proc.wait_for(lambda: server.asked > 0, 60, "the question")
        self.assertTrue(self.state()["pending"])
        self.assertProblem(self.logon(), 403, "assertion_refused")
        self.assertIn(f"nobody of identity provider {IDP_NAME} can sign in", self.status())
        server.body = signed(self.good, self.key)
        proc.wait_for(lambda: self.state()["ok"], 90, "the metadata")
        self.assertEqual(self.logon().status, 201)

    def status(self):
        return programs.fasctl_status(self.lab, "status")[1]
