# SPDX-License-Identifier: MIT
"""Compares the numbers of LOCK_ORDER() in the code with the table of locks in docs/design.md."""

import glob
import re
import sys

PAGE = "docs/design.md"
DECLARED = re.compile(r"^LOCK_ORDER(?:_NESTS|_STATIC)?\((\d+), ([^)]*)\)", re.MULTILINE)
ROW = re.compile(r"^\| (\d+) \| ([^|]*)\|", re.MULTILINE)


def last_name(text):
    """`memobj->lock`, memobj_cache, memobj, lock.sem.word, stacks' `lock`: all end in the lock's own name."""
    return re.findall(r"\w+", re.sub(r"\.(sem\.)?word\b|\.queue\b", "", text))[-1]


def main():
    if len(sys.argv) > 1:
        print(f"usage: tools/lock_order.py    compares LOCK_ORDER() with {PAGE}")
        return 0 if sys.argv[1] == "--help" else 2
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    rows = {int(number): text.strip() for number, text in ROW.findall(page[page.index("## Locks and their order") :])}
    wrong, found = [], 0
    for path in sorted(glob.glob("base/*.c") + glob.glob("mm/*/*.c") + glob.glob("uv/*/*.c") + glob.glob("kernel/*/*.c")):
        with open(path, encoding="utf-8") as file:
            for number, text in DECLARED.findall(file.read()):
                found += 1
                row = rows.get(int(number), "nothing")
                if last_name(row) != last_name(text):
                    wrong.append(f"{path}: LOCK_ORDER {number} is {text}; in {PAGE} number {number} is {row}")
    print("\n".join(wrong), end="\n" if wrong else "")
    return 1 if wrong or not found else 0


if __name__ == "__main__":
    sys.exit(main())
