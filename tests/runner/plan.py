# SPDX-License-Identifier: MIT
"""The list of tests that a machine prints, and the jobs made from it."""

import fnmatch
import re
from dataclasses import dataclass, field

from .judge import LAST_WORDS, SILENCE, Group, Verdict

LISTED = re.compile(r"^test (\S+\.\S+) (\S+)$")
LIST_PROBLEM = re.compile(r"^# ")  # a line about a program that doesn't list its tests


@dataclass
class Options:
    """The user's options."""

    pattern: str = "*"
    seed: int = 1
    memory: str = "1G"
    cpus: tuple = (1, 4)
    append: list = field(default_factory=list)
    extra_tests: str = ""
    silence: int = 0  # seconds; 0: the usual
    cpu: str = ""  # QEMU's model; empty: the machine's usual one
    suites: tuple = ()  # only these; empty: all
    cachesan: bool = False  # under the plugin that finds missing cache maintenance
    parallel: bool = False  # one host thread for each CPU
    first: bool = False  # the first failure ends it
    icache: str = ""  # "stale": a kernel whose shadow frames play the instruction cache

    def again(self, verdict):
        """The command that repeats one failure."""
        words = ["make", f"test-{verdict.arch}", f"TEST={verdict.name}", f"CPUS={verdict.cpus}", f"SEED={self.seed}"]
        if self.cpu:
            words.append(f"CPU={self.cpu}")
        if self.cachesan:
            words.append("CACHESAN=1")
        if self.parallel:
            words.append("PARALLEL=1")
        if self.icache:
            words.append(f"ICACHE={self.icache}")
        elif self.memory != "1G":
            words.append(f"MEM={self.memory}")
        if self.extra_tests:
            words.append(f'EXTRA_TESTS="{self.extra_tests}"')
        if self.append:
            words.append(f'APPEND="{" ".join(self.append)}"')
        return " ".join(words)


def list_tests(machine, options):
    """Boot once and read the list: (groups, failures). A failure is a Verdict of the test "machine.list"."""
    ending = machine.boot(" ".join(["testlist"] + options.append), 1, options.memory, options.seed, silence=SILENCE)
    pairs = [match.groups() for line in ending.lines if (match := LISTED.match(line))]
    wrong = [line[2:] for line in ending.lines if LIST_PROBLEM.match(line)][:LAST_WORDS]
    names = [name for name, _ in pairs]
    wrong += [f"two tests are called {name}" for name in sorted(set(names)) if names.count(name) > 1]
    if ending.timed_out or ending.said_status != 0 or not machine.status_agrees(ending):
        last = [line for line in ending.lines if line.strip()][-15:]
        wrong += ["boot: the machine doesn't come to the list of its tests; its last lines:"] + last
    failures = []
    if wrong:
        failures = [Verdict(machine.arch, 1, "machine.list", "", "fail", "no boot", "", wrong)]
    if options.suites:
        pairs = [(name, file) for name, file in pairs if name.split(".")[0] in options.suites]
    return make_groups(pairs, options.pattern), failures


def make_groups(pairs, pattern):
    """(name, file) in the kernel's order to groups; only names that match."""
    groups = {}
    for name, file in pairs:
        if fnmatch.fnmatchcase(name, pattern):
            groups.setdefault(file, Group(file, [])).names.append(name)
    return list(groups.values())
