# SPDX-License-Identifier: MIT
"""Makes one verdict for each test from a machine's output and its end.

A group is the tests of one file; it gets a fresh machine. If a machine ends or hangs in the middle, the test that ran
has failed, and a fresh machine goes on with the next test; so every test has exactly one verdict.
"""

import re
from dataclasses import dataclass, field

from . import cachesan, ktap

# The kind of a failure, from the first word of a line that the kernel or this runner prints about it.
KINDS = {
    "fault": "crash",
    "kernel stack overflow": "crash",
    "panic": "panic",
    "hang": "hang",
    "leak": "leak",
    "died": "silent death",
    "backstop": "no verdict",
    "output": "broken output",
    "exit": "wrong exit status",
    "boot": "no boot",
}
# "crash (process 7) died: null pointer access at 0x0, pc 0x200016"
PROGRAM_DIED = re.compile(r"^\S+ \(process \d+\) died: ")
OUTSIDE = "# outside: "  # lines of the walk at a checkpoint, tests/runner/checkpoints.py
SILENCE = 120  # seconds of real time without a byte: a last limit, because each test has its limit in guest time
SHADOWS_LIMIT_MS = 1500  # guest time; longer, because with ICACHE=stale each return to user mode is checked
STRESS_LIMIT_MS = 100000  # real time: more than a busy build machine takes, less than the silence
LAST_WORDS = 25


@dataclass
class Group:
    """The tests of one file, in the kernel's order."""

    file: str
    names: list

    @property
    def parallel(self):
        """Run with one host thread per CPU?"""
        return any(name.startswith("stress") for name in self.names)


@dataclass
class Verdict:
    """The result of one test on one machine."""

    arch: str
    cpus: int
    name: str
    file: str
    verdict: str
    kind: str = ""
    reason: str = ""
    lines: list = field(default_factory=list)
    log: str = ""

    @property
    def suite(self):
        return self.name.split(".", 1)[0]


def kind_of(lines):
    """crash, panic, hang...; an ordinary failed check is "failed"."""
    for line in lines:
        for beginning, kind in KINDS.items():
            if line.startswith(beginning):
                return kind
    return "failed"


def panic_lines(console):
    """The kernel's report of a panic, if these console lines hold one."""
    for number, line in enumerate(console):
        if line.startswith("PANIC on CPU"):
            return [text for text in console[number:] if text.strip()][:LAST_WORDS]
    return []


class GroupRun:
    """One group on one machine with one number of CPUs."""

    def __init__(self, machine, cpus, group, options):
        self.machine, self.cpus, self.group, self.options = machine, cpus, group, options
        self.parallel = group.parallel or machine.parallel or machine.needs_threads(cpus)
        self.verdicts = []
        self.boots = []

    def run(self):
        first = 1
        while first <= len(self.group.names):
            first = self.one_machine(first)
        return self.verdicts

    def one_machine(self, first):
        """Boot, judge; the number of the first test that still has no verdict."""
        ending = self.boot(first)
        names = self.group.names[first - 1 :]
        session = ktap.parse(ending.lines, names)
        for result in session.results:
            self.take(result)
        due = first + len(session.results)
        complete = due > len(self.group.names)
        if self.machine.cachesan:
            self.check_cachesan(ending, session)
        if session.plan != len(names):
            return self.give_up(due, ending, session)
        if session.problems:
            self.blame(due, [f"output: {text}" for text in session.problems] + self.last_words(ending))
            return due + 1
        if complete:
            self.check_ending(ending, session)
        elif not self.ended_after_verdict(session):
            self.blame(due, self.what_happened(ending, session))
            due += 1
        return due

    def boot(self, first):
        group, options = self.group, self.options
        append = [f"test={options.pattern}", f"group={group.file}", f"seed={options.seed}"]
        if first > 1:
            append.append(f"from={first}")
        if self.parallel:
            append.append(f"limit_ms={STRESS_LIMIT_MS}")
        elif options.icache:
            append.append(f"limit_ms={SHADOWS_LIMIT_MS}")
        ending = self.machine.boot(
            " ".join(append + options.append), self.cpus, options.memory, options.seed, self.parallel, walked=True,
            silence=options.silence or SILENCE,
        )  # fmt: skip
        self.boots.append(ending)
        return ending

    @staticmethod
    def ended_after_verdict(session):
        """Did the machine end on purpose right behind its last verdict, a failure?"""
        if not session.results or session.results[-1].verdict != "fail":
            return False
        return session.ends_itself or bool(panic_lines(session.results[-1].before))

    def take(self, result):
        lines = result.lines
        outside = [line.removeprefix(OUTSIDE) for line in result.before if line.startswith(OUTSIDE)]
        if outside:  # whatever the kernel's verdict is
            self.add(result.name, "fail", "page tables", "", lines + outside)
            return
        stale = self.stale_lines(result.before)
        if stale:
            self.add(result.name, "fail", "stale code", "", lines + stale)
            return
        kind = kind_of(lines) if result.verdict == "fail" else ""
        if kind == "panic":
            lines = lines + panic_lines(result.before)
        elif kind == "crash":
            lines = lines + [line for line in result.before if PROGRAM_DIED.match(line)]
        self.add(result.name, result.verdict, kind, result.reason, lines)

    def stale_lines(self, lines):
        """cachesan's reports among these lines, with names; and the likely cause."""
        found = [line for line in lines if cachesan.is_report(line)]
        if not found:
            return []
        symbols = cachesan.symbols_of(f"{self.machine.out}/kernel.sym")
        told = [cachesan.with_names(line, symbols) for line in found[:LAST_WORDS]]
        return told + ["likely: flush_icache_pages() or flush_icache_range() missing after the store, or only one CPU fenced"]

    def check_cachesan(self, ending, session):
        """Reports after the last verdict; also, a plugin without a last line has checked nothing."""
        lines = self.stale_lines(session.rest)
        if not ending.timed_out and cachesan.summary(ending.lines) is None:
            lines.append("cachesan: no last line of the plugin, so nothing is known")
            lines += [line for line in ending.lines if cachesan.is_ours(line)][-3:]
        if lines:
            self.add("machine.cachesan", "fail", "stale code", "", lines)

    def add(self, name, verdict, kind="", reason="", lines=()):
        self.verdicts.append(
            Verdict(self.machine.arch, self.cpus, name, self.group.file, verdict, kind, reason, list(lines))
        )

    def give_up(self, first, ending, session):
        """The machine ended before its first test: don't try the rest of the group one by one."""
        head = [f"boot: {text}" for text in session.problems]
        story = panic_lines(session.rest) or self.last_words(ending)
        if ending.timed_out:
            head.append("it gave no sign of life for a long real time and was stopped from outside")
        self.blame(first, head + story)
        for number in range(first + 1, len(self.group.names) + 1):
            self.blame(number, [f"boot: not run, because of {self.group.names[first - 1]}"])
        return len(self.group.names) + 1

    def blame(self, number, lines):
        """The machine gave no verdict for test `number`: these lines say why."""
        name = self.group.names[number - 1] if number <= len(self.group.names) else "machine.output"
        self.add(name, "fail", kind_of(lines), "", lines)

    def what_happened(self, ending, session):
        story = panic_lines(session.rest)
        if ending.timed_out:
            head = ["backstop: no sign of life for a long real time, so the machine was stopped from outside",
                    "likely: it loops with interrupts off, or waits for something that never comes"]  # fmt: skip
        elif story:
            return ["panic: outside of the test's own thread"] + story
        else:
            said = ending.said_status
            word = "never said \"power off\"" if said is None else f'said "power off, status {said}"'
            head = [f"died: the machine ended in the middle of this test without a verdict; it {word}, "
                    f"QEMU's exit status is {ending.qemu_status}"]  # fmt: skip
        return head + self.last_words(ending)

    @staticmethod
    def last_words(ending):
        words = [line for line in ending.lines if line.strip()][-8:]
        return ["the console's last lines:"] + ["  " + line for line in words]

    def check_ending(self, ending, session):
        """All verdicts are there: the machine's end must agree with them."""
        failed = any(result.verdict == "fail" for result in session.results)
        if ending.timed_out:
            self.blame(len(self.group.names) + 1, ["exit: all tests done, but the machine doesn't power off"])
        elif self.ended_after_verdict(session) and not self.machine.looks_passed(ending):
            return
        elif ending.said_status != int(failed) or not self.machine.status_agrees(ending):
            line = (f"exit: the tests say {'failed' if failed else 'passed'}, the kernel's last line says "
                    f"{ending.said_status}, QEMU's exit status is {ending.qemu_status}")  # fmt: skip
            self.blame(len(self.group.names) + 1, [line])
