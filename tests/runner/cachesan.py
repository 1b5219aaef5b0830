# SPDX-License-Identifier: MIT
"""Machines under cachesan, tests/plugin/cachesan: which plugin, with which options, and what its lines mean.

The plugin writes where QEMU writes, each line between two control characters, so it may cut a console line in two. This
file takes its lines out and puts them in front of the console line in which they were found. The test with the next
verdict fails because of them.
"""

import re
import subprocess
from bisect import bisect_right
from functools import cache

from outdir import FOLDER

FRAMED = re.compile("\x1e(.*?)\x1f", re.DOTALL)
PREFIX = "cachesan: "
REPORT = "ran unsynchronised code"
SUMMARY = re.compile(r"^cachesan: (\d+) reports, ")
WORK = re.compile(r"; (\d+) stored words checked when executed, (\d+) maintenance operations")
PLUGIN = FOLDER + "/plugin/cachesan-api{}.so"
# The interface version for each QEMU version and later ones; None: there is no plugin for these.
APIS = (((7, 0), 1), ((9, 0), None), ((9, 2), 4), ((10, 1), None), ((11, 0), 7))


@cache
def api_of(qemu):
    """(version of the plugin interface or None, QEMU's version)."""
    text = subprocess.run([qemu, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)\.(\d+)", text)
    version = (int(match.group(1)), int(match.group(2))) if match else (0, 0)
    found = None
    for since, api in APIS:
        if version >= since:
            found = api
    return found, version


def why_not(qemu):
    """Why this QEMU can't run the plugin; None if it can."""
    api, version = api_of(qemu)
    return None if api else "cachesan isn't built for the plugin interface of QEMU {}.{}".format(*version)


def needs_threads(qemu):
    """From 10.0 on QEMU gives callbacks the wrong CPU if several CPUs take turns on one host thread, as with -icount."""
    return api_of(qemu)[1] >= (10, 0)


def arguments(qemu, options=""):
    """The arguments for QEMU's command line."""
    api, version = api_of(qemu)
    quirk = ",quirk=on" if version[0] == 7 else ""  # its filter of memory callbacks is off by one
    return ["-plugin", PLUGIN.format(api) + quirk + ",frame=on" + (f",{options}" if options else "")]


def settle(text):
    """The console with the plugin's lines in lines of their own."""
    pieces, last = [], 0
    line = ""  # the unfinished console line so far
    for match in FRAMED.finditer(text):
        line += text[last : match.start()]
        whole, newline, line = line.rpartition("\n")
        pieces += [whole + newline, match.group(1), "\n"]
        last = match.end()
    return "".join(pieces) + line + text[last:]


def is_ours(line):
    return line.startswith(PREFIX)


def is_report(line):
    return line.startswith(PREFIX) and REPORT in line


def summary(lines):
    """The number of reports that the plugin counted; None: there is no last line."""
    for line in reversed(lines):
        match = SUMMARY.match(line)
        if match:
            return int(match.group(1))
    return None


def work(lines):
    """(stored words checked, maintenance operations seen) of the plugin's last line; (0, 0) without one."""
    for line in reversed(lines):
        match = WORK.search(line) if SUMMARY.match(line) else None
        if match:
            return int(match.group(1)), int(match.group(2))
    return 0, 0


def with_names(line, symbols):
    """Kernel addresses behind "pc" with the function's name."""
    return re.sub(r"pc 0x([0-9a-f]+)", lambda match: match.group(0) + name_of(int(match.group(1), 16), symbols), line)


def name_of(address, symbols):
    """ " (memcpy)" or nothing."""
    addresses, names = symbols
    at = bisect_right(addresses, address) - 1
    return f" ({names[at]})" if 0 <= at < len(addresses) - 1 else ""


@cache
def symbols_of(path):
    """The kernel's symbols in order, as nm prints them."""
    with open(path, encoding="utf-8") as file:
        words = [line.split() for line in file]
    pairs = sorted((int(word[0], 16), word[2]) for word in words if len(word) == 3)
    return [address for address, _ in pairs], [name for _, name in pairs]
