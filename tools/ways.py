# SPDX-License-Identifier: MIT
"""Compares the line numbers in docs/ways.md with the tree. `make check` runs this.

A place in the page is `FILE:LINE NAME` or `FILE:LINE NAME in FUNCTION`. The first form means the line on which NAME is
defined: a function, a macro, a label, a table, a struct. The second form means a line of FUNCTION that has the word
NAME; if there are several such lines, any of them is right.

Status 1 if a place is wrong. With --fix the page gets the right lines where the names are still there.
"""

import argparse
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PLACE = re.compile(r"`(?P<file>[\w./-]+\.(?:c|h|S)):(?P<line>\d+) (?P<name>\w+)(?: in (?P<inside>\w+))?`")
LIKE_A_PLACE = re.compile(r"`[^`\n]*\.(?:c|h|S):\d[^`]*`")
COMMENT = re.compile(r"^(\s*/?\*|\s*//|#\s*[a-z]* )")


def defines(name, line):
    """Whether this line of C or assembly defines the name."""
    if re.match(rf"(FUNC\({name}\)|{name}:|\.macro {name}\b|#define {name}\b)", line):
        return True
    if not re.match(r"[A-Za-z_]", line):
        return False
    function = re.search(rf"\b{name}\(", line) and not line.rstrip().endswith(";")
    table = re.search(rf"\b{name}(\[\w*\])?( =|;$| \{{$)", line)
    return bool(function or table)


def definitions(lines, name):
    """Numbers of all lines that define the name."""
    return [number for number, line in enumerate(lines, 1) if defines(name, line)]


def body(lines, first):
    """Numbers of the lines of what is defined on line `first`: up to a closing brace, or to the next label."""
    line = lines[first - 1]
    assembly = re.match(r"FUNC\(|\w+:|\.macro", line)
    last = r"FUNC\(|END\(|\w+:|\.endm" if assembly else r"\}"
    if not assembly and line.rstrip().endswith("}"):
        return range(first, first + 1)
    end = next((n for n in range(first + 1, len(lines) + 1) if re.match(last, lines[n - 1])), len(lines))
    return range(first, end + 1)


def right_lines(lines, name, inside):
    """The lines that a place may name, in their order; none: the tree doesn't have it."""
    if not inside:
        return definitions(lines, name)
    starts = definitions(lines, inside)
    return [n for first in starts for n in body(lines, first)
            if re.search(rf"\b{name}\b", lines[n - 1]) and not COMMENT.match(lines[n - 1])]  # fmt: skip


def lines_of(file, cache={}):
    if file not in cache:
        try:
            with open(os.path.join(ROOT, file), encoding="utf-8") as source:
                cache[file] = source.read().split("\n")
        except OSError:
            cache[file] = None
    return cache[file]


def fault_of(place):
    """What is wrong with a place, and its right line if there is one."""
    file, line, name, inside = place["file"], int(place["line"]), place["name"], place["inside"]
    lines = lines_of(file)
    if lines is None:
        return f"there is no file {file}", None
    right = right_lines(lines, name, inside)
    what = f"{name} in {inside}()" if inside else f"the definition of {name}"
    if not right:
        return f"{file} doesn't have {what}", None
    if line in right:
        return None, line
    near = min(right, key=lambda n: abs(n - line))
    return f"{what} is on line {near} of {file}, not on line {line}", near


def main():
    parser = argparse.ArgumentParser(prog="tools/ways.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--fix", action="store_true", help="write the right lines into the page")
    parser.add_argument("page", nargs="?", default=os.path.join(ROOT, "docs", "ways.md"))
    arguments = parser.parse_args()
    with open(arguments.page, encoding="utf-8") as file:
        text = file.read()
    page, places, faults, repaired = os.path.relpath(arguments.page), 0, 0, 0

    def look(match):
        nonlocal places, faults, repaired
        places += 1
        fault, line = fault_of(match)
        if not fault:
            return match[0]
        if arguments.fix and line:
            repaired += 1
            return match[0].replace(f":{match['line']} ", f":{line} ", 1)
        faults += 1
        print(f"{page}:{text.count(chr(10), 0, match.start()) + 1}: {fault}")
        return match[0]

    for match in LIKE_A_PLACE.finditer(text):
        if not PLACE.fullmatch(match[0]):
            faults += 1
            print(f"{page}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]} isn't of the form `FILE:LINE NAME`")
    fresh = PLACE.sub(look, text)
    if fresh != text:
        with open(arguments.page, "w", encoding="utf-8") as file:
            file.write(fresh)
    if not places:
        print(f"{page}: has no place of the form `FILE:LINE NAME`")
        return 1
    if repaired:
        print(f"[ways]  {page}: {repaired} lines were written anew")
    if faults and not arguments.fix:
        print("[ways]  to write the right lines: python3 tools/ways.py --fix")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
