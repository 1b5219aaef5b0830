# SPDX-License-Identifier: MIT
"""Page-table formats, one class each, written from the manuals and not from the kernel's headers, as an independent
check.

Level 0 holds the page entries, as in the kernel. An entry is a number; words() and flags() explain it.
"""

from dataclasses import dataclass

EMPTY, POISON, TABLE, LEAF = "empty", "poison", "table", "leaf"


@dataclass(frozen=True)
class Flags:
    """The rights and states in a leaf entry."""

    accessible: bool  # False: holds a frame but allows nothing (PROT_NONE)
    write: bool
    execute: bool
    user: bool
    contiguous: bool = False

    def __str__(self):
        if not self.accessible:
            letters = "---"
        else:
            letters = "r" + ("w" if self.write else "-") + ("x" if self.execute else "-")
        return f"{letters} {'user' if self.user else 'kernel'}{' contiguous' if self.contiguous else ''}"


class Format:
    """Shared by three of the four machines: 512 entries of 8 bytes in each table."""

    top = 2
    user_half = 256  # entries of a user's top table that are the user's
    shared_half = True  # the other entries are copies of the kernel's
    address_mask = 0x000FFFFFFFFFF000
    user_top_bits = 0

    def shift(self, level):
        return 12 + 9 * level

    def entries(self, level):
        return 512

    def table_bytes(self, level):
        return 8 * self.entries(level)

    def empty(self, level):
        return 0

    def step(self, level):
        """The difference between neighbouring entries that show neighbouring memory."""
        return 1 << self.shift(level)

    def plain(self, table, level):
        """The table with its own frame number in every entry."""
        return table

    def table_address(self, entry, level):
        return entry & self.address_mask

    def pfn(self, entry, level):
        return (entry & self.address_mask & -(1 << self.shift(level))) >> 12

    def canonical(self, address, kernel_root):
        """The address as a program writes it."""
        return address


class Sv39(Format):
    """riscv64: Privileged ISA 4.4. Software uses bit 8 for "holds a frame, allows nothing" and, without 0 and 8, bit 5 for
    "broken"."""

    name = "riscv64"
    elf_machine = 243
    registers = {"satp": ("user", lambda value: (value & (1 << 44) - 1) << 12)}
    V, R, W, X, U, NONE, BROKEN, N = 1, 2, 4, 8, 16, 256, 32, 1 << 63

    def kind(self, entry, level):
        if entry & self.V and not entry & (self.R | self.W | self.X):
            return TABLE
        if entry & (self.V | self.NONE):
            return LEAF
        return POISON if entry & self.BROKEN else EMPTY

    def step(self, level):
        return 1 << (10 + 9 * level)

    def plain(self, table, level):
        if not table or max(table) < self.N:
            return table
        # Svnapot: 16 equal entries, the low four bits of the frame number say 1000 (Privileged ISA 5.1).
        return [e ^ (8 << 10) | (i & 15) << 10 if e & self.N else e for i, e in enumerate(table)]

    def table_address(self, entry, level):
        return (entry >> 10 & (1 << 44) - 1) << 12

    def pfn(self, entry, level):
        return (entry >> 10 & (1 << 44) - 1) & -(1 << 9 * level)

    def flags(self, entry, level):
        return Flags(bool(entry & self.V), bool(entry & self.W), bool(entry & self.X), bool(entry & self.U),
                     bool(entry & self.N))

    def canonical(self, address, kernel_root):
        return address | 0xFFFFFF8000000000 if address >> 38 else address


class Vmsa39(Format):
    """arm64: 4 KiB granule, 39 bits. A root for each half. Software: 56 "allows nothing", 57 "broken"."""

    name = "arm64"
    elf_machine = 183
    shared_half = False
    user_half = 512
    address_mask = 0x0000FFFFFFFFF000
    registers = {"TTBR0_EL1": ("user", lambda value: value & 0x0000FFFFFFFFF000),
                 "TTBR1_EL1": ("kernel", lambda value: value & 0x0000FFFFFFFFF000)}
    VALID, PAGE, USER, RDONLY, CONT, DBM, PXN, UXN = 1, 2, 1 << 6, 1 << 7, 1 << 52, 1 << 51, 1 << 53, 1 << 54
    NONE, BROKEN = 1 << 56, 1 << 57

    def kind(self, entry, level):
        if level and entry & 3 == 3:
            return TABLE
        if entry & self.NONE or (entry & 3 == 3 if level == 0 else entry & 3 == 1):
            return LEAF
        return POISON if entry & self.BROKEN else EMPTY

    def flags(self, entry, level):
        executable = entry & (self.PXN | self.UXN) != self.PXN | self.UXN
        return Flags(bool(entry & self.VALID), not entry & self.RDONLY or bool(entry & self.DBM), executable,
                     bool(entry & self.USER), bool(entry & self.CONT))

    def canonical(self, address, kernel_root):
        return address | 0xFFFFFF8000000000 if kernel_root else address


class Dat3(Format):
    """s390x: region-third tables (Principles of Operation, chapter 3). The hardware knows only I, P and no-execute;
    software bits 0 to 7 hold the other states. Users and kernel have spaces of their own."""

    name = "s390x"
    elf_machine = 22
    shared_half = False
    registers = {"cr1": ("user", lambda value: value & ~0xFFF), "cr7": ("ignored", lambda value: value & ~0xFFF),
                 "cr13": ("kernel", lambda value: value & ~0xFFF)}
    user_half = 2048
    INVALID, PROTECT, NO_EXEC, BROKEN = 0x400, 0x200, 0x100, 0x80
    PRESENT, WRITE, READ, USER = 1, 2, 0x20, 0x40
    UPPER_INVALID, BLOCK = 0x20, 0x400

    def shift(self, level):
        return (12, 20, 31)[level]

    def entries(self, level):
        return 2048 if level else 256

    def empty(self, level):
        return (0x400, 0x20, 0x24)[level]

    def kind(self, entry, level):
        if level:
            return EMPTY if entry & self.UPPER_INVALID else TABLE
        if entry & self.PRESENT:
            return LEAF
        return POISON if entry & self.BROKEN else EMPTY

    def table_address(self, entry, level):
        return entry & (~0x7FF if level == 1 else ~0xFFF) & (1 << 64) - 1

    def pfn(self, entry, level):
        return entry >> 12

    def flags(self, entry, level):
        write = entry & self.WRITE or not entry & (self.INVALID | self.PROTECT)
        return Flags(bool(entry & self.READ), bool(write), not entry & self.NO_EXEC, bool(entry & self.USER))


class Long4(Format):
    """x86_64: four levels (Intel SDM 3A 4.5). Software uses bit 9 for "allows nothing" and 10 for "broken"."""

    name = "x86_64"
    elf_machine = 62
    top = 3
    registers = {"cr3": ("user", lambda value: value & 0x000FFFFFFFFFF000)}
    P, W, U, PS, NONE, BROKEN, NX = 1, 2, 4, 1 << 7, 1 << 9, 1 << 10, 1 << 63

    def kind(self, entry, level):
        if level and entry & self.P and not entry & self.PS:
            return TABLE
        if entry & (self.P | self.NONE):
            return LEAF
        return POISON if entry & self.BROKEN else EMPTY

    def flags(self, entry, level):
        return Flags(bool(entry & self.P), bool(entry & self.W), not entry & self.NX, bool(entry & self.U))

    def canonical(self, address, kernel_root):
        return address | 0xFFFF000000000000 if address >> 47 else address


FORMATS = {cls.elf_machine: cls for cls in (Sv39, Vmsa39, Dat3, Long4)}
