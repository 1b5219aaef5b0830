# SPDX-License-Identifier: MIT
"""Runs groups on machines, some at a time, and gives their verdicts in an order that never depends on the clock."""

import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from .judge import GroupRun
from .plan import list_tests

failed = Event()  # a test has failed


def processors():
    return len(os.sched_getaffinity(0))


class Progress:
    """A line that moves, on a terminal; elsewhere nothing."""

    def __init__(self):
        self.shown = sys.stdout.isatty()
        self.done = self.total = 0

    def step(self, name):
        self.done += 1
        if self.shown:
            print(f"\r\033[K[test]  {self.done} of {self.total}: {name}", end="", flush=True)

    def clear(self):
        if self.shown:
            print("\r\033[K", end="", flush=True)


def write_log(run):
    """Keep the full console of a group; its path."""
    name = re.sub(r"[^A-Za-z0-9]+", "_", run.group.file.removesuffix(".c")).strip("_")
    other = re.sub(r"[^A-Za-z0-9]+", "_", run.machine.kind.removeprefix("-cpu ")) + "-" if run.machine.kind else ""
    path = f"{run.machine.out}/logs/{name}-{other}{run.cpus}cpu.log"
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for boot in run.boots:
            file.write(" ".join(map(quoted, boot.command)) + "\n" + boot.console)
            file.write(f"\n[QEMU's exit status: {boot.qemu_status}{', stopped' if boot.timed_out else ''}]\n")
    return path


def quoted(word):
    return f"'{word}'" if re.search(r"[^A-Za-z0-9_./:=,+-]", word) else word


def run_one(machine, cpus, group, options, progress):
    """One job: a group's verdicts. With options.first, nothing runs after the first failure."""
    if options.first and failed.is_set():
        return []
    run = GroupRun(machine, cpus, group, options)
    verdicts = run.run()
    log = write_log(run)
    for verdict in verdicts:
        verdict.log = log if verdict.verdict == "fail" else ""
        if verdict.verdict == "fail":
            failed.set()
    progress.step(f"{machine.arch} {group.file}")
    return verdicts


def campaign(plans, progress):
    """Yield (machine, options, verdicts) for each plan, a machine and options, in order.

    Groups that use one host thread per CPU come last, one at a time, so that they have the processors to themselves.
    """
    with ThreadPoolExecutor(max_workers=processors()) as pool:
        for machine, options in plans:
            groups, verdicts = list_tests(machine, options)
            jobs = [(cpus, group) for cpus in options.cpus for group in groups]
            progress.total += len(jobs)
            together = [job for job in jobs if not (job[1].parallel or machine.parallel)]
            alone = [job for job in jobs if job[1].parallel or machine.parallel]
            for found in pool.map(lambda job, m=machine, o=options: run_one(m, *job, o, progress), together):
                verdicts += found
            for job in alone:
                verdicts += run_one(machine, *job, options, progress)
            progress.clear()
            yield machine, options, verdicts
