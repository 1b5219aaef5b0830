# SPDX-License-Identifier: MIT
"""Two makes at once: the second one waits until the first one has built."""

import fcntl
import os
import stat
import subprocess
import tempfile
import unittest

SCRIPT = os.path.abspath("tools/build.sh")
# Answers as build.mk would: `describe` says where everything goes, `all` that it is built.
MAKE = """#!/bin/sh
case $* in
*describe) echo "OUT=$FOLDER/a370 CROSS_COMPILE=$FOLDER/" ;;
*) echo built ;;
esac
"""
SIZE = """#!/bin/sh
echo .text 2048
"""


class Build(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name
        for name, text in (("make", MAKE), ("size", SIZE)):
            path = os.path.join(self.top, name)
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(path, stat.S_IRWXU)

    def start(self):
        environment = {**os.environ, "MAKE": os.path.join(self.top, "make"), "FOLDER": self.top, "JOBS": ""}
        return subprocess.Popen(["sh", SCRIPT, "a370"], env=environment, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)  # fmt: skip

    def test_one_make_builds(self):
        text, _ = self.start().communicate(timeout=20)
        self.assertEqual(text, f"built\n[build] {self.top}/a370/quire.elf, text 2 KiB\n")

    def test_the_second_make_waits(self):
        os.mkdir(os.path.join(self.top, "a370"))
        with open(os.path.join(self.top, "a370/build.lock"), "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            second = self.start()
            self.assertIn("another make builds there; waiting for it", second.stdout.readline())
            with self.assertRaises(subprocess.TimeoutExpired):
                second.wait(timeout=0.5)
        text, _ = second.communicate(timeout=20)
        self.assertIn("built", text)


if __name__ == "__main__":
    unittest.main()
