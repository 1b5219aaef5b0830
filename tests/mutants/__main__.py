# SPDX-License-Identifier: MIT
"""Seeded bugs: each changes a few characters of the kernel, and the tests named with it must notice.

For each mutant a copy of the tree is changed, built and tested. A mutant is *killed* if a test fails, crashes, leaks or
hangs, or if it doesn't even boot; one that all tests let pass *survived*: a test is missing. One whose text is no
longer in the tree is *stale*. The last line is the score; the exit status is 0 if none survived and none is stale.
"""

import argparse
import fnmatch
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import local

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.mutants import caches, mm  # noqa: E402

MUTANTS = mm.MUTANTS + caches.MUTANTS

COPIED = ("Makefile", "build.mk", "arch", "boot", "include", "kernel", "lib", "linker", "mm", "tests", "tools", "user", "uv")
BASE = "build/mutants"
slot = local()
free_slots = []


def tree():
    """This worker's copy of the sources; made once, its objects are used again and again."""
    if not hasattr(slot, "path"):
        slot.path = f"{BASE}/{free_slots.pop()}"
        os.makedirs(slot.path, exist_ok=True)
        for name in COPIED:
            subprocess.run(["cp", "-rpuT", name, f"{slot.path}/{name}"], check=True)
    return slot.path


def make(path, goal, mutant, seconds, plain=True):
    """make in the copy, quietly; (status, output). Status None: it took too long."""
    words = ["make", "-s", "-C", path, goal, f"TEST={mutant.tests}", "SEED=1"]
    if mutant.cpu:
        words.append(f"CPU={mutant.cpu}")
    if mutant.cpus:
        words.append(f"CPUS={mutant.cpus}")
    words.append(f"CACHESAN={0 if plain else 1}")
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              timeout=seconds, check=False)  # fmt: skip
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as error:
        return None, (error.stdout or b"").decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""


def first_failure(output):
    """The line that says what noticed, for the report."""
    for line in output.split("\n"):
        if line.startswith("FAILED "):
            return line.removeprefix("FAILED ")
    return "the machine doesn't come up"


def judge(mutant):
    """(mutant, verdict, how)"""
    path = tree()
    file = f"{path}/{mutant.file}"
    with open(mutant.file, encoding="utf-8") as original:
        text = original.read()
    if text.count(mutant.old) != 1:
        return mutant, "stale", f"its text is {text.count(mutant.old)} times in {mutant.file}"
    try:
        with open(file, "w", encoding="utf-8") as changed:
            changed.write(text.replace(mutant.old, mutant.new))
        status, output = make(path, f"build-{mutant.machine}", mutant, 300)
        if status != 0:
            return mutant, "stale", "it doesn't compile: " + next((line for line in output.split("\n") if "error" in line), "")
        status, output = make(path, f"test-{mutant.machine}", mutant, 600)
        note = ""
        if mutant.cachesan:
            note = "; plain QEMU runs it without a symptom" if status == 0 else "; a test notices under plain QEMU too"
            status, output = make(path, f"test-{mutant.machine}", mutant, 900, plain=False)
    finally:
        with open(file, "w", encoding="utf-8") as restored:
            restored.write(text)
    if "no test matches" in output:
        return mutant, "stale", f"no test matches {mutant.tests}"
    if status == 0:
        return mutant, "survived", ""
    return mutant, "killed", ("it hangs" if status is None else first_failure(output)) + note


def main():
    parser = argparse.ArgumentParser(prog="tests/mutants", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pattern", nargs="?", default="*", help="only mutants whose names match this shell pattern")
    parser.add_argument("--list", action="store_true", help="names and rules, nothing is run")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if fnmatch.fnmatchcase(mutant.name, arguments.pattern)]
    if arguments.list:
        print("\n".join(f"{mutant.name:40} {mutant.rule}" for mutant in chosen))
        return 0
    workers = len(os.sched_getaffinity(0))
    free_slots.extend(range(workers))
    tally = {"killed": 0, "survived": 0, "stale": 0}
    with ThreadPoolExecutor(max_workers=workers) as pool:
        for mutant, verdict, how in pool.map(judge, chosen):
            tally[verdict] += 1
            note = how if verdict != "survived" else f"the rule: {mutant.rule}; tests: {mutant.tests} on {mutant.machine}"
            print(f"{verdict:9} {mutant.name:44} {note}", flush=True)
    print(f"{len(chosen)} mutants: {tally['killed']} killed, {tally['survived']} survived, {tally['stale']} stale")
    return 0 if chosen and tally["killed"] == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
