"""Memory of fas-agent for each session: cards of many logons on one host, by either custody of the logon's key."""

import os
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lab import agent, api, config, programs, saml
from lab.layout import VDA1, LabError

SESSIONS = 50
AT_ONCE = 4
USERS = ["alice", "grace"]  # a user's module shows 32 cards at most


def private_kb(pid):
    return int(re.search(r"(?m)^RssAnon:\s+(\d+) kB$", Path(f"/proc/{pid}/status").read_text()).group(1))


def ticket(lab, user):
    pki = lab.pki
    storefront = api.Client(lab.api_url, pki / "service-ca.crt", pki / "storefront.crt", pki / "storefront.key")
    response = saml.response(saml.claims_of(lab.accounts[user]), saml.load_key(lab), name_id=user)
    answer = storefront.post("/v1/logons", {"saml_response": response, "host": VDA1})
    if answer.status != 201:
        raise LabError(f"POST /v1/logons: {answer}")
    return answer.json["ticket"]


def log_on(lab, program, n):
    """LOGON and OPEN, as a login would."""
    for i in range(n):
        user = USERS[i % len(USERS)]
        answer = program.ask("logon", ticket=ticket(lab, user), user=user, service="bench")
        if answer["status"] == "ok":
            answer = program.ask("open", session=answer["session"], pid=0)
        if answer["status"] != "ok":
            raise LabError(f"fas-agent: {answer}")


def grow(lab, host):
    """KB for each of SESSIONS sessions, behind a few that warm everything up."""
    callers = [host.program() for _ in range(AT_ONCE)]
    try:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            list(threads.map(lambda one: log_on(lab, one, len(USERS)), callers))
            before = private_kb(host.pid)
            shares = [(SESSIONS + i) // AT_ONCE for i in range(AT_ONCE)]
            list(threads.map(lambda one, n: log_on(lab, one, n), callers, shares))
            return (private_kb(host.pid) - before) / sum(shares)
    finally:
        for one in callers:
            one.stop()


def take_rule(lab, custody):
    text = config.policy_yaml()
    if "custody: host" not in text:
        raise LabError("the lab's rule has no custody: host")
    (lab.fas / "policy.d" / "lab.yaml").write_text(text.replace("custody: host", custody))
    programs.fasctl(lab, "policy", "reload")


def measure(lab):
    """What fas-bench is told in its environment."""
    host = agent.Agent(lab, VDA1, "agent-bench")
    host.enroll()
    found = {}
    for name, custody in (("BENCH_AGENT_KB", "custody: host"),
                          ("BENCH_AGENT_KEYLESS_KB", "custody: service, pool_empty: wait")):
        take_rule(lab, custody)
        if "service" in custody:
            fill_pool(lab)
        host.start()
        found[name] = f"{grow(lab, host):.1f}"
        host.stop()
    return found


def fill_pool(lab):
    """At ordinary priority: the bench is not to wait for an idle machine."""
    maker = maker_of(programs.pid(lab, "fas-signer"))
    os.sched_setscheduler(maker, os.SCHED_OTHER, os.sched_param(0))
    programs.fasctl(lab, "pool", "fill", "--depth", SESSIONS + (len(USERS) + 1) * AT_ONCE)
    os.sched_setscheduler(maker, os.SCHED_IDLE, os.sched_param(0))


def maker_of(pid):
    for task in Path(f"/proc/{pid}/task").iterdir():
        if (task / "comm").read_text() == "pool\n":
            return int(task.name)
    raise LabError("fas-signer has no thread that makes keys")
