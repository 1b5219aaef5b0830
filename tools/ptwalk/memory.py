# SPDX-License-Identifier: MIT
"""A picture of physical memory: a few pieces that were read while the machine stood still. It can be edited."""

import sys
from array import array
from bisect import bisect_right


class NotRead(Exception):
    """An address that no piece covers: a pointer is wrong."""


class Memory:
    """Pieces by physical address, in the machine's byte order."""

    def __init__(self, order):
        self.order = "little" if order == "<" else "big"
        self.swapped = self.order != sys.byteorder
        self.starts, self.pieces = [], []

    def add(self, start, data):
        """Add a piece; pieces don't overlap. The newest is found first."""
        at = bisect_right(self.starts, start)
        self.starts.insert(at, start)
        self.pieces.insert(at, data)

    def copy(self):
        """Another picture with the same contents, to be edited."""
        other = Memory("<" if self.order == "little" else ">")
        other.starts = list(self.starts)
        other.pieces = [bytearray(piece) for piece in self.pieces]
        return other

    def find(self, address, size):
        i = bisect_right(self.starts, address) - 1
        if i < 0 or address + size > self.starts[i] + len(self.pieces[i]):
            raise NotRead(f"physical address {address:#x} wasn't read: it is no kernel memory")
        return self.pieces[i], address - self.starts[i]

    def bytes(self, address, size):
        piece, at = self.find(address, size)
        return bytes(piece[at : at + size])

    def number(self, address, size):
        piece, at = self.find(address, size)
        return int.from_bytes(piece[at : at + size], self.order)

    def u64(self, address):
        return self.number(address, 8)

    def u32(self, address):
        return self.number(address, 4)

    def table(self, address, count):
        """`count` 8-byte numbers."""
        piece, at = self.find(address, 8 * count)
        numbers = array("Q", bytes(piece[at : at + 8 * count]))
        if self.swapped:
            numbers.byteswap()
        return numbers

    def poke(self, address, size, value):
        """Edit (a copy)."""
        piece, at = self.find(address, size)
        piece[at : at + size] = value.to_bytes(size, self.order)
