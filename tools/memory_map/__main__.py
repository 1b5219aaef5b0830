# SPDX-License-Identifier: MIT
"""Draws the physical memory of a live machine as an SVG: by type of word, by folio, holes and broken frames marked.

`make memory-map-MACHINE` calls this: it starts a machine, lets it run a program, pauses it and reads its memory. With
--attach a machine that runs already (`make qemu-MACHINE`) is paused for a moment instead.
"""

import argparse
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tools")]

import outdir  # noqa: E402
from memory_map.svg import draw  # noqa: E402
from ptwalk.attach import CANT_LOOK, look  # noqa: E402
from ptwalk.elf import Kernel  # noqa: E402
from ptwalk.walk import walk_all  # noqa: E402
from tests.runner.machine import Machine  # noqa: E402
from tests.runner.paused import NeverCame, picture_when  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(prog="memory_map", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("machine", help="the machine's name, as in make qemu-MACHINE")
    parser.add_argument("--run", default="zoo", help="programs to run (zoo: memory of every kind)")
    parser.add_argument("--until", help="pause when the console shows these words (zoo: its last; else: silence)")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--attach", action="store_true", help="look at a machine that runs already")
    parser.add_argument("--qmp", help="its QMP socket (build/MACHINE/qmp.sock)")
    parser.add_argument("--kernel", help="its ELF file (build/MACHINE/quire.elf)")
    parser.add_argument("--output", help="build/MACHINE/memory-map.svg")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    folder = f"{outdir.FOLDER}/{arguments.machine}"
    try:
        if arguments.attach:
            kernel = Kernel(arguments.kernel or f"{folder}/quire.elf")
            picture, what = look(kernel, arguments.qmp or f"{folder}/qmp.sock", None), "a running machine"
        else:
            until = arguments.until or ("zoo: open" if arguments.run == "zoo" else "")
            programs = arguments.run if until else f"{arguments.run}; spin"  # without spin the machine would power off
            machine = Machine(arguments.machine, cpu=os.environ.get("CPU") or "")
            picture, _ = picture_when(machine, f'run="{programs}"', until, arguments.cpus, arguments.memory)
            what = f"it runs {programs}"
        text = draw(picture, walk_all(picture), what)
    except (*CANT_LOOK, NeverCame) as error:
        print(f"memory map: {error}", file=sys.stderr)
        return 1
    path = arguments.output or f"{folder}/memory-map.svg"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"[map]   {path}, {len(text) // 1024} KiB: open it in a browser")
    return 0


if __name__ == "__main__":
    sys.exit(main())
