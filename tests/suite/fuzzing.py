"""Fuzz targets as tests: each counts as one, with what it did in its name."""

import re

from score import REPO

RESULT = re.compile(r"(ok|FAILED)\s+(\w+)\s+(\d+) execs\s+(\d+) cov\s+(\d+) crashes\s+(\d+) s")


def run(score, seconds, target=""):
    """tests/fuzz/run, its lines counted as they come; what it says below a failure belongs to that one."""
    results = []

    def take(line):
        match = RESULT.match(line)
        if match:
            results.append((match, []))
            word, name, executions, coverage, _, took = match.groups()
            if word == "ok":
                score.add(f"fuzz: {name}, {executions} executions, coverage {coverage}", int(executions) > 0, float(took))
        elif results:
            results[-1][1].append(line)

    argv = [REPO / "tests" / "fuzz" / "run", str(seconds), *([target] if target else [])]
    status, said = score.run("fuzz", argv, on_line=take)
    for match, lines in results:
        if match.group(1) != "ok":
            score.add(f"fuzz: {match.group(2)}, {match.group(5)} findings", False, float(match.group(6)), "\n".join(lines))
    if not results or (status != 0 and all(match.group(1) == "ok" for match, _ in results)):
        score.add("fuzz: the targets build and run", False, 0, said)
