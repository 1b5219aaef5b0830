# SPDX-License-Identifier: MIT
"""The words of the frames and their descriptors, read from a picture of memory (include/quire/memdesc.h)."""

from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from .memory import NotRead

MISC, BUDDY, FOLIO, SLAB, PTDESC, HOLE, HWPOISON, UV = range(8)
NAMES = ("MISC", "BUDDY", "FOLIO", "SLAB", "PTDESC", "HOLE", "HWPOISON", "UV")
ABSENT, FIRMWARE, IMAGE, WORDS, INITRD, KERNEL, ZERO = range(7)
MISC_NAMES = ("absent", "firmware", "kernel image", "word array", "boot archive", "kernel", "zero page")
SECURE = 1 << 3  # folio flags
DYING = 1 << 2
HOLE_INSECURE = 0  # hole kinds


def type_of(word):
    return word & 15


def misc_of(word):
    return word >> 4 & 127


def pointer_of(word):
    return word & ~15


def count(number, what):
    return f"{number} {what}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Folio:
    """struct folio."""

    address: int
    pfn: int
    order: int
    refs: int
    map_count: int
    flags: int

    @property
    def end(self):
        return self.pfn + (1 << self.order)

    def __str__(self):
        return (f"folio of frames {self.pfn:#x} to {self.end - 1:#x} (order {self.order}, {count(self.refs, 'reference')}, "
                f"mapped {count(self.map_count, 'time')}{', secure' if self.flags & SECURE else ''})")  # fmt: skip


@dataclass(frozen=True)
class Hole:
    """struct insecure_mem."""

    address: int
    pfn: int
    nr: int
    refs: int
    map_count: int
    folio: int
    kind: int

    @property
    def end(self):
        return self.pfn + self.nr

    def __str__(self):
        return (f"hole of frames {self.pfn:#x} to {self.end - 1:#x} ({count(self.refs, 'reference')}, "
                f"mapped {count(self.map_count, 'time')})")  # fmt: skip


class Words:
    """All words, and the descriptors behind them."""

    def __init__(self, memory, root, numbers, physical):
        self.memory, self.root, self.numbers, self.physical = memory, root, numbers, physical
        self.folios, self.holes = {}, {}

    def read(self, pfn):
        """The frame's word; frames without one are absent."""
        return self.numbers[pfn - self.root.first] if self.root.first <= pfn < self.root.end else MISC

    @cached_property
    def runs(self):
        """(first frame, frames, word) of neighbours with the same word."""
        found, pfn = [], self.root.first
        for word, group in groupby(self.numbers):
            nr = len(list(group))
            found.append((pfn, nr, word))
            pfn += nr
        return found

    def same(self, pfn, nr):
        """How many of nr frames from pfn on have the first one's word."""
        at = pfn - self.root.first
        if not 0 <= at < len(self.numbers):
            return nr
        word, part = self.numbers[at], self.numbers[at : at + nr]
        if part.count(word) == nr:
            return nr
        return next((i for i, other in enumerate(part) if other != word), len(part))

    # --- descriptors -------------------------------------------------------------------------
    def folio(self, address):
        if address not in self.folios:
            root, memory, at = self.root, self.memory, self.physical(address)
            self.folios[address] = Folio(
                address, memory.u64(at + root.folio_pfn), memory.number(at + root.folio_order, 1),
                memory.u32(at + root.folio_refs), memory.u32(at + root.folio_map_count), memory.u32(at + root.folio_flags),
            )  # fmt: skip
        return self.folios[address]

    def hole(self, address):
        if address not in self.holes:
            root, memory, at = self.root, self.memory, self.physical(address)
            self.holes[address] = Hole(
                address, memory.u64(at + root.hole_first), memory.u32(at + root.hole_nr), memory.u32(at + root.hole_refs),
                memory.u32(at + root.hole_map_count), memory.u64(at + root.hole_folio),
                memory.number(at + root.hole_kind, 1),
            )  # fmt: skip
        return self.holes[address]

    def poison_saved(self, address):
        return self.memory.u64(self.physical(address) + self.root.poison_saved)

    def ptdesc(self, address):
        """(level, mm) of a page table's frame."""
        at = self.physical(address)
        return self.memory.number(at + self.root.ptdesc_level, 1), self.memory.u64(at + self.root.ptdesc_mm)

    def folio_behind(self, word):
        """The folio that a frame is part of, also if its word says poison or hole; None: no folio."""
        if type_of(word) == HWPOISON:
            word = self.poison_saved(pointer_of(word))
        if type_of(word) == HOLE:
            word = self.hole(pointer_of(word)).folio | FOLIO
        return self.folio(pointer_of(word)) if type_of(word) == FOLIO else None

    # --- in words ----------------------------------------------------------------------------
    def describe(self, pfn):
        """A description of frame pfn."""
        word = self.read(pfn)
        name = NAMES[type_of(word)] if type_of(word) < len(NAMES) else f"of unknown type {type_of(word)}"
        try:
            return f"frame {pfn:#x}: word {word:#x}, {name}: {self.meaning(word)}"
        except NotRead:
            return f"frame {pfn:#x}: word {word:#x}, {name}, which points to no descriptor"

    def meaning(self, word):
        kind, address = type_of(word), pointer_of(word)
        if kind == FOLIO:
            return str(self.folio(address))
        if kind == HOLE:
            return f"{self.hole(address)} in a {self.folio(self.hole(address).folio)}"
        if kind == HWPOISON:
            saved = self.poison_saved(address)
            return f"broken; before: {self.meaning(saved) if saved else 'free'}"
        if kind == PTDESC:
            return f"a page table of level {self.ptdesc(address)[0]}"
        if kind == MISC:
            return MISC_NAMES[misc_of(word)] if misc_of(word) < len(MISC_NAMES) else "?"
        return {BUDDY: "free", SLAB: "the kernel's small objects", UV: "the ultravisor's own"}.get(kind, "?")
