# SPDX-License-Identifier: MIT
"""QEMU's machine protocol (QMP): JSON lines over a socket. Here: pause, go on, save memory into a file."""

import json


class QmpError(Exception):
    """QEMU refused a command."""


class Qmp:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.message()  # the greeting
        self.ask("qmp_capabilities")

    def message(self):
        while b"\n" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise QmpError("QEMU is gone")
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def ask(self, command, **arguments):
        """Run a command; events that come in between are ignored."""
        self.sock.sendall(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        while True:
            answer = self.message()
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise QmpError(f"{command}: {answer['error']['desc']}")

    def running(self):
        return self.ask("query-status")["running"]

    def save(self, start, size, path):
        """Save physical memory to a file; one command for any size."""
        self.ask("pmemsave", val=start, size=size, filename=path)
