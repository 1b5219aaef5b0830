#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes programs that the kernel must refuse, each from a good one by one change.

usage: broken_elf.py GOOD_PROGRAM FOLDER

tests/user/elf_test.c tries each of them.
"""
import os
import struct
import sys

HEADER_BYTES, SEGMENT_BYTES = 64, 56
# Fields by name: offset and struct format. System V ABI, figures 4-3 and 5-1, for 64 bits.
HEADER = {"class": (4, "B"), "data": (5, "B"), "type": (16, "H"), "machine": (18, "H"), "entry": (24, "Q"),
          "phoff": (32, "Q"), "phentsize": (54, "H"), "phnum": (56, "H")}
SEGMENT = {"type": (0, "I"), "flags": (4, "I"), "offset": (8, "Q"), "vaddr": (16, "Q"), "filesz": (32, "Q"),
           "memsz": (40, "Q")}


class Elf:
    def __init__(self, data):
        self.data = bytearray(data)
        self.order = "<" if data[5] == 1 else ">"

    def get(self, table, name, base=0):
        offset, fmt = table[name]
        return struct.unpack_from(self.order + fmt, self.data, base + offset)[0]

    def set(self, table, name, value, base=0):
        offset, fmt = table[name]
        struct.pack_into(self.order + fmt, self.data, base + offset, value)

    def header(self, **fields):
        for name, value in fields.items():
            self.set(HEADER, name, value)
        return self.data

    def segment_base(self, index):
        return self.get(HEADER, "phoff") + index * SEGMENT_BYTES

    def segment(self, index, **fields):
        for name, value in fields.items():
            self.set(SEGMENT, name, value, self.segment_base(index))
        return self.data

    def of_segment(self, index, name):
        return self.get(SEGMENT, name, self.segment_base(index))


def variants(good):
    """Pairs of a name and the file's contents."""
    def elf():
        return Elf(good)

    first = elf()
    size, text = len(good), first.of_segment(0, "vaddr")
    end = max(first.of_segment(i, "offset") + first.of_segment(i, "filesz") for i in range(first.get(HEADER, "phnum")))
    yield "empty", b""
    yield "not_elf", b"Once upon a time there was a program.\n" * 10
    yield "header_cut", good[:HEADER_BYTES - 1]
    yield "segment_cut", good[:end - 1]
    yield "headers_cut", good[:HEADER_BYTES + SEGMENT_BYTES // 2]
    yield "wrong_class", elf().header(**{"class": 1})
    yield "wrong_order", elf().header(data=3 - good[5])
    yield "wrong_machine", elf().header(machine=first.get(HEADER, "machine") ^ 0x40)
    yield "wrong_type", elf().header(type=3)
    yield "headers_past_end", elf().header(phoff=size - 8)
    yield "headers_wrap", elf().header(phoff=2**64 - 56)
    yield "headers_odd_size", elf().header(phentsize=57)
    yield "no_segments", elf().header(phnum=0)
    yield "entry_outside", elf().header(entry=0x10)
    yield "entry_in_data", elf().header(entry=first.of_segment(2, "vaddr"))
    yield "entry_in_kernel", elf().header(entry=2**64 - 4096)
    yield "overlap", elf().segment(1, vaddr=text)
    yield "write_and_execute", elf().segment(0, flags=7)
    yield "not_on_a_page", elf().segment(1, vaddr=first.of_segment(1, "vaddr") + 8)
    yield "segment_past_end", elf().segment(0, offset=size)
    yield "segment_wraps_in_file", elf().segment(0, offset=2**64 - 4096)
    yield "file_larger_than_memory", elf().segment(0, filesz=first.of_segment(0, "memsz") + 1)
    yield "huge", elf().segment(2, memsz=2**31)
    yield "huger", elf().segment(2, memsz=2**64 - 4096)
    yield "at_null", elf().segment(2, vaddr=0)
    yield "in_kernel", elf().segment(2, vaddr=2**64 - 2**20)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        good = file.read()
    os.makedirs(sys.argv[2], exist_ok=True)
    for name, data in variants(good):
        with open(os.path.join(sys.argv[2], name), "wb") as file:
            file.write(data)


main()
