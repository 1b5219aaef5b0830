# SPDX-License-Identifier: MIT
"""The KTAP reader with good and with broken inputs."""

import unittest

from tests.runner import ktap

NAMES = ["a.one", "a.two", "a.three"]
START = ["OpenSBI speaks", "KTAP version 1", "1..3"]


def parse(*lines, start=True):
    return ktap.parse((START if start else []) + list(lines), NAMES)


def verdicts(session):
    return [result.verdict for result in session.results]


class GoodOutput(unittest.TestCase):
    def test_all_verdicts(self):
        session = parse("ok 1 a.one", "not ok 2 a.two", "ok 3 a.three # SKIP no clock")
        self.assertEqual(verdicts(session), ["pass", "fail", "skip"])
        self.assertEqual(session.results[2].reason, "no clock")
        self.assertEqual(session.problems, [])

    def test_lines_belong_to_the_result_behind_them(self):
        session = parse("# expected this", "the kernel says", "# at file:1", "not ok 1 a.one", "# more", "ok 2 a.two")
        self.assertEqual(session.results[0].lines, ["expected this", "at file:1"])
        self.assertEqual(session.results[0].before, ["the kernel says"])
        self.assertEqual(session.results[1].lines, ["more"])

    def test_remarks_of_the_machine_belong_to_nobody(self):
        session = parse("# checkpoint x", "# why", "not ok 1 a.one", "# passed 0, failed 1, skipped 0", "ok 2 a.two")
        self.assertEqual([result.lines for result in session.results], [["why"], []])

    def test_kernel_lines_between_verdicts(self):
        session = parse("a process died", "ok 1 a.one", "okay then", "ok 2 a.two")
        self.assertEqual(session.problems, [])
        self.assertEqual(session.results[0].before, ["a process died"])

    def test_lines_of_programs_are_no_verdicts(self):
        session = parse("| ok 1 a.one", "| KTAP version 1", "| 1..9", "ok 1 a.one")
        self.assertEqual(verdicts(session), ["pass"])
        self.assertEqual(session.problems, [])

    def test_machine_that_ends_after_a_verdict(self):
        session = parse("# why", "not ok 1 a.one", "# the machine ends here; the rest runs in a fresh one")
        self.assertTrue(session.ends_itself)
        self.assertEqual(session.results[0].lines, ["why"])


class BrokenOutput(unittest.TestCase):
    def refused(self, session, words, good=0):
        self.assertEqual(len(session.results), good)
        self.assertEqual(len(session.problems), 1)
        self.assertIn(words, session.problems[0])

    def test_nothing(self):
        self.refused(ktap.parse([], NAMES), "never said")

    def test_no_plan(self):
        self.refused(parse("KTAP version 1", start=False), "before the plan")
        self.refused(parse("KTAP version 1", "ok 1 a.one", start=False), "no plan")

    def test_verdict_before_the_version(self):
        self.refused(parse("1..3", "ok 1 a.one", start=False), "before")

    def test_wrong_plan(self):
        self.refused(parse("KTAP version 1", "1..4", "ok 1 a.one", start=False), "the plan says 4")

    def test_missing_number(self):
        self.refused(parse("ok 1 a.one", "ok 3 a.three"), "result 3 where 2", good=1)

    def test_same_number_twice(self):
        self.refused(parse("ok 1 a.one", "not ok 1 a.one"), "result 1 where 2", good=1)

    def test_too_many(self):
        self.refused(parse("ok 1 a.one", "ok 2 a.two", "ok 3 a.three", "ok 4 a.four"), "result 4", good=3)

    def test_other_name(self):
        self.refused(parse("ok 1 a.two"), 'the list says "a.one"')

    def test_wrong_forms(self):
        for line in ("ok", "ok one a.one", "not ok", " ok 1 a.one", "ok 1", "ok 1 a.one maybe", "ok 1 a.one # TODO"):
            with self.subTest(line):
                self.refused(parse(line), "wrong form")

    def test_failed_and_skipped(self):
        self.refused(parse("not ok 1 a.one # SKIP x"), "neither")

    def test_second_beginning(self):
        self.refused(parse("ok 1 a.one", "KTAP version 1", "1..3", "ok 1 a.one"), "second beginning", good=1)

    def test_nothing_behind_a_problem_is_believed(self):
        self.refused(parse("ok 7 a.one", "ok 1 a.one", "ok 2 a.two"), "result 7")


if __name__ == "__main__":
    unittest.main()
