"""Storefronts and hosts that log people on without a pause, lose answers, ask again, try what is forbidden, and keep
what they got: the load of test_crash, and its witnesses."""

import http.client
import json
import random
import ssl
import threading
import time
from urllib.parse import urlsplit

from lab import api, saml
from lab.layout import VDA1, VDA2

USERS = ["alice", "grace", "frank"]
HOSTS = {"host": VDA1, "host2": VDA2}
PATIENCE_S = 30  # for one answer, over all repeats
# What a caller may be told while nothing is wrong with what it asks.
TRANSIENT = (429, 503)


class Held:
    """A certificate in a caller's hands, and by what it came."""

    def __init__(self, story, answer):
        self.serial, self.session = answer["serial"], answer["session_id"]
        self.response, self.ticket, self.host = story.response, story.ticket, story.host
        self.ended = False


class Witness:
    """What all callers have seen, under one lock."""

    def __init__(self):
        self.lock = threading.Lock()
        self.held, self.orphans, self.wrong = [], [], []
        self.answers = self.settled = self.unavailable = self.refused = self.broken = 0

    def note(self, member, value):
        with self.lock:
            getattr(self, member).append(value)

    def count(self, member):
        with self.lock:
            setattr(self, member, getattr(self, member) + 1)


class Caller:
    """One kept connection of one machine."""

    def __init__(self, lab, stem, witness):
        parts = urlsplit(lab.api_url)
        self.at, self.witness, self.connection, self.lost = (parts.hostname, parts.port), witness, None, 0
        self.context = ssl.create_default_context(cafile=str(lab.pki / "service-ca.crt"))
        self.context.load_cert_chain(str(lab.pki / f"{stem}.crt"), str(lab.pki / f"{stem}.key"))

    def drop(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def ask(self, method, path, body, lose=False):
        """The answer; None when there is none, or when it is lost on the way (lose)."""
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(*self.at, timeout=PATIENCE_S, context=self.context)
            data = None if body is None else json.dumps(body).encode()
            self.connection.request(method, path, data, {"Content-Type": "application/json"} if data else {})
            if lose:
                self.lost += 1
                self.drop()
                return None
            reply = self.connection.getresponse()
            answer = api.Answer(reply.status, reply.headers, reply.read())
        except ConnectionRefusedError:
            self.witness.count("refused")
            self.drop()
            return None
        except (OSError, http.client.HTTPException):
            self.witness.count("broken")
            self.drop()
            return None
        return self.judge(path, answer)

    def judge(self, path, answer):
        self.witness.count("answers")
        if answer.status in TRANSIENT:
            self.witness.count("unavailable")
            if int(answer.headers.get("Retry-After") or 0) < 1 or answer.code not in ("unavailable", "busy"):
                self.witness.note("wrong", f"{path}: {answer} without Retry-After")
        elif answer.status >= 500:
            self.witness.note("wrong", f"{path}: {answer}")
        else:
            self.witness.count("settled")
        return answer


class Story:
    """One logon: its response, its ticket, its host."""

    def __init__(self, response, host):
        self.response, self.host, self.ticket, self.overtaken = response, host, None, False


class Customer(threading.Thread):
    """A storefront and a host, one logon after the other until told to stop."""

    def __init__(self, lab, seed, csrs, witness):
        super().__init__(daemon=True)
        self.lab, self.random, self.csrs, self.witness = lab, random.Random(seed), csrs, witness
        self.idp_key = saml.load_key(lab)
        self.accounts = lab.accounts
        self.storefront = Caller(lab, "storefront", witness)
        self.hosts = {stem: Caller(lab, stem, witness) for stem in HOSTS}
        self.stop, self.logons, self.failed = threading.Event(), 0, None

    def run(self):
        try:
            while not self.stop.is_set():
                self.log_on()
                self.logons += 1
        except Exception as error:  # whatever it is belongs into the report
            self.failed = error
        for caller in (self.storefront, *self.hosts.values()):
            caller.drop()

    def chance(self, share):
        return self.random.random() < share

    def wrong(self, what, answer):
        self.witness.note("wrong", f"{what}: {answer}")

    def until_settled(self, caller, method, path, body, lose=True):
        """Repeat as a client does that has read docs/PROTOCOL.md: the same request, until somebody has an answer."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            answer = caller.ask(method, path, body, lose=lose and self.chance(0.05))
            if answer is not None and answer.status not in TRANSIENT:
                return answer
            time.sleep(self.random.uniform(0.01, 0.05))
        raise TimeoutError(f"{method} {path}: no answer in {PATIENCE_S} s")

    def log_on(self):
        user, stem = self.random.choice(USERS), self.random.choice(sorted(HOSTS))
        response = saml.response(saml.claims_of(self.accounts[user]), self.idp_key, name_id=user)
        story, host, csr = Story(response, stem), self.hosts[stem], self.random.choice(self.csrs)
        for _ in range(2 if self.chance(0.1) else 1):  # twice: the second ticket voids the first
            lost = self.storefront.lost
            answer = self.until_settled(self.storefront, "POST", "/v1/logons",
                                        {"saml_response": response, "host": HOSTS[stem]})
            story.overtaken |= self.storefront.lost > lost
            if answer.status != 201:
                return self.wrong("a fresh response", answer)
            story.ticket = answer.json["ticket"]
        self.redeem(story, host, csr)

    def redeem(self, story, host, csr):
        redeem = {"ticket": story.ticket, "csr": csr}
        if self.chance(0.1):  # the host dies behind its question
            host.ask("POST", "/v1/certificates", redeem, lose=True)
            return self.witness.note("orphans", story)
        answer = self.until_settled(host, "POST", "/v1/certificates", redeem)
        if answer.code == "ticket_refused" and story.overtaken:
            # The repeat was answered first, and then the first request has voided its ticket: ask once more.
            again = self.until_settled(self.storefront, "POST", "/v1/logons",
                                       {"saml_response": story.response, "host": HOSTS[story.host]}, lose=False)
            story.ticket, story.overtaken = again.json["ticket"], False
            return self.redeem(story, host, csr)
        if answer.status != 201:
            return self.wrong("a fresh ticket", answer)
        held = Held(story, answer.json)
        self.witness.note("held", held)
        self.try_again(story, held, host, redeem)

    def try_again(self, story, held, host, redeem):
        if self.chance(0.3):
            again = self.until_settled(host, "POST", "/v1/certificates", redeem)
            if again.status != 201 or again.json["serial"] != held.serial:
                self.wrong(f"the repeat of {held.serial}", again)
        if self.chance(0.2):
            other = {**redeem, "csr": next(c for c in self.csrs if c != redeem["csr"])}
            self.expect(self.until_settled(host, "POST", "/v1/certificates", other), 409, "ticket_used")
        if self.chance(0.2):
            self.expect(self.until_settled(self.storefront, "POST", "/v1/logons",
                                           {"saml_response": story.response, "host": HOSTS[story.host]}),
                        409, "assertion_used")
        if self.chance(0.3):
            ended = self.until_settled(host, "DELETE", f"/v1/sessions/{held.session}", None)
            if ended.status != 204:
                return self.wrong("the end of a session", ended)
            held.ended = True

    def expect(self, answer, status, code):
        if (answer.status, answer.code) != (status, code):
            self.wrong(f"{code} expected", answer)


class Load:
    """Customers at work; leaving the block they finish the logon that they are at."""

    customer = Customer

    def __init__(self, lab, seeds, csrs, witness):
        self.customers = [self.customer(lab, seed, csrs, witness) for seed in seeds]
        self.over = False

    def __enter__(self):
        for customer in self.customers:
            customer.start()
        return self

    def __exit__(self, *error):
        for customer in self.customers:
            customer.stop.set()
        for customer in self.customers:
            customer.join(2 * PATIENCE_S)
        self.over = True

    def logons(self):
        return [customer.logons for customer in self.customers]

    def failures(self):
        """What has gone wrong; once it is over, also who has not come to an end."""
        return [repr(c.failed) for c in self.customers if c.failed] + \
               ["a customer hangs" for c in self.customers if self.over and c.is_alive()]
