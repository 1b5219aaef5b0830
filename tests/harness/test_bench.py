# SPDX-License-Identifier: MIT
"""The recorded figures of make bench: a damaged file gets an answer."""

import os
import tempfile
import unittest

from tests.runner import bench


class Record(unittest.TestCase):
    def read(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "figures.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            return bench.read_record(path)

    def test_what_was_recorded_is_read(self):
        self.assertEqual(self.read('{"riscv": {"fork": 12, "ipc": 1.5}}'), {"riscv": {"fork": 12, "ipc": 1.5}})
        self.assertEqual(self.read("{}"), {})

    def test_a_damaged_file_is_named(self):
        for text in ("", "{", "[]", "3", '{"riscv": 3}', '{"riscv": {"fork": "x"}}', '{"riscv": {"fork": null}}'):
            with self.assertRaisesRegex(bench.NoFigures, "figures.json"):
                self.read(text)


if __name__ == "__main__":
    unittest.main()
