# SPDX-License-Identifier: MIT
"""A running machine: pause it, take a picture of its kernel's data, let it go on.

The picture needs few reads: struct inspect_root, the word array, then the frames whose words say that they hold
tables, descriptors or the kernel's data; neighbours are read together, at most MAX_READS times.
"""

import os
import tempfile

from . import words as w
from .formats import FORMATS
from .memory import Memory
from .root import read_root, read_uv, root_bytes, uv_bytes
from .words import Words

MAX_READS = 48
WANTED = (w.SLAB, w.PTDESC, w.UV)
WANTED_MISC = (w.IMAGE, w.KERNEL)
PAGE = 4096


class Picture:
    """The data that was read: memory, root, words and the CPUs' registers."""

    def __init__(self, kernel, memory, root, numbers, registers):
        self.kernel, self.memory, self.root, self.registers = kernel, memory, root, registers
        self.format = FORMATS[kernel.machine]()
        self.words = Words(memory, root, numbers, self.physical)

    def physical(self, address):
        """Link addresses are in the image, all other pointers in the direct map."""
        image = self.root.image_offset
        for vaddr, _, size in self.kernel.segments:
            if vaddr <= address < vaddr + size:
                return address - image & (1 << 64) - 1
        return address - self.root.direct_map_base & (1 << 64) - 1

    def pointer(self, address):
        return self.memory.u64(self.physical(address))

    def uv(self):
        return read_uv(self.memory.bytes(self.physical(self.root.uv), uv_bytes()), self.kernel.order)

    def edited(self):
        """A copy to break things in."""
        memory = self.memory.copy()
        return Picture(self.kernel, memory, self.root, self.words.numbers[:], dict(self.registers))


def wanted(word):
    kind = w.type_of(word)
    return kind in WANTED or (kind == w.MISC and w.misc_of(word) in WANTED_MISC)


def join_runs(runs, most):
    """(first, frames) to at most `most` pieces: the smallest gaps are read as well."""
    gaps = sorted((b[0] - a[0] - a[1], i) for i, (a, b) in enumerate(zip(runs, runs[1:])))
    split = {i for gap, i in gaps[max(0, len(gaps) - most + 1) :] if gap > 0}
    pieces, start = [], None
    for i, (first, nr) in enumerate(runs):
        start = first if start is None else start
        if i in split or i == len(runs) - 1:
            pieces.append((start, first + nr - start))
            start = None
    return pieces


class Live:
    """A machine behind two sockets."""

    def __init__(self, kernel, qmp, gdb):
        self.kernel, self.qmp, self.gdb = kernel, qmp, gdb
        self.format = FORMATS[kernel.machine]()

    def memory_reader(self, path):
        def read(start, size):
            self.qmp.save(start, size, path)
            with open(path, "rb") as file:
                return file.read()

        return read

    def read_registers(self):
        """Register name to one value for each CPU; nothing without a gdb stub."""
        if not self.gdb:
            return {}
        threads = self.gdb.cpus()
        return {name: [self.gdb.register(thread, name) for thread in threads] for name in self.format.registers}

    def picture(self):
        """Take the picture; the machine is paused."""
        descriptor, path = tempfile.mkstemp(prefix="quire-memory-")
        os.close(descriptor)
        try:
            return take_picture(self.kernel, self.memory_reader(path), self.read_registers())
        finally:
            os.unlink(path)


def take_picture(kernel, read, registers):
    """`read(physical address, bytes)` gives memory."""
    order = kernel.order
    root = read_root(read(kernel.physical(kernel.symbols["inspect_root"]), root_bytes(order)), order)
    memory = Memory(order)
    picture = Picture(kernel, memory, root, None, registers)
    count, at = root.end - root.first, picture.physical(root.words)
    memory.add(at, read(at, 8 * count))
    picture.words.numbers = memory.table(at, count)
    rest = Memory(order)
    runs = [(pfn, nr) for pfn, nr, word in picture.words.runs if wanted(word)]
    for first, nr in join_runs(runs, MAX_READS):
        rest.add(first * PAGE, read(first * PAGE, nr * PAGE))
    picture.memory = picture.words.memory = rest
    return picture
