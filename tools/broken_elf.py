#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes programs that the kernel must refuse, each by one change of a good program.

usage: broken_elf.py GOOD_PROGRAM FOLDER
       broken_elf.py --list

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


def file_end(elf):
    """Where the last segment ends in the file: bytes behind it aren't needed."""
    return max(elf.of_segment(i, "offset") + elf.of_segment(i, "filesz") for i in range(elf.get(HEADER, "phnum")))


# Each function makes a file from its own copy of a good Elf.
VARIANTS = {
    "empty": lambda e: b"",
    "not_elf": lambda e: b"Once upon a time there was a program.\n" * 10,
    "header_cut": lambda e: e.data[:HEADER_BYTES - 1],
    "headers_cut": lambda e: e.data[:HEADER_BYTES + SEGMENT_BYTES // 2],
    "segment_cut": lambda e: e.data[:file_end(e) - 1],
    "wrong_class": lambda e: e.header(**{"class": 1}),
    "wrong_order": lambda e: e.header(data=3 - e.data[5]),
    "wrong_machine": lambda e: e.header(machine=e.get(HEADER, "machine") ^ 0x40),
    "wrong_type": lambda e: e.header(type=3),
    "headers_past_end": lambda e: e.header(phoff=len(e.data) - 8),
    "headers_wrap": lambda e: e.header(phoff=2**64 - 56),
    "headers_odd_size": lambda e: e.header(phentsize=57),
    "no_segments": lambda e: e.header(phnum=0),
    "entry_outside": lambda e: e.header(entry=0x10),
    "entry_in_data": lambda e: e.header(entry=e.of_segment(2, "vaddr")),
    "entry_in_kernel": lambda e: e.header(entry=2**64 - 4096),
    "overlap": lambda e: e.segment(1, vaddr=e.of_segment(0, "vaddr")),
    "write_and_execute": lambda e: e.segment(0, flags=7),
    "not_on_a_page": lambda e: e.segment(1, vaddr=e.of_segment(1, "vaddr") + 8),
    "segment_past_end": lambda e: e.segment(0, offset=len(e.data)),
    "segment_wraps_in_file": lambda e: e.segment(0, offset=2**64 - 4096),
    "file_larger_than_memory": lambda e: e.segment(0, filesz=e.of_segment(0, "memsz") + 1),
    "huge": lambda e: e.segment(2, memsz=2**31),
    "huger": lambda e: e.segment(2, memsz=2**64 - 4096),
    "at_null": lambda e: e.segment(2, vaddr=0),
    "in_kernel": lambda e: e.segment(2, vaddr=2**64 - 2**20),
}


def main():
    if sys.argv[1:] == ["--list"]:
        print(*VARIANTS)
        return
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], "rb") as file:
        good = file.read()
    os.makedirs(sys.argv[2], exist_ok=True)
    for name, change in VARIANTS.items():
        with open(os.path.join(sys.argv[2], name), "wb") as file:
            file.write(change(Elf(good)))


main()
