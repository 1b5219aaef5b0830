# SPDX-License-Identifier: MIT
"""The native tests: programs built from mm/ that run on the build machine, tests/native/; and the model of a call.

A *form* is one such program, built into build/<form>/; build/<form>/run holds the command that starts it (nothing, or
user-mode QEMU for a program of another machine).
"""

import os
import re
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from outdir import FOLDER

from .campaign import processors
from .judge import Verdict
from .machine import Stopped, stop_all

CORPUS = "tests/native/corpus"
LINE = re.compile(r"^(ok|not ok) (\d+) (\S+) # (\S+)")
WALL = 1800  # seconds: a last limit, because each test has its own


def command(form, options):
    """How the program of this form is started."""
    with open(f"{FOLDER}/{form}/run", encoding="utf-8") as file:
        starter = file.read().split()
    words = [*starter, f"{FOLDER}/{form}/test", "--test", options.pattern]
    if form not in ("explore", "model"):  # these have no games: no random moves and no depth
        words += ["--seed", str(options.seed), "--label", form, "--depth", os.environ.get("NATIVE_DEPTH") or "0", "--corpus", CORPUS]
    return words


def run_form(form, options):
    """All verdicts of one program."""
    if stop_all.is_set():
        raise Stopped
    try:
        done = subprocess.run(
            command(form, options), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=WALL, check=False, text=True, errors="replace",
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return [broken(form, [f"not through after {WALL} seconds"])]
    return read(form, done.stdout.splitlines(), done.returncode)


def read(form, lines, status):
    """The program's lines as verdicts. A program that ends before its plan has failed, whatever it printed."""
    verdicts, plan = [], None
    for line in lines:
        match = LINE.match(line)
        if match:
            good = match.group(1) == "ok"
            verdicts.append(Verdict(form, 1, match.group(3), match.group(4), "pass" if good else "fail", "" if good else "failed"))
        elif line.startswith("1.."):
            plan = int(line[3:])
        elif verdicts and verdicts[-1].verdict == "fail":
            verdicts[-1].lines.append(line.removeprefix("  "))
    failed = any(verdict.verdict == "fail" for verdict in verdicts)
    if plan != len(verdicts) or status != int(failed):
        verdicts.append(broken(form, [f"the program ended with status {status}; its last lines:", *lines[-15:]]))
    return verdicts


def broken(form, lines):
    return Verdict(form, 1, "native.program", CORPUS, "fail", "failed", "", lines)


def run(forms, options, progress):
    """Verdicts of all forms, in order."""
    with ThreadPoolExecutor(max_workers=processors()) as pool:
        found = []
        for form, verdicts in zip(forms, pool.map(lambda form: run_form(form, options), forms)):
            progress.step(form)
            found += verdicts
    progress.clear()
    return found


def again(verdict, options):
    """The command that repeats a failure: the program printed it, unless it crashed."""
    for line in verdict.lines:
        if line.startswith("again: "):
            return line.removeprefix("again: ")
    return f"make test-native NATIVE={verdict.arch} TEST='{verdict.name}' SEED={options.seed}"


def table(verdicts):
    """One row for each program."""
    counts = {}
    for verdict in verdicts:
        counts.setdefault(verdict.arch, Counter())[verdict.verdict] += 1
    width = max(len(name) for name in ["on the build machine", *counts]) + 4
    lines = ["on the build machine".ljust(width) + " passed failed"]
    for name, count in counts.items():
        lines.append(f"  {name}".ljust(width) + f" {count['pass'] or '.':>6} {count['fail'] or '.':>6}")
    return lines
