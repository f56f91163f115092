"""In-session certificates and keys that the service keeps, from a program of the session to the signer."""

import hashlib
import os
import shutil
import signal
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from lab import card, config, proc, programs

from test_card import CardCase

PYTHON = str(Path("/usr/bin/python3").resolve())


def policy(custody="host", **in_session):
    """The lab's policy with another custody and certificates within the session."""
    words = {"allow": "true", "custody": custody, "validity": "10m", "fetch": "logon", "programs": f"[{PYTHON}]", **in_session}
    text = config.policy_yaml().replace("custody: host", f"custody: {custody}")
    return text + "    in_session: { " + ", ".join(f"{key}: {value}" for key, value in words.items()) + " }\n"


class SessionCase(CardCase):
    custody = "host"

    @classmethod
    def prepare(cls):
        cls.more = f"pinentry: {cls.host.folder}/pinentry\n"

    def setUp(self):
        self.file = self.lab.fas / "policy.d" / "lab.yaml"
        self.addCleanup(self.put, config.policy_yaml())

    def put(self, text):
        self.file.write_text(text)
        self.fasctl("policy", "reload")

    def under(self, **in_session):
        """Alice logged on under such a policy: (session, her program)."""
        self.put(policy(self.custody, **in_session))
        return self.log_on()["session"], self.program("alice")

    def own_key(self, program):
        """(card, key) as soon as the in-session certificate is there."""
        def look():
            objects = program.ask("objects", card_id=self.card_of(program))
            return [key for key in objects.get("key", []) if key["purpose"] == card.IN_SESSION]
        found = proc.wait_for(look, 20, "the in-session certificate")
        return self.card_of(program), found[0]

    def serial(self, key):
        text = f"{x509.load_der_x509_certificate(bytes.fromhex(key['certificate'])).serial_number:x}"
        return "0" * (len(text) % 2) + text


class InSession(SessionCase):
    name = "agent-session"

    def test_it_is_there_after_the_logon_beside_the_logons_own(self):
        _, program = self.under()
        one, key = self.own_key(program)
        self.verify(key, self.sign(program, one, key))
        usage = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"])).extensions.get_extension_for_class(
            x509.ExtendedKeyUsage).value
        self.assertEqual([u.dotted_string for u in usage], ["1.3.6.1.5.5.7.3.2"])

    def test_on_first_use_it_is_fetched_by_the_first_look_of_a_listed_program(self):
        session, program = self.under(fetch="first_use")
        self.assertNotIn("certificate_fetched", self.lines(session))
        self.own_key(program)
        self.assertIn("certificate_fetched", self.lines(session))

    def lines(self, session):
        return "\n".join(line for line in self.host.log().splitlines() if session in line)

    def test_a_program_that_is_not_listed_neither_sees_nor_uses_a_key(self):
        _, program = self.under()
        one, key = self.own_key(program)
        logon = self.key_of(program, card.LOGON)[1]
        copy = Path("/run/fas-lab-python")
        self.addCleanup(copy.unlink)
        shutil.copy(PYTHON, copy)
        copy.chmod(0o755)
        other = self.program("alice", python=str(copy))
        self.assertNotIn("key", other.ask("objects", card_id=one))
        for hidden in (key, logon):
            answer = self.sign(other, one, hidden)
            self.assertEqual((answer["status"], answer["reason"]), ("denied", "program_refused"))

    def test_a_program_in_a_folder_of_the_users_is_refused_though_it_is_listed(self):
        copy = self.lab.folder / "home" / "alice" / "python"
        self.addCleanup(copy.unlink)
        shutil.copy(PYTHON, copy)
        copy.chmod(0o755)
        _, program = self.under(programs=f"[{PYTHON}, {copy}]")
        one, key = self.own_key(program)
        answer = self.sign(self.program("alice", python=str(copy)), one, key)
        self.assertEqual((answer["status"], answer["reason"]), ("denied", "program_writable"))

    def test_a_key_on_a_curve_signs_by_ecdsa_and_by_nothing_else(self):
        _, program = self.under(key="p-256", mechanisms="[ecdsa]")
        one, key = self.own_key(program)
        self.assertEqual(key["mechanisms"], 1 << card.ECDSA)
        raw = bytes.fromhex(program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.ECDSA,
                                        data=hashlib.sha256(b"x").hexdigest())["signature"])
        self.assertEqual(len(raw), 64)
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        public = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"])).public_key()
        public.verify(signature, b"x", ec.ECDSA(hashes.SHA256()))
        self.assertEqual(self.sign(program, one, key)["status"], "mechanism")

    def test_the_rules_rate_holds(self):
        _, program = self.under(rate="{ count: 2, period: 10m }")
        one, key = self.own_key(program)
        for _ in range(2):
            self.verify(key, self.sign(program, one, key))
        answer = self.sign(program, one, key)
        self.assertEqual(answer["status"], "limit", answer)

    def test_when_the_rule_no_longer_allows_it_it_is_gone_within_a_minute(self):
        _, program = self.under()
        one, key = self.own_key(program)
        self.put(config.policy_yaml())
        proc.wait_for(lambda: self.sign(program, one, key)["status"] == "key_gone", 60, "the key is gone")
        self.assertEqual([k["purpose"] for k in program.ask("objects", card_id=one)["key"]], [card.LOGON])

    def test_on_hold_the_host_takes_the_in_session_certificate_away_and_gets_another_after_the_release(self):
        session, program = self.under()
        one, key = self.own_key(program)
        self.addCleanup(programs.fasctl_status, self.lab, "cert", "release", "--session", session)
        self.fasctl("cert", "hold", "--session", session)
        proc.wait_for(lambda: [k["purpose"] for k in program.ask("objects", card_id=one)["key"]] == [card.LOGON], 60,
                      "the key is gone from the card")
        self.assertEqual(self.sign(program, one, key)["status"], "key_gone")
        self.assertEqual(self.fasctl_json("session", "show", session)["state"], "held")
        self.fasctl("cert", "release", "--session", session)
        _, new = self.own_key(program)
        self.assertNotEqual(new["key_id"], key["key_id"])
        self.verify(new, self.sign(program, one, new))

    # ---- consent ----

    def pinentry(self, answer):
        """A pinentry that answers at once, and remembers that it was asked."""
        path, self.asked = self.host.folder / "pinentry", self.lab.folder / "home" / "alice" / "asked"
        path.write_text(f"#!/bin/sh\necho OK\nwhile read -r word rest; do case $word in\n"
                        f"CONFIRM) id -u >>{self.asked}; echo '{answer}' ;;\nBYE) echo OK; exit ;;\n*) echo OK ;;\nesac; done\n")
        path.chmod(0o755)
        self.asked.unlink(missing_ok=True)

    def on_a_screen(self):
        return self.program("alice", env={"DISPLAY": ":99"})

    def test_a_person_is_asked_once_as_the_user_and_yes_is_yes(self):
        self.pinentry("OK")
        self.under(consent="{ scope: program, timeout: 10m }")
        program = self.on_a_screen()
        one, key = self.own_key(program)
        self.verify(key, self.sign(program, one, key))
        self.verify(key, self.sign(program, one, key))
        self.assertEqual(self.asked.read_text().split(), [str(self.uid("alice"))])

    def test_no_is_no(self):
        self.pinentry("ERR 83886194 not confirmed")
        self.under(consent="{ scope: session, timeout: 10m }")
        program = self.on_a_screen()
        one, key = self.own_key(program)
        self.assertEqual(self.sign(program, one, key)["status"], "no_consent")

    def test_where_nobody_can_be_asked_it_is_refused(self):
        self.pinentry("OK")
        _, program = self.under(consent="{ scope: session, timeout: 10m }")
        one, key = self.own_key(program)
        self.assertEqual(self.sign(program, one, key)["status"], "no_consent")
        self.assertFalse(self.asked.exists())


class ServiceCustody(SessionCase):
    name = "agent-custody"
    custody = "service"

    def under(self, **in_session):
        """With keys for both certificates: from an empty pool the host would make its own."""
        proc.wait_for(lambda: self.ready_keys() >= 2, 60, "two keys in the pool")
        return super().under(**in_session)

    def ready_keys(self):
        return next(one["depth"] for one in self.fasctl_json("pool", "show")["pools"] if one["type"] == "rsa-2048")

    def test_the_logon_itself_is_signed_by_the_service_through_the_card(self):
        answer = self.under()[0]
        self.assertIn("krbtgt/CORP.EXAMPLE.COM",
                      proc.run(["klist", "-c", f"/tmp/krb5cc_{self.uid('alice')}_{answer}"]))
        self.assertRegex(self.host.log(), f"event=key_used .*session={answer} .*purpose=logon .*custody=service")
        self.assertNotRegex(self.host.log(), f"session={answer} .*custody=host")

    def test_an_in_session_key_of_the_service_signs_and_it_is_on_record_there(self):
        session, program = self.under()
        one, key = self.own_key(program)
        self.verify(key, self.sign(program, one, key))
        pss = program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PSS, hash=card.SHA256,
                          mgf_hash=card.SHA256, salt_len=32, data="ab" * 32)
        self.assertEqual(pss["status"], "ok", pss)
        records = [r for r in self.audit(self.correlation_of(session)) if r["event"] == "key_used"]
        self.assertIn(PYTHON, str(records))

    def correlation_of(self, session):
        return [line for line in self.host.log().splitlines() if session in line][0].split("correlation_id=")[1].split()[0]

    def test_no_key_of_the_card_is_in_the_agents_memory(self):
        _, program = self.under()
        one, key = self.own_key(program)
        self.verify(key, self.sign(program, one, key))
        self.assertEqual(self.primes_in_memory(key), 0)

    def test_after_logoff_the_service_signs_no_more_and_the_certificate_is_on_the_list(self):
        session, program = self.under()
        one, key = self.own_key(program)
        self.assertEqual(self.root.ask("close", session=session)["status"], "ok")
        self.assertEqual(self.sign(program, one, key)["status"], "card_gone")
        self.assertEqual(self.fasctl_json("cert", "show", self.serial(key))["state"], "revoked")

    def test_when_the_signer_starts_anew_a_new_certificate_comes(self):
        _, program = self.under()
        one, key = self.own_key(program)
        programs.restart(self.lab, "fas-signer")
        proc.wait_for(lambda: self.sign(program, one, key)["status"] == "key_gone", 30, "the lost key is gone")
        _, new = self.own_key(program)
        self.assertNotEqual(new["key_id"], key["key_id"])
        self.verify(new, self.sign(program, one, new))

    def test_while_the_service_is_away_a_signature_says_so_within_its_time(self):
        _, program = self.under()
        one, key = self.own_key(program)
        fasd = programs.pid(self.lab, "fasd")
        proc.halt(fasd)
        try:
            answer = self.sign(program, one, key)
        finally:
            os.kill(fasd, signal.SIGCONT)
        self.assertEqual(answer["status"], "away", answer)
        proc.wait_for(lambda: self.sign(program, one, key)["status"] == "ok", 40, "it signs again")
