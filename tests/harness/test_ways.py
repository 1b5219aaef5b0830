# SPDX-License-Identifier: MIT
"""The check of the line numbers in docs/ways.md: it finds what is wrong, and --fix writes what is right."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "docs", "ways.md")


def check(text, *options):
    """Status and output of the check, and the page afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "page.md")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        run = subprocess.run([sys.executable, "-B", os.path.join(ROOT, "tools", "ways.py"), *options, path],
                             stdout=subprocess.PIPE, text=True, check=False)  # fmt: skip
        with open(path, encoding="utf-8") as file:
            return run.returncode, run.stdout, file.read()


class Ways(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        with open(PAGE, encoding="utf-8") as file:
            cls.page = file.read()

    def test_the_page_is_right(self):
        self.assertEqual(check(self.page), (0, "", self.page))

    def test_every_wrong_line_is_named_and_repaired(self):
        broken = re.sub(r"(`[\w./]+:)(\d+)( mm_fault`)", lambda m: f"{m[1]}{int(m[2]) + 2}{m[3]}", self.page)
        self.assertNotEqual(broken, self.page)
        status, output, _ = check(broken)
        self.assertEqual(status, 1)
        self.assertRegex(output, r"the definition of mm_fault is on line \d+ of mm/faults/fault.c, not on line \d+")
        self.assertEqual(check(broken, "--fix")[::2], (0, self.page))

    def test_a_call_has_to_be_in_its_function(self):
        self.assertEqual(check("`kernel/traps/trap.c:1 mm_fault in trap_user_fault`", "--fix")[0], 0)
        status, output, _ = check("`kernel/traps/trap.c:1 mm_fault in trap_timer`", "--fix")
        self.assertEqual(status, 1)
        self.assertIn("kernel/traps/trap.c doesn't have mm_fault in trap_timer()", output)

    def test_names_files_and_forms_that_dont_exist(self):
        for place, words in (("mm/faults/fault.c:1 no_such_name", "doesn't have the definition of no_such_name"),
                             ("mm/nosuch.c:1 mm_fault", "there is no file mm/nosuch.c"),
                             ("mm/faults/fault.c:1 mm_fault()", "isn't of the form")):  # fmt: skip
            status, output, _ = check(f"`{place}`")
            self.assertEqual((status, words in output), (1, True), output)

    def test_a_page_without_places_is_wrong(self):
        self.assertEqual(check("nothing")[0], 1)


if __name__ == "__main__":
    unittest.main()
