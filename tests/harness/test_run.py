# SPDX-License-Identifier: MIT
"""tools/qemu.sh with RUN=, and the firmware's banner, with a script that plays QEMU."""

import os
import select
import subprocess
import tempfile
import time
import unittest

from tests.runner.machine import Machine

ARCHES = (os.environ.get("ARCHES") or "riscv").split()
FOLD = ["python3", "-B", "tools/fold_banner.py", "Firm", "Boot LAST"]
BANNER = "\r\nFirm v1.1\r\n   ___\r\n  | ' \\\r\n\r\nPlatform Name   : a,b\r\nBoot LAST  : 0x1\r\n"
TOLD = "[run]   Firm v1.1; V=1 shows its banner\n"


def run(arch, run, said, powered_off="power off, status 0\n", broken=False):
    """(status, output) of RUN= on a machine that says this; `broken`: QEMU itself ends badly."""
    good = 33 if Machine(arch).values["ARCH_EXIT"] == "isa-debug-exit" else 0
    with tempfile.TemporaryDirectory() as folder:
        qemu = os.path.join(folder, "qemu")
        with open(qemu, "w", encoding="utf-8") as file:
            file.write(f"#!/bin/sh\ncat <<'END'\n{said}{powered_off}END\nexit {1 if broken else good}\n")
        os.chmod(qemu, 0o755)
        os.makedirs(os.path.join(folder, "out", arch))
        environment = {**os.environ, "QEMU": qemu, "RUN": run, "O": os.path.join(folder, "out")}
        for name in ("APPEND", "SEED", "CPU", "MAKEFLAGS", "MFLAGS", "V", "TIMEOUT"):
            environment.pop(name, None)
        done = subprocess.run(["sh", "tools/qemu.sh", arch], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        return done.returncode, done.stdout


class Programs(unittest.TestCase):
    """RUN= succeeds only if as many programs ended as it named."""

    def test_all_programs_ended(self):
        for arch in ARCHES:
            self.assertEqual(run(arch, "hello; hello", "init: 2 of 2 programs ended with status 0\n")[0], 0)
            self.assertEqual(run(arch, "hello", "init: 1 of 1 program ended with status 0\n")[0], 0)

    def test_quotes_hide_separators(self):
        for arch in ARCHES:
            for words in ("sh -c 'a; b'; c", "a & b", " ;; a;b ; "):
                self.assertEqual(run(arch, words, "init: 2 of 2 programs ended with status 0\n")[0], 0, words)

    def test_a_lost_program_fails(self):
        for arch in ARCHES:
            status, text = run(arch, "hello; hello; hello", "init: 2 of 2 programs ended with status 0\n")
            self.assertEqual(status, 1)
            self.assertIn("init says that 2 of 2 programs ended with status 0; RUN= asked for 3", text)
            self.assertEqual(run(arch, "hello; hello", "init: 1 of 2 programs ended with status 0\n")[0], 1)

    def test_silence_about_programs_fails(self):
        for arch in ARCHES:
            status, text = run(arch, "hello", "1 of 1 program ended with status 0\n")
            self.assertEqual(status, 1)
            self.assertIn("init never said how many of its programs ended", text)

    def test_the_last_program_may_leave_its_line_open(self):
        for arch in ARCHES:
            for text in ("12", "a\tb ", "\xe4init: "):
                self.assertEqual(run(arch, "hello", f"{text}init: 1 of 1 program ended with status 0\n")[0], 0, text)

    def test_a_program_that_ends_the_machine_is_no_success(self):
        for arch in ARCHES:
            said = "init: 2 of 2 programs ended with status 0\nfake (process 2) powers the machine off\n"
            status, text = run(arch, "fake; hello", said)
            self.assertEqual(status, 1)
            self.assertIn("fake (process 2) did that, not init; RUN= asked for 2", text)

    def test_the_other_reasons_are_still_told(self):
        for arch in ARCHES:
            good = "init: 1 of 1 program ended with status 0\n"
            self.assertIn("powered off with status 3", run(arch, "hello", good, "power off, status 3\n")[1])
            self.assertIn('without saying "power off"', run(arch, "hello", good, "")[1])
            self.assertEqual(run(arch, "hello", good, broken=True)[0], 1)


def fold(*pieces, before_end=False):
    """What comes out; `before_end`: its first byte must come before the console ends."""
    with subprocess.Popen(FOLD, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0) as process:
        for piece in pieces:
            process.stdin.write(piece.encode())
            time.sleep(0.05)
        came = select.select([process.stdout], [], [], 15)[0] if before_end else True
        process.stdin.close()
        text = process.stdout.read().decode()
        return text if came else "nothing before the console ended"


class Banner(unittest.TestCase):
    """One line instead of the firmware's many; nothing else is lost."""

    def test_it_becomes_one_line(self):
        self.assertEqual(fold(BANNER + "Quire 0.1\n", "more"), TOLD + "Quire 0.1\nmore")

    def test_pieces_of_any_size(self):
        text = BANNER + "Quire 0.1\n"
        self.assertEqual(fold(*[text[at : at + 7] for at in range(0, len(text), 7)]), TOLD + "Quire 0.1\n")

    def test_lines_of_others_are_shown(self):
        errors = "qemu: warning: odd\ninit_coldboot: failed (error -3)\r\n"
        text = BANNER.replace("Platform", errors + "Platform") + "the archive is odd\nQuire 0.1\n"
        self.assertEqual(fold(text), TOLD + errors + "the archive is odd\nQuire 0.1\n")

    def test_a_crash_in_the_banner_is_shown_whole(self):
        text = BANNER.partition("Boot LAST")[0] + "trap: mcause 5"
        self.assertEqual(fold(text), text)

    def test_a_crash_behind_the_banner_is_shown_with_it(self):
        self.assertEqual(fold(BANNER, "PANIC before the first word"), BANNER + "PANIC before the first word")

    def test_an_unknown_banner_is_shown_when_the_kernel_speaks(self):
        text = BANNER.replace("Boot LAST", "Other last") + "Quire 0.1\n"
        self.assertEqual(fold(text, before_end=True), text)

    def test_a_machine_that_hangs_before_the_first_word_is_shown_after_a_while(self):
        for text in (BANNER.partition("Boot LAST")[0], BANNER):
            self.assertEqual(fold(text, before_end=True), text)

    def test_bytes_that_are_no_text_pass(self):
        odd = b"\xff\x00\x01"
        self.assertEqual(subprocess.run(FOLD, input=odd, stdout=subprocess.PIPE, check=True).stdout, odd)
