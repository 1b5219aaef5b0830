# SPDX-License-Identifier: MIT
"""Quire's tests and measurements, run from outside. People type `make test`, `make test-MACHINE`, `make bench`.

The options CPUS MEM SEED TEST EXTRA_TESTS APPEND come in the environment, as make exports them.
"""

import argparse
import os
import signal
import sys
from collections import Counter
from dataclasses import replace

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.runner import bench, boot, cachesan, cachesan_cases, harness, native, report  # noqa: E402
from tests.runner.campaign import Progress, campaign, processors  # noqa: E402
from tests.runner.machine import Machine, Stopped, stop_all  # noqa: E402
from tests.runner.plan import Options  # noqa: E402

RESULTS = "build/test-results.json"
# Code that one CPU writes while others run it: under -icount an interrupt, and so a fence, comes between the two.
RACED_SUITES = ("cache", "jit")
STALE_MEMORY = "2G"  # with ICACHE=stale half of it is shadows


def options_from_environment():
    """The options that make was given."""
    value = os.environ.get
    return Options(
        pattern=value("TEST") or "*",
        seed=int(value("SEED") or 1),
        memory=value("MEM") or (STALE_MEMORY if value("ICACHE") else "1G"),
        cpus=(int(value("CPUS")),) if value("CPUS") else (1, 4),
        append=(value("APPEND") or "").split(),
        extra_tests=value("EXTRA_TESTS") or "",
        cpu=value("CPU") or "",
        cachesan=value("CACHESAN") == "1",
        parallel=value("PARALLEL") == "1",
        icache=value("ICACHE") or "",
        first=value("FIRST") == "1",
    )


def machine_for(arch, options):
    """The machine that a campaign with these options runs on."""
    return Machine(arch, cpu=options.cpu, cachesan=options.cachesan, icache=options.icache, parallel=options.parallel)


def campaigns(values, options, thorough, checked):
    """The campaigns beside the usual one: (whether it runs, its changes of the options). `values`: build.mk's values
    for the machine; `checked`: it can run under cachesan."""
    asked, most = os.environ.get, max(options.cpus)
    once = options.cpus if asked("CPUS") else (most,)
    rest = tuple(cpus for cpus in options.cpus if not (thorough and cpus in once))
    really = max(2, min(most, processors()))  # no more CPUs than can really run at the same time
    return (
        # everything under cachesan
        (checked and thorough, {"cachesan": True, "cpus": once}),
        # under cachesan the suites that load or write code
        (checked and rest, {"cachesan": True, "suites": tuple(values["CACHESAN_SUITES"].split()), "cpus": rest}),
        # the same with CPUs that run at the same time
        (checked and most > 1, {"cachesan": True, "suites": RACED_SUITES, "parallel": True, "cpus": (really,)}),
        # suites for a feature that only another CPU model has
        (values["OTHER_CPU"], {"cpu": values["OTHER_CPU"], "suites": tuple(values["OTHER_CPU_SUITES"].split())}),
        # everything with instruction caches that can be stale
        (thorough, {"icache": "stale", "memory": asked("MEM") or STALE_MEMORY, "cpus": once}),
    )


def plans(arches, options, thorough):
    """(machine, options) of each campaign: all tests on the usual CPU, then campaigns(). Options that name one kind of
    machine (CPU=, CACHESAN=1, ICACHE=stale, PARALLEL=1) ask for that one alone."""
    for arch in arches:
        machine = machine_for(arch, options)
        suites = machine.values["CACHESAN_SUITES"]
        reason = cachesan.why_not(machine.values["QEMU"]) if suites else "its caches are coherent, there is nothing to check"
        if options.cachesan and reason:
            print(f"{arch}: {reason}; without cachesan:")
            machine.cachesan = False
        yield machine, options
        if options.icache or options.cachesan or options.cpu or options.parallel:
            continue
        if suites and reason:
            print(f"{arch}: {reason}")
        checked = suites and not reason and os.environ.get("CACHESAN") != "0"
        for runs, changes in campaigns(machine.values, options, thorough, checked):
            if runs:
                changed = replace(options, **changes)
                yield machine_for(arch, changed), changed


def run_tests(arches, native_forms, harness_arches, thorough):
    """`test`: the native programs, every machine, then the tests of this runner. True if nothing failed."""
    options = options_from_environment()
    progress = Progress()
    everything, told = [], []
    if native_forms:
        verdicts = native.run(native_forms, options, progress)
        print("\n".join(native.table(verdicts)) + "\n", flush=True)
        everything += verdicts
        told += [(verdict, native.again(verdict, options)) for verdict in verdicts if verdict.verdict == "fail"]
    for machine, used, verdicts in campaign(plans(arches, options, thorough), progress):
        if verdicts:
            title = f"{machine.arch} {machine.kind}".rstrip()
            print("\n".join(report.table(title, verdicts)) + "\n", flush=True)
        everything += verdicts
        told += [(verdict, used.again(verdict)) for verdict in verdicts if verdict.verdict == "fail"]
    verdicts = []
    enough = options.first and any(verdict.verdict == "fail" for verdict in everything)
    if arches and not options.extra_tests and not options.icache and not enough:
        verdicts = boot.run([Machine(arch) for arch in arches], options.pattern)
    if verdicts:
        print("\n".join(boot.table(verdicts)) + "\n", flush=True)
    everything += verdicts
    told += [(verdict, f"make test-{verdict.arch} TEST={verdict.name}") for verdict in verdicts if verdict.verdict == "fail"]
    if harness_arches:
        verdicts = harness.run(harness_arches, progress) + cachesan_cases.run([Machine(arch) for arch in harness_arches])
        print("\n".join(harness.table(verdicts)) + "\n", flush=True)
        everything += verdicts
        told += [(verdict, "make test-harness") for verdict in verdicts if verdict.verdict == "fail"]
    return finish(everything, told, options)


def finish(everything, told, options):
    """Failures, reasons to skip, results for programs, the last line."""
    for block in report.failures(told):
        print("\n".join(block) + "\n")
    lines = report.skipped(everything)
    if lines:
        print("\n".join(lines) + "\n")
    counts = Counter(verdict.verdict for verdict in everything)
    report.write_json(RESULTS, everything, counts)
    if not everything:
        print(f'no test matches "{options.pattern}"')
    print(report.last_line(counts))
    return counts["fail"] == 0 and bool(everything)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tests/runner", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    test = commands.add_parser("test", help="run tests; the last line is `N passed, N failed, N skipped`")
    test.add_argument("--harness", default="", help="also test this runner, with the harness builds of these machines")
    test.add_argument("--native", default="", help="also run these programs of tests/native")
    test.add_argument("--thorough", action="store_true", help="also all tests under cachesan, and with ICACHE=stale")
    test.add_argument("machine", nargs="*")
    figures = commands.add_parser("bench", help="count guest instructions per operation")
    figures.add_argument("machine", nargs="+")
    return parser.parse_args()


def interrupted(_signal, _frame):
    stop_all.set()


def main():
    arguments = parse_arguments()
    signal.signal(signal.SIGINT, interrupted)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        if arguments.command == "bench":
            return 0 if bench.run(arguments.machine) else 1
        return 0 if run_tests(arguments.machine, arguments.native.split(), arguments.harness.split(), arguments.thorough) else 1
    except Stopped:
        print("\nstopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 1


if __name__ == "__main__":
    sys.exit(main())
