# SPDX-License-Identifier: MIT
"""A machine that is started, runs until its console shows some words, and is then paused for a look."""

import os
import selectors
import subprocess
import time

from .checkpoints import Wires, kernel_of, take_live


SILENCE = 1.5


class NeverCame(Exception):
    """The machine ended or was silent before it printed the words."""


def picture_when(machine, append, words, cpus=4, memory="1G", seed=1, patience=60):
    """(picture, console) at the moment when the console shows the words; the machine is ended then."""
    wires = Wires()
    # In real time: if time were counted in instructions, a machine whose programs all sleep would soon reach its end.
    command = machine.command(cpus, memory, append, seed, parallel=True) + wires.arguments()
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        pass_fds=wires.far_ends,
    ) as process:  # fmt: skip
        try:
            path = f"{machine.out}/quire.elf"
            live = take_live(kernel_of(path, os.stat(path).st_mtime_ns), wires)
            live.gdb.go_on()
            console = wait_for(process.stdout, words.encode(), patience)
            live.qmp.ask("stop")
            return live.picture(), console.decode("utf-8", "replace")
        finally:
            process.kill()
            wires.close()


def wait_for(stdout, words, patience):
    """Without words: until it has started its first program and then been silent for SILENCE seconds."""
    console, end = b"", time.monotonic() + patience
    selector = selectors.DefaultSelector()
    selector.register(stdout, selectors.EVENT_READ)
    while words not in console or not words:
        if not words and b"init runs" in console and not selector.select(timeout=SILENCE):
            break
        data = os.read(stdout.fileno(), 65536) if selector.select(timeout=max(0, end - time.monotonic())) else b""
        if not data:
            last = console.decode("utf-8", "replace")[-1500:]
            raise NeverCame(f"the machine never said \"{words.decode()}\"; its last words:\n{last}")
        console += data
    return console
