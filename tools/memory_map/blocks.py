# SPDX-License-Identifier: MIT
"""Makes blocks from words: runs of frames that belong to one thing, each of a kind with a colour; and the rows of the
picture."""

from collections import defaultdict
from dataclasses import dataclass

from ptwalk import words as w
from ptwalk.memory import NotRead
from ptwalk.walk import PAGE

MOST_ROWS = 56


@dataclass(frozen=True)
class Kind:
    """One line of the legend. Blocks are named by `one`, or by the letter where they are narrow."""

    key: str  # class in the picture's style
    letter: str
    name: str
    one: str
    colour: str
    text: str


FREE = Kind("free", "", "free", "free", "#eef2ec", "in the buddy's lists, or kept by a CPU")
SMALL = Kind("small", "f", "folios below 64 KiB", "folio", "#a9d3f5", "of processes and programs")
MIDDLE = Kind("middle", "F", "folios from 64 KiB", "folio", "#5aa7e0", "the size that a first touch brings in")
LARGE = Kind("large", "L", "folios from 2 MiB", "large folio", "#2470b3", "fit a block entry")
SECRET = Kind("secret", "S", "secret folios", "secret folio", "#6b3fa0", "a guest's: not in the direct map")
HOLE = Kind("hole", "O", "holes", "hole", "#ff9500", "of a secret folio: its guest shares")
POISON = Kind("poison", "X", "broken frames", "broken", "#d0021b", "taken out of use for ever")
TABLES = Kind("tables", "T", "page tables", "page tables", "#e8c547", "of processes and of the kernel")
SLAB = Kind("slab", "s", "small objects", "slab", "#4bb39a", "slab: descriptors, processes, threads")
UV = Kind("uv", "U", "ultravisor", "ultravisor", "#b5508f", "its frame table, guests' page tables")
KERNEL = Kind("kernel", "k", "kernel stacks", "kernel stacks", "#8fae5d", "and others without a descriptor")
IMAGE = Kind("image", "K", "kernel image", "kernel image", "#4a4a4a", "text, constants, data")
WORDS = Kind("words", "W", "the words", "the words", "#8c6d4f", "8 bytes for each frame")
INITRD = Kind("initrd", "B", "boot archive", "boot archive", "#b89f7d", "programs, as QEMU brought them")
FIRMWARE = Kind("firmware", "R", "firmware", "firmware", "#9aa0a6", "and what the machine reserves")
ABSENT = Kind("absent", "", "no memory", "no memory", "#ffffff", "addresses without RAM")
KINDS = (FREE, SMALL, MIDDLE, LARGE, SECRET, HOLE, POISON, TABLES, SLAB, UV, KERNEL, IMAGE, WORDS, INITRD, FIRMWARE)
MISC_KINDS = {w.ABSENT: ABSENT, w.FIRMWARE: FIRMWARE, w.IMAGE: IMAGE, w.WORDS: WORDS, w.INITRD: INITRD, w.KERNEL: KERNEL,
              w.ZERO: KERNEL}  # fmt: skip
OTHER_KINDS = {w.BUDDY: FREE, w.SLAB: SLAB, w.PTDESC: TABLES, w.HOLE: HOLE, w.HWPOISON: POISON, w.UV: UV}


@dataclass
class Block:
    """Frames [first, end) of one kind; `thing` is the object that they belong to."""

    first: int
    end: int
    kind: Kind
    thing: object
    title: str

    @property
    def nr(self):
        return self.end - self.first


def size_text(frames):
    """Frames as bytes, for people."""
    kib = frames * 4
    if kib >= 1 << 20 and kib % (1 << 18) == 0:
        return f"{kib / (1 << 20):g} GiB"
    return f"{kib / 1024:.4g} MiB" if kib >= 1024 else f"{kib} KiB"


def users_of(picture, walk):
    """Frame ranges' users: descriptor address to the names of the address spaces that map it."""
    users = defaultdict(set)
    for run in walk.runs:
        if run.space.kind == "kernel":
            continue
        pfn, end = run.pfn, run.pfn + run.frames
        while pfn < end:
            nr = picture.words.same(pfn, end - pfn)
            users[picture.words.read(pfn)].add(run.space.name)
            pfn += nr
    return users


def folio_kind(folio):
    if folio.flags & w.SECURE:
        return SECRET
    return SMALL if folio.order < 4 else MIDDLE if folio.order < 9 else LARGE


def block_of(words, pfn, nr, word, users):
    """The block for a run of equal words."""
    kind = w.type_of(word)
    try:
        text = words.meaning(word)
        if kind == w.FOLIO:
            look = folio_kind(words.folio(w.pointer_of(word)))
        else:
            look = MISC_KINDS.get(w.misc_of(word), FIRMWARE) if kind == w.MISC else OTHER_KINDS.get(kind, FIRMWARE)
    except NotRead:
        look, text = FIRMWARE, "?"
    if look is FREE:
        text = "free"
    title = f"{text}\nframes {pfn:#x} to {pfn + nr - 1:#x}, {size_text(nr)}"
    if users.get(word):
        title += "\nmapped by " + ", ".join(sorted(users[word]))
    return Block(pfn, pfn + nr, look, word if kind in (w.FOLIO, w.HOLE, w.HWPOISON) else look, title)


def free_order(word):
    """The order of a free block, from the word of its first frame (mm/frames/buddy.c); None: inside a block."""
    return word >> 4 & 31 if word & 1 << 9 else None


def blocks_of(picture, users):
    """Blocks for all of memory; the frames inside a free block are joined with it."""
    found = []
    for pfn, nr, word in picture.words.runs:
        if w.type_of(word) == w.BUDDY:
            order = free_order(word)
            if order is None and found and found[-1].kind is FREE:
                found[-1].end = max(found[-1].end, pfn + nr)
                continue
            end = pfn + (1 << order) if order is not None else pfn + nr
            text = f"free block of order {order}, {size_text(1 << order)}" if order is not None else "kept ready by a CPU"
            found.append(Block(pfn, end, FREE, pfn, f"{text}\nframes {pfn:#x} to {end - 1:#x}"))
            continue
        found.append(block_of(picture.words, pfn, nr, word, users))
    return found


@dataclass
class Row:
    """`span` frames from `first` on, cut out of the blocks; or `rows` equal rows that are folded into one."""

    first: int
    span: int
    parts: list  # (first, end, Block)
    rows: int = 1

    @property
    def uniform(self):
        """The single block that fills the row, if there is one."""
        return self.parts[0][2] if len(self.parts) == 1 and self.parts[0][1] - self.parts[0][0] == self.span else None


def cut_rows(blocks, span):
    """Rows of `span` frames."""
    rows = {}
    for block in blocks:
        at = block.first
        while at < block.end:
            first = at - at % span
            end = min(block.end, first + span)
            rows.setdefault(first, Row(first, span, [])).parts.append((at, end, block))
            at = end
    return [rows[first] for first in sorted(rows)]


def fold(rows):
    """Neighbouring rows become one row if one thing fills them, or only free memory."""
    folded = []
    for row in rows:
        last = folded[-1] if folded else None
        if last and row.uniform and last.uniform and row.first == last.first + last.span * last.rows:
            same = row.uniform is last.uniform or (row.uniform.kind is last.uniform.kind is FREE)
            if same:
                last.rows += 1
                continue
        folded.append(row)
    return folded


def rows_of(blocks):
    """The smallest rows that fit into the picture: 1 MiB each or more."""
    span = 256
    blocks = [block for block in blocks if block.kind is not ABSENT]
    while True:
        rows = fold(cut_rows(blocks, span))
        if len(rows) <= MOST_ROWS or span >= 1 << 18:
            return rows
        span *= 2


def totals(blocks):
    """Frames by kind."""
    sums = defaultdict(int)
    for block in blocks:
        sums[block.kind] += block.nr
    return sums


def address_text(pfn):
    return f"{pfn * PAGE:#x}"
