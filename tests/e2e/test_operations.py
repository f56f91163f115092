"""Health, metrics, limits, and what happens when something that the service needs is away."""

import os
import signal
import threading

from lab import proc

from case import LabCase


class Operations(LabCase):
    def metrics(self):
        text = self.ops().get("/metrics").body.decode()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in text.splitlines()
                if line and not line.startswith("#")}

    def freeze(self, name):
        """Stop a program's whole session, until the test is over."""
        members = proc.family(proc.pid_of(self.lab, name))
        for pid in members:
            proc.halt(pid)
        self.addCleanup(self.thaw, members)

    def thaw(self, members):
        for pid in members:
            os.kill(pid, signal.SIGCONT)
        proc.wait_for(lambda: self.logon("alice").status == 201, 20, "logons after the pause")

    def test_it_is_healthy_and_ready(self):
        self.assertEqual(self.ops().get("/healthz").status, 200)
        self.assertEqual(self.ops().get("/readyz").status, 200)

    def test_metrics_count_logons(self):
        before = sum(self.metrics().values())
        self.session("alice")
        self.logon("bob")
        after = self.metrics()
        self.assertGreater(sum(after.values()), before)
        self.assertTrue(all(name.startswith("fas_") for name in after), sorted(after)[:5])

    def test_metrics_are_prometheus_text(self):
        answer = self.ops().get("/metrics")
        self.assertIn("text/plain", answer.headers["Content-Type"])
        self.assertIn(b"# TYPE ", answer.body)

    def test_status_shows_every_part(self):
        status = self.fasctl_json("status")
        self.assertLessEqual({"fasd", "signer"}, set(status))

    def test_a_full_queue_answers_429_with_retry_after(self):
        responses = [self.response() for _ in range(120)]
        self.freeze("samba")
        answers = []
        threads = [threading.Thread(target=self.try_logon, args=(r, answers)) for r in responses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        statuses = {a.status for a in answers}
        busy = [a for a in answers if a.status == 429]
        self.assertTrue(busy, statuses)
        self.assertTrue(all(int(a.headers["Retry-After"]) > 0 for a in busy))
        self.assertLessEqual(statuses, {429, 503})

    def try_logon(self, response, answers):
        try:
            answers.append(self.logon(response=response))
        except OSError:
            pass
