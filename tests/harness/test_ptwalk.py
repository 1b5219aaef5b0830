# SPDX-License-Identifier: MIT
"""The walk from outside (tools/ptwalk): nothing to complain about on a healthy machine, and every check fires.

A machine runs the program zoo, which has memory of every kind. Its memory is read once. Then one thing at a time is
broken in a copy of this picture, and the test expects the complaint about it.
"""

import os
import sys
import unittest
from functools import lru_cache

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path[:0] = [ROOT, os.path.join(ROOT, "tools")]

from ptwalk import words as w  # noqa: E402
from ptwalk.checks import check_all, tell  # noqa: E402
from ptwalk.live import join_runs  # noqa: E402
from ptwalk.walk import PAGE, walk_all  # noqa: E402
from tests.runner.machine import Machine  # noqa: E402
from tests.runner.paused import picture_when  # noqa: E402

ARCHES = (os.environ.get("ARCHES") or "riscv").split()


@lru_cache(maxsize=None)
def healthy(arch, cpu=""):
    return picture_when(Machine(arch, variant="harness", cpu=cpu), 'run="zoo"', "zoo: open")[0]


class Broken:
    """A copy of a healthy picture with helpers to break it."""

    def __init__(self, arch):
        self.picture = healthy(arch).edited()
        self.memory, self.format, self.root = self.picture.memory, self.picture.format, self.picture.root
        self.walk = walk_all(healthy(arch))

    def run(self, suits):
        """The first run of user entries that suits."""
        return next(run for run in self.walk.runs if run.space.kind == "user" and suits(run))

    def folio_run(self, least=1):
        words = self.picture.words
        return self.run(lambda run: run.level == 0 and run.nr >= least and run.flags.write
                        and w.type_of(words.read(run.pfn)) == w.FOLIO and run.flags.accessible)  # fmt: skip

    def entry_address(self, run, i=0):
        index = (run.virtual >> self.format.shift(run.level)) + i & self.format.entries(run.level) - 1
        return run.table + 8 * index

    def entry(self, run, i=0):
        return self.memory.u64(self.entry_address(run, i))

    def set_entry(self, run, value, i=0):
        if self.format.name == "arm64":
            value &= ~(1 << 52)  # no part of a group any more
        self.memory.poke(self.entry_address(run, i), 8, value & (1 << 64) - 1)

    def show(self, run, pfn):
        """Let the run's first entry show another frame."""
        self.set_entry(run, self.entry(run) + (pfn - run.pfn) * self.format.step(0))

    def frame_of(self, kind):
        """A frame in the middle of the longest run of words of this type."""
        runs = [(nr, pfn) for pfn, nr, word in self.picture.words.runs if w.type_of(word) == kind]
        nr, pfn = max(runs)
        return pfn + nr // 2

    def set_word(self, pfn, word):
        self.picture.words.numbers[pfn - self.root.first] = word
        self.picture.words.__dict__.pop("runs", None)

    def descriptor(self, pfn):
        return self.picture.physical(w.pointer_of(self.picture.words.read(pfn)))

    def poke_u32(self, address, change):
        self.memory.poke(address, 4, self.memory.u32(address) + change)

    def table(self, kind, level):
        return next(table for table in self.walk.tables if table.space.kind == kind and table.level == level)

    def complaints(self):
        return check_all(self.picture, walk_all(self.picture))


class Walked(unittest.TestCase):
    """For each machine; a test method breaks one thing."""

    def expect(self, break_it, check, text):
        """break_it(Broken) breaks a copy; the check must complain with these words, on every machine."""
        for arch in ARCHES:
            with self.subTest(arch):
                broken = Broken(arch)
                if break_it(broken) is None:
                    found = broken.complaints()
                    lines = "\n".join(tell(found))
                    self.assertIn(check, {complaint.check for complaint in found}, lines)
                    self.assertIn(text, lines)

    def test_a_healthy_machine_gives_no_complaint(self):
        for arch in ARCHES:
            with self.subTest(arch):
                walk = walk_all(healthy(arch))
                self.assertEqual(tell(check_all(healthy(arch), walk)), [])
                self.assertEqual([space.kind for space in walk.spaces].count("guest"), 1)
                self.assertGreater(sum(run.frames for run in walk.runs if run.space.kind == "user"), 5000)
                self.assertGreater(sum(run.frames for run in walk.runs if run.space.kind == "kernel"), 200000)

    def test_groups_of_entries_are_walked_as_what_they_stand_for(self):
        for arch in ARCHES:
            other = Machine(arch, variant="harness").values["OTHER_CPU"]
            for cpu in ["", other] if other else [""]:
                with self.subTest(arch, cpu=cpu):
                    picture = healthy(arch, cpu)
                    walk = walk_all(picture)
                    self.assertEqual(tell(check_all(picture, walk)), [])
                    groups = sum(run.nr for run in walk.runs if run.level == 0 and run.flags.contiguous)
                    self.assertEqual(groups > 0, bool(cpu) or picture.format.name == "arm64")
                    self.assertEqual(groups % 16, 0)

    def test_a_free_frame_is_mapped(self):
        self.expect(lambda b: b.show(b.folio_run(), b.frame_of(w.BUDDY)), "owner", "a free frame is mapped")

    def test_a_kernel_frame_is_mapped(self):
        self.expect(lambda b: b.show(b.folio_run(), b.frame_of(w.SLAB)), "owner", "it is the kernel's, or none at all")

    def test_a_page_table_is_mapped(self):
        self.expect(lambda b: b.show(b.folio_run(), b.frame_of(w.PTDESC)), "owner", "PTDESC: a page table of level")

    def test_a_guests_secret_is_mapped_by_the_host(self):
        def break_it(b):
            guest = next(run for run in b.walk.runs if run.space.kind == "guest" and run.frames > 100)
            b.show(b.folio_run(), guest.pfn + 50)

        self.expect(break_it, "owner", "a guest's secret frame is mapped by the host")

    def test_a_broken_frame_is_mapped(self):
        def break_it(b):
            run = b.folio_run()
            record = b.picture.words.read(run.pfn)  # any memory: a record of 32 bytes is read from it
            b.memory.poke(b.descriptor(run.pfn) + b.root.poison_saved, 8, 0)
            b.set_word(run.pfn, w.pointer_of(record) | w.HWPOISON)

        self.expect(break_it, "owner", "a broken frame is mapped")

    def test_a_word_names_a_folio_elsewhere(self):
        def break_it(b):
            b.set_word(b.frame_of(w.BUDDY), b.picture.words.read(b.folio_run().pfn))

        self.expect(break_it, "word", "say that they belong to something that they aren't in")

    def test_a_word_points_to_no_descriptor(self):
        self.expect(lambda b: b.set_word(b.frame_of(w.BUDDY), 0x123456 << 12 | w.FOLIO), "word", "points to no descriptor")

    def test_a_word_of_an_unknown_type(self):
        self.expect(lambda b: b.set_word(b.frame_of(w.BUDDY), 13), "word", "a word of an unknown type")

    def test_a_frame_is_missing_from_the_books(self):
        self.expect(lambda b: b.set_word(b.frame_of(w.BUDDY), 0), "books", "frames, the machine has")

    def test_a_mapping_too_many_is_counted(self):
        self.expect(lambda b: b.poke_u32(b.descriptor(b.folio_run().pfn) + b.root.folio_map_count, 1), "map count",
                    "mappings are counted")  # fmt: skip

    def test_a_mapping_is_not_counted(self):
        self.expect(lambda b: b.poke_u32(b.descriptor(b.folio_run().pfn) + b.root.folio_map_count, -1), "map count",
                    "are found")  # fmt: skip

    def test_an_entry_vanished(self):
        self.expect(lambda b: b.set_entry(b.folio_run(2), b.format.empty(0)), "map count", "are found")

    def test_a_hole_counts_wrong(self):
        def break_it(b):
            run = b.run(lambda run: w.type_of(b.picture.words.read(run.pfn)) == w.HOLE)
            b.poke_u32(b.descriptor(run.pfn) + b.root.hole_map_count, 1)

        self.expect(break_it, "map count", "hole of frames")

    def test_a_reference_was_put_too_often(self):
        self.expect(lambda b: b.poke_u32(b.descriptor(b.folio_run().pfn) + b.root.folio_refs, -1), "references",
                    "more mappings than references")  # fmt: skip

    def test_nobody_holds_a_reference(self):
        def break_it(b):
            b.memory.poke(b.descriptor(b.folio_run().pfn) + b.root.folio_refs, 4, 0)

        self.expect(break_it, "owner", "to which nobody holds a reference")

    def test_the_zero_page_is_writable(self):
        def break_it(b):
            run = b.folio_run()
            b.set_word(run.pfn, w.MISC | w.ZERO << 4)

        self.expect(break_it, "owner", "the page of zeros is mapped writable")

    def test_user_memory_is_writable_and_executable(self):
        def break_it(b):
            text = b.run(lambda run: run.flags.execute)
            data = b.folio_run()
            b.set_entry(data, b.entry(data) & text.entry | b.entry(data) & ~NO_EXECUTE[b.format.name] | EXECUTE[b.format.name])

        self.expect(break_it, "write or execute", "both writable and executable")

    def test_kernel_text_is_writable(self):
        def break_it(b):
            run = next(r for r in b.walk.runs if r.space.kind == "kernel" and r.flags.execute)
            write = {"riscv64": 4, "arm64": 1 << 51, "s390x": 2, "x86_64": 2}[b.format.name]
            b.set_entry(run, b.entry(run) | write)

        self.expect(break_it, "write or execute", "the kernel, address")

    def test_user_mode_may_use_kernel_memory(self):
        def break_it(b):
            run = next(r for r in b.walk.runs if r.space.kind == "kernel" and r.flags.write)
            b.set_entry(run, b.entry(run) | {"riscv64": 16, "arm64": 64, "s390x": 64, "x86_64": 4}[b.format.name])

        self.expect(break_it, "user bit", "user mode may use the kernel's memory")

    def test_a_table_is_used_twice(self):
        def break_it(b):
            one, other = [t for t in b.walk.tables if t.space.kind == "user" and t.level == 1][:2]
            first = b.memory.table(one.address, 512)
            used = next(e for e in first if b.format.kind(e, 1) == "table")
            table = b.memory.table(other.address, 512)
            free = next(i for i, e in enumerate(table) if b.format.kind(e, 1) == "empty")
            b.memory.poke(other.address + 8 * free, 8, used)

        self.expect(break_it, "table twice", "one page table is used in two places")

    def test_a_table_frame_is_something_else(self):
        def break_it(b):
            b.set_word(b.table("user", 0).address // PAGE, w.MISC | w.KERNEL << 4)

        self.expect(break_it, "table word", "a page table's frame must say PTDESC")

    def test_a_table_entry_leads_astray(self):
        def break_it(b):
            table = b.table("user", 1)
            entries = b.memory.table(table.address, 512)
            i = next(i for i, e in enumerate(entries) if b.format.kind(e, 1) == "table")
            frame = b.frame_of(w.FOLIO)
            step = (frame * PAGE - b.format.table_address(entries[i], 1)) // PAGE * (1024 if b.format.name == "riscv64" else PAGE)
            b.memory.poke(table.address + 8 * i, 8, entries[i] + step)

        self.expect(break_it, "table word", "an entry points to a table that is none")

    def test_a_table_is_of_another_level(self):
        def break_it(b):
            at = b.descriptor(b.table("user", 0).address // PAGE)
            b.memory.poke(at + b.root.ptdesc_level, 1, 1)

        self.expect(break_it, "table level", "the table's descriptor says level 1")

    def test_a_table_belongs_to_somebody_else(self):
        def break_it(b):
            at = b.descriptor(b.table("user", 0).address // PAGE)
            b.memory.poke(at + b.root.ptdesc_mm, 8, b.memory.u64(at + b.root.ptdesc_mm) + 64)

        self.expect(break_it, "table owner", "names another address space")

    def test_a_table_was_lost(self):
        def break_it(b):
            table = b.table("user", 1)
            entries = b.memory.table(table.address, 512)
            i = next(i for i, e in enumerate(entries) if b.format.kind(e, 1) == "table")
            b.memory.poke(table.address + 8 * i, 8, b.format.empty(1))

        self.expect(break_it, "table lost", "is used by no address space")

    def test_a_copy_of_the_kernels_half_differs(self):
        def break_it(b):
            if not b.format.shared_half:
                return "this machine has none"
            table = b.table("user", b.format.top).address
            used = next(i for i in range(b.format.user_half, 512) if b.memory.u64(table + 8 * i))
            b.memory.poke(table + 8 * used, 8, 0)
            return None

        self.expect(break_it, "kernel half", "differs from the kernel's")

    def test_a_cpu_translates_with_something_else(self):
        def break_it(b):
            name = next(name for name, (use, _) in b.format.registers.items() if use == "user")
            values = list(b.picture.registers[name])
            values[2] += 5 << (0 if b.format.name == "riscv64" else 12)
            b.picture.registers[name] = values

        self.expect(break_it, "root", "CPU 2 translates with a table of no address space")

    def test_a_secret_frame_is_in_the_direct_map(self):
        def break_it(b):
            hole = b.run(lambda run: w.type_of(b.picture.words.read(run.pfn)) == w.HOLE)
            direct = next(r for r in b.walk.runs if r.space.kind == "kernel" and r.pfn <= hole.pfn < r.pfn + r.frames
                          and r.virtual - b.root.direct_map_base == r.pfn * PAGE)  # fmt: skip
            behind = direct.nr  # the first secret frame behind the shared ones
            b.set_entry(direct, direct.entry + behind * b.format.step(0), behind)

        self.expect(break_it, "secret", "a guest's secret frame is in the kernel's direct map")

    def test_a_shared_frame_is_absent_from_the_direct_map(self):
        def break_it(b):
            hole = b.run(lambda run: w.type_of(b.picture.words.read(run.pfn)) == w.HOLE)
            direct = next(r for r in b.walk.runs if r.space.kind == "kernel" and r.pfn == hole.pfn)
            b.set_entry(direct, b.format.empty(0))

        self.expect(break_it, "shared", "absent from the direct map")


EXECUTE = {"riscv64": 8, "arm64": 0, "s390x": 0, "x86_64": 0}
NO_EXECUTE = {"riscv64": 0, "arm64": 1 << 54, "s390x": 0x100, "x86_64": 1 << 63}


class Reads(unittest.TestCase):
    """A picture takes few reads, whatever the layout of memory."""

    def test_neighbours_are_read_together_and_small_gaps_too(self):
        self.assertEqual(join_runs([(1, 2), (3, 1), (10, 1), (12, 1)], 48), [(1, 3), (10, 1), (12, 1)])
        self.assertEqual(join_runs([(1, 2), (3, 1), (10, 1), (12, 1)], 2), [(1, 3), (10, 3)])
        self.assertEqual(join_runs([(5, 5)], 1), [(5, 5)])
        self.assertLessEqual(len(join_runs([(i * i * 3, 1) for i in range(1000)], 48)), 48)


if __name__ == "__main__":
    unittest.main()
