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

from tests.runner import bench, boot, cachesan, cachesan_cases, crash, harness, keyboard, native, report, results  # noqa: E402
from tests.runner.campaign import Progress, campaign, processors  # noqa: E402
from tests.runner.machine import Machine, Stopped, stop_all  # noqa: E402
from tests.runner.plan import Options  # noqa: E402

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
    """The options of what runs beside the usual campaign. `values`: what build.mk says of the machine; `checked`: it can
    run under cachesan."""
    asked, most = os.environ.get, max(options.cpus)
    once = options.cpus if asked("CPUS") else (most,)
    rest = tuple(cpus for cpus in options.cpus if not (thorough and cpus in once))
    really = (max(2, min(most, processors())),)  # each CPU really runs: others would only wait for their turns
    code = tuple(values["CACHESAN_SUITES"].split())
    other = values["OTHER_CPU"]
    memory = asked("MEM") or STALE_MEMORY
    table = (
        # whether it runs, then what it changes in the options
        (checked and thorough, {"cachesan": True, "cpus": once}),
        (checked and rest, {"cachesan": True, "cpus": rest, "suites": code}),
        (checked and most > 1, {"cachesan": True, "cpus": really, "suites": RACED_SUITES, "parallel": True}),
        (other, {"cpu": other, "suites": tuple(values["OTHER_CPU_SUITES"].split())}),
        (thorough, {"icache": "stale", "cpus": once, "memory": memory}),
    )
    return [replace(options, **changes) for runs, changes in table if runs]


def plans(arches, options, thorough):
    """(machine, options) of each campaign: all tests on the usual CPU, then campaigns(). Options that name one kind of
    machine (CPU=, CACHESAN=1, ICACHE=stale, PARALLEL=1) ask for that one alone."""
    alone = options.icache or options.cachesan or options.cpu or options.parallel
    for arch in arches:
        values = Machine(arch).values
        has_code = values["CACHESAN_SUITES"]
        reason = cachesan.why_not(values["QEMU"]) if has_code else "its caches are coherent, there is nothing to check"
        if options.cachesan and reason:
            print(f"{arch}: {reason}; without cachesan:")
        usual = replace(options, cachesan=options.cachesan and not reason)
        yield machine_for(arch, usual), usual
        if alone:
            continue
        if has_code and reason:
            print(f"{arch}: {reason}")
        checked = not reason and os.environ.get("CACHESAN") != "0"
        for changed in campaigns(values, options, thorough, checked):
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
        machines = [Machine(arch) for arch in arches]
        verdicts = boot.run(machines, options.pattern) + crash.run(machines, options.pattern)
        verdicts += keyboard.run(arches, options.pattern)
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
    results.write_all(everything, counts)
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
