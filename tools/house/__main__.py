# SPDX-License-Identifier: MIT
"""Reads from the objects which file calls which, and checks that calls between rooms only go downward.

Four things are faults: a call into a room above the caller's, unless include/quire/upcalls.h or uv/core/enforce.h
declares the function, for these two rooms; a circle of more than three files that need each other; a file in no room; a
call of uv/core to a function outside lib that enforce.h doesn't declare. Only debug kernels are looked at, without tests/kernel/. The data is the
output of `nm` for build/MACHINE/obj/: the names that an object defines, and the names that it needs.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import defaultdict

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import outdir  # noqa: E402

# From the lowest room up. A file may call functions of its own room and of rooms before it. `boot/` runs first of all,
# and calls kernel_main(), which is an up-call.
ROOMS = ("lib", "arch", "base", "base/check", "boot",
         "mm/frames", "mm/check", "mm/tables", "mm/folios", "mm/parts", "mm/holes", "mm/spaces", "mm/faults", "mm",
         "uv/core", "uv/soft",
         "kernel/sched", "kernel/objects", "kernel/unix", "kernel/ipc", "look", "kernel/calls", "kernel/traps", "tests/machine", "kernel")  # fmt: skip
UPCALLS = "include/quire/upcalls.h"
ENFORCE = "uv/core/enforce.h"
SECTION = re.compile(r"--- [^:\n]*: ([\w/, ]+) -> ([\w/]+) -")  # "--- traps: arch -> kernel/traps ---", before its names
ENTRY = "boot_main"  # entry code to boot/: its arguments differ with the firmware, so no header declares it
CHECKS = "__ubsan_"  # calls that the compiler adds for its checks; they stand for faults, which may come anywhere
CIRCLE_MAX = 3
PICTURE = "docs/house.svg"


def room_of(file):
    """The innermost room that the file lies in."""
    fits = [room for room in ROOMS if file.startswith(room + "/")]
    return max(fits, key=len) if fits else None


def names_in(text):
    """The names that a part of a header declares: functions, and variables with `extern`."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    return set(re.findall(r"\b(\w+)\(", text)) | set(re.findall(r"^extern .*?(\w+)(?:\[\w*\])?;", text, re.MULTILINE))


def declared_upcalls():
    """{name: (rooms that may call it, its room)}"""
    with open(ENFORCE, encoding="utf-8") as header:
        declared = {name: (["uv/core"], "uv/soft") for name in names_in(header.read())}
    declared[ENTRY] = (["arch"], "boot")
    with open(UPCALLS, encoding="utf-8") as header:
        _, *parts = SECTION.split(header.read())
    for callers, callee, text in zip(parts[::3], parts[1::3], parts[2::3]):
        text = text[text.index("*/") + 2 :]  # the rest of the heading
        declared |= {name: (callers.split(", "), callee) for name in names_in(text)}
    return declared


def is_upcall(declared, caller, callee, name):
    """Whether `name` is declared for calls from the one file's room to the other's."""
    callers, room = declared.get(name, ((), ""))
    return room_of(callee) == room and any(room_of(caller) == one or room_of(caller).startswith(one + "/") for one in callers)


def read_objects(machine, nm):
    """({name: file that defines it}, {file: names that it needs}) of a machine's kernel."""
    top = f"{outdir.FOLDER}/{machine}/obj"
    defined = {}
    objects = sorted(os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names if name.endswith(".o"))
    sources = {path: os.path.relpath(path, top)[:-2] for path in objects}
    objects = [path for path in objects if os.path.exists(sources[path]) and not sources[path].startswith("tests/kernel/")]
    if not objects:
        raise SystemExit(f"[house] {top} holds no objects: build the kernel first, make build-{machine}")
    listing = subprocess.run([nm, "-A", *objects], capture_output=True, text=True, check=True).stdout
    wanted = {sources[path]: set() for path in objects}
    for line in listing.splitlines():
        path, symbol = line.split(":", 1)
        file = sources[path]
        kind, name = symbol.split()[-2:]
        if kind in "Uwv":
            wanted[file].add(name)
        elif kind.isupper():
            defined[name] = file
    return defined, wanted


def calls_of(machine, nm):
    """{(caller, callee): names}, files without themselves."""
    defined, wanted = read_objects(machine, nm)
    calls = defaultdict(set)
    for file, names in wanted.items():
        for name in names:
            if name in defined and defined[name] != file and not name.startswith(CHECKS):
                calls[file, defined[name]].add(name)
    return calls, set(wanted)


def circles_of(calls, files):
    """Sets of files that need each other, larger ones first (Tarjan 1972, without recursion)."""
    after = defaultdict(list)
    for caller, callee in calls:
        after[caller].append(callee)
    number, low, stack, circles = {}, {}, [], []
    for start in sorted(files):
        path = [(start, iter(after[start]))] if start not in number else []
        if path:
            number[start] = low[start] = len(number)
            stack.append(start)
        while path:
            file, rest = path[-1]
            step = next(rest, None)
            if step is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[file])
                if low[file] == number[file]:
                    at = stack.index(file)
                    circles.append(sorted(stack[at:]))
                    del stack[at:]
            elif step not in number:
                number[step] = low[step] = len(number)
                stack.append(step)
                path.append((step, iter(after[step])))
            elif step in stack:
                low[file] = min(low[file], number[step])
    return sorted((circle for circle in circles if len(circle) > 1), key=lambda circle: (-len(circle), circle))


def arrows_between_rooms(calls):
    """{(room, room): how many names}"""
    arrows = defaultdict(set)
    for (caller, callee), names in calls.items():
        if room_of(caller) != room_of(callee):
            arrows[room_of(caller), room_of(callee)] |= names
    return {rooms: len(names) for rooms, names in arrows.items()}


def faults_of(machine, calls, files):
    """One line each."""
    for file in sorted(files):
        if room_of(file) is None:
            yield f"{machine}: {file} lies in no room; tools/house/ lists them"
    for (caller, callee), names in sorted(calls.items()):
        if ROOMS.index(room_of(callee)) > ROOMS.index(room_of(caller)):
            yield f"{machine}: {caller} calls upward, {callee}: {', '.join(sorted(names))}"
        if room_of(caller) == "uv/core" and room_of(callee) not in ("uv/core", "lib"):
            yield f"{machine}: {caller} calls {callee}, which isn't lib or enforce.h: {', '.join(sorted(names))}"
    for circle in circles_of(calls, files):
        if len(circle) > CIRCLE_MAX:
            yield f"{machine}: {len(circle)} files need each other: {' '.join(circle)}"


def stale_picture(files):
    """A line for each room whose number of files isn't the picture's. arch/ has another number on each machine."""
    with open(PICTURE, encoding="utf-8") as picture:
        drawn = dict(re.findall(r">([\w/]+)/</text>\s*<text[^>]*>(\d+) files?<", picture.read()))
    for room in ROOMS:
        count = sum(room_of(file) == room for file in files)
        if room != "arch" and count != int(drawn.get(room, 0)):
            yield f"{PICTURE} shows {drawn.get(room, 0)} files in {room}/, and there are {count}: make house"


def print_house(calls, files):
    """A line for each room, from the top down: its files, and which rooms it calls by how many names."""
    arrows = arrows_between_rooms(calls)
    for room in reversed(ROOMS):
        inside = [file for file in files if room_of(file) == room]
        if not inside:
            continue
        below = sorted(((to, count) for (start, to), count in arrows.items() if start == room), key=lambda arrow: -ROOMS.index(arrow[0]))
        print(f"  {room:15} {len(inside):3} files  -> " + (", ".join(f"{to} {count}" for to, count in below) or "nothing"))
    sizes = [len(circle) for circle in circles_of(calls, files)]
    print(f"  circles of files: {', '.join(map(str, sizes)) if sizes else 'none'}")


def without_shortcuts(arrows):
    """The arrows without those that a way through other rooms replaces: A -> C is left out if there are A -> B and B
    ... -> C."""
    after = defaultdict(set)
    for start, to in arrows:
        after[start].add(to)

    def reaches(start, to):
        return to in after[start] or any(reaches(step, to) for step in after[start])

    return {(start, to) for start, to in arrows if not any(reaches(step, to) for step in after[start] - {to})}


def dot_of(calls, upward, files):
    """The picture for graphviz. An arrow is drawn if no way through other rooms replaces it. Declared up-calls are
    dashed, and the mouse shows their names."""
    lines = ["digraph house {", '  compound=true; nodesep=0.35; ranksep=0.45; bgcolor="#fbfaf7";',
             '  node [shape=box, style="rounded,filled", fillcolor="#f4efe4", fontname="sans-serif"];',
             '  edge [color="#44546a"];']  # fmt: skip
    rooms = [room for room in reversed(ROOMS) if any(room_of(file) == room for file in files)]
    for house in ("kernel", "uv", "mm"):
        lines.append(f'  subgraph "cluster_{house}" {{ label="{house}"; labeljust=l; fontname="sans-serif"; color="#b8b0a0";')
        lines += [f'    "{room}";' for room in rooms if room.split("/")[0] == house]
        lines.append("  }")
    for room in rooms:
        count = sum(room_of(file) == room for file in files)
        lines.append(f'  "{room}" [label="{room}/\\n{count} file{"s" * (count != 1)}"];')
    lines += [f'  "{start}" -> "{to}";' for start, to in sorted(without_shortcuts(arrows_between_rooms(calls)))]
    names = defaultdict(set)
    for (caller, callee), some in upward.items():
        if ROOMS.index(room_of(callee)) > ROOMS.index(room_of(caller)):
            names[room_of(caller), room_of(callee)] |= some
    for (start, to), some in sorted(names.items()):
        lines.append(f'  "{start}" -> "{to}" [style=dashed, color="#b5651d", constraint=false, tooltip="{" ".join(sorted(some))}"];')
    return "\n".join(lines + ["}"])


def main():
    parser = argparse.ArgumentParser(prog="tools/house", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dot", metavar="FILE", help="write the picture for graphviz, of the first machine")
    parser.add_argument("--quiet", action="store_true", help="print faults alone, not the house")
    parser.add_argument("machines", nargs="+", metavar="MACHINE=NM", help="a built machine and its nm, as in riscv=riscv64-linux-gnu-nm")
    arguments = parser.parse_args()
    declared, faults = declared_upcalls(), []
    for machine, _, nm in (word.partition("=") for word in arguments.machines):
        all_calls, files = calls_of(machine, nm or "nm")
        upward = {pair: {name for name in names if is_upcall(declared, *pair, name)} for pair, names in all_calls.items()}
        calls = {pair: names - upward[pair] for pair, names in all_calls.items() if names - upward[pair]}
        wrong = list(faults_of(machine, calls, files)) + ([] if arguments.dot else list(stale_picture(files)))
        faults += wrong
        if machine == arguments.machines[0].partition("=")[0] and not wrong:
            if not arguments.quiet:
                print_house(calls, files)
            if arguments.dot:
                with open(arguments.dot, "w", encoding="utf-8") as picture:
                    picture.write(dot_of(calls, upward, files) + "\n")
    print("\n".join(faults), end="\n" if faults else "")
    print(f"[house] {len(arguments.machines)} machines: {len(faults)} arrows and circles that mustn't be" if faults else
          f"[house] {len(arguments.machines)} machines: every arrow points down")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
