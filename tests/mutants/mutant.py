# SPDX-License-Identifier: MIT
"""What a mutant is, and where it runs."""

from dataclasses import dataclass

# The machine that mutants are run on; only this file has names of machines. With the CPU model GROUPS it has groups of
# entries.
MACHINE = "riscv"
GROUPS = "rv64,svnapot=on"
HEADERS = f"arch/{MACHINE}/include/arch"
# mm/ as a program of the build machine (make test-native), with its own page-table entries or with those of MACHINE. It
# is quicker, and the model TLB, the model instruction caches and the games see bugs that no simulated machine shows.
NATIVE = "native"
INVALIDATES = "s390x"  # an instruction invalidates its entries (ARCH_FLUSH_ON_CLEAR)
DEVICES = "x86_64"  # the device of its tests asks for service by levels and by edges
HIGH_BITS = "x86_64"  # the format whose entries have bits above the frame number
NATIVE_AS = f"native-as-{MACHINE}"
NATIVE_UV = "native-uv"  # uv/core alone, against a model
NATIVE_IPC = "native-ipc"  # kernel/ipc/, with threads that are coroutines
# Every order in which two operations can meet, natively (make explore); one change of CPU is enough for each here.
EXPLORE = "explore"


@dataclass(frozen=True)
class Mutant:
    """One change of one file, the tests that must notice, and the rule that it breaks."""

    name: str
    file: str
    old: str  # exactly once in the file
    new: str
    tests: str
    rule: str
    machine: str = MACHINE
    cpu: str = ""
    cpus: str = ""  # how many; empty: one and four
    # Tested under plain QEMU first, to see whether it notices, and then with each of these; one of them has to notice.
    cachesan: bool = False  # the plugin
    stale: bool = False  # the kernel built with ICACHE=stale
    parallel: bool = False  # with one host thread for each CPU: under -icount there is always an interrupt in between
    bug: int = 0  # of the twenty historic ones, docs/mutants.md
    why: str = ""  # the reason why it may survive

    @property
    def tools(self):
        """The tools that its tests run with, one after the other."""
        return ("",) + (("cachesan",) if self.cachesan else ()) + (("stale",) if self.stale else ())
