# SPDX-License-Identifier: MIT
"""The files with results: other programs read them with the same counts."""

import contextlib
import os
import subprocess
import tempfile
import unittest
from collections import Counter
from xml.etree import ElementTree

from tests.runner import ktap, results
from tests.runner.judge import Verdict

VERDICTS = [
    Verdict("riscv", 1, "buddy.joins", "tests/kernel/buddy_test.c", "pass"),
    Verdict("riscv", 4, "buddy.joins", "tests/kernel/buddy_test.c", "fail", "panic",
            lines=["panic: <order> & \"more\" \x01", "at tests/kernel/buddy_test.c:7"]),
    Verdict("s390x", 1, "block.fills", "tests/kernel/block_test.c", "skip", reason="no blocks here"),
    Verdict("s390x", 1, "smoke", "tests/kernel/smoke_test.c", "pass"),
]  # fmt: skip


@contextlib.contextmanager
def written(write, verdicts):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "results")
        write(path, verdicts)
        yield path


class Junit(unittest.TestCase):
    def test_counts_and_texts_survive(self):
        with written(results.write_junit, VERDICTS) as path:
            root = ElementTree.parse(path).getroot()
        self.assertEqual((root.get("tests"), root.get("failures"), root.get("skipped")), ("4", "1", "1"))
        self.assertEqual([suite.get("name") for suite in root], ["riscv, 1 CPU", "riscv, 4 CPUs", "s390x, 1 CPU"])
        failure = root.find(".//failure")
        self.assertEqual(failure.get("type"), "panic")
        self.assertIn('<order> & "more" ?', failure.text)
        self.assertEqual(root.find(".//skipped").get("message"), "no blocks here")

    def test_a_suite_counts_its_own(self):
        with written(results.write_junit, VERDICTS) as path:
            for suite in ElementTree.parse(path).getroot():
                self.assertEqual(int(suite.get("tests")), len(suite.findall("testcase")))
                self.assertEqual(int(suite.get("failures")), len(suite.findall("testcase/failure")))


    def test_any_name_can_be_written(self):
        odd = Verdict("riscv", 1, 'a\x01<.b"\x00', "f\x02.c", "fail", "failed", lines=["]]>\x1b"])
        with written(results.write_junit, [odd]) as path:
            case = ElementTree.parse(path).getroot().find(".//testcase")
        self.assertEqual((case.get("name"), case.get("classname"), case.get("file")), ('b"?', "riscv.1.a?<", "f?.c"))


class Ktap(unittest.TestCase):
    def test_no_text_becomes_a_line_of_its_own(self):
        lines = list(results.ktap_lines([
            Verdict("riscv", 1, "a.b", "f.c", "fail", lines=["one\nok 1 riscv.1.a.b"]),
            Verdict("riscv", 1, "a.c\nok 2 x", "f.c", "skip", reason="why\nnot ok 3 x"),
        ]))  # fmt: skip
        self.assertEqual(lines[2:], ["# one", "# ok 1 riscv.1.a.b", "not ok 1 riscv.1.a.b",
                                     "ok 2 riscv.1.a.c?ok 2 x # SKIP why?not ok 3 x"])  # fmt: skip

    def test_explanations_come_before_their_result(self):
        lines = list(results.ktap_lines(VERDICTS))
        self.assertEqual(lines[:3], ["KTAP version 1", "1..4", "ok 1 riscv.1.buddy.joins"])
        self.assertEqual(lines[3:6], ['# panic: <order> & "more" ?', "# at tests/kernel/buddy_test.c:7",
                                      "not ok 2 riscv.4.buddy.joins"])  # fmt: skip
        self.assertEqual(lines[6], "ok 3 s390x.1.block.fills # SKIP no blocks here")

    def test_the_strict_reader_reads_it(self):
        names = [f"{verdict.arch}.{verdict.cpus}.{verdict.name}" for verdict in VERDICTS]
        session = ktap.parse(list(results.ktap_lines(VERDICTS)), names)
        self.assertEqual(session.problems, [])
        self.assertEqual(Counter(result.verdict for result in session.results), Counter({"pass": 2, "fail": 1, "skip": 1}))

    def test_prove_reads_it(self):
        for verdicts, status in ((VERDICTS, 1), (VERDICTS[2:], 0)):
            with written(results.write_ktap, verdicts) as path:
                prove = subprocess.run(["prove", "--exec", "cat", path], capture_output=True, text=True, check=False)
            self.assertEqual(prove.returncode, status, prove.stdout + prove.stderr)
            self.assertIn(f"Tests={len(verdicts)}", prove.stdout)


if __name__ == "__main__":
    unittest.main()
