# SPDX-License-Identifier: MIT
"""Walks the page tables of a running Quire from outside and checks them against the words of its frames.

The machine is paused for a moment. Its kernel isn't called: memory comes over QMP, the roots from the CPUs' registers
over the gdb stub, and struct inspect_root has the addresses of everything. `make qemu-MACHINE` opens both sockets.
"""

import argparse
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import outdir  # noqa: E402
from ptwalk.attach import CANT_LOOK, look  # noqa: E402
from ptwalk.checks import CHECKS, check_all, tell  # noqa: E402
from ptwalk.elf import Kernel  # noqa: E402
from ptwalk.walk import PAGE, walk_all  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(
        prog="ptwalk", description=__doc__, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="It checks:\n" + "\n".join(f"  - {check.__doc__}" for check in CHECKS)
        + "\n\nStatus: 0 nothing to complain about, 1 complaints, 2 the machine can't be read.",
    )  # fmt: skip
    parser.add_argument("machine", help="the machine's name, as in make qemu-MACHINE")
    parser.add_argument("--kernel", help="its ELF file (build/MACHINE/quire.elf)")
    parser.add_argument("--qmp", help="QEMU's QMP socket (build/MACHINE/qmp.sock)")
    parser.add_argument("--gdb", help="QEMU's gdb stub, a socket (build/MACHINE/gdb.sock); \"none\": don't look at registers")
    parser.add_argument("--list", action="store_true", help="also print every run of entries in user space")
    return parser.parse_args()


def summary(picture, walk):
    """A summary of the walk, in a few lines."""
    frames = {kind: sum(run.frames for run in walk.runs if run.space.kind == kind) for kind in ("user", "guest")}
    yield f"{len(walk.spaces)} address spaces, {len(walk.tables)} page tables, {len(walk.runs)} runs of entries"
    for space in walk.spaces:
        tables = sum(table.space is space for table in walk.tables)
        runs = [run for run in walk.runs if run.space is space]
        yield (f"  {space}: root {space.root:#x}, {tables} tables, {sum(run.frames for run in runs)} frames "
               f"in {len(runs)} runs")  # fmt: skip
    for register, values in picture.registers.items():
        yield f"  {register}: " + " ".join(f"{value:#x}" for value in values)
    yield f"{frames['user']} frames mapped by processes, {frames['guest']} by guests"


def list_runs(walk):
    for run in walk.runs:
        if run.space.kind != "kernel":
            end = run.virtual + run.frames * PAGE
            yield f"  {run.space}: {run.virtual:#x}-{end:#x} {run.flags}, level {run.level}, frame {run.pfn:#x} + {run.frames}"


def main():
    arguments = parse_arguments()
    folder = f"{outdir.FOLDER}/{arguments.machine}"
    start = time.monotonic()
    try:
        gdb = arguments.gdb or f"{folder}/gdb.sock"
        picture = look(Kernel(arguments.kernel or f"{folder}/quire.elf"), arguments.qmp or f"{folder}/qmp.sock",
                       None if gdb == "none" else gdb)  # fmt: skip
        walk = walk_all(picture)
        complaints = check_all(picture, walk)
    except CANT_LOOK as error:
        print(f"ptwalk: {error}", file=sys.stderr)
        return 2
    print("\n".join(summary(picture, walk)))
    if arguments.list:
        print("\n".join(list_runs(walk)))
    print("\n".join(tell(complaints)))
    print(f"{len(complaints)} complaints, {time.monotonic() - start:.2f} s" if complaints else
          f"nothing to complain about, {time.monotonic() - start:.2f} s")  # fmt: skip
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
