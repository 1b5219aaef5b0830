# SPDX-License-Identifier: MIT
"""What make says to names that don't exist: a sentence that lists what there is, before anything is built."""

import os
import subprocess
import unittest

HANDED_DOWN = ("MAKEFLAGS", "MFLAGS", "TEST", "NATIVE", "MUTANT", "CPUS", "RUN")


def make(*words):
    """(status, output)"""
    environment = {name: value for name, value in os.environ.items() if name not in HANDED_DOWN}
    done = subprocess.run(["make", *words], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
    return done.returncode, done.stdout


class Names(unittest.TestCase):
    def refused(self, words, *expected):
        status, text = make(*words)
        self.assertEqual(status, 2, text)
        for part in expected:
            self.assertIn(part, text)
        self.assertNotIn("passed", text)

    def test_native_programs(self):
        self.refused(["test-native", "NATIVE=foo"], "NATIVE=foo: there is no such native program", "native-libc")
        self.refused(["test-native", "NATIVE=native-uv nosuch"], "NATIVE=nosuch: ")
        self.refused(["test-native", "NATIVE="], "NATIVE=: which of the native programs", "native-uv")

        self.refused(["test-native", "NATIVE=it's"], "NATIVE=it's: there is no such native program")

    def test_mutants(self):
        self.refused(["mutants", "MUTANT=it's $$HOME"], 'no mutant is called "it\'s $HOME"')
        self.refused(["mutants", "MUTANT=nosuch"], 'no mutant is called "nosuch"')

    def test_quotes_in_run_reach_the_memory_map(self):
        _status, text = make("-n", "memory-map-riscv", "RUN=echo 'a b'; true")
        self.assertIn('tools/memory_map riscv --run "$RUN"', text)

    def test_options_goals_and_machines(self):
        self.refused(["build", "NAITVE=native"], '"NAITVE=" is no option')
        self.refused(["build", "ARCH=pdp11"], "ARCH=pdp11: there is no such machine")
        self.refused(["bulid"], 'There is no goal "bulid"')
        self.refused(["build", "O=a b"], "O=a b: a folder's name")


if __name__ == "__main__":
    unittest.main()
