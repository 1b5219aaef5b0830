# SPDX-License-Identifier: MIT
"""A machine on a pseudo-terminal, started by the script that people start it with: what is typed and what is seen."""

import os
import select
import subprocess
import threading
import time


class Unseen(Exception):
    """The terminal didn't show the expected words in time."""


class Terminal:
    """tools/qemu.sh MACHINE behind a pseudo-terminal. Used with `with`: afterwards the machine is gone."""

    def __init__(self, arch, environment=()):
        self.screen = b""  # all that the machine wrote
        self.seen = 0  # see() looks behind this
        self.writer = None  # the thread that types
        ours, theirs = os.openpty()
        environment = {**os.environ, "CPUS": "4", "MEM": "256M", **dict(environment)}
        for name in ("RUN", "APPEND", "SEED", "CPU", "V", "MAKEFLAGS", "MFLAGS"):
            environment.pop(name, None)
        self.pty = ours
        self.process = subprocess.Popen(
            ["sh", "tools/qemu.sh", arch], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
            env=environment,
        )  # fmt: skip
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            os.killpg(self.process.pid, 9)  # the script and QEMU: their session is their own
        self.process.wait()
        os.close(self.pty)

    def read(self, seconds):
        """Adds what was written to the screen; False: nothing within this time, or the machine is gone."""
        if not select.select([self.pty], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self.pty, 65536)
        except OSError:
            return False  # the other side is closed
        self.screen += data
        return bool(data)

    def see(self, words, seconds=30):
        """Waits for these words behind those that were seen before; returns what stands between."""
        words, end = words.encode(), time.monotonic() + seconds
        while words not in self.screen[self.seen :]:
            if time.monotonic() > end or (not self.read(1) and self.process.poll() is not None and not self.read(0)):
                last = self.screen[self.seen :][-600:].decode("utf-8", "replace")
                raise Unseen(f"expected {words.decode()!r}, seen {last!r}")
        at = self.screen.index(words, self.seen)
        between = self.screen[self.seen : at]
        self.seen = at + len(words)
        return between.decode("utf-8", "replace")

    def type(self, keys):
        """Types keys without a pause, in a thread of its own: a terminal takes only a part of a long text at once."""
        data, before = keys.encode(), self.writer

        def write():
            if before:
                before.join()  # keys arrive in the order in which they are typed
            try:
                rest = data
                while rest:
                    rest = rest[os.write(self.pty, rest[:512]) :]
            except OSError:
                pass  # the machine has ended

        self.writer = threading.Thread(target=write, daemon=True)
        self.writer.start()

    def ends(self, seconds=20):
        """Waits for the end of the script; returns its status. Unseen: it goes on."""
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read(0.1)
            if time.monotonic() > end:
                raise Unseen("the machine still runs")
        return self.process.returncode
