"""A long load of logons, leases, renewals, Kerberos callers and CRLs: afterwards nothing has grown that should not.

Run by `tests/run soak` on a lab of its own; FAS_SOAK_S says for how long.
"""

import contextlib
import os
import signal
import sqlite3
import statistics
import threading
import time
from pathlib import Path

from cryptography import x509

from lab import api, kerberos, programs
from lab.layout import DOMAIN

import crash_load
from case import LabCase

SOAK_S = int(os.environ.get("FAS_SOAK_S") or 600)
SEEDS = [1, 2, 3]
SAMPLES = 100
RENEW_EACH_S = 20  # each adds a certificate to the list of hosts, which fasd then reads anew
PROGRAMS = ["fasd", "fas-signer"]
DATABASES = {"fasd": "fasd/fas.db", "fas-signer": "signer/ca.db"}
WAL_MAX = 64 << 20  # what a log may keep behind a checkpoint (fas/base/db.c)
# Between the second fifth of the run and the last one: what an allocator needs, and no leak of 1 KB a logon.
RSS_SLACK = 3 << 20
FDS_SLACK = 8  # kept connections of the load come and go
RECORDS_PER_LOGON = 8


class Worker(threading.Thread):
    """Does one thing again and again, with a pause; what goes wrong is kept."""

    def __init__(self, what, pause_s):
        super().__init__(daemon=True)
        self.what, self.pause_s, self.stop, self.done, self.failed = what, pause_s, threading.Event(), 0, None

    def run(self):
        try:
            while not self.stop.wait(self.pause_s):
                self.what()
                self.done += 1
        except Exception as error:  # whatever it is belongs into the report
            self.failed = error


class Guest(crash_load.Customer):
    """A customer that lives his session and ends it."""

    def try_again(self, story, held, host, redeem):
        path = f"/v1/sessions/{held.session}"
        lease = self.until_settled(host, "POST", path + "/lease", {})
        if lease.status != 200:
            return self.wrong("a lease", lease)
        super().try_again(story, held, host, redeem)
        if not held.ended:
            ended = self.until_settled(host, "DELETE", path, None)
            held.ended = ended.status == 204
            if not held.ended:
                self.wrong("the end of a session", ended)


class GuestLoad(crash_load.Load):
    customer = Guest


class Soak(LabCase):
    def setUp(self):
        self.witness, self.csrs = crash_load.Witness(), [api.new_csr()[1] for _ in range(4)]
        self.crl_number, self.samples = 0, []
        limits = self.lab.fas / "limits.yaml"
        lines = [line for line in limits.read_text().splitlines() if not line.startswith("rate:")]
        lines.append("rate: { per_sid: { count: 1000000, period: 10m }, total: { count: 1000000, period: 10m } }")
        limits.write_text("\n".join(lines) + "\n")
        os.kill(programs.pid(self.lab, "fas-signer"), signal.SIGHUP)
        self.join_a_host()
        self.machine = kerberos.Machine(self.lab, "VDA1$", "vda1.keytab").kinit()

    # ---- what the others do meanwhile ----

    def join_a_host(self):
        self.key = api.curve_key()
        token = self.fasctl("host", "enroll", "--role", "host", "--name", f"vda77.vdi.{DOMAIN}").split()[0]
        answer = self.client(None).post("/v1/enroll", {"token": token, "csr": api.new_csr(self.key)[1]})
        self.assertEqual(answer.status, 201, answer)
        self.keep(answer)

    def keep(self, answer):
        folder = self.lab.folder / "machines"
        folder.mkdir(exist_ok=True)
        (folder / "soak.crt").write_text(answer.json["certificate"])
        api.save_key(folder / "soak.key", self.key)
        self.host = api.Client(self.lab.api_url, self.lab.pki / "service-ca.crt", folder / "soak.crt", folder / "soak.key")

    def renew(self):
        answer = self.host.post("/v1/renew", {"csr": api.new_csr(self.key)[1]})
        self.assertEqual(answer.status, 201, answer)
        self.keep(answer)

    def look_at_the_crl(self):
        """Its number never goes back."""
        crl = x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)
        number = crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        self.assertGreaterEqual(number, self.crl_number)
        self.crl_number = number

    def come_by_kerberos(self):
        connection = kerberos.Connection(self.lab)
        with contextlib.closing(connection):
            path = "/v1/sessions/00000000000000000000000000000000/lease"
            answer = connection.post(path, {}, self.machine.token())
            self.assertEqual((answer.status, answer.code), (404, "session_unknown"), answer)

    def ask_for_metrics(self):
        self.assertEqual(self.ops().get("/metrics").status, 200)
        self.fasctl_json("status")

    # ---- what is measured ----

    def sample(self):
        one = {}
        for name in PROGRAMS:
            pid = programs.pid(self.lab, name)
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
            one[name, "pid"], one[name, "RssAnon"] = pid, int(status["RssAnon"].split()[0]) * 1024
            one[name, "threads"], one[name, "fds"] = int(status["Threads"]), len(os.listdir(f"/proc/{pid}/fd"))
            one[name, "WAL"] = (self.lab.fas / (DATABASES[name] + "-wal")).stat().st_size
        self.samples.append(one)

    def rows(self):
        counted = {}
        for name, file in DATABASES.items():
            with contextlib.closing(sqlite3.connect(f"file:{self.lab.fas / file}?mode=ro", uri=True, timeout=10)) as database:
                tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
                for (table,) in tables:
                    counted[name, table] = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return counted

    def live_sessions(self):
        path = self.lab.fas / DATABASES["fasd"]
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute("SELECT count(*) FROM sessions WHERE state = 'live'").fetchone()[0]

    # ---- the test ----

    def test_nothing_grows(self):
        rows = self.rows()
        workers = [Worker(self.renew, RENEW_EACH_S), Worker(self.look_at_the_crl, 0.5), Worker(self.come_by_kerberos, 2),
                   Worker(self.ask_for_metrics, 5)]
        with GuestLoad(self.lab, SEEDS, self.csrs, self.witness) as load:
            for worker in workers:
                worker.start()
            self.watch(load, workers)
            for worker in workers:
                worker.stop.set()
        for worker in workers:
            worker.join(30)
        self.assertEqual(load.failures() + [repr(w.failed) for w in workers if w.failed], [])
        self.assertEqual(self.witness.wrong, [])
        self.assertTrue(all(worker.done for worker in workers))
        self.tell(load, workers)
        self.look_at_samples()
        self.look_at_rows(rows, sum(load.logons()))
        self.assertEqual(self.findings(), [])

    def watch(self, load, workers):
        begun = time.monotonic()
        for number in range(1, SAMPLES + 1):
            while time.monotonic() < begun + SOAK_S * number / SAMPLES:
                time.sleep(0.1)
            self.sample()
            if load.failures() or any(worker.failed for worker in workers):
                return
            if number % 10 == 0:
                print(f"  ...  {time.monotonic() - begun:7.0f} s  soak: {sum(load.logons())} logons, " + ", ".join(
                    f"{name} {self.samples[-1][name, 'RssAnon'] >> 10} KB" for name in PROGRAMS), flush=True)

    def tell(self, load, workers):
        renewed, crls, kerberos_callers, _ = (worker.done for worker in workers)
        print(f"       {sum(load.logons())} logons, {self.witness.answers} answers, {renewed} renewals, {crls} CRLs read, "
              f"{kerberos_callers} Kerberos callers in {SOAK_S} s", flush=True)

    def look_at_samples(self):
        """The load was the same all the time: what is held at the end is what was held early on."""
        fifth = len(self.samples) // 5
        early, late = self.samples[fifth:2 * fifth], self.samples[-fifth:]
        for name in PROGRAMS:
            self.assertEqual(len({one[name, "pid"] for one in self.samples}), 1, f"{name} was not always the same process")
            for what, slack in (("RssAnon", RSS_SLACK), ("fds", FDS_SLACK), ("threads", 0)):
                before, after = (statistics.median(one[name, what] for one in part) for part in (early, late))
                print(f"       {name}: {what} {before:.0f} -> {after:.0f}", flush=True)
                self.assertLessEqual(after, before + slack, f"{name}: {what} has grown")
            self.assertLessEqual(max(one[name, "WAL"] for one in self.samples), WAL_MAX, name)

    def look_at_rows(self, before, logons):
        """A row for what has happened, and none beside."""
        grown = {key: n - before.get(key, 0) for key, n in self.rows().items()}
        print("       rows: " + ", ".join(f"{table} +{n}" for (_, table), n in sorted(grown.items()) if n), flush=True)
        renewals = SOAK_S // RENEW_EACH_S + 2
        bounds = {("fasd", "claims"): logons, ("fasd", "tickets"): 2 * logons, ("fasd", "sessions"): logons,
                  ("fasd", "certificates"): logons, ("fas-signer", "certificates"): logons + renewals,
                  ("fasd", "audit"): RECORDS_PER_LOGON * (logons + renewals),
                  ("fas-signer", "audit"): RECORDS_PER_LOGON * (logons + renewals),
                  ("fasd", "audit_heads"): SOAK_S // 4, ("fas-signer", "audit_heads"): SOAK_S // 4}
        customers = len(SEEDS)  # what they were at in the end
        for key, n in grown.items():
            self.assertLessEqual(n, bounds.get(key, RECORDS_PER_LOGON) + RECORDS_PER_LOGON * customers, f"rows of {key}")
        self.assertLessEqual(self.live_sessions(), len(self.witness.orphans) + customers)
