#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The ultravisor's tables for docs/ultravisor.md, made from the data in uv/core/rules.c.

Without arguments: checks that the page holds these tables; status 1 if it doesn't. --write writes them to the page.
"""

import re
import sys

SOURCE, PAGE = "uv/core/rules.c", "docs/ultravisor.md"
RULE = re.compile(r"\{UV_(\w+), UV_BY_(\w+), UV_(\w+), ([\w |]+), UV_(\w+)\}")
CALLS = re.compile(r"\[UV_(\w+)\] = ([^,]+),")
FRESH = ("LOADING", "EMPTY", "BACK", "PRESENT", "PREPARED")
CONDITIONS = {
    "MINE": "the guest's, at that page",
    "EMPTY": "the guest has no frame there",
    "LOADING": "the guest is being loaded",
    "BACK": "not lent by a hole",
    "PRESENT": "in the direct map",
    "PREPARED": "the direct map can let go of it",
}
EFFECTS = {
    "KEEP": "",
    "ZERO": "zeroed",
    "HIDE": "out of the direct map",
    "ZERO_HIDE": "out of the direct map, zeroed",
    "SHOW": "into the direct map",
    "ZERO_SHOW": "zeroed, into the direct map",
}
STATES = ("LOADING", "READY", "ASKING", "RUNNING", "STOPPED", "DEAD")


def conditions(text):
    names = [word.removeprefix("UV_IF_") for word in text.replace(" ", "").split("|")]
    names = [name for word in names for name in (FRESH if word == "FRESH" else (word,))]
    return ", ".join(CONDITIONS[name] for name in names)


def frame_table(text):
    yield "| a frame in | call | becomes | if it is | and it is |"
    yield "| --- | --- | --- | --- | --- |"
    for before, by, after, needs, effect in RULE.findall(text):
        call = f"guest: {by.lower()}" if by in ("SHARE", "UNSHARE") else f"UV_{by}"
        yield f"| {before} | {call} | {after} | {conditions(needs)} | {EFFECTS[effect]} |"


def call_table(text):
    yield "| call | " + " | ".join(STATES) + " |"
    yield "| --- |" + " --- |" * len(STATES)
    table = text.split("calls[UV_NR_CALLS] = {", 1)[1]
    for call, states in CALLS.findall(table[: table.index("};")]):
        states = states.replace("ALIVE", "IN(LOADING) | IN(READY) | IN(ASKING) | IN(STOPPED)")
        cells = ["yes" if f"IN({state})" in states else "-EBUSY" if state == "RUNNING" else "-EPERM" for state in STATES]
        yield f"| UV_{call} | " + " | ".join(cells) + " |"


def filled(page, text):
    for name, make in (("frames", frame_table), ("calls", call_table)):
        begin, end = f"<!-- {name}: made by tools/uv_tables.py -->\n", f"<!-- end of {name} -->"
        head, rest = page.split(begin, 1)
        page = head + begin + "\n".join(make(text)) + "\n" + end + rest.split(end, 1)[1]
    return page


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        print("usage: tools/uv_tables.py [--write]")
        return 2
    with open(SOURCE, encoding="utf-8") as source, open(PAGE, encoding="utf-8") as page:
        text, old = source.read(), page.read()
    new = filled(old, text)
    if sys.argv[1:]:
        with open(PAGE, "w", encoding="utf-8") as page:
            page.write(new)
    elif new != old:
        print(f"{PAGE} doesn't say what {SOURCE} says: tools/uv_tables.py --write")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
