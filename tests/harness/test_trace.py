# SPDX-License-Identifier: MIT
"""tools/trace.py: from the lines of `trace --raw` to a time line, also from damaged logs."""

import importlib.util
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATH = os.path.join(ROOT, "tools", "trace.py")

spec = importlib.util.spec_from_file_location("quire_trace", PATH)
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

# Thread 4 of strace and its program's thread 5 on CPU 1; trace itself, thread 3, on CPU 0; 0: idle.
LOG = """init runs, 1 tick
hello
trace: begin 3
trace: process 3 trace
trace: process 4 strace
trace: 10 1000 0 ENTRY_SET 200000 88294 5
trace: 11 1500 1 SWITCH 0 4 4
trace: 12 2000 0 SWITCH 3 0 0
trace: 13 2500 1 MESSAGE 4 5 1
trace: 14 2600 1 SWITCH 4 5 5
trace: 15 3000 1 FAULT 5 123000 2
trace: 16 3500 1 REPLY 5 4 fffffffffffffffe
trace: 17 3600 1 SWITCH 5 4 4
trace: 18 4000 1 SIGNAL 4 ffffffc0bff82140 1
trace: 19 4100 1 MESSAGE 4 6 2
trace: end 10 0 0
power off, status 0
""".splitlines()
PHASES = set("MXisf")


def phase(contents, which):
    return [event for event in contents["traceEvents"] if event["ph"] == which]


class Trace(unittest.TestCase):
    def check_format(self, contents):
        """What the published format asks for."""
        contents = json.loads(json.dumps(contents))
        self.assertIsInstance(contents["traceEvents"], list)
        starts, ends = {}, {}
        for event in contents["traceEvents"]:
            self.assertIn(event["ph"], PHASES)
            self.assertIsInstance(event["name"], str)
            self.assertIsInstance(event["pid"], int)
            self.assertIsInstance(event["tid"], int)
            if event["ph"] == "M":
                self.assertIn(event["name"], ("process_name", "thread_name"))
                self.assertIsInstance(event["args"]["name"], str)
                continue
            self.assertGreaterEqual(event["ts"], 0)
            if event["ph"] == "X":
                self.assertGreaterEqual(event["dur"], 0)
            elif event["ph"] == "i":
                self.assertIn(event["s"], ("g", "p", "t"))
            else:
                (starts if event["ph"] == "s" else ends)[event["id"]] = event
        self.assertEqual(starts.keys(), ends.keys())
        for number, start in starts.items():
            self.assertLessEqual(start["ts"], ends[number]["ts"])
            self.assertEqual(ends[number]["bp"], "e")
        self.check_slices(contents)

    def check_slices(self, contents):
        """A CPU runs one thread at a time."""
        ends = {}
        for event in sorted(phase(contents, "X"), key=lambda event: event["ts"]):
            self.assertGreaterEqual(event["ts"] + 1e-6, ends.get(event["tid"], 0))
            ends[event["tid"]] = event["ts"] + event["dur"]

    def test_a_small_log(self):
        contents, remarks = tool.time_line(LOG)
        self.assertEqual(remarks, [])
        self.check_format(contents)
        slices = [(event["tid"], event["name"], event["ts"], round(event["dur"], 3)) for event in phase(contents, "X")]
        self.assertEqual(slices, [
            (0, "process ?, thread 3", 0.0, 1.0),
            (1, "strace, thread 4", 0.5, 1.1),
            (1, "process 5, thread 5", 1.6, 1.0),
            (1, "strace, thread 4", 2.6, 0.5),
        ])  # fmt: skip
        arrows = [(event["id"], event["tid"], event["ts"]) for event in phase(contents, "s")]
        self.assertEqual(arrows, [(13, 1, 1.5), (16, 1, 2.5)])  # the last message's receiver never ran
        points = {event["name"]: event["args"] for event in phase(contents, "i")}
        self.assertEqual(points["fault"], {"thread": 5, "address": "0x123000", "access": 2})
        self.assertEqual(points["entry set"], {"address": "0x200000", "frame": "0x88294", "entries": 5})
        self.assertEqual(points["thread 5 answers 4"], {"from": 5, "to": 4, "result": -2})

    def test_the_lines_of_tests_and_terminals(self):
        self.assertEqual(tool.time_line(["| " + line + "\r" for line in LOG]), tool.time_line(LOG))

    def test_damaged_lines_are_counted(self):
        broken = [*LOG[:7], "trace: 12 2000 0 SWI", "trace: 13 x", *LOG[8:]]
        contents, remarks = tool.time_line(broken)
        self.check_format(contents)
        self.assertIn("2 damaged lines were left out", remarks)
        self.assertIn("the machine printed 10 events, 9 were read", remarks)

    def test_lost_events_and_a_missing_end_are_told(self):
        lost = [line.replace("end 10 0 0", "end 10 7 2") for line in LOG]
        self.assertEqual(tool.time_line(lost)[1], ["7 events were lost because the reader was too slow, 2 didn't fit"])
        self.assertEqual(tool.time_line(LOG[:-3])[1], ["the log ends before the trace does"])

    def test_nothing_to_draw(self):
        for lines in ([], ["hello"], ["trace: begin 3", "trace: end 0 0 0"], ["trace: nonsense"]):
            with self.assertRaises(tool.NoTrace):
                tool.time_line(lines)

    def test_random_damage(self):
        """Whatever is cut out, doubled or put in another place: a correct file, or a reason."""
        chance = random.Random(1)
        for _ in range(300):
            text = "\n".join(LOG)
            for _ in range(chance.randrange(1, 6)):
                at, size = chance.randrange(len(text)), chance.randrange(1, 30)
                text = text[:at] + chance.choice(["", text[at : at + size] * 2, "9", "\x00", "\n"]) + text[at + size :]
            try:
                contents, _ = tool.time_line(text.split("\n"))
            except tool.NoTrace:
                continue
            self.check_format(contents)

    def test_as_a_program(self):
        with tempfile.TemporaryDirectory() as folder:
            log, out = os.path.join(folder, "log"), os.path.join(folder, "trace.json")
            with open(log, "w", encoding="utf-8") as file:
                file.write("\n".join(LOG))
            command = [sys.executable, "-B", PATH, "--log", log, "--output", out]
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
            self.assertEqual(run.returncode, 0)
            self.assertIn("ui.perfetto.dev", run.stdout)
            with open(out, encoding="utf-8") as file:
                self.check_format(json.load(file))
            with open(log, "w", encoding="utf-8") as file:
                file.write("hello\n")
            run = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(run.returncode, 1)
            self.assertIn("no events", run.stderr)


if __name__ == "__main__":
    unittest.main()
