# SPDX-License-Identifier: MIT
"""One machine under QEMU: how it is described, started and watched, and how it ended.

Everything that differs between machines comes from arch/<name>/arch.mk through `make -f build.mk describe`; this file
has no machine's name.
"""

import os
import re
import select
import selectors
import shlex
import subprocess
import threading
import time
from dataclasses import dataclass, field

from . import cachesan
from .checkpoints import CANT_BEGIN, Checkpoints

# Same instructions, same clock, same random numbers in each run: see docs/testing.md.
DETERMINISTIC = ["-icount", "shift=0,sleep=off", "-rtc", "base=2024-01-01,clock=vm"]
PARALLEL = ["-accel", "tcg,thread=multi"]

POWER_OFF = re.compile(r"^power off, status (\d+)$")
# QEMU's own remarks on stderr that say nothing about the kernel.
QEMU_CHATTER = ("warning: icount sleep disabled", "terminating on signal")

SHELL_ASKS = "quire$ "  # user/programs/sh.c

# Set when the user interrupts the run: every machine is stopped.
stop_all = threading.Event()


class Stopped(Exception):
    """The run was interrupted."""


@dataclass
class Ending:
    """The output and the end of a machine."""

    console: str
    qemu_status: int
    timed_out: bool
    command: list = field(repr=False, default_factory=list)

    @property
    def lines(self):
        return [line.rstrip("\r") for line in self.console.split("\n")]

    @property
    def said_status(self):
        """The number of the kernel's last line, "power off, status N"; None without it."""
        for line in reversed(self.lines):
            match = POWER_OFF.match(line)
            if match:
                return int(match.group(1))
        return None


class Machine:
    """A built kernel with its programs, ready to be started any number of times."""

    def __init__(self, arch, build="debug", variant="", cpu="", cachesan=False, icache="", parallel=False):
        self.arch = arch
        self.cpu = cpu
        self.cachesan = cachesan
        self.icache = icache
        self.parallel = parallel  # one host thread for each CPU, without -icount
        self.values = describe(arch, build, variant, icache)
        self.out = self.values["OUT"]

    @property
    def kind(self):
        """The differences from the usual machine of this name, for titles and logs."""
        words = [f"-cpu {self.cpu}"] if self.cpu else []
        words += ["with cachesan"] if self.cachesan else []
        words += ["in parallel"] if self.parallel else []
        return " ".join(words + ([f"with {self.icache} instruction caches"] if self.icache else []))

    def needs_threads(self, cpus):
        """Whether this machine, with so many CPUs, can't run under -icount."""
        return cpus > 1 and self.cachesan and cachesan.needs_threads(self.values["QEMU"])

    def command(self, cpus, memory, append, seed, parallel=False):
        """QEMU's argument list."""
        values = self.values
        return [
            values["QEMU"], *shlex.split(values["QEMU_ARGS"]), *(["-cpu", self.cpu] if self.cpu else []),
            "-smp", str(cpus), "-m", memory, "-seed", str(seed),
            *(PARALLEL if parallel else DETERMINISTIC),
            "-kernel", values["BOOT_FILE"], *(["-initrd", values["INITRD"]] if values["INITRD"] else []),
            "-append", append, *(cachesan.arguments(values["QEMU"]) if self.cachesan else []),
        ]  # fmt: skip

    def boot(self, append, cpus=1, memory="1G", seed=1, parallel=False, silence=30, wall=600, walked=False, pasted=b""):
        """Start the machine, wait for its end; `silence` seconds without a byte or `wall` in all stop it.

        `walked`: at each checkpoint of a test its page tables are walked from outside. `pasted`: a text that is typed
        without a pause at the shell's first prompt.
        """
        command = self.command(cpus, memory, append, seed, parallel or self.needs_threads(cpus))
        checkpoints = Checkpoints(f"{self.out}/quire.elf") if walked else None
        return watch(command, silence, wall, checkpoints, pasted)

    def status_agrees(self, ending):
        """Whether QEMU's exit status agrees with the kernel's last line."""
        said = ending.said_status
        if said is None:
            return False
        how = self.values["ARCH_EXIT"]
        if how == "bit":
            return ending.qemu_status == (1 if said else 0)
        if how == "isa-debug-exit":
            return ending.qemu_status == (65 + 2 * (said & 31) if said else 33)
        return ending.qemu_status == said

    def looks_passed(self, ending):
        """Whether QEMU's exit status is that of a successful kernel."""
        return ending.qemu_status == (33 if self.values["ARCH_EXIT"] == "isa-debug-exit" else 0)

    def text_bytes(self):
        """Size of the kernel's .text section."""
        size = self.values["CROSS_COMPILE"] + "size"
        listing = subprocess.run([size, "-A", f"{self.out}/quire.elf"], capture_output=True, text=True, check=True)
        for line in listing.stdout.splitlines():
            words = line.split()
            if words and words[0] == ".text":
                return int(words[1])
        raise ValueError(f"{self.out}/quire.elf has no .text")


def describe(arch, build, variant, icache=""):
    """build.mk's values for a machine, as a dictionary."""
    make = os.environ.get("MAKE", "make")
    command = [make, "-s", "-f", "build.mk", f"ARCH={arch}", f"BUILD={build}", f"VARIANT={variant}"]
    command += [f"ICACHE={icache}", "describe"]
    # Independent of the make that started this program, which has no job slots to give.
    environment = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS")}
    text = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    pairs = (word.split("=", 1) for word in shlex.split(text))
    return dict(pairs)


def watch(command, silence, wall, checkpoints=None, pasted=b""):
    """Run a command, collect what it prints, stop it when it is silent or late."""
    output = bytearray()
    timed_out = False
    more, fds = (checkpoints.wires.arguments(), checkpoints.wires.far_ends) if checkpoints else ([], ())
    with subprocess.Popen(
        command + more, bufsize=0, stdin=subprocess.PIPE if pasted else subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, pass_fds=fds,
    ) as process:  # fmt: skip
        try:
            timed_out = read_until_end(process, output, silence, wall, checkpoints, Typist(process.stdin, pasted))
        finally:
            process.kill()
            if checkpoints:
                checkpoints.end()
    if stop_all.is_set():
        raise Stopped
    text = output.decode("utf-8", "replace")
    kept = [line for line in cachesan.settle(text).split("\n") if not any(chatter in line for chatter in QEMU_CHATTER)]
    return Ending("\n".join(kept), process.returncode, timed_out, command)


class Typist:
    """Pastes a text into a machine at its shell's first prompt."""

    def __init__(self, stdin, text):
        self.stdin = stdin
        self.text = text

    def look(self, output):
        """Types in a thread of its own, because the machine may read the text slowly."""
        if self.text and SHELL_ASKS.encode() in output:
            threading.Thread(target=self.type, args=(self.text,), daemon=True).start()
            self.text = b""

    def type(self, text):
        """Write it all; a pipe takes a part at a time."""
        try:
            while text:
                text = text[self.stdin.write(text) :]
        except (OSError, ValueError):
            pass  # the machine has ended, or its pipe is closed; its output shows the rest


def read_until_end(process, output, silence, wall, checkpoints, typist):
    """Collect output; True if a limit struck before the process closed it."""
    selector = selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    start = last = time.monotonic()
    if checkpoints:
        begin_checkpoints(selector, checkpoints)
    while not stop_all.is_set():
        for key, _ in sorted(selector.select(timeout=0.5), key=lambda event: event[0].fileobj is not process.stdout):
            if key.fileobj is process.stdout:
                if not take_output(process.stdout, output):
                    process.wait(timeout=30)
                    return False
                typist.look(output)
            elif not at_checkpoint(process.stdout, output, checkpoints):
                selector.unregister(key.fileobj)
            last = time.monotonic()
        now = time.monotonic()
        if now - last > silence or now - start > wall:
            return True
    return True


def take_output(stdout, output):
    """Read what is there; False at the end."""
    data = os.read(stdout.fileno(), 65536)
    output += data
    return bool(data)


def begin_checkpoints(selector, checkpoints):
    """Returns console lines with the reason if the machine can't be started."""
    try:
        checkpoints.begin()
        selector.register(checkpoints.wires.gdb, selectors.EVENT_READ)
    except CANT_BEGIN:
        pass


def at_checkpoint(stdout, output, checkpoints):
    """The machine stands still: add its output until now, then the walk's lines. False: the machine is gone."""
    while select.select([stdout], [], [], 0)[0] and take_output(stdout, output):
        pass
    lines = checkpoints.event()
    if lines:
        output += ("\n".join(lines) + "\n").encode()
    return lines is not None
