# SPDX-License-Identifier: MIT
"""The memory map says what each block is, and not by its colour alone."""

import os
import sys
import unittest
from types import SimpleNamespace
from xml.etree import ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [os.path.join(ROOT, "tools")]

from memory_map import blocks as b  # noqa: E402
from memory_map import svg  # noqa: E402


def block(kind, frames):
    return SimpleNamespace(kind=kind, nr_of_all=frames, title=kind.name, first=0, end=frames, nr=frames)


class MemoryMap(unittest.TestCase):
    def test_each_kind_but_free_memory_has_a_letter_of_its_own(self):
        letters = [kind.letter for kind in b.KINDS if kind is not b.FREE]
        self.assertTrue(all(letters))
        self.assertEqual(len(set(letters)), len(letters))

    def test_a_block_has_the_longest_name_that_fits(self):
        tables = block(b.TABLES, 16)
        self.assertEqual(svg.label_of(tables, 16, 500), "page tables, 64 KiB")
        self.assertEqual(svg.label_of(tables, 16, 100), "page tables")
        self.assertEqual(svg.label_of(tables, 16, 20), "T")
        self.assertEqual(svg.label_of(tables, 16, 3), "")

    def test_narrow_blocks_have_letters_below_that_dont_touch(self):
        drawing = svg.Drawing()
        centres = [svg.LEFT + svg.WIDTH - 20 + 3 * i for i in range(6)]
        kinds = [b.TABLES, b.SLAB, b.SMALL, b.TABLES, b.SLAB, b.SMALL]
        svg.draw_letters(drawing, list(zip(centres, kinds)), 0)
        texts = [ElementTree.fromstring(part) for part in drawing.parts]
        self.assertEqual([text.text for text in texts], [kind.letter for kind in kinds])
        places = [float(text.get("x")) for text in texts]
        self.assertTrue(all(right - left >= svg.LETTER for left, right in zip(places, places[1:])), places)
        self.assertLessEqual(places[-1], svg.LEFT + svg.WIDTH)

    def test_the_picture_follows_light_and_dark_pages(self):
        self.assertIn("prefers-color-scheme: dark", svg.style_text())


if __name__ == "__main__":
    unittest.main()
