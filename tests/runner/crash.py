# SPDX-License-Identifier: MIT
"""Programs that crash, on every machine: init must name the function and the source line where each of them was, and
the functions that called it. The lines are looked up in the program's source, by its text."""

import re

from .judge import Verdict

SUITE = "crash"
SOURCE = "user/programs/crash.c"

# Kind -> the function, a text that only its line has (or two, of the first and the last line that are right), and the
# functions that called it, the last one first.
CASES = {
    "null": ("write_null", "void __attribute__((noinline)) write_null(void) {", ("main", "__libc_start", "_start")),
    "text": ("write_text", "(uintptr_t)write_null = 1;", ("main", "__libc_start", "_start")),
    "data": (None, "(uintptr_t)not_code)();", ("jump_to_data", "main", "__libc_start", "_start")),
    "call": (None, "(uintptr_t)zero)();", ("call_null", "main", "__libc_start", "_start")),
    "stack": ("recurse", ("recurse(int depth)", "return depth ?"), ("recurse",)),
    "kernel": ("read_kernel", "static void read_kernel(void)", ("main", "__libc_start", "_start")),
    "illegal": ("run_illegal", "static void run_illegal(void)", ("main", "__libc_start", "_start")),
    "abort": ("abort", None, ("main", "__libc_start", "_start")),
    "leaf": ("strlen", None, ("measure_nothing", "main", "__libc_start", "_start")),
    "smash": ("smash_stack", "CODE_ILLEGAL(); /* smashed */", ()),
}


def lines_with(text):
    """The numbers of the source's lines that have this text, or stand from one text to another."""
    texts = (text,) if isinstance(text, str) else text
    with open(SOURCE, encoding="utf-8") as file:
        found = [number for number, line in enumerate(file, 1) if any(part in line for part in texts)]
    return range(found[0], found[-1] + 1) if found else []


def backtrace(console):
    """(function, file, line) of each row that init printed; "?" without a function, None and 0 without a line."""
    rows = re.findall(r"^    0x[0-9a-f]+  (?:(\?)|(\w[\w.]*)\+0x[0-9a-f]+(?:  (\S+):(\d+))?)\s*$", console, re.M)
    return [(unknown or name, file or None, int(line or 0)) for unknown, name, file, line in rows]


def complaints(kind, console):
    """What is wrong with the text about this crash."""
    function, text, callers = CASES[kind]
    rows = backtrace(console)
    found = []
    if not rows:
        return ["no backtrace was printed"]
    if rows[0][0] != (function or "?"):
        found.append(f"expected the function {function or '?'}, seen {rows[0][0]}")
    if any(not file for name, file, _line in rows if name != "?"):
        found.append("a row has no file and line")
    if text:
        place = rows[0] if function else rows[1]
        if place[1] != SOURCE or place[2] not in lines_with(text):
            found.append(f"expected {SOURCE}:{list(lines_with(text))}, seen {place[1]}:{place[2]}")
    seen = [name for name, _file, _line in rows[1:]]
    if kind == "smash":  # nothing can be known, but nothing may be invented either: the stack was full of bad addresses
        return found
    if kind == "stack":
        seen = seen[:1]
    if tuple(seen) != callers:
        found.append(f"expected the callers {' '.join(callers)}, seen {' '.join(seen)}")
    return found


def run(machines, pattern):
    """Every kind on every machine, in one boot each."""
    from fnmatch import fnmatchcase

    verdicts = []
    chosen = [kind for kind in CASES if fnmatchcase(f"{SUITE}.{kind}", pattern)]
    for machine in machines if chosen else ():
        ending = machine.boot('run="' + "; ".join(f"crash {kind}" for kind in chosen) + '"', 1, "1G")
        parts = re.split(r'^init: "crash" ended with.*$', ending.console, flags=re.M)
        for kind, part in zip(chosen, parts + [""] * len(chosen)):
            lines = complaints(kind, part)
            if lines:
                lines += ["the console's lines:"] + ["  " + line for line in part.splitlines()[-12:]]
            verdict = ("fail", "failed", "", lines) if lines else ("pass",)
            verdicts.append(Verdict(machine.arch, 1, f"{SUITE}.{kind}", "tests/runner/crash.py", *verdict))
    return verdicts
