# SPDX-License-Identifier: MIT
"""A time line of a machine: turns the lines of `trace --raw` in a console log into a file for Perfetto.

`make trace-MACHINE RUN="program"` starts a machine whose init runs "driver trace --raw program", and writes
build/MACHINE/trace.json. With --log the console is read from a file instead ("-": standard input). The format of the file
is Google's "Trace Event Format": objects with a phase (ph), a time (ts, microseconds), and a track (pid, tid).

Each CPU is a track. A thread that runs is a slice of it; a message is an arrow from the slice of the sender to that in
which the receiver runs next; faults, flushes, and changes of entries and of frames' words are points.
"""

import argparse
import json
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tools")]

LINE = re.compile(r"^(?:\| )?trace: (.*)$")
EVENT = re.compile(r"^(\d+) (\d+) (\d+) ([A-Z_?]+) ([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)$")
PROCESS = re.compile(r"^process (\d+) (\S.*)$")
END = re.compile(r"^end (\d+) (\d+) (\d+)$")

MACHINE = 1  # the one "process" of the time line
# What the three numbers of an event are: names, and "x" for those that are addresses or frames.
POINTS = {
    "FOLIO_ALLOC": ("words", "frame x", "order", "descriptor x"),
    "FOLIO_FREE": ("words", "frame x", "order", "descriptor x"),
    "TABLE_ALLOC": ("words", "frame x", "level"),
    "TABLE_FREE": ("words", "frame x", "level"),
    "HOLE_PUNCH": ("words", "frame x", "frames", "hole x"),
    "HOLE_MEND": ("words", "frame x", "frames", "hole x"),
    "ENTRY_SET": ("entries", "address x", "frame x", "entries"),
    "ENTRY_CLEAR": ("entries", "address x", "frame x", "entries"),
    "FLUSH_BEGIN": ("flush", "tables x", "start x", "pages"),
    "FLUSH_ACK": ("flush", "tables x", "generation"),
    "FLUSH_END": ("flush", "tables x", "start x", "pages"),
    "ICACHE_CLEAN": ("cache", "frame x", "frames"),
    "ROOT_LOAD": ("tables", "tables x", "asid"),
    "FAULT": ("fault", "thread", "address x", "access"),
    "SIGNAL": ("message", "thread", "notification x", "bits x"),
    "CALL": ("message", "thread", "endpoint x"),
}


class NoTrace(Exception):
    """There is no time line in this log."""


class Log:
    """What the raw lines say; damaged lines are counted, and left out."""

    def __init__(self, console_lines):
        self.events = []  # (ns, number, cpu, kind, (a, b, c))
        self.names = {}
        self.told = None  # (events, lost, not kept) of the last line; None: the log ends before
        self.damaged = 0
        for line in console_lines:
            match = LINE.match(line.rstrip("\r\n"))
            if match:
                self.take(match.group(1))
        self.events.sort()

    def take(self, text):
        """One line behind "trace: "."""
        if event := EVENT.match(text):
            number, ns, cpu = (int(event.group(i)) for i in (1, 2, 3))
            self.events.append((ns, number, cpu, event.group(4), tuple(int(event.group(i), 16) for i in (5, 6, 7))))
        elif process := PROCESS.match(text):
            self.names[int(process.group(1))] = process.group(2)
        elif end := END.match(text):
            self.told = tuple(int(end.group(i)) for i in (1, 2, 3))
        elif not text.startswith("begin "):
            self.damaged += 1

    def remarks(self):
        """What isn't in the time line although it happened."""
        if self.told is None:
            yield "the log ends before the trace does"
        else:
            told, lost, not_kept = self.told
            if told != len(self.events):
                yield f"the machine printed {told} events, {len(self.events)} were read"
            if lost or not_kept:
                yield f"{lost} events were lost because the reader was too slow, {not_kept} didn't fit"
        if self.damaged:
            yield f"{self.damaged} damaged lines were left out"


class TimeLine:
    """Builds the list of objects for Perfetto."""

    def __init__(self, log):
        self.names = log.names
        # whose the threads are, also those that ran before their first switch
        self.owner = {values[1]: values[2] for _, _, _, kind, values in log.events if kind == "SWITCH"}
        self.start = log.events[0][0]
        self.out = [{"ph": "M", "name": "process_name", "pid": MACHINE, "tid": 0, "args": {"name": "Quire"}}]
        self.running = {}  # cpu -> [thread, since]
        self.arrows = {}  # receiver -> numbers of arrows that end when it runs
        self.last = {}  # cpu -> the time of its last event
        for ns, number, cpu, kind, values in log.events:
            self.event(self.microseconds(ns), number, cpu, kind, values)
        for cpu, when in self.last.items():
            self.end_slice(cpu, when)
            name = {"name": f"CPU {cpu}"}
            self.out.append({"ph": "M", "name": "thread_name", "pid": MACHINE, "tid": cpu, "args": name})

    def microseconds(self, ns):
        return (ns - self.start) / 1000

    def event(self, when, number, cpu, kind, values):
        if cpu not in self.running:
            self.running[cpu] = [None, when]
        if kind == "SWITCH":
            self.switch(when, cpu, *values[:2])
        elif kind in ("MESSAGE", "REPLY"):
            self.message(when, number, cpu, kind, *values)
        else:
            category, *names = POINTS.get(kind, ("other", "a x", "b x", "c x"))
            texts = {name.split()[0]: f"{value:#x}" if " x" in name else value for name, value in zip(names, values)}
            self.add("i", when, cpu, kind.lower().replace("_", " "), category, s="t", args=texts)
        self.last[cpu] = when

    def add(self, phase, when, cpu, name, category, **more):
        self.out.append({"ph": phase, "ts": when, "pid": MACHINE, "tid": cpu, "name": name, "cat": category, **more})

    def switch(self, when, cpu, before, thread):
        if self.running[cpu][0] is None:
            self.running[cpu][0] = before
        self.end_slice(cpu, when)
        self.running[cpu] = [thread, when]
        for number in self.arrows.pop(thread, []):
            self.add("f", when, cpu, "message", "message", id=number, bp="e")

    def end_slice(self, cpu, when):
        thread, since = self.running[cpu]
        if not thread:
            return  # None: no switch has said who ran here; 0: the idle thread. The track stays empty
        process = self.owner.get(thread)
        whose = "the kernel" if process == 0 else self.names.get(process, f"process {process or '?'}")
        self.add("X", since, cpu, f"{whose}, thread {thread}", "thread", dur=when - since)

    def message(self, when, number, cpu, kind, sender, receiver, value):
        """The arrow begins at once; it ends when the receiver runs."""
        word = "answers" if kind == "REPLY" else "calls" if value == 1 else "sends to"
        numbers = {"from": sender, "to": receiver, "result" if kind == "REPLY" else "got": signed(value)}
        self.add("i", when, cpu, f"thread {sender} {word} {receiver}", "message", s="t", args=numbers)
        self.add("s", when, cpu, "message", "message", id=number)
        self.arrows.setdefault(receiver, []).append(number)


def signed(value):
    """A result, which may be a negative error number."""
    return value - (1 << 64) if value >> 63 else value


def time_line(console_lines):
    """(the file's contents, remarks)."""
    log = Log(console_lines)
    if not log.events:
        raise NoTrace("no events: run `driver trace --raw PROGRAM` in a debug build, and give me its console")
    line = TimeLine(log)
    ended = {event["id"] for event in line.out if event["ph"] == "f"}
    kept = [event for event in line.out if event["ph"] != "s" or event["id"] in ended]  # no arrows into nothing
    return {"displayTimeUnit": "ns", "traceEvents": kept}, list(log.remarks())


def run_machine(arguments):
    """The console of a machine that traces the programs."""
    from tests.runner.machine import Machine  # pylint: disable=import-outside-toplevel

    machine = Machine(arguments.machine, cpu=os.environ.get("CPU") or "")
    ending = machine.boot(f'run="driver trace --raw {arguments.run}"', arguments.cpus, arguments.memory, silence=60)
    if ending.said_status is None:
        raise NoTrace("the machine didn't come to its end:\n" + ending.console[-2000:])
    return ending.lines


def main():
    parser = argparse.ArgumentParser(prog="trace", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("machine", nargs="?", help="the machine's name, as in make trace-MACHINE")
    parser.add_argument("--run", default="strace echo hello", help="the program, and its arguments")
    parser.add_argument("--cpus", type=int, default=4)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--log", help="a console log, instead of a machine; -: standard input")
    parser.add_argument("--output", help="the file; usual: build/MACHINE/trace.json")
    arguments = parser.parse_args()
    if bool(arguments.machine) == bool(arguments.log) or (arguments.log and not arguments.output):
        parser.error("either a machine, or --log and --output")
    try:
        if arguments.log:
            with open(0 if arguments.log == "-" else arguments.log, encoding="utf-8", errors="replace") as file:
                lines = file.readlines()
        else:
            lines = run_machine(arguments)
        contents, remarks = time_line(lines)
    except (OSError, NoTrace) as error:
        print(f"trace: {error}", file=sys.stderr)
        return 1
    for text in remarks:
        print(f"[trace] {text}")
    import outdir  # pylint: disable=import-outside-toplevel

    path = arguments.output or f"{outdir.FOLDER}/{arguments.machine}/trace.json"
    with open(path, "w", encoding="utf-8") as file:
        json.dump(contents, file)
    print(f"[trace] {path}, {len(contents['traceEvents'])} objects: open https://ui.perfetto.dev and drop the file on the "
          "page; the file stays on your machine")  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
