# SPDX-License-Identifier: MIT
"""The runner's own tests: unit tests, and kernels whose tests fail, crash, panic, hang and die on purpose.

tests/harness/expected.txt says how each of those must be reported; this file compares.
"""

import io
import unittest
from collections import Counter
from dataclasses import dataclass

from .campaign import campaign
from .judge import Verdict
from .machine import Machine
from .plan import Options

EXPECTED = "tests/harness/expected.txt"
UNIT_TESTS = "tests/harness"
# Tests that hang must cost little here: guest milliseconds for each, real seconds for one that hangs for good.
LIMIT_MS = 100
SILENCE = 6


@dataclass
class Expected:
    """One line of expected.txt."""

    name: str
    verdict: str
    kind: str
    text: str


def read_expected():
    """The table, by test name."""
    cases = {}
    with open(EXPECTED, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                name, verdict, kind, text = (word.strip() for word in line.split("|", 3))
                cases[name] = Expected(name, verdict, kind, text)
    return cases


def run(arches, progress):
    """Verdicts of all tests of the runner, as tests of a machine called "harness"."""
    return unit_tests() + [verdict for arch in arches for verdict in cases_on(arch, progress)]


# --- unit tests ----------------------------------------------------------------------------------
class Collector(unittest.TestResult):
    """Turns unittest's results into verdicts."""

    def __init__(self):
        super().__init__()
        self.verdicts = []

    def add(self, test, verdict, text=""):
        name = f"{type(test).__module__}.{test.id().rsplit('.', 1)[-1]}"
        kind = "failed" if verdict == "fail" else ""
        self.verdicts.append(Verdict("harness", 1, name, UNIT_TESTS, verdict, kind, "", text.splitlines()))

    def addSuccess(self, test):
        self.add(test, "pass")

    def addFailure(self, test, err):
        self.add(test, "fail", self._exc_info_to_string(err, test))

    addError = addFailure


def unit_tests():
    collector = Collector()
    unittest.defaultTestLoader.discover(UNIT_TESTS, pattern="test_*.py").run(collector)
    return collector.verdicts


# --- kernels that go wrong -----------------------------------------------------------------------
def cases_on(arch, progress):
    """Run the harness kernel of one machine; one verdict for each case."""
    expected = read_expected()
    options = Options(pattern="harness*", cpus=(1, 4), append=[f"limit_ms={LIMIT_MS}"], silence=SILENCE)
    machine = Machine(arch, variant="harness")
    verdicts = []
    for _, _, found in campaign([(machine, options)], progress):
        seen = Counter((verdict.name, verdict.cpus) for verdict in found)
        verdicts = [compare(arch, expected.get(verdict.name), verdict, seen) for verdict in found]
        for cpus in options.cpus:
            for name in expected:
                if not seen[name, cpus]:
                    verdicts.append(wrong(arch, cpus, name, ["it was never reported"], ""))
    return verdicts


def compare(arch, case, verdict, seen):
    """Whether a bad test was reported correctly, and once."""
    complaints = []
    if case is None:
        complaints = [f"reported, but {EXPECTED} doesn't know it"] + verdict.lines
    elif seen[verdict.name, verdict.cpus] > 1:
        complaints = [f"reported {seen[verdict.name, verdict.cpus]} times"]
    elif (verdict.verdict, verdict.kind) != (case.verdict, case.kind):
        complaints = [f"expected: {case.verdict} {case.kind}", f"seen: {verdict.verdict} {verdict.kind}"] + verdict.lines
    elif case.text not in "\n".join([verdict.reason, *verdict.lines]):
        complaints = [f'expected the words "{case.text}"', "seen:"] + verdict.lines
    if complaints:
        return wrong(arch, verdict.cpus, verdict.name, complaints, verdict.log)
    return Verdict("harness", verdict.cpus, f"cases on {arch}.{verdict.name}", verdict.file, "pass")


def wrong(arch, cpus, name, lines, log):
    return Verdict("harness", cpus, f"cases on {arch}.{name}", EXPECTED, "fail", "not reported as it should", "", lines, log)


def table(verdicts):
    """Unit tests and cases, one row each."""
    counts = {}
    for verdict in verdicts:
        counts.setdefault(verdict.suite, Counter())[verdict.verdict] += 1
    width = max(len(name) for name in ["test runner", *counts]) + 4
    lines = ["test runner".ljust(width) + " passed failed"]
    for name, count in counts.items():
        failed = str(count["fail"] or ".")
        lines.append(f"  {name}".ljust(width) + f" {count['pass']:>6} {failed:>6}")
    return lines
