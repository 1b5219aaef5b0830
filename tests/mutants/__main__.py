# SPDX-License-Identifier: MIT
"""Seeded bugs: each changes a few characters of the kernel, and the tests named with it must notice.

For each mutant a copy of the tree is changed, built and tested. A mutant is *killed* if a test fails, crashes, leaks or
hangs, or if it doesn't even boot; a mutant that all tests let pass *survived*, and a test is missing. If the mutant
says in `why` why no test here can see it, it is *explained*. A mutant whose text is no longer in the tree, or whose
tests fail without it too, is *stale*. The last line is the score; the exit status is 0 if all are killed or explained.
"""

import argparse
import fnmatch
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.mutants import caches, calls, chance, kernel, memory, messages, mm, races, signals, trace, uv, waiting  # noqa: E402
from tests.mutants.workshop import build, first_failure, run_tests, told, tree, workers  # noqa: E402
from tests.runner.campaign import Progress  # noqa: E402
from tests.runner.report import plural  # noqa: E402

MUTANTS = (
    mm.MUTANTS + caches.MUTANTS + uv.UV + kernel.KERNEL + messages.MESSAGES + memory.MEMORY + waiting.WAITING + signals.SIGNALS + trace.TRACE + races.RACES + calls.CALLS
)
VERDICTS = ("killed", "explained", "survived", "stale")


def keys_of(mutant):
    """Each way its tests are run: the arguments of run_tests()."""
    return [(mutant.machine, mutant.cpu, mutant.tests, mutant.cpus, mutant.parallel, tool) for tool in mutant.tools]


def judge_unchanged(key):
    """What is wrong with these tests before anything is changed; "": nothing."""
    status, output = run_tests(tree(), *key)
    if "no test matches" in output or re.search(r"^0 passed", output, re.MULTILINE):
        return f"no test matches {key[2]}"
    return "" if status == 0 else f"its tests fail without it: {first_failure(output)}"


def text_and_fault(mutant):
    """The file's text, and what is wrong with the place that is to be changed; "": nothing."""
    with open(mutant.file, encoding="utf-8") as original:
        text = original.read()
    found = text.count(mutant.old)
    return text, "" if found == 1 else f"its text is {found} times in {mutant.file}, instead of once"


def judge(mutant):
    """(verdict, how, seconds)"""
    path, began = tree(), time.monotonic()
    file = f"{path}/{mutant.file}"
    text, fault = text_and_fault(mutant)
    if fault:
        return "stale", fault, 0
    try:
        with open(file, "w", encoding="utf-8") as changed:
            changed.write(text.replace(mutant.old, mutant.new))
        noticed, silent = [], []
        for tool in mutant.tools:
            status, output = build(path, mutant.machine, mutant.cpu, tool)
            if status != 0:
                return "stale", "it doesn't compile: " + next((line for line in output.split("\n") if "error" in line), ""), 0
            status, output = run_tests(path, mutant.machine, mutant.cpu, mutant.tests, mutant.cpus, mutant.parallel, tool)
            name = tool or "plain QEMU"
            if status == 0:
                silent.append(name)
            else:
                noticed.append((name, "it hangs" if status is None else first_failure(output)))
    finally:
        with open(file, "w", encoding="utf-8") as restored:
            restored.write(text)
    seconds = time.monotonic() - began
    if not noticed:
        if mutant.why:
            return "explained", mutant.why, seconds
        return "survived", f"the rule: {mutant.rule}; tests: {mutant.tests} on {mutant.machine}", seconds
    if len(mutant.tools) == 1:
        return "killed", noticed[0][1], seconds
    how = "; ".join(f"{name}: {what}" for name, what in noticed)
    return "killed", how + (f"; without a symptom: {', '.join(silent)}" if silent else ""), seconds


def run_seeded(chosen):
    """The mutants in these files. True if all are killed or explained."""
    began = time.monotonic()
    keys = list(dict.fromkeys(key for mutant in chosen for key in keys_of(mutant)))
    progress = Progress()
    progress.total = len(keys)

    def well(key):
        wrong = judge_unchanged(key)
        progress.step("unchanged, " + " ".join(str(word) for word in key if word))
        return wrong

    def look(mutant):
        wrong = next((unchanged[key] for key in keys_of(mutant) if unchanged[key]), "")
        return ("stale", wrong, 0) if wrong else judge(mutant)

    with ThreadPoolExecutor(max_workers=workers()) as pool:
        unchanged = dict(zip(keys, pool.map(well, keys)))
        tally = told(pool, look, chosen, 40)
    print(f"{plural(len(chosen), 'mutant')}: " + ", ".join(f"{tally[verdict]} {verdict}" for verdict in VERDICTS)
          + f"; {time.monotonic() - began:.0f} seconds")  # fmt: skip
    return tally["killed"] + tally["explained"] == len(chosen)


def check_texts(chosen):
    """True if the text that each mutant changes is in the tree. `make check` asks; nothing is built."""
    stale = [(mutant.name, fault) for mutant in chosen if (fault := text_and_fault(mutant)[1])]
    for name, fault in stale:
        print(f"mutant {name}: {fault}; give it the text of today, in tests/mutants/")
    return not stale


def main():
    parser = argparse.ArgumentParser(prog="tests/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="*", help="only mutants whose names match this shell pattern, or one of several")
    parser.add_argument("--list", action="store_true", help="names and rules, nothing is run")
    parser.add_argument("--check", action="store_true", help="only look whether the texts that they change are in the tree")
    parser.add_argument("--random", type=int, metavar="N", help="instead: N changes of one operator or statement at random places")
    parser.add_argument("--seed", type=int, default=1, help="which N; the same for the same seed and tree")
    arguments = parser.parse_args()
    if arguments.random is not None:
        return 0 if chance.run(arguments.random, arguments.seed) else 1
    patterns = arguments.pattern.split()
    chosen = [mutant for mutant in MUTANTS if any(fnmatch.fnmatchcase(mutant.name, pattern) for pattern in patterns)]
    if not chosen:
        print(f'no mutant is called "{arguments.pattern}"; their names: python3 tests/mutants --list', file=sys.stderr)
        return 2
    if arguments.list:
        print("\n".join(f"{mutant.name:40} {mutant.rule}" for mutant in chosen))
        return 0
    return 0 if (check_texts if arguments.check else run_seeded)(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
