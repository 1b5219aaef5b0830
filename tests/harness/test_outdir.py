# SPDX-License-Identifier: MIT
"""O=dir: which folders are accepted, and what `make clean` removes."""

import os
import subprocess
import tempfile
import unittest

SCRIPT = os.path.abspath("tools/outdir.sh")
NO_FILES = "/proc"  # nobody, not even root, can make a folder there


class Outdir(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.top = folder.name

    def outdir(self, verb, folder="", cwd=None):
        """(status, what it printed)"""
        environment = {**os.environ, "O": folder, "ARCHES": "a370 pdp11"}
        done = subprocess.run(["sh", SCRIPT, verb], env=environment, cwd=cwd or self.top, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)  # fmt: skip
        return done.returncode, done.stdout

    def write(self, *names):
        for name in names:
            path = os.path.join(self.top, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write("mine")

    def test_new_empty_and_marked_folders_are_accepted(self):
        os.mkdir(os.path.join(self.top, "empty"))
        for folder in ("new/one", "empty", "empty", ""):
            self.assertEqual(self.outdir("prepare", folder), (0, ""))

    def test_a_folder_with_other_files_is_refused(self):
        self.write("photos/cat")
        status, text = self.outdir("prepare", "photos")
        self.assertEqual(status, 1)
        self.assertIn("O=photos: something else is there already", text)
        self.assertEqual(os.listdir(os.path.join(self.top, "photos")), ["cat"])

    def test_names_that_make_cannot_have_are_refused(self):
        for folder in ("a b", "$HOME", "x:y", "-n", "a;b"):
            for verb in ("prepare", "clean"):
                status, text = self.outdir(verb, folder)
                self.assertEqual(status, 1)
                self.assertIn(f"O={folder}: a folder's name of letters", text)

    def test_a_folder_that_cannot_be_written_is_named(self):
        status, text = self.outdir("prepare", f"{NO_FILES}/x")
        self.assertEqual((status, text.strip()), (1, f"O={NO_FILES}/x: this folder can't be made or written to"))

    def test_a_tree_that_cannot_be_written_asks_for_a_folder(self):
        status, text = self.outdir("prepare", cwd=NO_FILES)
        self.assertEqual(status, 1)
        self.assertEqual(len(text.splitlines()), 1)
        self.assertIn("make ... O=dir", text)

    def test_clean_removes_what_make_made(self):
        self.assertEqual(self.outdir("prepare", "out")[0], 0)
        self.write("out/a370/x.o", "out/pdp11-stale/x.o", "out/native-uv/test", "out/results.xml")
        self.assertEqual(self.outdir("clean", "out"), (0, ""))
        self.assertEqual(os.listdir(self.top), [])

    def test_clean_leaves_other_files_and_names_them(self):
        self.assertEqual(self.outdir("prepare", "out")[0], 0)
        self.write("out/a370/x.o", "out/thesis")
        status, text = self.outdir("clean", "out")
        self.assertEqual(status, 0)
        self.assertIn("stays there:\nthesis\n", text)
        self.assertEqual(os.listdir(os.path.join(self.top, "out")), ["thesis"])

    def test_clean_touches_no_folder_of_others(self):
        self.write("photos/native")
        status, text = self.outdir("clean", "photos")
        self.assertEqual(status, 1)
        self.assertIn("nothing in it is removed", text)
        self.assertEqual(os.listdir(os.path.join(self.top, "photos")), ["native"])
        self.assertEqual(self.outdir("clean", "nothing/there"), (0, ""))

    def test_makefile_takes_the_folder(self):
        """Every makefile puts its folder below O, whose last slash is left out."""
        for file, words in (("build.mk", ()), ("tests/native/native.mk", ("FORM=native",))):
            environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "O")}
            command = ["make", "-s", "-f", file, *words, f"O={self.top}/", "-p", "-n", "describe"]
            done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
            self.assertRegex(done.stdout, rf"(?m)^OUT *:= {self.top}/[a-z]")
