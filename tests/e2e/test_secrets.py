"""After everything else: no ticket, token or assertion of this run stands in any log or audit record."""

import sqlite3

from case import SECRETS, LabCase


class Secrets(LabCase):
    def assertHasNoSecret(self, where, data):
        found = [secret for secret in SECRETS if secret.encode() in data]
        self.assertEqual(len(found), 0, f"{len(found)} secrets in {where}")

    def setUp(self):
        """There is something to look for, also when nothing else ran."""
        self.session("alice")
        self.logon("bob")
        self.assertGreater(len(SECRETS), 2)

    def test_no_secret_is_in_a_log(self):
        logs = list(self.lab.log.glob("*.log"))
        self.assertTrue(any(log.stat().st_size > 1000 for log in logs))
        for log in logs:
            self.assertHasNoSecret(log.name, log.read_bytes())

    def test_no_secret_is_in_a_database(self):
        for path in [*(self.lab.fas / "fasd").glob("*.db*"), *(self.lab.fas / "signer").glob("*.db*")]:
            self.assertHasNoSecret(path.name, path.read_bytes())

    def test_the_audit_tables_hold_no_key(self):
        for path in (self.lab.fas / "fasd" / "fas.db", self.lab.fas / "signer" / "ca.db"):
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                bodies = "\n".join(row[0] for row in db.execute("SELECT body FROM audit"))
            self.assertNotIn("PRIVATE KEY", bodies)
            self.assertNotIn("<saml", bodies)
            self.assertHasNoSecret(path.name, bodies.encode())


class Tampering(LabCase):
    """Last of all, because it spoils the trails."""

    def test_an_edited_record_is_found(self):
        known = {(f["trail"], f["what"]) for f in self.findings()}
        for path in (self.lab.fas / "fasd" / "fas.db", self.lab.fas / "signer" / "ca.db"):
            with self.subTest(path.name):
                with sqlite3.connect(path, timeout=10) as db:
                    db.execute("DROP TRIGGER audit_fixed")
                    db.execute("UPDATE audit SET body = replace(body, 'alice', 'grace') WHERE seq = "
                               "(SELECT min(seq) FROM audit WHERE body LIKE '%alice%')")
                new = {(f["trail"], f["what"]) for f in self.findings()} - known
                self.assertTrue(new, "nothing was found")
                known |= new
