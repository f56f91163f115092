"""The transport: what an odd or hostile client sends is refused with a clear answer, and nothing falls over."""

import base64
import gzip
import json
import socket
import ssl
import threading

from lab import api
from lab.layout import FAS, VDA1

from case import LabCase


class Bodies(LabCase):
    def post(self, data, **headers):
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        return self.client("storefront").request("POST", "/v1/logons", data, headers)

    def body(self, **more):
        return {"saml_response": self.response(), "host": VDA1, **more}

    def test_what_is_no_json_is_refused(self):
        for bad in (b"", b"{", b"[]", b"null", b"\xff\xfe{}", b'{"a":1} x', b"{" * 5000, b'{"host": "\x00"}'):
            with self.subTest(bad[:10]):
                self.assertProblem(self.post(bad), 400, "request_invalid")

    def test_repeated_members_are_refused(self):
        text = json.dumps(self.body())
        twice = text[:-1] + ', "host": "vda2.vdi.corp.example.com"}'
        self.assertProblem(self.post(twice.encode()), 400, "request_invalid")

    def test_unknown_and_missing_members_are_refused(self):
        self.assertProblem(self.post(json.dumps(self.body(user="alice")).encode()), 400, "request_invalid")
        self.assertProblem(self.post(json.dumps({"host": VDA1}).encode()), 400, "request_invalid")

    def test_members_of_another_type_are_refused(self):
        for host in (1, None, ["vda1"], {"name": "vda1"}, True):
            with self.subTest(host):
                self.assertProblem(self.post(json.dumps(self.body(host=host)).encode()), 400, "request_invalid")

    def test_hosts_that_are_no_host_name_are_refused(self):
        for host in ("", "vda1/../x", "vda1 x", "-a.example", "a" * 300, "vda1\n.example"):
            with self.subTest(host[:12]):
                self.assertProblem(self.post(json.dumps(self.body(host=host)).encode()), 400, "request_invalid")

    def test_another_content_type_is_refused(self):
        data = json.dumps(self.body()).encode()
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
            with self.subTest(kind):
                self.assertProblem(self.post(data, Content_Type=kind), 415, "type_refused")

    def test_a_compressed_body_is_refused(self):
        data = gzip.compress(json.dumps(self.body()).encode())
        self.assertIn(self.post(data, Content_Encoding="gzip").status, (400, 415))

    def test_a_body_over_the_limit_is_refused(self):
        answer = self.try_post(json.dumps({"saml_response": "A" * 2_000_000, "host": VDA1}).encode())
        self.assertIn(answer, (413, "closed"))

    def try_post(self, data):
        try:
            return self.post(data).status
        except (ConnectionError, ssl.SSLError):
            return "closed"

    def test_base64_variants_that_are_not_the_standards_are_refused(self):
        good = self.response()
        url_safe = base64.urlsafe_b64encode(base64.b64decode(good) + b"<!--\xff\xfe\xfb-->").decode()
        for bad in (good + "!", "=" + good, good + "AAAA====", "%3D" + good, url_safe, good[:-5] + "*" + good[-4:]):
            with self.subTest(bad[-8:]):
                answer = self.logon(response=bad)
                self.assertIn(answer.status, (400, 403), answer)

    def test_base64_in_lines_as_browsers_and_mailers_break_it_is_accepted(self):
        good = self.response()
        for end in ("\n", "\r\n"):
            with self.subTest(repr(end)):
                lines = end.join(good[i:i + 76] for i in range(0, len(good), 76))
                self.assertEqual(self.logon(response=lines).status, 201)
                good = self.response()


class Requests(LabCase):
    def test_unknown_paths_and_methods_have_their_own_answers(self):
        client = self.client("host")
        self.assertProblem(client.get("/v1/nothing"), 404, "not_found")
        self.assertProblem(client.get("/"), 404, "not_found")
        answer = client.get("/v1/certificates")
        self.assertProblem(answer, 405, "method_refused")

    def test_paths_with_tricks_find_nothing(self):
        for path in ("/v1/../v1/logons", "/v1//logons", "/v1/logons/", "/v1/sessions//lease", "/v1/sessions/../lease",
                     "/v1/sessions/%00/lease", "/v1/logons%00"):
            with self.subTest(path):
                self.assertIn(self.client("host").post(path, {}).status, (400, 404, 405))

    def test_nothing_but_published_objects_leaves_the_public_listener(self):
        for path in ("/", "/crl/", "/crl/../fasd.yaml", "/crl/..%2f..%2ffasd.yaml", "/../../etc/passwd", "/v1/logons",
                     "/healthz", "/metrics", "/crl/main-1.crl/", "/ca/main-1.key"):
            with self.subTest(path):
                self.assertIn(self.public().get(path).status, (400, 404, 405))

    def test_an_answer_names_its_correlation_id_and_nothing_of_the_inside(self):
        answer = self.logon("bob")
        self.assertEqual(set(answer.json), {"type", "title", "status", "code", "correlation_id"})
        self.assertNotIn(b"disabled", answer.body)

    def test_plain_http_on_the_tls_port_gets_no_answer_worth_having(self):
        with socket.create_connection((self.lab.address(FAS), 8443), 5) as plain:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            self.assertNotIn(b"200 OK", plain.recv(4096))

    def test_a_kept_connection_serves_many_requests(self):
        client = self.client("host")
        for _ in range(20):
            answer = client.post("/v1/sessions/00000000000000000000000000000000/lease", {}, keep=True)
            self.assertEqual(answer.status, 404)

    def test_many_new_connections_at_once_are_all_answered(self):
        """Handshakes that wait for a busy server must not be forgotten."""
        answers = []

        def one():
            path = "/v1/sessions/00000000000000000000000000000000/lease"
            answers.append(self.client("host").post(path, {}).status)

        for _ in range(8):
            threads = [threading.Thread(target=one) for _ in range(20)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        self.assertEqual(answers, [404] * 160)

    def test_a_request_that_never_ends_is_cut_off_and_others_go_on(self):
        context = api.Client(self.lab.api_url, self.lab.pki / "service-ca.crt", self.lab.pki / "storefront.crt",
                             self.lab.pki / "storefront.key").context
        with socket.create_connection((self.lab.address(FAS), 8443), 5) as plain:
            with context.wrap_socket(plain, server_hostname=FAS) as slow:
                slow.sendall(b"POST /v1/logons HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                             b"Content-Length: 1000\r\n\r\n{")
                self.assertEqual(self.logon().status, 201)
