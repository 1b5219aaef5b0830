# SPDX-License-Identifier: MIT
"""Searches the model of a call, call.pml, whole; then with one part of it taken out, when something has to be found.

usage: python3 -B tests/model/check.py PROGRAM [--test PATTERN]
PROGRAM is what model.mk has built. It takes its switches from the environment: `init` in call.pml.
"""

import argparse
import os
import re
import subprocess
import sys
from fnmatch import fnmatchcase

LABEL = "tests/model/call.pml"
DEEP = ["-m20000", "-w24"]  # so many steps; room for 2^24 states before the table grows
WALL = 600  # seconds a search; a whole one takes a quarter of a minute

# A search, and what is switched on in it. CLOSES=0: the endpoint is closed only when the caller has ended.
SEARCHES = {
    "model.two_calls": {"CALLS": 2, "CLOSES": 0},
    "model.two_calls_by_the_short_cut": {"CALLS": 2, "SHORT": 1, "LIMITS": 1, "CLOSES": 0},
    "model.a_call_by_the_short_cut_and_a_close": {"SHORT": 1},
    "model.a_server_with_a_time_limit": {"LIMITS": 1},
    "model.reply_objects_and_windows": {"OBJECTS": 1, "WINDOWS": 1},
}

# A fault of call.pml, by its number, and a search that has to find it.
FAULTS = {
    "model.found.a_late_reply_is_believed": {"FAULT": 1, "CALLS": 2, "CLOSES": 0},
    "model.found.a_withdrawn_call_is_not_counted": {"FAULT": 2, "CALLS": 2, "CLOSES": 0},
    "model.found.a_closed_call_goes_without_the_lock": {"FAULT": 3},
    "model.found.a_caller_looks_before_it_announces": {"FAULT": 4},
    "model.found.an_answer_gives_up_at_a_copy": {"FAULT": 5, "OBJECTS": 1, "WINDOWS": 1},
    "model.found.a_window_is_copied_without_a_hold": {"FAULT": 6, "WINDOWS": 1},
    "model.found.a_duty_dies_with_its_server": {"FAULT": 7},
    "model.found.the_short_cut_does_not_look": {"FAULT": 8, "CALLS": 2, "SHORT": 1, "CLOSES": 0},
}


def spin(program, switches, *options):
    """What the program prints. It leaves the steps to an error in its own folder."""
    path = os.path.abspath(program)
    environment = {name: str(value) for name, value in switches.items()}
    done = subprocess.run(
        [path, *(options or DEEP)], cwd=os.path.dirname(path), env=environment, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=WALL, check=False, text=True, errors="replace",
    )  # fmt: skip
    return done.stdout


def judge(output, has_fault):
    """Has the search ended as it has to? A search that was too long, or too deep, has not."""
    if has_fault:
        return re.search(r"^pan:1: (assertion violated|invalid end state)", output, re.M) is not None
    whole = "Search not completed" not in output and "max search depth too small" not in output
    return whole and re.search(r"errors: 0$", output, re.M) is not None


def explain(program, name, switches, output):
    """The lines behind a failure."""
    if "FAULT" in switches:
        lines = ["nothing was found", "rule: the model without this part goes wrong"]
    else:
        steps = spin(program, switches, "-r", "call.pml.trail") if "wrote" in output else ""
        steps = steps.replace(os.path.abspath(LABEL), "call.pml")
        lines = [*output.splitlines()[:1], *re.findall(r"^ *\d+:\tproc.*|^\t\S.*", steps, re.M)]
        lines.append("rule: each call ends in one way, nobody waits for ever, and every reference is dropped once")
    return [*lines, f"again: make test-native NATIVE=model TEST={name}"]


def run(program, number, name, switches):
    """One search, and its line. True: it has ended as it has to."""
    try:
        output = spin(program, switches)
    except subprocess.TimeoutExpired:
        output = f"not through after {WALL} seconds"
    good = judge(output, "FAULT" in switches)
    states = re.search(r"(\d+) states, stored", output)
    print(f"{'ok' if good else 'not ok'} {number} {name} # {LABEL} # {states.group(1) if states else 0} states", flush=True)
    if not good:
        print("\n".join("  " + line for line in explain(program, name, switches, output)), flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description="Searches the model of a call.")
    parser.add_argument("program", help="what tests/model/model.mk has built")
    parser.add_argument("--test", default="*", metavar="PATTERN", help="only these searches")
    options = parser.parse_args()
    chosen = {name: switches for name, switches in (SEARCHES | FAULTS).items() if fnmatchcase(name, options.test)}
    print(f"1..{len(chosen)}", flush=True)
    good = [run(options.program, number, *search) for number, search in enumerate(chosen.items(), 1)]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
