# SPDX-License-Identifier: MIT
"""Random mutants: changes of one operator or one statement at random places (`make mutants RANDOM=n SEED=s`).

The seeded mutants show whether the tests see bugs that somebody has thought of; random mutants are about the others.
Each is tried with the native tests, with `make explore`, where the file is part of them, and on one machine; the first
that fails has killed it. If the kernel is the same to the byte, the mutant is *the same program*. A *survivor* means
that a check is missing, or that code isn't needed, or that the program only looks different: a person has to decide
which.
"""

import glob
import hashlib
import random
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from tests.mutants.mutant import EXPLORE, MACHINE, NATIVE, NATIVE_UV
from tests.mutants.workshop import USUAL, build, first_failure, run_tests, told, tree, workers

# Tools and pictures for people, and code that only tests use, are no promises of the kernel.
LEFT_OUT = ("mm/tables/early_map.c", "uv/soft/inspect.c", "look/bench.c", "look/inspect.c", "look/guest_look.c")
ROOMS = ("base", "mm", "uv", "kernel", "look")
# No test notices a missing check as long as nothing is wrong; hints and counters change no behaviour.
NOT_CHANGED = re.compile(r"^\s*(#|\*|/\*|case |default|counter_)|ASSERT\(|_Static_assert|panic\(|printf|kprint_line")
OPERATORS = [(" == ", " != "), (" != ", " == "), (" < ", " <= "), (" <= ", " < "), (" > ", " >= "), (" >= ", " > "),
             (" && ", " || "), (" || ", " && "), (" + ", " - "), (" - ", " + "), (" += ", " -= "), (" -= ", " += "),
             (" & ", " | "), (" | ", " & "), ("true", "false"), ("false", "true"), ("return 0;", "return -22;")]  # fmt: skip
STATEMENT = re.compile(r"^( {4,})([a-z_][\w>.\-\[\]\*()]*(\(.*\)| [-+|&]?= .*|\+\+|--));$")
DECLARATION = re.compile(r"^ +(const |struct |static |unsigned |[a-z]\w* +\*?\w+ = |[a-z_0-9]+_t )")
VERDICTS = ("killed", "survived", "the same", "no program")
EXPLORED = tuple(f"kernel/sched/{name}.c" for name in ("sched", "place", "timer", "thread", "sleep", "alarm"))
EXPLORED += tuple(f"kernel/ipc/{name}.c" for name in ("endpoint", "notification", "priority")) + ("base/sync.c",)  # and mm/, uv/
CONDITION = re.compile(r"^ +(?:\} else )?(?:if|while) \((.*)\)( \{)?$")


@dataclass(frozen=True)
class Change:
    """One change of one line."""

    file: str
    line: int  # from 1
    old: str  # the line
    new: str

    @property
    def name(self):
        return f"{self.file}:{self.line}"

    def __str__(self):
        return f"{self.old.strip()}  ->  {self.new.strip() or '(nothing)'}"


def code_of(line):
    """The line without its comment; strings and characters are made blank, so that nothing is found in them."""
    line = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'', lambda text: " " * len(text.group()), line)
    return re.sub(r"/\*.*?(\*/|$)|//.*", lambda text: " " * len(text.group()), line)


def changes_of(file, number, line):
    """All that can be changed in a line."""
    code = code_of(line)
    if NOT_CHANGED.search(code) or not line.startswith("    "):
        return
    for old, new in OPERATORS:
        for found in re.finditer(rf"(?<!\w){re.escape(old)}(?!\w)" if old.isalpha() else re.escape(old), code):
            yield Change(file, number, line, line[: found.start()] + new + line[found.end() :])
    condition = CONDITION.match(code.rstrip())
    if condition and condition.group(1).count("(") == condition.group(1).count(")"):
        start, end = condition.span(1)
        yield Change(file, number, line, f"{line[:start]}!({line[start:end]}){line[end:]}")
    if STATEMENT.match(code.rstrip()) and not DECLARATION.match(code) and not code.strip().startswith("return"):
        yield Change(file, number, line, re.match(" *", line).group() + "(void)0;")


def all_changes():
    """Every change of every file, in one order."""
    for file in sorted(file for room in ROOMS for file in glob.glob(f"{room}/**/*.[ch]", recursive=True)):
        if file in LEFT_OUT:
            continue
        with open(file, encoding="utf-8") as source:
            comment = False
            for number, line in enumerate(source, 1):
                line = line.rstrip("\n")
                if not comment:
                    yield from changes_of(file, number, line)
                begin, end = line.rfind("/*"), line.rfind("*/")
                comment = begin > end or (comment and end < 0)


def choose(count, seed):
    """`count` of them, the same ones for the same seed and tree."""
    changes = list(all_changes())
    return random.Random(seed).sample(changes, min(count, len(changes)))


def ways(change):
    """The programs that a change is tried with, cheapest first: native tests and `make explore` only if its file is
    part of them."""
    folder = change.file.split("/")[0]
    header = change.file.endswith(".h")
    if folder == "mm" or header:
        yield NATIVE
    if change.file.startswith("uv/core/"):
        yield NATIVE_UV
    if folder in ("mm", "uv") or header or change.file in EXPLORED:
        yield EXPLORE
    yield MACHINE


def kernel_of(path):
    """A number for the kernel's code and data in this copy; debugging information isn't part of it."""
    plain = f"{path}/{USUAL}/plain.elf"
    kernel = f"{path}/{USUAL}/{MACHINE}/quire.elf"
    subprocess.run(["objcopy", "-I", "elf64-little", "--strip-all", kernel, plain], check=True)
    with open(plain, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def try_change(path, change, unchanged):
    """(verdict, how) for a copy in which the change has been made."""
    status, output = build(path, MACHINE, "", "")
    if status != 0:
        return "no program", next((line for line in output.split("\n") if "error" in line), "it doesn't compile")
    if kernel_of(path) == unchanged:
        return "the same", "the kernel is the same to the byte"
    for machine in ways(change):
        status, output = build(path, machine, "", "")
        if status != 0:
            continue  # a variable that isn't used any more is an error there
        status, output = run_tests(path, machine, "", "*", "4", False, "", first=True)
        if status != 0:
            return "killed", f"{machine}: " + ("it hangs" if status is None else first_failure(output))
    return "survived", str(change)


def judge(change, unchanged):
    """(verdict, how, seconds)"""
    path, began = tree(), time.monotonic()
    with open(change.file, encoding="utf-8") as original:
        text = original.read()
    lines = text.split("\n")
    lines[change.line - 1] = change.new
    try:
        with open(f"{path}/{change.file}", "w", encoding="utf-8") as changed:
            changed.write("\n".join(lines))
        verdict, how = try_change(path, change, unchanged)
    finally:
        with open(f"{path}/{change.file}", "w", encoding="utf-8") as restored:
            restored.write(text)
    return verdict, how, time.monotonic() - began


def run(count, seed):
    """Tries `count` changes; prints a line for each. True if none survived."""
    changes = choose(count, seed)
    began = time.monotonic()

    def start():
        path = tree()
        status, output = build(path, MACHINE, "", "")
        if status != 0:
            raise SystemExit(f"the tree doesn't compile as it is: {output[-400:]}")
        unchanged = kernel_of(path)
        for machine in (NATIVE, EXPLORE, MACHINE):
            build(path, machine, "", "")
            status, output = run_tests(path, machine, "", "*", "4", False, "", first=True)
            if status != 0:  # everything would be "killed"
                raise SystemExit(f"the tests fail without a change, on {machine}: {first_failure(output)}")
        return unchanged

    print(f"{len(changes)} changes, a minute or two each on an idle processor:", flush=True)
    with ThreadPoolExecutor(max_workers=workers()) as pool:
        unchanged = pool.submit(start).result()
        tally = told(pool, lambda change: judge(change, unchanged), changes, 28)
    print(f"{len(changes)} random mutants, seed {seed}: " + ", ".join(f"{tally[verdict]} {verdict}" for verdict in VERDICTS)
          + f"; {time.monotonic() - began:.0f} seconds")  # fmt: skip
    return bool(changes) and not tally["survived"]
