# SPDX-License-Identifier: MIT
"""The report for people: a table for each machine, then each failure with its lines, then one line."""

import re
from collections import Counter, defaultdict

import outdir

VERDICTS = ("pass", "fail", "skip")
KIND_WORDS = {
    "crash": "crashed",
    "panic": "panicked",
    "hang": "hung",
    "leak": "leaked",
    "stale code": "ran code that the caches may not have",
    "silent death": "died silently",
    "no verdict": "hung for good",
    "page tables": "wrong page tables",
    "broken output": "broken output",
}


def plural(count, word):
    return f"{count} {word}{'' if count == 1 else 's'}"


def table(title, verdicts):
    """Suites downwards, CPU counts sideways."""
    columns = sorted({verdict.cpus for verdict in verdicts})
    suites = defaultdict(Counter)
    for verdict in verdicts:
        suites[verdict.suite][verdict.cpus, verdict.verdict] += 1
    width = max([len(title), len("together"), *map(len, suites)]) + 2
    head = title.ljust(width)
    names = " ".rjust(width)
    for cpus in columns:
        head += "    " + plural(cpus, "CPU").ljust(23)
        names += " passed failed skipped    "
    lines = [head.rstrip(), names.rstrip()]
    total = Counter()
    for suite, counts in suites.items():
        lines.append(row("  " + suite, width, columns, counts))
        total.update(counts)
    lines.append(row("  together", width, columns, total))
    return lines


def row(name, width, columns, counts):
    text = name.ljust(width)
    for cpus in columns:
        cells = [counts[cpus, verdict] for verdict in VERDICTS]
        passed, failed, skipped = (str(cell) if cell else "." for cell in cells)
        text += f" {passed:>6} {failed:>6} {skipped:>7}    "
    return text.rstrip()


def alike(verdict):
    """Failures that differ only in numbers are reported once."""
    first = verdict.lines[0] if verdict.lines else ""
    return verdict.name, verdict.file, verdict.kind, re.sub(r"0x[0-9a-f]+|[0-9]+", "N", first)


def places(verdicts):
    """Where it failed: "riscv with 1 and 4 CPUs, s390x with 4 CPUs"."""
    machines = defaultdict(set)
    for verdict in verdicts:
        machines[verdict.arch].add(verdict.cpus)
    return ", ".join(
        f"{arch} with {' and '.join(map(str, sorted(cpus)))} CPU{'' if cpus == {1} else 's'}"
        for arch, cpus in machines.items()
    )


def failures(told):
    """All failures, (verdict, command that repeats it) each, as blocks of lines."""
    groups = {}
    for verdict, again in told:
        groups.setdefault(alike(verdict), []).append((verdict, again))
    return [failure([verdict for verdict, _ in group], group[0][1]) for group in groups.values()]


def failure(verdicts, again):
    """One failing test, with the kernel's lines from the first machine."""
    verdict = verdicts[0]
    where = f" ({verdict.file})" if verdict.file else ""
    lines = [f"FAILED {verdict.name}{where}: {KIND_WORDS.get(verdict.kind, verdict.kind)}"]
    lines.append(f"    on {places(verdicts)}" + ("; the first one says:" if len(verdicts) > 1 else ""))
    lines += ["    " + line for line in verdict.lines if not line.startswith("again: ")]
    if verdict.log:
        lines.append(f"    console: {verdict.log}")
    lines.append(f"    again: {again}{outdir.option()}")
    return lines


def skipped(verdicts):
    """Each reason to skip once, with its tests and machines."""
    reasons = defaultdict(dict)
    for verdict in verdicts:
        if verdict.verdict == "skip":
            reasons[verdict.reason or "no reason given"].setdefault(verdict.name, []).append(verdict.arch)
    lines = []
    for reason, tests in reasons.items():
        for name, arches in tests.items():
            lines.append(f"  {name} ({', '.join(dict.fromkeys(arches))}): {reason}")
    return (["Skipped:"] + lines) if lines else []


def last_line(counts):
    return f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped"
