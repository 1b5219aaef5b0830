# SPDX-License-Identifier: MIT
"""cachesan's own tests: small programs with right and wrong sequences (tests/plugin/cachesan/tests/cases.txt), each of
which must have the right report or none, and firmware from elsewhere that must boot without a report."""

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import outdir

from . import cachesan
from .campaign import processors
from .judge import Verdict
from .machine import Machine

FOLDER = "tests/plugin/cachesan/tests"
OUT = f"{outdir.FOLDER}/plugin/cases"
SECONDS = 20
FIRMWARE_SECONDS = 120
# From the first instruction to power off: programs, a shell, a guest, part of the suite, programs that write code.
JIT_ROUNDS = 300
WHOLE_BOOT = ["hello", "sh -c ls", "ps", "guestdemo", f"jit {JIT_ROUNDS}", "test cacheflush.*", "test uv.*", "test mm.*",
              "test fault.*", "test hole.*", "test tlb.*", "sh -c 'jit 50'", "mem"]  # fmt: skip
WHOLE_BOOT_SAYS = ("hello from process land", "jit: 300 programs", "jit: 50 programs", "refused, it is secret")


@dataclass
class Case:
    """A line of cases.txt."""

    arch: str
    name: str
    cpus: str
    options: str
    missing: str  # what the report must say is missing; "-": no report


def rows(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.strip() and not line.startswith("#"):
                yield [word.strip() for word in line.split("|")]


def build(case, compiler, flags):
    os.makedirs(OUT, exist_ok=True)
    program = f"{OUT}/{case.arch}-{case.name}"
    command = [compiler, *flags.split(), "-nostdlib", "-static", "-no-pie", "-Wl,--build-id=none", f"-DCASE_{case.name}",
               "-o", program + f".{os.getpid()}.{case.options}", f"{FOLDER}/{case.arch}/cases.S"]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    os.replace(command[-2], program)
    return program


def run_case(case, values, how):
    """What is wrong with the plugin's verdict on one program, in lines."""
    program = build(case, values["CROSS_COMPILE"] + "gcc", how["compile"])
    options = ",".join(filter(None, [how["plugin"], case.options]))
    command = [values["QEMU"], *how["qemu"].split(), "-display", "none", "-nodefaults", "-smp", case.cpus, "-kernel", program,
               *cachesan.arguments(values["QEMU"], options)]  # fmt: skip
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return ["it hung"]
    lines = [line for line in cachesan.settle(done.stderr).split("\n") if cachesan.is_ours(line)]
    reports = [line for line in lines if cachesan.is_report(line)]
    if cachesan.summary(lines) is None:
        return ["the plugin never came to its last line", *done.stderr.splitlines()]
    if case.missing == "-":
        return ["expected no report, seen:", *reports] if reports else []
    if not reports or any(f"missing: {case.missing}" not in line and case.missing not in line for line in reports):
        return [f"expected a report with the words: {case.missing}", "seen:", *lines]
    return []


def run_firmware(values, arguments, words):
    """Boot it until it says the words; what is wrong with that, in lines."""
    command = [values["QEMU"], *arguments.split(), "-nographic", "-m", "256M", *cachesan.arguments(values["QEMU"])]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        text = b""
        os.set_blocking(process.stdout.fileno(), False)
        end = time.monotonic() + FIRMWARE_SECONDS
        while words.encode() not in text and time.monotonic() < end and process.poll() is None:
            text += process.stdout.read() or b""
            time.sleep(0.05)
        process.terminate()  # the plugin still prints its last line
        os.set_blocking(process.stdout.fileno(), True)
        text += process.stdout.read()
    lines = cachesan.settle(text.decode("utf-8", "replace")).split("\n")
    if words.encode() not in text:
        return [f'it never said "{words}"', *lines[-10:]]
    if cachesan.summary(lines) != 0:
        return ["expected 0 reports, seen:", *[line for line in lines if cachesan.is_ours(line)]]
    return []


def run_whole_boot(arch):
    """Quire itself; what is wrong, in lines."""
    ending = Machine(arch, variant="harness", cachesan=True).boot(f'run="{"; ".join(WHOLE_BOOT)}"', 4)
    return judge_whole_boot(ending.said_status, ending.lines)


def judge_whole_boot(status, lines):
    """No report, and the plugin has seen enough maintenance: each program that is written is synchronised at least
    once, and executed."""
    wrong = [f'nobody said "{words}"' for words in WHOLE_BOOT_SAYS if not any(words in line for line in lines)]
    if status != 0 or cachesan.summary(lines) != 0:
        wrong.append("expected status 0 and 0 reports")
    checked, operations = cachesan.work(lines)
    if checked < JIT_ROUNDS or operations < JIT_ROUNDS:
        wrong.append(f"expected at least {JIT_ROUNDS} maintenance operations and stored words that ran, seen {operations} and {checked}")
    return [*wrong, "seen:", *[line for line in lines if line.strip()][-12:]] if wrong else []


def jobs_of(machine):
    """(name, function without arguments) for each test."""
    how, firmware = {}, []
    for words in rows(f"{FOLDER}/{machine.arch}/machine.txt"):
        if words[0] == "firmware":
            firmware.append(words[1:])
        else:
            how[words[0]] = words[1]
    for words in rows(f"{FOLDER}/cases.txt"):
        case = Case(*words)
        if case.arch == machine.arch:
            name = case.name + (f"_{case.options.partition('=')[0]}" if case.options else "")
            yield name, lambda case=case: run_case(case, machine.values, how)
    yield "whole_boot", lambda: run_whole_boot(machine.arch)
    for name, arguments, words in firmware:
        yield f"firmware_{name}", lambda arguments=arguments, words=words: run_firmware(machine.values, arguments, words)


def run(machines):
    """All cases of these machines; those without a folder have none. Verdicts of tests of the harness."""
    verdicts = []
    with ThreadPoolExecutor(max_workers=processors()) as pool:
        for machine in machines:
            if not os.path.isdir(f"{FOLDER}/{machine.arch}"):
                continue
            suite = f"cachesan on {machine.arch}"
            reason = cachesan.why_not(machine.values["QEMU"])
            if reason:
                verdicts.append(Verdict("harness", 1, f"{suite}.all", FOLDER, "skip", "", reason))
                continue
            jobs = list(jobs_of(machine))
            for (name, _), lines in zip(jobs, pool.map(lambda job: job[1](), jobs)):
                verdict, kind = ("fail", "failed") if lines else ("pass", "")
                verdicts.append(Verdict("harness", 1, f"{suite}.{name}", FOLDER, verdict, kind, "", lines))
    return verdicts
