# SPDX-License-Identifier: MIT
"""The kernel's ELF file: its machine, and the physical addresses of its symbols."""

import struct
from functools import cached_property

PT_LOAD = 1
SHT_SYMTAB = 2


class NotAKernel(Exception):
    """The file can't be read as a 64-bit ELF program."""


class Kernel:
    """quire.elf. `order` is the machine's byte order as struct wants it, `machine` ELF's number for it."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:5] != b"\x7fELF\x02":
            raise NotAKernel(f"{path} isn't a 64-bit ELF file")
        self.order = "<" if self.data[5] == 1 else ">"
        self.machine = self.unpack("H", 18)[0]

    def unpack(self, form, at):
        return struct.unpack_from(self.order + form, self.data, at)

    @cached_property
    def segments(self):
        """(virtual, physical, bytes) of each loaded segment."""
        at, size, count = self.unpack("Q", 32)[0], *self.unpack("HH", 54)
        headers = [self.unpack("IIQQQQQ", at + i * size) for i in range(count)]
        return [(vaddr, paddr, memory) for kind, _, _, vaddr, paddr, _, memory in headers if kind == PT_LOAD]

    @cached_property
    def symbols(self):
        """Name to link address."""
        at, (size, count) = self.unpack("Q", 40)[0], self.unpack("HH", 58)
        sections = [self.unpack("IIQQQQIIQQ", at + i * size) for i in range(count)]
        found = {}
        for _, kind, _, _, offset, length, link, *_ in sections:
            if kind == SHT_SYMTAB:
                strings = sections[link][4]
                for name, _, _, _, value, _ in struct.iter_unpack(self.order + "IBBHQQ", self.data[offset : offset + length]):
                    end = self.data.index(b"\0", strings + name)
                    found[self.data[strings + name : end].decode()] = value
        return found

    def physical(self, address):
        """Where a link address was loaded."""
        for vaddr, paddr, memory in self.segments:
            if vaddr <= address < vaddr + memory:
                return address - vaddr + paddr
        raise NotAKernel(f"address {address:#x} isn't in the kernel image")
