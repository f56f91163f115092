"""The cards of a host's sessions: fas-agent run, two users and root on one host."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from lab import agent, card, namespace, proc, programs
from lab.layout import DOMAIN, VDA1, VDA2

from case import LabCase

SHADOW = 1 << 40  # of a sanitizer: terabytes, which hold no data
PYTHON = str(Path("/usr/bin/python3").resolve())
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def digest_info(text):
    return (SHA256_INFO + hashlib.sha256(text).digest()).hex()


class CardCase(LabCase):
    """A host with a daemon, and a process of root's that speaks to it."""

    name, more, environment = None, "", {}

    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, cls.name)
        cls.prepare()
        cls.host.enroll(cls.more)
        cls.host.start(**cls.environment)
        cls.root = cls.host.program()

    @classmethod
    def prepare(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        cls.root.stop()
        cls.host.stop()

    def uid(self, user):
        return (self.lab.folder / "home" / user).stat().st_uid

    def program(self, user, **options):
        made = self.host.program(self.uid(user), **options)
        self.addCleanup(made.stop)
        return made

    def log_on(self, user="alice", leader=0, **options):
        """LOGON and OPEN as a login would; the session's id."""
        answer = self.root.ask("logon", ticket=self.ticket(user, **options), user=user, service="test")
        self.assertEqual(answer["status"], "ok", answer)
        opened = self.root.ask("open", session=answer["session"], pid=leader)
        self.assertEqual(opened["status"], "ok", opened)
        self.addCleanup(self.root.ask, "close", session=answer["session"])
        return answer

    def live_sessions(self):
        return {one["id"] for one in self.fasctl_json("session", "list")["sessions"]}

    def card_of(self, program):
        cards = program.ask("cards")["card"]
        self.assertEqual(len(cards), 1, cards)
        return cards[0]["card_id"]

    def key_of(self, program, purpose=card.LOGON):
        """(card, key with its certificate)."""
        one = self.card_of(program)
        answer = program.ask("objects", card_id=one)
        self.assertEqual(answer["status"], "ok", answer)
        keys = [key for key in answer["key"] if key["purpose"] == purpose]
        self.assertEqual(len(keys), 1, answer)
        return one, keys[0]

    def sign(self, program, one, key, text=b"to sign"):
        return program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PKCS1, data=digest_info(text))

    def verify(self, key, answer, text=b"to sign"):
        self.assertEqual(answer["status"], "ok", answer)
        certificate = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"]))
        certificate.public_key().verify(bytes.fromhex(answer["signature"]), text, padding.PKCS1v15(), hashes.SHA256())

    def primes_in_memory(self, key):
        """How often a factor of the key's modulus stands in the agent's memory."""
        modulus = int(key["modulus"], 16)
        size, found = 128, 0
        maps = Path(f"/proc/{self.host.pid}/maps").read_text().splitlines()
        with open(f"/proc/{self.host.pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                where, rights = line.split()[:2]
                begin, end = (int(part, 16) for part in where.split("-"))
                if rights[:2] != "rw" or end - begin > SHADOW:
                    continue
                try:
                    memory.seek(begin)
                    data = memory.read(end - begin)
                except (OSError, ValueError):
                    continue
                # BIGNUMs: little-endian words of 8 bytes; a prime is odd and has its highest bit set
                for at in range(0, len(data) - size, 8):
                    if data[at] & 1 and data[at + size - 1] & 0x80:
                        value = int.from_bytes(data[at:at + size], "little")
                        found += modulus % value == 0
        return found


class Card(CardCase):
    name = "agent-card"

    # ---- the user's own ----

    def test_alices_program_sees_her_card_and_signs_with_it(self):
        answer = self.log_on()
        program = self.program("alice")
        one, key = self.key_of(program)
        self.assertEqual(program.ask("cards")["card"][0]["label"], "alice@CORP")
        self.verify(key, self.sign(program, one, key))
        self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(namespace.enter(self.lab, ["klist", "-c", answer["ccache"]])))

    def test_pss_and_hashing_in_the_agent_sign_as_well(self):
        self.log_on()
        program = self.program("alice")
        one, key = self.key_of(program)
        public = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"])).public_key()
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        params = {"mgf_hash": card.SHA256, "salt_len": 32}
        direct = program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PSS, hash=card.SHA256,
                             data=hashlib.sha256(b"whole").hexdigest(), **params)
        public.verify(bytes.fromhex(direct["signature"]), b"whole", pss, hashes.SHA256())
        self.assertEqual(program.ask("hash_begin", hash=card.SHA256)["status"], "ok")
        for part in (b"in ", b"parts"):
            self.assertEqual(program.ask("hash_update", data=part.hex())["status"], "ok")
        parts = program.ask("sign_hashed", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PSS, **params)
        public.verify(bytes.fromhex(parts["signature"]), b"in parts", pss, hashes.SHA256())
        again = program.ask("sign_hashed", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PSS, **params)
        self.assertEqual(again["status"], "data")

    def test_what_is_no_digest_is_not_signed(self):
        self.log_on()
        program = self.program("alice")
        one, key = self.key_of(program)
        good = digest_info(b"x")
        for data in ("00" * 51, good + "00", good[:-2], "30" + good[2:].replace("0500", "0501", 1), "", hashlib.sha1(b"x").hexdigest(),
                     # SHA-1; and parameters left out
                     "3021300906052b0e03021a05000414" + hashlib.sha1(b"x").hexdigest(),
                     "302f300b0609608648016503040201" + "0420" + hashlib.sha256(b"x").hexdigest()):
            answer = program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.RSA_PKCS1, data=data)
            self.assertEqual(answer["status"], "data", data)
        answer = program.ask("sign", card_id=one, key_id=key["key_id"], mechanism=card.ECDSA, data="00" * 32)
        self.assertEqual(answer["status"], "mechanism")

    def test_a_waiting_program_hears_of_a_card_that_comes_and_goes(self):
        program = self.program("grace")
        before = program.ask("cards")["generation"]
        program.send("wait", generation=before, timeout=30000)
        session = self.log_on("grace")["session"]
        coming = program.receive()
        self.assertEqual(coming["status"], "ok")
        self.assertNotEqual(coming["generation"], before)
        now = program.ask("cards")["generation"]
        program.send("wait", generation=now, timeout=30000)
        self.root.ask("close", session=session)
        self.assertNotEqual(program.receive()["generation"], now)
        self.assertNotIn("card", program.ask("cards"))
        self.assertEqual(program.ask("wait", generation=program.ask("cards")["generation"], timeout=50)["status"], "ok")

    # ---- others ----

    def test_another_users_program_and_root_see_nothing_of_it(self):
        self.log_on()
        own = self.program("alice")
        one, key = self.key_of(own)
        for other in (self.program("grace"), self.root):
            self.assertNotIn("card", other.ask("cards"))
            self.assertEqual(other.ask("objects", card_id=one)["status"], "card_gone")
            self.assertEqual(self.sign(other, one, key)["status"], "card_gone")
        self.verify(key, self.sign(own, one, key))

    def test_two_users_have_their_own_cards(self):
        self.log_on("alice")
        self.log_on("grace")
        for user in ("alice", "grace"):
            program = self.program(user)
            _, key = self.key_of(program)
            certificate = x509.load_der_x509_certificate(bytes.fromhex(key["certificate"]))
            self.assertIn(user, certificate.subject.rfc4514_string().lower())
            self.assertEqual([c["label"] for c in program.ask("cards")["card"]], [f"{user}@CORP"])

    def test_what_is_roots_is_refused_to_a_user(self):
        session = self.log_on()["session"]
        program = self.program("alice")
        for op, fields in (("logon", {"ticket": "fas1-x", "user": "alice", "service": "x"}), ("close", {"session": session}),
                           ("open", {"session": session, "pid": 1}), ("sessions", {}), ("status", {})):
            answer = program.ask(op, **fields)
            self.assertEqual((answer["status"], answer["reason"]), ("denied", "root_only"), op)
        self.assertEqual(len(program.ask("cards")["card"]), 1)

    def test_a_traced_program_is_refused(self):
        self.log_on()
        program = self.program("alice")
        one, key = self.key_of(program)
        libc = "import ctypes,sys,os;l=ctypes.CDLL(None);" \
               "assert l.ptrace(16,int(sys.argv[1]),0,0)==0;os.waitpid(int(sys.argv[1]),0x40000000);" \
               "l.ptrace(7,int(sys.argv[1]),0,0);print('traced',flush=True);sys.stdin.read()"
        tracer = subprocess.Popen(["/usr/bin/python3", "-c", libc, str(program.pid)], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        self.assertEqual(tracer.stdout.readline(), b"traced\n")
        answer = self.sign(program, one, key)
        tracer.communicate()
        self.assertEqual((answer["status"], answer["reason"]), ("denied", "peer_traced"))
        self.verify(key, self.sign(program, one, key))

    def test_a_connection_is_of_no_use_to_a_forked_child(self):
        self.log_on()
        program = self.program("alice")
        self.card_of(program)
        answer = program.ask("fork", of="cards")
        self.assertEqual((answer["status"], answer["reason"]), ("denied", "peer_changed"))

    def test_nonsense_is_answered_once_and_closes_the_connection(self):
        program = self.program("alice")
        for packet in ("00", "0001000100000001", "00020001" + "00000000", "00010063" + "00000000", "ff" * 100):
            self.assertEqual(program.ask("raw", data=packet)["status"], "malformed", packet)
            self.assertEqual(program.ask("cards")["status"], "closed")
            program.ask("reconnect")
        self.assertEqual(program.ask("cards")["status"], "ok")

    def test_one_users_connections_leave_room_for_others(self):
        flood = "import socket,sys\nl=[]\n" \
                "for i in range(200):\n s=socket.socket(socket.AF_UNIX,socket.SOCK_SEQPACKET)\n s.connect(sys.argv[1])\n l.append(s)\n" \
                "print('full',flush=True)\nsys.stdin.read()"
        uid = self.uid("alice")
        many = subprocess.Popen(["/usr/bin/python3", "-c", flood, str(self.host.socket)], stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, user=uid, group=uid, extra_groups=[])
        self.assertEqual(many.stdout.readline(), b"full\n")
        self.assertEqual(self.program("alice").ask("cards")["status"], "closed")
        self.assertEqual(self.program("grace").ask("cards")["status"], "ok")
        many.communicate()

    # ---- tickets ----

    def test_a_ticket_of_alice_logs_nobody_else_on(self):
        before = self.live_sessions()
        for user in ("grace", "root", "daemon", "nosuchuser"):
            answer = self.root.ask("logon", ticket=self.ticket("alice"), user=user, service="test")
            self.assertEqual(answer["status"], "denied", answer)
            self.assertRegex(answer["correlation"], "^[0-9a-f]{32}$")
            self.assertTrue(answer["text"].endswith("."), answer)
        self.assertEqual(self.live_sessions(), before)

    def test_a_ticket_for_another_host_or_used_twice_is_refused(self):
        wrong = self.root.ask("logon", ticket=self.ticket("alice", host=VDA2), user="alice", service="test")
        self.assertEqual((wrong["status"], wrong["reason"]), ("denied", "ticket_refused"))
        ticket = self.ticket("alice")
        first = self.root.ask("logon", ticket=ticket, user="alice", service="test")
        self.assertEqual(first["status"], "ok", first)
        self.addCleanup(self.root.ask, "close", session=first["session"])
        second = self.root.ask("logon", ticket=ticket, user="alice", service="test")
        self.assertEqual((second["status"], second["reason"]), ("denied", "ticket_used"))
        self.assertIn("ticket_used", self.reasons(type("A", (), {"json": {"correlation_id": second["correlation"]}})))

    def test_before_it_is_opened_nobody_sees_the_card(self):
        answer = self.root.ask("logon", ticket=self.ticket("alice"), user="alice", service="test")
        self.addCleanup(self.root.ask, "close", session=answer["session"])
        program = self.program("alice")
        self.assertNotIn("card", program.ask("cards"))
        self.assertEqual(self.root.ask("open", session=answer["session"], pid=0)["status"], "ok")
        self.assertEqual(len(program.ask("cards")["card"]), 1)

    def test_unlock_with_a_fresh_ticket_renews_ticket_and_card(self):
        first = self.log_on()
        program = self.program("alice")
        _, key = self.key_of(program)
        cache = Path(first["ccache"].removeprefix("FILE:"))
        was = cache.read_bytes()
        answer = program.ask("unlock", ticket=self.ticket("alice"), user="alice")
        self.assertEqual(answer["status"], "ok", answer)
        self.assertEqual(answer["ccache"], first["ccache"])
        self.assertNotEqual(cache.read_bytes(), was)
        self.assertEqual(cache.stat().st_uid, self.uid("alice"))
        one, new = self.key_of(program)
        self.assertNotEqual(new["key_id"], key["key_id"])
        self.verify(new, self.sign(program, one, new))
        proc.wait_for(lambda: first["session"] not in self.live_sessions(), 20, "the old session has ended")
        self.assertTrue(cache.exists())

    def test_unlock_is_for_the_user_of_the_ticket_alone(self):
        self.log_on()
        grace = self.program("grace")
        self.assertEqual(grace.ask("unlock", ticket=self.ticket("grace"), user="alice")["reason"], "root_only")
        self.assertEqual(grace.ask("unlock", ticket=self.ticket("grace"), user="grace")["status"], "session_gone")
        alice = self.program("alice")
        self.assertEqual(alice.ask("unlock", ticket=self.ticket("grace"), user="alice")["reason"], "user_mismatch")
        self.assertEqual(len(alice.ask("cards")["card"]), 1)

    # ---- the end ----

    def test_the_session_ends_with_its_login(self):
        uid = self.uid("alice")
        login = subprocess.Popen(["/usr/bin/sleep", "600"], user=uid, group=uid, extra_groups=[])
        answer = self.log_on(leader=login.pid)
        program = self.program("alice")
        one, key = self.key_of(program)
        login.kill()
        login.wait()
        proc.wait_for(lambda: "card" not in program.ask("cards"), 10, "the card is gone")
        self.assertEqual(self.sign(program, one, key)["status"], "card_gone")
        proc.wait_for(lambda: answer["session"] not in self.live_sessions(), 20, "the service has been told")
        self.assertFalse(Path(answer["ccache"].removeprefix("FILE:")).exists())

    def test_closing_takes_card_cache_and_certificate(self):
        answer = self.log_on()
        program = self.program("alice")
        _, key = self.key_of(program)
        self.assertEqual(self.root.ask("close", session=answer["session"])["status"], "ok")
        self.assertNotIn("card", program.ask("cards"))
        self.assertNotIn(answer["session"], self.live_sessions())
        self.assertFalse(Path(answer["ccache"].removeprefix("FILE:")).exists())
        serial = f"{x509.load_der_x509_certificate(bytes.fromhex(key['certificate'])).serial_number:x}"
        shown = self.fasctl_json("cert", "show", "0" * (len(serial) % 2) + serial)
        self.assertEqual(shown["state"], "revoked")
        self.assertEqual(self.root.ask("close", session=answer["session"])["status"], "session_gone")

    def test_what_the_hosts_key_has_signed_is_on_record_at_the_service(self):
        session = self.log_on()["session"]
        correlation_id = self.fasctl_json("session", "show", session)["correlation_id"]
        program = self.program("alice")
        one, key = self.key_of(program)
        for _ in range(3):
            self.verify(key, self.sign(program, one, key))
        self.assertEqual(self.root.ask("close", session=session)["status"], "ok")
        used = [record for record in self.audit(correlation_id) if record["event"] == "key_used"]
        by_program = {record.get("program"): record for record in used}
        mine = by_program[PYTHON]
        self.assertEqual([mine[name] for name in ("custody", "mechanism", "digest", "signatures", "host", "session")],
                         ["host", "rsa-pkcs1", "sha256", 3, VDA1, session], used)
        certificates = self.fasctl_json("session", "show", session)["certificates"]
        self.assertEqual([one["signatures"] for one in certificates], [sum(record["signatures"] for record in used)])
        self.assertRegex(self.fasctl("explain", correlation_id), f"key_used +done .*{PYTHON}")

    def test_the_key_is_in_the_agents_memory_until_logoff_and_not_after(self):
        session = self.log_on()["session"]
        program = self.program("alice")
        one, key = self.key_of(program)
        self.verify(key, self.sign(program, one, key))
        self.assertGreater(self.primes_in_memory(key), 0)
        self.root.ask("close", session=session)
        self.assertEqual(self.primes_in_memory(key), 0)

    def test_what_is_in_locked_memory_is_in_no_core_file(self):
        status = Path(f"/proc/{self.host.pid}/status").read_text()
        locked = int(status.split("VmLck:")[1].split()[0])
        if "FAS_SANITIZED" not in os.environ:  # where mlock does nothing
            self.assertGreater(locked, 0)
        limits = Path(f"/proc/{self.host.pid}/limits").read_text()
        self.assertRegex(limits, r"Max core file size\s+0\s+0")

    def test_a_killed_agents_sessions_end_when_it_starts_again(self):
        answer = self.log_on()
        self.host.kill()
        self.assertIn(answer["session"], self.live_sessions())
        self.root.ask("reconnect")
        self.host.start()
        proc.wait_for(lambda: answer["session"] not in self.live_sessions(), 20, "the left session has ended")
        self.assertFalse(Path(answer["ccache"].removeprefix("FILE:")).exists())
        self.root.ask("reconnect")
        self.assertEqual(self.root.ask("sessions")["status"], "ok")

    def test_an_agent_that_is_stopped_ends_its_sessions_first(self):
        answer = self.log_on()
        program = self.program("alice")
        self.card_of(program)
        self.host.stop()
        self.assertNotIn(answer["session"], self.live_sessions())
        self.assertFalse(Path(answer["ccache"].removeprefix("FILE:")).exists())
        self.assertEqual(program.ask("cards")["status"], "closed")
        self.assertEqual(list((self.host.folder / "state" / "sessions").glob("*.json")), [])
        self.root.ask("reconnect")
        self.host.start()

    # ---- the command line ----

    def test_the_command_line_speaks_with_the_daemon(self):
        told = self.host.must("logon", "--ticket-file", "-", "--user", "alice", stdin=self.ticket("alice"))
        session = told.split("session ")[1].split()[0]
        program = self.program("alice")
        self.assertEqual(len(program.ask("cards")["card"]), 1)
        self.assertIn(session, self.host.must("sessions"))
        self.assertIn("sessions_open            1", self.host.must("status"))
        self.host.must("logoff", "--session", session)
        self.assertNotIn("card", program.ask("cards"))
        self.assertNotIn(session, self.live_sessions())

    def test_no_ticket_and_no_key_is_in_its_log(self):
        ticket = self.ticket("alice")
        answer = self.root.ask("logon", ticket=ticket, user="alice", service="test")
        self.root.ask("close", session=answer["session"])
        log = self.host.log()
        self.assertIn(answer["correlation"], log)
        self.assertNotIn(ticket, log)
        self.assertNotIn("PRIVATE", log)


class Proof(CardCase):
    """The domain controller proves itself by the host's keytab."""

    name = "agent-proof"

    @classmethod
    def prepare(cls):
        cls.keytab = cls.host.folder / "host.keytab"
        cls.keytab.parent.mkdir(parents=True, exist_ok=True)
        cls.more = f"verify: keytab\nhost_keytab: {cls.keytab}\n"
        shutil.copy(cls.lab.keytabs / "vda1.keytab", cls.keytab)

    def tearDown(self):
        shutil.copy(self.lab.keytabs / "vda1.keytab", self.keytab)

    def refused(self, reason):
        answer = self.root.ask("logon", ticket=self.ticket("alice"), user="alice", service="test")
        self.assertEqual(answer.get("reason"), reason, answer)
        session = re.findall(r"session=(\S+) user=alice why=logon_failed", self.host.log())[-1]
        self.assertFalse(Path(f"/tmp/krb5cc_{self.uid('alice')}_{session}").exists())
        proc.wait_for(lambda: session not in self.live_sessions(), 20, "its session has ended")

    def test_a_true_domain_controller_knows_the_hosts_key(self):
        self.log_on()
        self.assertEqual(len(self.program("alice").ask("cards")["card"]), 1)

    def test_one_that_does_not_know_it_logs_nobody_on_and_leaves_no_ticket(self):
        self.keytab.unlink()
        commands = f"addent -password -p host/{VDA1}@CORP.EXAMPLE.COM -k 2 -e aes256-cts-hmac-sha1-96\nnot the key\n" \
                   f"wkt {self.keytab}\nquit\n"
        proc.run(["ktutil"], input=commands)
        self.refused("kdc_unproved")

    def test_a_keytab_without_the_host_or_none_at_all_is_an_error(self):
        shutil.copy(self.lab.keytabs / "svc-fas.keytab", self.keytab)
        self.refused("keytab_unusable")
        self.keytab.unlink()
        self.refused("keytab_unusable")


class Renewal(CardCase):
    """A day in minutes: tickets of three minutes (Samba renews none below two), and a clock that the test sets forward."""

    name = "agent-renewal"

    @classmethod
    def prepare(cls):
        cls.host.folder.mkdir(parents=True, exist_ok=True)
        conf, cls.clock = cls.host.folder / "krb5.conf", cls.host.folder / "clock"
        conf.write_text("[libdefaults]\n\tticket_lifetime = 180s\n" + cls.lab.krb5_conf.read_text())
        cls.host.krb5_conf = conf
        cls.clock.write_text("+0")
        cls.clock.chmod(0o644)
        cls.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(cls.clock), "FAKETIME_NO_CACHE": "1",
                           "DONT_FAKE_MONOTONIC": "1"}

    def test_a_ticket_is_renewed_before_it_ends_and_stays_the_users(self):
        cache = self.log_on()["ccache"]
        path = Path(cache.removeprefix("FILE:"))
        first = path.read_bytes()
        self.clock.write_text("+125")
        proc.wait_for(lambda: path.exists() and path.read_bytes() != first, 20, "the ticket is renewed")
        self.assertIn("krbtgt/CORP.EXAMPLE.COM", proc.run(["klist", "-c", cache]))
        self.assertEqual((path.stat().st_uid, path.stat().st_mode & 0o777), (self.uid("alice"), 0o600))
        proc.wait_for(lambda: "event=ticket_renewed" in self.host.log(), 5, "it is said in the log")


class MachineCertificate(CardCase):
    """The daemon renews the certificate that it shows to the service, before it ends."""

    name = "agent-machine"

    @classmethod
    def prepare(cls):
        cls.host.folder.mkdir(parents=True, exist_ok=True)
        cls.clock = cls.host.folder / "clock"
        cls.clock.write_text("+0")
        cls.clock.chmod(0o644)
        cls.environment = {"LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(cls.clock), "FAKETIME_NO_CACHE": "1",
                           "DONT_FAKE_MONOTONIC": "1"}
        path = cls.lab.fas / "signer.yaml"  # shorter than the life of the server's own
        text = path.read_text()
        if "machine_life: 90d" not in text:
            raise AssertionError("signer.yaml names no machine_life")
        path.write_text(text.replace("machine_life: 90d", "machine_life: 24d"))
        cls.addClassCleanup(programs.restart, cls.lab, "fas-signer")
        cls.addClassCleanup(path.write_text, text)
        programs.restart(cls.lab, "fas-signer")

    def certificate(self):
        path = next((self.host.folder / "state").rglob("host.pem"))
        return x509.load_pem_x509_certificate(path.read_bytes())

    def test_it_is_renewed_at_two_thirds_of_its_life_and_logons_go_on(self):
        first = self.certificate()
        self.clock.write_text("+17d")
        proc.wait_for(lambda: "event=machine_renewed" in self.host.log(), 20, "the machine's certificate is renewed")
        second = self.certificate()
        self.assertNotEqual(second.serial_number, first.serial_number)
        self.assertEqual(second.public_key().public_numbers(), first.public_key().public_numbers())
        self.clock.write_text("+0")
        self.assertIn("session", self.log_on())


class Discovery(CardCase):
    """A host whose configuration names a domain, and whose servers stand in that domain's DNS (RFC 2782)."""

    name = "agent-discovery"

    @classmethod
    def setUpClass(cls):
        cls.host = agent.Agent(cls.lab, VDA1, cls.name)
        cls.host.enroll(nodes=[cls.lab])
        lines = cls.host.config.read_text().splitlines()
        kept = [line for line in lines if not line.startswith("servers:")]
        cls.host.config.write_text("\n".join([*kept, f"discover: {DOMAIN}"]) + "\n")
        cls.host.start()
        cls.root = cls.host.program()

    def test_the_server_of_the_domains_srv_record_logs_on(self):
        proc.wait_for(lambda: f"https://{self.lab.host}:8443" in self.host.must("status", "--json"), 10, "a server")
        self.assertIn(self.log_on()["session"], self.live_sessions())
