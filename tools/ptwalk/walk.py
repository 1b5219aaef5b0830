# SPDX-License-Identifier: MIT
"""The walk: every address space, every table, every entry, in runs of entries that show consecutive frames with the
same rights.

Address spaces are found by the words: a page-table frame whose descriptor says "top level" is a root. The list of
processes gives its owner; guests' roots come from the ultravisor's table.
"""

from dataclasses import dataclass, field
from itertools import groupby

from . import words as w
from .formats import EMPTY, LEAF, POISON, TABLE
from .memory import NotRead
from .root import frame_of_shadow

PAGE = 4096
PROCESS_LIMIT = 10000


@dataclass
class Space:
    """One address space."""

    root: int  # physical address of its top table
    kind: str  # "kernel", "user", "guest"
    name: str
    mm: int = 0  # address of its struct mm, as far as known

    def __str__(self):
        return self.name


@dataclass
class Table:
    """One visit of a page table."""

    space: Space
    address: int
    level: int
    virtual: int  # the address that its first entry translates


@dataclass
class Run:
    """nr entries of one table: the first one's address, raw value and frame; the others go on from there."""

    space: Space
    virtual: int
    level: int
    entry: int
    pfn: int
    nr: int
    frames: int  # under all entries
    flags: object
    table: int

    @property
    def span(self):
        """Frames under one entry."""
        return self.frames // self.nr


@dataclass
class Walk:
    """Everything that was found."""

    spaces: list = field(default_factory=list)
    tables: list = field(default_factory=list)
    runs: list = field(default_factory=list)
    astray: list = field(default_factory=list)  # (Space, virtual, level, entry): the table is impossible
    kernel_halves: list = field(default_factory=list)  # (Space, entries beyond the user's part)


def processes(picture):
    """(id, name, mm) of every process."""
    root, found = picture.root, []
    head = picture.physical(root.processes)
    link = picture.pointer(root.processes)
    while picture.physical(link) != head and len(found) < PROCESS_LIMIT:
        at = picture.physical(link) - root.process_link
        name = picture.memory.bytes(at + root.process_name, 32).split(b"\0")[0].decode("ascii", "replace")
        found.append((picture.memory.u64(at + root.process_id), name, picture.memory.u64(at + root.process_mm)))
        link = picture.memory.u64(at + root.process_link)
    return found


def find_spaces(picture):
    """The kernel's, every user's and every guest's."""
    root, names = picture.root, {}
    for number, name, mm in processes(picture):
        if mm:
            names[picture.memory.u64(picture.physical(mm) + root.mm_table)] = (f"process {number} ({name})", mm)
    spaces = [Space(root.kernel_root, "kernel", "the kernel")]
    for pfn, _, word in picture.words.runs:
        if w.type_of(word) != w.PTDESC or w.pointer_of(word) == root.early_ptdesc:
            continue
        if picture.words.ptdesc(w.pointer_of(word))[0] == picture.format.top:
            name, mm = names.get(pfn * PAGE, (f"the address space with its top table in frame {pfn:#x}", 0))
            spaces.append(Space(pfn * PAGE, "user", name, mm))
    uv = picture.uv()
    for guest in range(uv.nr_guests):
        state = picture.memory.u32(picture.physical(uv.guests) + guest * uv.guest_size + uv.guest_state)
        table = picture.memory.u64(picture.physical(uv.spaces) + guest * uv.space_size + uv.space_table)
        if state not in (0, uv.guest_dead) and table:
            spaces.append(Space(table, "guest", f"guest {guest}"))
    return spaces


def entry_runs(table, empty, step):
    """(index, entries) of neighbours that advance by step; empty ones are left out."""
    keys = [entry != empty and entry - i * step for i, entry in enumerate(table)]
    at = 0
    for key, group in groupby(keys):
        nr = len(list(group))
        if key is not False:
            yield at, nr
        at += nr


class Walker:
    """Goes through one picture."""

    def __init__(self, picture):
        self.picture, self.format, self.walk = picture, picture.format, Walk()

    def all(self):
        self.walk.spaces = find_spaces(self.picture)
        for space in self.walk.spaces:
            self.table(space, space.root, self.format.top, 0)
        return self.walk

    def table(self, space, address, level, virtual):
        form = self.format
        self.walk.tables.append(Table(space, address, level, virtual))
        entries = form.plain(self.picture.memory.table(address, form.entries(level)), level)
        if level == form.top and space.kind != "kernel":
            if form.shared_half and space.kind == "user":
                self.walk.kernel_halves.append((space, entries[form.user_half :]))
            entries = entries[: form.user_half]
        for index, nr in entry_runs(entries, form.empty(level), form.step(level)):
            kind = form.kind(entries[index], level)
            if kind in (EMPTY, POISON):
                continue
            if kind == LEAF:
                self.leaf(space, address, level, virtual, index, nr, entries[index])
                continue
            for i in range(index, index + nr):
                self.below(space, level, virtual + (i << form.shift(level)), entries[i])

    def below(self, space, level, virtual, entry):
        """Follow an entry to the table it points to."""
        address = self.format.table_address(entry, level)
        try:
            if self.format.kind(entry, level) == TABLE:
                self.picture.memory.find(address, self.format.table_bytes(level - 1))
        except NotRead:
            self.walk.astray.append((space, self.canonical(space, virtual), level, entry))
            return
        self.table(space, address, level - 1, virtual)

    def leaf(self, space, table, level, virtual, index, nr, entry):
        form = self.format
        span = 1 << (form.shift(level) - 12)
        address = self.canonical(space, virtual + (index << form.shift(level)))
        pfn = form.pfn(entry, level)
        if space.kind != "kernel":  # a user's or a guest's space
            pfn = frame_of_shadow(self.picture.root, pfn)
        self.walk.runs.append(
            Run(space, address, level, entry, pfn, nr, nr * span, form.flags(entry, level), table)
        )

    def canonical(self, space, virtual):
        return self.format.canonical(virtual, space.kind == "kernel")


def walk_all(picture):
    """Every address space of the picture."""
    return Walker(picture).all()
