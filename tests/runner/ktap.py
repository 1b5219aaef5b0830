# SPDX-License-Identifier: MIT
"""A strict reader of the output of the kernel's test runner: KTAP 1 with a plan.

    KTAP version 1
    1..3
    ok 1 buddy.joins
    # tests/kernel/buddy_test.c:17: expected order == 3, seen 2 (0x2) and 3 (0x3)
    not ok 2 buddy.splits
    ok 3 buddy.sleeps # SKIP no clock

Between these lines the kernel may print other lines; lines of user programs begin with "| ". Lines that begin with "# "
are about the next result. Each machine counts from 1, also one that runs only the rest of a group. A result that is out
of order or has another name than announced, or a second plan, is a problem, and no line after a problem is believed.
"""

import re
from dataclasses import dataclass, field

VERSION = "KTAP version 1"
PLAN = re.compile(r"^1\.\.(\d+)$")
RESULT = re.compile(r"^(ok|not ok) (\d+) (\S+)(?: # SKIP ?(.*))?$")
LOOKS_LIKE_RESULT = re.compile(r"^\s*(ok|not ok)\b")
# Remarks of the in-machine test runner that belong to no test.
REMARK = re.compile(r"^# (checkpoint |outside: |passed \d+, failed |the machine ends here)")
CACHESAN = "cachesan: "  # lines of a QEMU plugin, tests/runner/cachesan.py; they may be anywhere
MACHINE_ENDS = "# the machine ends here"


@dataclass
class TestResult:
    """One verdict as the kernel printed it."""

    number: int
    name: str
    verdict: str  # pass, fail, skip
    reason: str = ""  # why it was skipped
    lines: list = field(default_factory=list)  # the lines that explain it
    before: list = field(default_factory=list)  # console lines since the last verdict


@dataclass
class Session:
    """All output of one boot."""

    plan: int = None
    results: list = field(default_factory=list)
    problems: list = field(default_factory=list)
    rest: list = field(default_factory=list)  # console lines behind the last result
    ends_itself: bool = False  # the kernel said that it can't go on after its last verdict


class Parser:
    """Reads line by line; feed() until the end, then look at session."""

    def __init__(self, names):
        self.session = Session()
        self.names = names
        self.expected = 1
        self.started = False
        self.lines = []  # "# ..." about the next result

    def problem(self, text):
        self.session.problems.append(text)

    def feed(self, line):
        if self.session.problems or line.startswith(CACHESAN):
            self.session.rest.append(line)
        elif not self.started:
            self.wait_for_start(line)
        elif self.session.plan is None:
            self.take_plan(line)
        else:
            self.take_line(line)

    def wait_for_start(self, line):
        if line == VERSION:
            self.started = True
        elif PLAN.match(line) or RESULT.match(line):
            self.problem(f'"{line}" before "{VERSION}"')
        else:
            self.session.rest.append(line)

    def take_plan(self, line):
        match = PLAN.match(line)
        if not match:
            self.problem(f'no plan: "{line}" follows "{VERSION}"')
            return
        self.session.plan = int(match.group(1))
        self.session.rest = [text for text in self.session.rest if text.startswith(CACHESAN)]
        if self.session.plan != len(self.names):
            self.problem(f"the plan says {self.session.plan} tests, the list says {len(self.names)}")

    def take_line(self, line):
        if line == VERSION or PLAN.match(line):
            self.problem(f'a second beginning: "{line}"')
        elif LOOKS_LIKE_RESULT.match(line):
            self.take_result(line)
        elif line.startswith("# ") or line == "#":
            self.take_remark(line)
        else:
            self.session.rest.append(line)

    def take_result(self, line):
        match = RESULT.match(line)
        if not match:
            self.problem(f'a result in the wrong form: "{line}"')
            return
        verdict, number, name = match.group(1), int(match.group(2)), match.group(3)
        skipped = match.group(4) is not None
        if number != self.expected or number > len(self.names):
            self.problem(f'result {number} where {self.expected} of {len(self.names)} was due: "{line}"')
        elif name != self.names[number - 1]:
            self.problem(f'result {number} is of "{name}"; the list says "{self.names[number - 1]}"')
        elif skipped and verdict == "not ok":
            self.problem(f'neither failed nor skipped: "{line}"')
        else:
            word = "skip" if skipped else "pass" if verdict == "ok" else "fail"
            result = TestResult(number, name, word, match.group(4) or "", self.lines, self.session.rest)
            self.session.results.append(result)
            self.session.rest, self.lines = [], []
            self.session.ends_itself = False
            self.expected += 1

    def take_remark(self, line):
        if line.startswith(MACHINE_ENDS):
            self.session.ends_itself = True
        elif REMARK.match(line):
            self.session.rest.append(line)
        else:
            self.lines.append(line[2:])


def parse(lines, names):
    """Read a console. `names`: the tests that this boot runs, in order."""
    parser = Parser(names)
    for line in lines:
        parser.feed(line)
    session = parser.session
    if not session.problems:
        if not parser.started:
            session.problems.append(f'the machine never said "{VERSION}"')
        elif session.plan is None:
            session.problems.append("the output ends before the plan")
    return session
