# SPDX-License-Identifier: MIT
"""Measurements: guest instructions per operation, beside those of other kernels.

The release kernel runs with one CPU and -icount, so a value is a count that doesn't depend on the build machine. The
kernel (command line `bench`) and the program bench print lines "bench KEY VALUE"; each machine is measured twice.
A figure that has become worse than the one in docs/bench/figures.json is a failure; RECORD=1 writes today's figures there.
"""

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

from outdir import FOLDER

from .campaign import processors
from .machine import Machine

PEERS = "docs/bench/peers.json"
RECORD = "docs/bench/figures.json"
LINE = re.compile(r"^(?:\| )?bench ([a-z0-9_]+) ([0-9,]+(?:\.[0-9]+)?)$")
INIT_STARTS = re.compile(r"^init runs, ([0-9,]+) ticks of this CPU's counter after entry")
TOLERANCE = 0.01
WORSE = 0.03
MEMORY = "1G"
PAIRS = "ipc_pairs_{}"  # instructions of a round trip while so many pairs of programs have a CPU each
SCALE = "ipc_scale_{}"  # made of them: 1 if many pairs need no more than one does
PAIRS_CPUS = 8


class NoFigures(Exception):
    """A machine didn't come to its end."""


def number(text):
    """A figure as the machine prints it: "2,912,345" or "2.31"."""
    text = text.replace(",", "")
    return float(text) if "." in text else int(text)


def figures_of(console_lines):
    """All "bench KEY VALUE" lines."""
    return {match.group(1): number(match.group(2)) for line in console_lines if (match := LINE.match(line))}


def boot_to_user(console_lines):
    """The value that the kernel prints when it starts the first program."""
    return {"boot_to_user": number(match.group(1)) for line in console_lines if (match := INIT_STARTS.match(line))}


def scales(figures):
    """What a round trip costs alone, divided by what it costs while several pairs of programs run."""
    counts = [count for count in (2, 4, 8) if PAIRS.format(count) in figures]
    return {SCALE.format(count): round(figures[PAIRS.format(1)] / figures[PAIRS.format(count)], 3) for count in counts}


def boot(machine, append, cpus=1):
    ending = machine.boot(append, cpus, MEMORY, 1, silence=60)
    if ending.said_status != 0 or not machine.status_agrees(ending):
        last = "\n".join("  " + line for line in ending.lines if line.strip())
        raise NoFigures(f"{machine.arch}: the machine with \"{append}\" ended badly:\n{last[-2000:]}")
    return ending.lines


def measure(machine):
    """One machine once. The start is measured without the kernel's own benchmarks, which run before init."""
    figures = {"kernel_text_bytes": machine.text_bytes()}
    figures |= boot_to_user(boot(machine, 'run="hello"'))
    figures |= figures_of(boot(machine, 'bench run="driver bench; bench_ipc"'))
    figures |= figures_of(boot(machine, 'run="bench_cpus"', PAIRS_CPUS))
    return figures | scales(figures)


def differences(first, second):
    """Keys whose two figures are more than TOLERANCE apart."""
    return [
        key
        for key in sorted(first.keys() | second.keys())
        if abs(first.get(key, 0) - second.get(key, 0)) > TOLERANCE * max(first.get(key, 0), second.get(key, 0))
    ]


# --- table ---------------------------------------------------------------------------------------
def with_commas(value):
    """Two decimals where they matter, none behind large numbers."""
    if value is None:
        return "-"
    if value >= 1000 or value == int(value):
        return f"{round(value):,}"
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def limit_of(entry, machine):
    """A figure's limit: a number, or one for each machine with a usual one."""
    limit = entry.get("limit")
    return limit.get(machine.arch, limit.get("others")) if isinstance(limit, dict) else limit


def table(machine, figures, book):
    """The figures of one machine beside the book's limits and peers."""
    rows = [["", "Quire", "limit", "", *book["peers"].values()]]
    known = book["figures"]
    for key in [*known, *sorted(figures.keys() - known.keys())]:
        entry = known.get(key, {})
        value, limit = figures.get(key), limit_of(entry, machine)
        mark = "over" if over_limit(entry, machine, value) else ""
        peers = [with_commas(entry.get(peer, {}).get(machine.arch)) for peer in book["peers"]]
        rows.append([entry.get("title", key), with_commas(value), with_commas(limit), mark, *peers])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        lines.append("  ".join(cells).rstrip())
    return lines


def heading(machine):
    cpu = re.search(r"-cpu (\S+)", machine.values["QEMU_ARGS"])
    return (f"{machine.arch} (-cpu {cpu.group(1) if cpu else 'default'}, {MEMORY}, 1 CPU): "
            "guest instructions, release build")  # fmt: skip


def over_limit(entry, machine, value):
    """Whether a figure is over its limit; if the entry has "least": below it."""
    limit = limit_of(entry, machine)
    if value is None or limit is None:
        return False
    return value < limit if entry.get("least") else value > limit


def too_large(machine, figures, book):
    """Keys over their limits."""
    return [key for key, entry in book["figures"].items() if over_limit(entry, machine, figures.get(key))]


def missing(machine, figures, book):
    """Keys with a limit that nobody measured."""
    return [key for key in book["figures"] if limit_of(book["figures"][key], machine) is not None and key not in figures]


def worse(figures, recorded, book):
    """Keys that have become worse by more than WORSE: (key, recorded figure)."""
    least = {key for key, entry in book["figures"].items() if entry.get("least")}
    return [
        (key, old)
        for key, old in recorded.items()
        if (figures.get(key, old) < old * (1 - WORSE) if key in least else figures.get(key, 0) > old * (1 + WORSE))
    ]


def tell(machine, first, second, book, recorded):
    """Print one machine's table and what is wrong with it; True if nothing is."""
    print("\n".join([heading(machine), *table(machine, first, book)]))
    complaints = [f"{key}: two runs differ, {first.get(key)} and {second.get(key)}" for key in differences(first, second)]
    complaints += [f"{key}: not measured" for key in missing(machine, first, book)]
    complaints += [f"{key}: {first[key]:,}, but it was {old:,} before" for key, old in worse(first, recorded, book)]
    over = [f"{key}: {first[key]:,} is over the limit" for key in too_large(machine, first, book)]  # no failure
    print("".join(f"  ! {text}\n" for text in complaints + over), flush=True)
    return not complaints


def read_json(name):
    with open(name, encoding="utf-8") as file:
        return json.load(file)


def is_record(recorded):
    """Whether this is what RECORD=1 writes: a number for each key of each machine."""
    return isinstance(recorded, dict) and all(
        isinstance(figures, dict) and all(isinstance(figure, (int, float)) for figure in figures.values())
        for figures in recorded.values()
    )


def read_record(name):
    """The recorded figures. NoFigures: the file is damaged."""
    try:
        recorded = read_json(name)
    except (OSError, ValueError) as why:
        raise NoFigures(f"{name} can't be read: {why}") from why
    if not is_record(recorded):
        raise NoFigures(f"{name} isn't what RECORD=1 writes: numbers by key, for each machine")
    return recorded


def write_json(name, figures):
    with open(name, "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1, sort_keys=True)
        file.write("\n")


def run(arches):
    """Measure, print, write build/bench-<arch>.json. True if all is well."""
    try:
        book, recorded = read_json(PEERS), read_record(RECORD)
    except NoFigures as error:
        print(f"{error}. An older one is in the history; without it: echo {{}} >{RECORD}, and make bench RECORD=1")
        return False
    record = os.environ.get("RECORD") == "1"
    machines = [Machine(arch, "release") for arch in arches]
    good = True
    with ThreadPoolExecutor(max_workers=processors()) as pool:
        jobs = [(machine, pool.submit(measure, machine), pool.submit(measure, machine)) for machine in machines]
        for machine, first, second in jobs:
            try:
                figures = first.result()
                good &= tell(machine, figures, second.result(), book, {} if record else recorded.get(machine.arch, {}))
            except NoFigures as error:
                print(f"{error}\n")
                good = False
                continue
            write_json(f"{FOLDER}/bench-{machine.arch}.json", figures)
            recorded[machine.arch] = figures
    if record and good:
        write_json(RECORD, recorded)
    print("\n".join(book["conditions"]))
    return good
