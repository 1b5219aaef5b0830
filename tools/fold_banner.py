#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Passes a machine's console on, byte by byte, except for the banner of its firmware: this becomes one line.

usage: QEMU ... | fold_banner.py NAME LAST

NAME begins the line with the firmware's name and version; LAST begins the last line of its banner. All is held back
until the kernel's first line comes; then the banner is folded, and its lines that aren't in the form of a banner (an
error of the firmware's or of QEMU's) are shown, as is all that follows it. If the kernel says nothing for PATIENCE
seconds, or the console ends before, everything is shown as it came.
"""

import os
import re
import select
import signal
import sys
import time

PATIENCE = 5
KERNEL = b"Quire "  # its first line begins so
# Nothing, a piece of a drawing, or "Name of something : value".
BANNER = re.compile(rb"^(\s.*|[A-Z][A-Za-z0-9 ]*: .*)?$")


def put(data):
    """Writes it all. QEMU makes the terminal non-blocking, and this is the same terminal."""
    while data:
        try:
            data = data[os.write(1, data) :]
        except BlockingIOError:
            select.select([], [1], [])


def begins(lines, words):
    return next((number for number, line in enumerate(lines) if line.startswith(words)), None)


def fold(held, name, last):
    """What to show of the text that is held back; None: the kernel hasn't spoken yet."""
    lines = held.split(b"\n")
    speaks = begins(lines, KERNEL)
    if speaks is None:
        return None
    begin, end = begins(lines[:speaks], name), begins(lines[:speaks], last)
    if begin is None or end is None:
        return held
    banner = lines[:begin] + lines[begin + 1 : end]
    others = [line for line in banner if not BANNER.match(line.rstrip(b"\r"))]
    told = b"[run]   " + lines[begin].strip() + b"; V=1 shows its banner"
    return b"\n".join([told, *others, *lines[end + 1 :]])


def main():
    if len(sys.argv) != 3:
        print(__doc__.strip())
        return 0 if sys.argv[1:] == ["--help"] else 1
    name, last = (os.fsencode(word) for word in sys.argv[1:])
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # this ends when QEMU does
    held, end = b"", None
    while True:
        left = None if end is None else max(0, end - time.monotonic())
        data = os.read(0, 65536) if select.select([0], [], [], left)[0] else None
        held += data or b""
        if end is None and data:
            end = time.monotonic() + PATIENCE
        shown = fold(held, name, last) if data else held
        if shown is not None:
            put(shown)
            break
    while data is None or data:
        data = os.read(0, 65536)
        put(data)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except BrokenPipeError:
        sys.exit(1)
