# SPDX-License-Identifier: MIT
"""Where mutants are built and tested: each worker has a copy of the tree under O, whose objects are used again."""

import filecmp
import os
import shutil
import signal
import subprocess
from collections import Counter
from threading import local

from tests.mutants.mutant import EXPLORE
from tests.runner.campaign import Progress

from outdir import FOLDER, USUAL  # tests.runner lets it be found

COPIED = ("Makefile", "build.mk", "arch", "base", "boot", "include", "kernel", "lib", "linker", "look", "mm", "tests", "tools", "user", "uv")
BASE = f"{FOLDER}/mutants"
slot = local()
free_slots = []


def workers():
    """One for each processor; their copies are free now."""
    count = len(os.sched_getaffinity(0))
    free_slots.extend(range(count))
    return count


def told(pool, look, mutants, width):
    """Looks at each, in the pool, and prints a line for each in their order; how many there were of each verdict."""
    tally, progress = Counter(), Progress()
    progress.total = len(mutants)

    def step(mutant):
        answer = look(mutant)
        progress.step(mutant.name)
        return answer

    for mutant, (verdict, how, seconds) in zip(mutants, pool.map(step, mutants)):
        tally[verdict] += 1
        progress.clear()
        print(f"{verdict:10} {mutant.name:{width}} {seconds:4.0f} s  {how}", flush=True)
    return tally


def files_below(top):
    return {os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names} if os.path.isdir(top) else {top}


def mirror(to):
    """The copy becomes the same as the tree; files that are the same already keep their times, and so their objects."""
    for top in COPIED:
        here = files_below(top)
        for gone in files_below(f"{to}/{top}") - {f"{to}/{path}" for path in here} - {f"{to}/{top}"}:
            os.remove(gone)
        for path in here:
            if not os.path.exists(f"{to}/{path}") or not filecmp.cmp(path, f"{to}/{path}", shallow=False):
                os.makedirs(os.path.dirname(f"{to}/{path}"), exist_ok=True)
                shutil.copy(path, f"{to}/{path}")


def tree():
    """This worker's copy of the sources; its objects are reused."""
    if not hasattr(slot, "path"):
        slot.path = f"{BASE}/{free_slots.pop()}"
        mirror(slot.path)
    return slot.path


def make(path, seconds, *words):
    """Run make in the copy, quietly; (status, output). Status None: it took too long and was ended, with all its
    processes."""
    child = subprocess.Popen(["make", "-s", "-C", path, f"O={USUAL}", *words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                             start_new_session=True)  # fmt: skip
    try:
        output, _ = child.communicate(timeout=seconds)
        return child.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        return None, child.communicate()[0]


def build(path, machine, cpu, tool):
    if machine == EXPLORE:
        return make(path, 300, "-f", "tests/explore/explore.mk")
    if machine.startswith("native"):
        return make(path, 300, "-f", "tests/native/native.mk", f"FORM={machine}")
    return make(path, 300, f"build-{machine}", *([f"CPU={cpu}"] if cpu else []), *(["ICACHE=stale"] if tool == "stale" else []))


def run_tests(path, machine, cpu, tests, cpus, parallel, tool, first=False):
    """With a tool ("cachesan", "stale") or without (""). `first`: the first failure is enough."""
    common = [f"TEST={tests}", "SEED=1", *([f"CPU={cpu}"] if cpu else []), *([f"CPUS={cpus}"] if cpus else []),
              *(["PARALLEL=1"] if parallel else []), *(["FIRST=1"] if first else [])]  # fmt: skip
    if machine == EXPLORE:
        return make(path, 300, "explore", "CHANGES=1", f"TEST={tests}")
    if machine.startswith("native"):
        return make(path, 240, "test-native", f"NATIVE={machine}", *common)
    how = "ICACHE=stale" if tool == "stale" else f"CACHESAN={int(tool == 'cachesan')}"
    return make(path, 600, f"test-{machine}", how, *common)


def first_failure(output):
    """The line that says what noticed, for the report."""
    for line in output.split("\n"):
        if line.startswith("FAILED "):
            return line.removeprefix("FAILED ")
        if line.startswith("not ok "):  # make explore
            return line.split()[3]
    return "the machine doesn't come up"
