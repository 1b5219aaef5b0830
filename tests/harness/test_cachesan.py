# SPDX-License-Identifier: MIT
"""How the runner reads the plugin's lines."""

import unittest

from tests.runner import cachesan, cachesan_cases, ktap

RAN = "cachesan: CPU 1 ran unsynchronised code: pc 0x10, memory 0x20; stored by CPU 0 at pc 0x108; missing: fence.i"


class Cachesan(unittest.TestCase):
    def test_a_line_in_the_middle_of_another_comes_before_it(self):
        text = f"one\ntw\x1e{RAN}\x1fo\nthree\n"
        self.assertEqual(cachesan.settle(text), f"one\n{RAN}\ntwo\nthree\n")

    def test_several_lines_keep_their_order(self):
        text = "a\x1ecachesan: 1\x1fb\x1ecachesan: 2\x1f\nc\x1ecachesan: 3\x1f"
        self.assertEqual(cachesan.settle(text), "cachesan: 1\ncachesan: 2\nab\ncachesan: 3\nc")

    def test_a_console_without_them_stays_as_it_is(self):
        self.assertEqual(cachesan.settle("x\r\n\ny"), "x\r\n\ny")

    def test_the_verdict_that_comes_next_pays(self):
        lines = ["KTAP version 1", RAN, "1..2", "ok 1 a.b", "ok 2 a.c", "more"]
        session = ktap.parse(lines, ["a.b", "a.c"])
        self.assertEqual(session.problems, [])
        self.assertEqual(session.results[0].before, [RAN])
        self.assertEqual(session.results[1].before, [])

    def test_a_report_before_the_tests_is_not_lost(self):
        session = ktap.parse(["boot", RAN, "KTAP version 1", "1..1", "ok 1 a.b"], ["a.b"])
        self.assertEqual(session.results[0].before, [RAN])

    def test_a_report_within_the_story_of_a_failure_leaves_it_whole(self):
        lines = ["KTAP version 1", "1..2", "# one", RAN, "# two", "not ok 1 a.b", "ok 2 a.c"]
        session = ktap.parse(lines, ["a.b", "a.c"])
        self.assertEqual(session.results[0].lines, ["one", "two"])
        self.assertEqual(session.results[0].before, [RAN])

    def test_the_summary_is_read(self):
        self.assertEqual(cachesan.summary(["cachesan: 3 reports, 5 executions", "power off, status 0"]), 3)
        self.assertIsNone(cachesan.summary(["cachesan: NOT CHECKED: no store was seen"]))

    def test_a_whole_boot_passes_only_if_the_plugin_saw_it(self):
        console = list(cachesan_cases.WHOLE_BOOT_SAYS)
        good = "cachesan: 0 reports, 0 executions of unsynchronised code; 9000 stored words checked when executed, 314 maintenance operations"
        self.assertEqual(cachesan.work([good]), (9000, 314))
        self.assertEqual(cachesan_cases.judge_whole_boot(0, [*console, good]), [])
        for status, lines in (
            (1, [*console, good]),
            (0, [*console[1:], good]),
            (0, console),
            (0, [*console, "cachesan: NOT CHECKED: no store was seen"]),
            (0, [*console, good.replace("0 reports", "1 reports")]),
            (0, [*console, good.replace("314", "3")]),
            (0, [*console, good.replace("9000", "0")]),
        ):
            self.assertNotEqual(cachesan_cases.judge_whole_boot(status, lines), [])

    def test_kernel_addresses_get_names(self):
        symbols = ([0x100, 0x200, 0x300], ["memcpy", "memset", "end"])
        self.assertIn("pc 0x10, memory 0x20; stored by CPU 0 at pc 0x108 (memcpy)", cachesan.with_names(RAN, symbols))


if __name__ == "__main__":
    unittest.main()
