"""The watchdog: what a domain controller would not find, or not believe, is seen, said and cleared."""

import datetime
import functools
import hashlib
import http.server
import json
import shutil
import threading
import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from lab import api, pki, proc, programs
from lab.layout import PKI

from case import LabCase

OK, DEFECT = 0, 4
LOGON, ROOT = "crl/main-1.crl", "crl/main-1-root.crl"


class Watched(LabCase):
    """However a case ends, what it broke is mended, and the watchdog says so."""

    def setUp(self):
        self.public_folder = self.lab.fas / "public"
        self.hosts = self.lab.etc / "hosts"
        self.hosts_text = self.hosts.read_text()
        self.addCleanup(self.mend)

    def mend(self):
        with open(self.hosts, "w") as file:  # in its place: another file would not be the one that is mounted
            file.write(self.hosts_text)
        self.fasctl("crl", "publish")
        self.assertEqual(self.verify()[0], OK)
        self.wait_ready()

    # ---- what is asked ----

    def verify(self):
        status, out, errors = programs.fasctl_status(self.lab, "crl", "verify", "--json")
        self.assertIn(status, (OK, DEFECT), errors)
        return status, json.loads(out)

    def place(self, seen, name):
        """The view of the place whose URL ends so, and of the link that it belongs to."""
        for link in seen["links"]:
            for place in link["places"]:
                if place["url"].endswith(name):
                    return place, link
        raise AssertionError(f"no place {name} in {seen}")

    def status_findings(self):
        _, out, _ = programs.fasctl_status(self.lab, "status", "--json")
        return json.loads(out)["findings"]

    def readyz(self):
        return self.ops().get("/readyz")

    def wait_ready(self):
        proc.wait_for(lambda: self.readyz().status == 200, 15, "/readyz after what was broken was mended")

    def metric(self, family, part):
        lines = [line for line in self.ops().get("/metrics").body.decode().splitlines() if line.startswith(family + "{")]
        found = [line for line in lines if part in line]
        self.assertEqual(len(found), 1, lines)
        return int(found[0].rpartition(" ")[2])

    # ---- what is broken ----

    def put(self, name, der):
        (self.public_folder / name).write_bytes(der)

    def crl(self, authority, key, issuer=None, begun=-3600, ends=3600, number=None):
        number = number or time.time_ns() // 1000000  # as the signer counts: above its last one
        certificate = x509.load_pem_x509_certificate((self.lab.pki / f"{authority}.crt").read_bytes())
        builder = x509.CertificateRevocationListBuilder().issuer_name(issuer or certificate.subject)
        builder = builder.last_update(pki.now() + datetime.timedelta(seconds=begun))
        builder = builder.next_update(pki.now() + datetime.timedelta(seconds=ends))
        builder = builder.add_extension(x509.CRLNumber(number), False)
        made = builder.sign(key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.DER)

    def authority_key(self):
        file, = (self.lab.fas / "signer/keys").glob("main-1-*.key")
        return serialization.load_pem_private_key(file.read_bytes(), None)

    def root_key(self):
        return pki.Authority.load(self.lab.pki, "logon-root").key

    # ---- what is expected ----

    def assertAlarm(self, name, reason, logons_fail=True):
        """The finding by hand; in the second round in a row the alarm, /readyz, the metric and `fasctl status`."""
        status, seen = self.verify()
        place, link = self.place(seen, name)
        self.assertEqual((status, place["ok"], place["reason"]), (DEFECT, False, reason), seen)
        self.assertEqual(link["ok"], not logons_fail)
        _, seen = self.verify()
        place, link = self.place(seen, name)
        self.assertTrue(place["alarm"])
        self.assertEqual(link["alarm"], logons_fail)
        self.assertEqual(seen["logons_fail"], logons_fail)
        self.assertEqual(self.metric("fas_published_place_up", name), 0)
        check = self.readyz()
        self.assertEqual(check.json["checks"]["revocation"]["ok"], not logons_fail)
        if logons_fail:
            self.assertEqual((check.status, check.json["checks"]["revocation"]["reason"]),
                             (503, "revocation_unreachable"))
        said = self.status_findings()
        self.assertTrue([f for f in said if name in f["what"] and f["remedy"]], said)
        self.assertEqual(any(f["error"] and "logons fail" in f["what"] for f in said), logons_fail, said)

    def assertClear(self, name):
        status, seen = self.verify()
        place, link = self.place(seen, name)
        self.assertEqual((status, place["ok"], link["ok"], seen["logons_fail"]), (OK, True, True, False), seen)
        self.assertEqual(self.metric("fas_published_place_up", name), 1)
        self.wait_ready()
        self.assertFalse([f for f in self.status_findings() if name in f["what"]])


class Watchdog(Watched):
    def test_every_place_of_the_chain_is_fetched_and_good(self):
        status, seen = self.verify()
        self.assertEqual(status, OK, seen)
        places = {place["url"].rpartition(PKI)[2]: place for link in seen["links"] for place in link["places"]}
        self.assertEqual(set(places), {"/crl/main-1.crl", "/ca/main-1.cer", "/crl/main-1-root.crl",
                                       "/ca/main-1-root.cer"})
        crl = x509.load_der_x509_crl((self.public_folder / LOGON).read_bytes())
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        self.assertEqual(int(places["/crl/main-1.crl"]["number"], 16), number)
        self.assertTrue(self.readyz().json["checks"]["revocation"]["ok"])

    def test_a_server_that_is_away_is_an_alarm_until_it_is_back(self):
        address, away = self.lab.address(PKI), f"127.88.{self.lab.number}.99"
        with open(self.hosts, "w") as file:
            file.write(self.hosts_text.replace(f"{address} {PKI}", f"{away} {PKI}"))
        self.assertAlarm(LOGON, "fetch_connect")
        with open(self.hosts, "w") as file:
            file.write(self.hosts_text)
        self.assertClear(LOGON)

    def test_a_crl_that_is_gone_is_an_alarm_until_it_is_published_again(self):
        (self.public_folder / LOGON).unlink()
        self.assertAlarm(LOGON, "http_status")
        self.fasctl("crl", "publish")
        self.assertClear(LOGON)

    def test_a_stale_crl_is_an_alarm_until_it_is_published_again(self):
        self.put(LOGON, self.crl("logon-ca", self.authority_key(), begun=-7200, ends=-3600))
        self.assertAlarm(LOGON, "crl_ended")
        self.fasctl("crl", "publish")
        self.assertClear(LOGON)

    def test_a_crl_of_tomorrow_is_an_alarm(self):
        self.put(LOGON, self.crl("logon-ca", self.authority_key(), begun=3600, ends=7200))
        self.assertAlarm(LOGON, "crl_not_begun")

    def test_a_crl_by_another_key_is_an_alarm_until_the_right_one_is_back(self):
        self.put(LOGON, self.crl("logon-ca", pki.new_key()))
        self.assertAlarm(LOGON, "crl_wrong_signature")
        self.fasctl("crl", "publish")
        self.assertClear(LOGON)

    def test_the_roots_crl_in_the_place_of_the_authoritys_is_an_alarm(self):
        self.put(LOGON, (self.public_folder / ROOT).read_bytes())
        self.assertAlarm(LOGON, "crl_wrong_issuer")

    def test_what_is_no_crl_is_an_alarm(self):
        self.put(LOGON, b"<html>The site is being rebuilt</html>")
        self.assertAlarm(LOGON, "crl_malformed")

    def test_the_roots_stale_crl_is_an_alarm_like_the_authoritys_own(self):
        self.put(ROOT, self.crl("logon-root", self.root_key(), begun=-7200, ends=-3600))
        self.assertAlarm(ROOT, "crl_ended")
        self.fasctl("crl", "publish")
        self.assertClear(ROOT)

    def test_a_crl_that_went_back_is_a_warning_and_logons_go_on(self):
        self.verify()
        self.put(LOGON, self.crl("logon-ca", self.authority_key(), number=1))
        self.assertAlarm(LOGON, "crl_went_back", logons_fail=False)
        self.session()
        self.fasctl("crl", "publish")
        self.assertClear(LOGON)

    def test_another_certificate_in_the_authoritys_place_is_a_warning(self):
        self.addCleanup(self.fasctl, "crl", "publish")
        self.put("ca/main-1.cer", (self.public_folder / "ca/main-1-root.cer").read_bytes())
        self.assertAlarm("ca/main-1.cer", "certificate_other", logons_fail=False)

    def test_without_the_watchdogs_order_logons_go_on_while_it_warns(self):
        """A domain controller may hold a good copy yet: by default readiness says it, and nothing is refused."""
        (self.public_folder / LOGON).unlink()
        self.assertAlarm(LOGON, "http_status")
        self.session()


class OwnProfile(Watched):
    """A profile of the administrator's own whose certificates name another place."""

    MIRROR = f"http://{PKI}/mirror"

    def setUp(self):
        super().setUp()
        self.files = {name: self.lab.fas / name for name in ("signer.yaml", "limits.yaml")}
        self.texts = {name: file.read_text() for name, file in self.files.items()}
        self.addCleanup(self.configure, self.texts)
        self.configure({
            "signer.yaml": self.texts["signer.yaml"] + "profiles:\n  - { name: mirrored, like: smartcard-logon, "
                                                       f"crl_urls: ['{self.MIRROR}'] }}\n",
            "limits.yaml": self.texts["limits.yaml"] + f"own_profiles: {{ urls: ['{self.MIRROR}'] }}\n"})

    def configure(self, texts):
        for name, text in texts.items():
            self.files[name].write_text(text)
        programs.restart(self.lab, "fas-signer")

    def test_its_places_are_fetched_too(self):
        self.assertAlarm("/mirror/crl/main-1.crl", "http_status")
        place, link = self.place(self.verify()[1], f"{PKI}/crl/main-1.crl")
        self.assertTrue(place["ok"] and link["ok"])


class Configured(Watched):
    """With a section watchdog in fasd.yaml."""

    section = None

    def setUp(self):
        super().setUp()
        self.config = self.lab.fas / "fasd.yaml"
        self.text = self.config.read_text()
        self.addCleanup(self.configure, self.text)
        self.configure(self.text + self.section)

    def configure(self, text):
        self.config.write_text(text)
        self.fasctl("crl", "publish")
        programs.restart(self.lab, "fasd")


class Elsewhere(Configured):
    """publish_urls may be served by others, who copy the files."""

    def copy(self):
        copy = self.lab.folder / "copy"
        shutil.copytree(self.public_folder, copy)
        self.addCleanup(shutil.rmtree, copy)
        return copy

    def serve(self, folder, kind=http.server.SimpleHTTPRequestHandler):
        """The name in the certificates leads to another web server from here on."""
        address = f"127.88.{self.lab.number}.98"
        quiet = type(kind.__name__, (kind,), {"log_message": lambda *_: None})
        handler = functools.partial(quiet, directory=folder)
        server = http.server.ThreadingHTTPServer((address, 80), handler)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with open(self.hosts, "w") as file:
            file.write(self.hosts_text.replace(f"{self.lab.address(PKI)} {PKI}", f"{address} {PKI}"))


class Copies(Elsewhere):
    section = "watchdog: { lag: 1s }\n"

    def test_a_copy_that_is_no_longer_renewed_is_a_warning_until_it_is(self):
        copy = self.copy()
        self.serve(copy)
        self.assertEqual(self.verify()[0], OK)
        self.fasctl("crl", "publish")
        proc.wait_for(lambda: self.verify()[0] == DEFECT, 15, "the lag to be over")
        self.assertAlarm(LOGON, "crl_old", logons_fail=False)
        shutil.copy(self.public_folder / LOGON, copy / LOGON)
        self.assertClear(LOGON)


class Tagged(http.server.SimpleHTTPRequestHandler):
    """A web server that knows its files by an ETag, and notes how it has answered for each."""

    answers = []

    def do_GET(self):
        body = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
        tag = f'"{hashlib.sha256(body).hexdigest()}"'
        same = self.headers.get("If-None-Match") == tag
        self.answers.append((self.path.rpartition("/")[2], 304 if same else 200))
        self.send_response(304 if same else 200)
        self.send_header("ETag", tag)
        if not same:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not same:
            self.wfile.write(body)


class Unchanged(Elsewhere):
    """What the watchdog holds already, and has verified, does not come again; its age is judged all the same."""

    section = "watchdog: { each: 1s, lag: 1h }\n"
    LIFE_S = 20

    def seen_by_itself(self, name):
        """What the last round saw at this place: nothing is fetched for the question."""
        _, out, _ = programs.fasctl_status(self.lab, "status", "--json")
        return self.place(json.loads(out)["fasd"]["revocation"], name)[0]

    def answers(self, name):
        return [status for path, status in Tagged.answers if path == name]

    def test_a_list_that_is_the_same_comes_once_and_its_end_is_seen(self):
        copy = self.copy()
        (copy / LOGON).write_bytes(self.crl("logon-ca", self.authority_key(), begun=-60, ends=self.LIFE_S))
        Tagged.answers.clear()
        self.serve(copy, Tagged)
        proc.wait_for(lambda: self.answers("main-1.crl").count(304) >= 2, self.LIFE_S, "rounds that are answered by 304")
        self.assertEqual(self.answers("main-1.crl").count(200), 1)
        self.assertEqual(self.readyz().status, 200)
        proc.wait_for(lambda: self.readyz().status == 503, 60, "/readyz: the list that has ended")
        revocation = self.readyz().json["checks"]["revocation"]
        self.assertEqual(revocation["reason"], "revocation_unreachable")
        self.assertEqual(self.seen_by_itself(LOGON)["reason"], "crl_ended")
        shutil.copy(self.public_folder / LOGON, copy / LOGON)
        self.wait_ready()

    def test_by_hand_all_of_each_list_is_fetched(self):
        copy = self.copy()
        self.serve(copy, Tagged)
        self.assertEqual(self.verify()[0], OK)
        Tagged.answers.clear()
        self.assertEqual(self.verify()[0], OK)
        self.assertIn(200, self.answers("main-1.crl"))

    def test_fasds_own_listener_says_that_nothing_has_changed_until_something_has(self):
        def unchanged():
            lines = self.ops().get("/metrics").body.decode().splitlines()
            return any("fas_requests_total" in line and 'status="304"' in line and "crl" in line
                       and not line.endswith(" 0") for line in lines)
        proc.wait_for(unchanged, 30, "a 304 for a list")
        self.fasctl("crl", "publish")
        crl = x509.load_der_x509_crl((self.public_folder / LOGON).read_bytes())
        newest = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        proc.wait_for(lambda: int(self.seen_by_itself(LOGON)["number"], 16) == newest, 30, "the watchdog has the new list")


class Stopping(Configured):
    section = "watchdog: { each: 1s, on_failure: stop }\n"

    def test_nothing_is_issued_while_no_domain_controller_finds_a_fresh_crl(self):
        ticket = self.ticket()
        self.put(LOGON, self.crl("logon-ca", self.authority_key(), begun=-7200, ends=-3600))
        proc.wait_for(lambda: self.readyz().status == 503, 15, "/readyz: the stale CRL, by itself")
        self.assertRefused(self.logon(), 503, "unavailable", "revocation_unreachable")
        csr = api.new_csr()[1]
        self.assertRefused(self.redeem(ticket, csr), 503, "unavailable", "revocation_unreachable")
        said = [one["what"] for one in self.status_findings()]
        self.assertIn("the watchdog has stopped issuing under authority main", said)
        self.fasctl("crl", "publish")
        self.wait_ready()
        self.assertEqual(self.redeem(ticket, csr).status, 201)
        self.session()
