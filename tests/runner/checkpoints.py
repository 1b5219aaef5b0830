# SPDX-License-Identifier: MIT
"""What happens at test_checkpoint(): the machine stands still and its page tables are walked from outside.

The kernel calls checkpoint_even() and checkpoint_odd() in turn, one for each look, and the gdb stub has a breakpoint at
the next of the two. tools/ptwalk looks, the answer is written into struct inspect_checkpoint, the other breakpoint is
set, and the machine goes on.

Threads may have been stopped in the middle of a change. So a complaint counts only if it is there at LOOKS looks, between
which the kernel lets some of its own time pass.
"""

import os
import socket
import time
from functools import lru_cache

from ptwalk.checks import check_all, tell
from ptwalk.elf import Kernel
from ptwalk.gdbstub import Gdb, StubError
from ptwalk.live import Live
from ptwalk.memory import NotRead
from ptwalk.qmp import Qmp, QmpError
from ptwalk.walk import walk_all

LOOKS = 3
FINE, AGAIN, WRONG = 1, 2, 3  # enum in include/quire/inspect.h
CANT_BEGIN = (StubError, QmpError, OSError)
PATIENCE = 60  # seconds that QEMU may take for an answer


@lru_cache(maxsize=16)
def kernel_of(path, _changed):
    return Kernel(path)


class Wires:
    """Two socket pairs for a machine that is going to be started: its QMP and its gdb stub."""

    def __init__(self):
        self.qmp, self.qmp_far = socket.socketpair()
        self.gdb, self.gdb_far = socket.socketpair()
        for end in (self.qmp, self.gdb):
            end.settimeout(PATIENCE)

    @property
    def far_ends(self):
        return self.qmp_far.fileno(), self.gdb_far.fileno()

    def arguments(self):
        """Arguments for QEMU, which then waits for the debugger before its first instruction."""
        return ["-chardev", f"socket,id=qmp,fd={self.qmp_far.fileno()}", "-mon", "chardev=qmp,mode=control",
                "-chardev", f"socket,id=gdb,fd={self.gdb_far.fileno()}", "-gdb", "chardev:gdb", "-S"]  # fmt: skip

    def started(self):
        """QEMU has started and holds its ends of the sockets: close them here."""
        self.qmp_far.close()
        self.gdb_far.close()

    def close(self):
        for end in (self.qmp, self.gdb, self.qmp_far, self.gdb_far):
            end.close()


def take_live(kernel, wires):
    """Connect to a machine that was started with these wires; it waits for gdb.go_on()."""
    wires.started()
    gdb = Gdb(wires.gdb, kernel.order)
    return Live(kernel, Qmp(wires.qmp), gdb)


class Checkpoints:
    """One machine's checkpoints."""

    def __init__(self, kernel_path):
        self.kernel = kernel_of(kernel_path, os.stat(kernel_path).st_mtime_ns)
        self.wires = Wires()
        self.gdb = self.live = None
        self.doors = [self.kernel.symbols["checkpoint_even"], self.kernel.symbols["checkpoint_odd"]]
        self.record = self.kernel.symbols["inspect_checkpoint"]
        self.complaints, self.seconds, self.count = {}, 0.0, 0

    def begin(self):
        """The machine has started and waits."""
        self.live = take_live(self.kernel, self.wires)
        self.gdb = self.live.gdb
        self.gdb.breakpoint(self.doors[0], True)
        self.gdb.go_on()

    def event(self):
        """The gdb stub has sent something. Returns lines for the console; None: the connection has ended."""
        try:
            if not self.gdb.has_packet():
                return []  # a wait here would stop the reading of the console, and so the machine
            if not self.gdb.packet().startswith("T"):
                return None
            lines = self.look()
            self.gdb.breakpoint(self.doors[0], False)
            self.doors.reverse()
            self.gdb.breakpoint(self.doors[0], True)
            self.gdb.go_on()
            return lines
        except TimeoutError:
            return [f"# outside: QEMU's gdb stub has not answered for {PATIENCE} seconds, so nothing was looked at"]
        except CANT_BEGIN:
            return None

    def look(self):
        """Walk and answer; returns lines if a complaint stays."""
        start = time.monotonic()
        record = self.kernel.physical(self.record)
        try:
            picture = self.live.picture()
            look, name = picture.memory.u64(record + 16), picture.memory.bytes(record + 24, 64).split(b"\0")[0].decode()
            found = {complaint.key: complaint for complaint in check_all(picture, walk_all(picture))}
        except NotRead as error:
            look, name, found = LOOKS, "", {}
            lines = [f"# outside: the walk can't be done: {error}"]
        self.complaints = found if look == 0 else {key: found[key] for key in self.complaints if key in found}
        last = look >= LOOKS - 1
        answer = FINE if not self.complaints else WRONG if last else AGAIN
        if look < LOOKS:
            lines = [f"# outside: {line}" for line in tell(self.complaints.values())] if answer == WRONG else []
        else:
            answer = WRONG
        self.gdb.write_u64(self.record + 8, answer)
        self.count += 1
        self.seconds += time.monotonic() - start
        return [f"# outside: at checkpoint {name}", *lines] if lines else []

    def end(self):
        self.wires.close()
