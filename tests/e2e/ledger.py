"""Both databases as a running program's are read by root: what is on record, whoever says what."""

import contextlib
import sqlite3

from cryptography import x509

from lab import programs

from case import LabCase

DATABASES = {"fasd": "fasd/fas.db", "fas-signer": "signer/ca.db"}


class LedgerCase(LabCase):
    def path(self, name):
        return self.lab.fas / DATABASES[name]

    def ask(self, name, sql, *values):
        with contextlib.closing(sqlite3.connect(f"file:{self.path(name)}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql, values).fetchall()

    def decided(self):
        """serial -> session, in fas.db."""
        return dict(self.ask("fasd", "SELECT serial, session FROM certificates"))

    def issued(self):
        """serial -> session of users' certificates, in ca.db."""
        return {serial.lower(): session for serial, session in self.ask(
            "fas-signer", "SELECT hex(serial), session FROM certificates WHERE sid IS NOT NULL")}

    def used_without_result(self, before_s=2**40):
        return self.ask("fasd", "SELECT id, session FROM tickets WHERE state = 'used' AND used_s < ?", before_s)

    def ready(self):
        return programs.is_ready(self.lab)

    def crl(self):
        return x509.load_der_x509_crl(self.public().get("/crl/main-1.crl").body)

    def crl_number(self):
        return self.crl().extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
