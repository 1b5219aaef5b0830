# SPDX-License-Identifier: MIT
"""Boots with good and bad input: sizes, CPU counts, boot archives and command lines of every kind.

A case says how a machine is started, which words its console must show and which status it must end with. Bad input
must give a clear message and a failure; no case may hang or end without a message.
"""

import os
import tempfile
from dataclasses import dataclass

from .judge import Verdict
from .machine import SHELL_ASKS

SUITE = "start"
PANIC = 101  # the kernel's status after a panic; statuses that a machine can't distinguish count as equal


@dataclass
class Case:
    """One boot: what is given and what must come out."""

    name: str
    status: int
    words: tuple
    append: str = 'run="hello"'
    cpus: int = 1
    memory: str = "1G"
    or_qemu_says: str = ""  # if QEMU itself refuses, its message
    # Typed into the shell, without -icount: with it, an idle guest may keep QEMU from reading its input.
    pasted: bytes = b""
    often: int = 1  # the words must be there at least so many times; with a paste, after the first prompt
    archive: object = None  # a function from the good archive's bytes to this case's; b"" for none at all


def cut_in_half(data):
    return data[: len(data) // 2]


def cut_in_header(_data):
    return b"070701000"


def damaged_header(data):
    return data[:14] + b"zzzzzzzz" + data[22:]


def without_init(data):
    return data.replace(b"bin/init\0", b"bin/inix\0")


def broken_init(data):
    """init's ELF header says 32 bits."""
    at = data.index(b"\x7fELF", data.index(b"bin/init\0"))
    return data[: at + 4] + b"\x01" + data[at + 5 :]


LONG = "x" * 1500
DIGITS = "0123456789" * 20
PASTED_LINES = 500  # three times as many bytes as the kernel's ring holds

CASES = [
    Case("one_cpu_and_128_mib", 0,
         ("hello from process land", "all accounted for", "1 of 1 program ended with status 0"), memory="128M"),
    Case("four_cpus_and_4_gib", 0, ("4 of 4 CPUs run", "hello from process land"), cpus=4, memory="4G"),
    Case("three_cpus_and_an_odd_size", 0, ("3 of 3 CPUs run",), cpus=3, memory="391M"),
    Case("guestdemo_in_1_gib", 0, ("65532 -> struct folio (#), 4 -> struct insecure_mem (o)", "refused, it is secret",
                                   "taken back, the hole is mended"), 'run="guestdemo"', cpus=4),
    Case("guestdemo_in_128_mib", 0, ("taken back, the hole is mended",), 'run="guestdemo"', memory="128M"),
    Case("a_program_that_returns_3_fails_the_run", 3,
         ("ended with status 3", "1 of 2 programs ended with status 0"), 'run="hello; hello 3"'),
    Case("a_program_that_is_not_there_fails_the_run", 127, ("no such file",), 'run="nothing"'),
    Case("a_program_that_dies_fails_the_run", 139, ("died: null pointer access",), 'run="crash null"'),
    Case("a_program_that_ends_the_machine_is_named", 0, ("poweroff (process 2) powers the machine off",),
         'run="poweroff; hello"'),
    Case("no_archive", PANIC, ("no boot archive", "nothing to run"), archive=lambda data: b""),
    Case("an_archive_that_is_none", PANIC, ("isn't a cpio archive",), archive=lambda data: b"rubbish " * 100),
    Case("an_archive_cut_in_half", 0, ("truncated", "hello"), archive=cut_in_half, append='run="echo hello"'),
    Case("an_archive_cut_in_its_header", PANIC, ("truncated", "nothing to run"), archive=cut_in_header),
    Case("an_archive_with_a_damaged_header", PANIC, ("hexadecimal",), archive=damaged_header),
    Case("an_archive_without_init", PANIC, ("holds no bin/init",), archive=without_init),
    Case("an_init_that_is_no_program", PANIC, ("bin/init can't be started: it isn't a 64-bit program",), archive=broken_init),
    Case("a_command_line_that_is_too_long", 0, ("longer than", "hello from process land"), f'run="hello" {LONG}',
         or_qemu_says="command line exceeds maximum size"),
    # The kernel prints such a line in pieces; only the first piece has the prefix.
    Case("a_long_line_of_a_program_has_one_prefix", 0, ("| " + DIGITS,), "test=process.a_long_line_is_written_whole"),
    # An echo may stand in the middle of a line that a program prints. So a letter is counted that only hello prints.
    Case("a_paste_of_many_lines_loses_none", 0, ("d",), append="", cpus=4,
         pasted=b"hello\n" * PASTED_LINES + b"poweroff\n", often=PASTED_LINES),
    # If Ctrl-D ended nothing, `cat` would read the last line too, and the machine would stay up.
    Case("ctrl_d_ends_a_programs_input", 0, ("1 and 1",), append="", cpus=4, pasted=b"cat\n1 and 1\n\x04poweroff\n"),
]  # fmt: skip


def same_status(machine, said, wanted):
    """Compare what the kernel said it ends with; a death by signal is 128 and more to init, 7 bits to the machine."""
    return said == wanted & 127


def boot_case(machine, case):
    """Start, look, judge."""
    good = machine.values["INITRD"]
    with tempfile.TemporaryDirectory() as folder:
        archive = good
        if case.archive:
            with open(good, "rb") as file:
                data = case.archive(file.read())
            archive = os.path.join(folder, "initrd") if data else ""
            if data:
                with open(archive, "wb") as file:
                    file.write(data)
        machine.values["INITRD"] = archive
        try:
            ending = machine.boot(case.append, case.cpus, case.memory, parallel=bool(case.pasted), pasted=case.pasted)
        finally:
            machine.values["INITRD"] = good
    return judge(machine, case, ending)


def judge(machine, case, ending):
    """A verdict with expected and seen."""
    if case.or_qemu_says and case.or_qemu_says in ending.console and ending.qemu_status:
        return Verdict(machine.arch, case.cpus, f"{SUITE}.{case.name}", "tests/runner/boot.py", "pass")
    lines = []
    text = ending.console.partition(SHELL_ASKS)[2] if case.pasted else ending.console
    for words in case.words:
        seen = text.count(words)
        if seen < case.often:
            lines.append(f'expected the words "{words}" {case.often} times, seen {seen} times')
    panicked = "PANIC" in ending.console
    if case.status == PANIC:
        if not panicked or machine.looks_passed(ending):
            lines.append(f"expected a panic that explains itself, seen QEMU's status {ending.qemu_status}")
    elif panicked or not same_status(machine, ending.said_status, case.status) or not machine.status_agrees(ending):
        lines.append(f"expected status {case.status}, seen {ending.said_status} and QEMU's {ending.qemu_status}")
    if ending.timed_out:
        lines.append("it hung")
    name = f"{SUITE}.{case.name}"
    if not lines:
        return Verdict(machine.arch, case.cpus, name, "tests/runner/boot.py", "pass")
    tail = [line for line in ending.console.splitlines() if line.strip()][-6:]
    lines += ["the console's last lines:"] + ["  " + line for line in tail]
    return Verdict(machine.arch, case.cpus, name, "tests/runner/boot.py", "fail", "failed", "", lines)


def run(machines, pattern):
    """All cases on all machines, as tests of those machines."""
    from fnmatch import fnmatchcase

    chosen = [case for case in CASES if fnmatchcase(f"{SUITE}.{case.name}", pattern)]
    return [boot_case(machine, case) for machine in machines for case in chosen]


def table(verdicts):
    """One row a machine."""
    width = max(len(verdict.arch) for verdict in verdicts) + 4
    lines = ["starts".ljust(width) + " passed failed"]
    for arch in dict.fromkeys(verdict.arch for verdict in verdicts):
        mine = [verdict.verdict for verdict in verdicts if verdict.arch == arch]
        lines.append(f"  {arch}".ljust(width) + f" {mine.count('pass'):>6} {str(mine.count('fail') or '.'):>6}")
    return lines
