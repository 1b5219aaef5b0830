# SPDX-License-Identifier: MIT
"""Looking at a machine that runs already, through sockets in the file system."""

import os
import socket

from .elf import NotAKernel
from .gdbstub import Gdb, StubError
from .live import Live
from .memory import NotRead
from .qmp import Qmp, QmpError
from .root import WrongRoot

CANT_LOOK = (OSError, QmpError, StubError, WrongRoot, NotAKernel, NotRead)


def connect(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(20)
    try:
        sock.connect(os.path.realpath(path))  # the name of a socket is short; that of a link to it may be long
    except OSError as error:
        raise OSError(f"no machine listens at {path} ({error.strerror}): `make qemu-MACHINE` starts one that does") from None
    return sock


def look(kernel, qmp_path, gdb_path):
    """Pause the machine, take a picture, let it go on if it ran. Without a gdb socket: no registers."""
    qmp = Qmp(connect(qmp_path))
    ran = qmp.running()
    qmp.ask("stop")
    try:
        gdb = Gdb(connect(gdb_path), kernel.order) if gdb_path else None
        return Live(kernel, qmp, gdb).picture()
    finally:
        if ran:
            qmp.ask("cont")
