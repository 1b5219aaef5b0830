# SPDX-License-Identifier: MIT
"""Verdicts about imaginary machines: how they ended, and the verdict that must follow."""

import unittest

from tests.runner import judge, report
from tests.runner.machine import Ending, Machine
from tests.runner.plan import Options, make_groups

import outdir  # tests.runner lets it be found

NAMES = ["a.one", "a.two", "a.three"]
START = "KTAP version 1\n1..3\n"


class PaperMachine(Machine):
    """Plays back endings; remembers the command lines."""

    def __init__(self, *endings, exit_kind="plain"):
        self.arch, self.out, self.values = "paper", "build/paper", {"ARCH_EXIT": exit_kind}
        self.cachesan = None
        self.parallel = False
        self.endings = list(endings)
        self.appended = []

    def boot(self, append, *_args, **_options):
        self.appended.append(append)
        return self.endings.pop(0)


def ending(text, status=0, timed_out=False):
    return Ending(START + text, status, timed_out)


def rest(text, plan):
    """A machine that runs only the last `plan` tests."""
    return Ending(f"KTAP version 1\n1..{plan}\n" + text, 0, False)


def judged(*endings, exit_kind="plain"):
    machine = PaperMachine(*endings, exit_kind=exit_kind)
    run = judge.GroupRun(machine, 1, judge.Group("tests/kernel/a_test.c", NAMES), Options())
    return run.run(), machine


def short(verdicts):
    return [(verdict.name, verdict.verdict, verdict.kind) for verdict in verdicts]


ALL_GOOD = "ok 1 a.one\nok 2 a.two\nok 3 a.three\npower off, status 0\n"


class Verdicts(unittest.TestCase):
    def test_all_pass(self):
        verdicts, machine = judged(ending(ALL_GOOD))
        self.assertEqual([verdict.verdict for verdict in verdicts], ["pass"] * 3)
        self.assertEqual(machine.appended, ["test=* group=tests/kernel/a_test.c seed=1"])

    def test_silent_death_costs_one_test(self):
        verdicts, machine = judged(
            ending("ok 1 a.one\n"), rest("ok 1 a.three\npower off, status 0\n", 1)
        )  # fmt: skip
        self.assertEqual(
            short(verdicts), [("a.one", "pass", ""), ("a.two", "fail", "silent death"), ("a.three", "pass", "")]
        )
        self.assertIn("from=3", machine.appended[1])

    def test_each_machine_counts_from_1(self):
        verdicts, _ = judged(ending("ok 1 a.one\n"), rest("ok 3 a.three\npower off, status 0\n", 1))
        self.assertEqual(verdicts[2].kind, "broken output")
        verdicts, _ = judged(ending("ok 1 a.one\n"), rest("ok 1 a.three\npower off, status 0\n", 3))
        self.assertEqual(verdicts[2].kind, "no boot")

    def test_exit_status_alone_passes_nothing(self):
        verdicts, _ = judged(ending("power off, status 0\n"), rest("", 2), rest("", 1))
        self.assertEqual([verdict.kind for verdict in verdicts], ["silent death"] * 3)

    def test_backstop(self):
        verdicts, _ = judged(ending("ok 1 a.one\nok 2 a.two\n", -9, timed_out=True))
        self.assertEqual(verdicts[2].kind, "no verdict")

    def test_panic_with_verdict(self):
        story = "PANIC on CPU 0: oops\n  backtrace:\n# panic: oops\nnot ok 1 a.one\n"
        verdicts, _ = judged(ending(story, 101), rest("ok 1 a.two\nok 2 a.three\npower off, status 0\n", 2))
        self.assertEqual(short(verdicts)[0], ("a.one", "fail", "panic"))
        self.assertIn("  backtrace:", verdicts[0].lines)
        self.assertEqual(len(verdicts), 3)

    def test_panic_without_verdict(self):
        verdicts, _ = judged(
            ending("ok 1 a.one\nPANIC on CPU 1: oops\n", 101), rest("ok 1 a.three\npower off, status 0\n", 1)
        )
        self.assertEqual(short(verdicts)[1], ("a.two", "fail", "panic"))

    def test_machine_that_never_starts_is_tried_once(self):
        verdicts, machine = judged(Ending("OpenSBI\n", -9, True))
        self.assertEqual([verdict.kind for verdict in verdicts], ["no boot"] * 3)
        self.assertEqual(len(machine.appended), 1)


class ExitStatus(unittest.TestCase):
    def test_kernel_must_agree_with_its_verdicts(self):
        verdicts, _ = judged(ending(ALL_GOOD.replace("status 0", "status 1"), 1))
        self.assertEqual(short(verdicts)[-1], ("machine.output", "fail", "wrong exit status"))

    def test_qemu_must_agree_with_the_kernel(self):
        verdicts, _ = judged(ending(ALL_GOOD, 1))
        self.assertEqual(verdicts[-1].kind, "wrong exit status")

    def test_last_words_are_needed(self):
        verdicts, _ = judged(ending(ALL_GOOD.replace("power off, status 0\n", "")))
        self.assertEqual(verdicts[-1].kind, "wrong exit status")

    def test_machine_that_stays_on(self):
        verdicts, _ = judged(ending(ALL_GOOD, -9, timed_out=True))
        self.assertEqual(verdicts[-1].kind, "wrong exit status")

    def test_every_way_to_say_it(self):
        table = [
            ("plain", 0, 0, True), ("plain", 1, 1, True), ("plain", 0, 1, False), ("plain", 7, 3, False),
            ("bit", 0, 0, True), ("bit", 1, 7, True), ("bit", 0, 7, False), ("bit", 1, 0, False),
            ("isa-debug-exit", 33, 0, True), ("isa-debug-exit", 67, 1, True), ("isa-debug-exit", 0, 0, False),
            ("isa-debug-exit", 75, 101, True), ("isa-debug-exit", 33, 1, False),
        ]  # fmt: skip
        for kind, qemu, said, agrees in table:
            with self.subTest(kind=kind, qemu=qemu, said=said):
                machine = PaperMachine(exit_kind=kind)
                self.assertEqual(machine.status_agrees(Ending(f"power off, status {said}\n", qemu, False)), agrees)

    def test_silence_agrees_with_nothing(self):
        self.assertFalse(PaperMachine().status_agrees(Ending("bye\n", 0, False)))


class Plans(unittest.TestCase):
    def test_groups_keep_the_kernels_order(self):
        groups = make_groups([("b.x", "f"), ("a.y", "g"), ("a.z", "f")], "*")
        self.assertEqual([(group.file, group.names) for group in groups], [("f", ["b.x", "a.z"]), ("g", ["a.y"])])

    def test_pattern(self):
        groups = make_groups([("b.x", "f"), ("a.y", "g")], "a.*")
        self.assertEqual([group.file for group in groups], ["g"])

    def test_stress_runs_in_parallel(self):
        self.assertTrue(judge.Group("f", ["stress_tlb.x"]).parallel)
        self.assertFalse(judge.Group("f", ["tlb.stress"]).parallel)

    def test_command_that_repeats_a_failure(self):
        verdict = judge.Verdict("paper", 4, "a.y", "g", "fail")
        self.assertEqual(Options(seed=7).again(verdict), "make test-paper TEST=a.y CPUS=4 SEED=7")


class Report(unittest.TestCase):
    def test_each_number_of_cpus_is_said_once(self):
        def places(*cpus):
            return report.places([judge.Verdict("paper", number, "a.y", "g", "fail") for number in cpus])

        self.assertEqual(places(1, 1, 1), "paper with 1 CPU")
        self.assertEqual(places(4, 1, 4), "paper with 1 and 4 CPUs")

    def test_the_command_that_repeats_names_the_folder(self):
        verdict = judge.Verdict("paper", 1, "a.y", "g", "fail")
        before = outdir.FOLDER
        try:
            outdir.FOLDER = "/tmp/quire"
            self.assertEqual(report.failure([verdict], "make test")[-1], "    again: make test O=/tmp/quire")
            outdir.FOLDER = outdir.USUAL
            self.assertEqual(report.failure([verdict], "make test")[-1], "    again: make test")
        finally:
            outdir.FOLDER = before


if __name__ == "__main__":
    unittest.main()
