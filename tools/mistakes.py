# SPDX-License-Identifier: MIT
"""Compares docs/mistakes.md with the texts that tests/kernel/mistakes_test.c expects: each has to be in the page."""

import re
import sys

TEST, PAGE = "tests/kernel/mistakes_test.c", "docs/mistakes.md"


def pieces(text):
    """The fixed parts of an expected text: numbers and quoted places may differ in the page."""
    return [part.strip() for part in re.split(r"0x[0-9a-f]+|\b\d+\b", text) if len(part.strip()) > 8]


def main():
    if len(sys.argv) > 1:
        print(f"usage: tools/mistakes.py    compares {PAGE} with {TEST}")
        return 0 if sys.argv[1] == "--help" else 2
    with open(TEST, encoding="utf-8") as file:
        expected = re.findall(r'EXPECT_PANIC\(\s*"([^"]*)"', file.read())
    with open(PAGE, encoding="utf-8") as file:
        page = " ".join(file.read().split())
    missing = [text for text in expected if not all(part in page for part in pieces(text))]
    for text in missing:
        print(f'{PAGE} doesn\'t explain "{text}", which {TEST} expects: give it a row')
    return 1 if missing or not expected else 0


if __name__ == "__main__":
    sys.exit(main())
