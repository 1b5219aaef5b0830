# SPDX-License-Identifier: MIT
"""QEMU's gdb stub: registers of every CPU by name, breakpoints, a word written.

A packet is $text#checksum. Numbers of registers come from the descriptions that the stub itself gives (target.xml);
control registers are among them on all machines. While a debugger is connected, the debugger decides whether the
machine runs.
"""

import re

REGISTER = re.compile(r"<reg\b[^>]*>")
ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
STOPPED = re.compile(r"[TS][0-9a-f]{2}")
COMMENT = re.compile(r"<!--.*?-->", re.S)
INCLUDE = re.compile(r'<xi:include href="([^"]+)"')


class StubError(Exception):
    """The stub refused, or the machine is gone."""


class Gdb:
    """One connection. QEMU stops the machine when it begins."""

    def __init__(self, sock, order):
        self.sock = sock
        self.order = "little" if order == "<" else "big"
        self.buffer = b""
        self.numbers = None

    # --- packets -----------------------------------------------------------------------------
    def byte(self):
        while not self.buffer:
            self.buffer = self.sock.recv(65536)
            if not self.buffer:
                raise StubError("the machine is gone")
        first, self.buffer = self.buffer[:1], self.buffer[1:]
        return first

    def send(self, text):
        data = text.encode("latin-1")
        self.sock.sendall(b"$%s#%02x" % (data, sum(data) & 255))

    def has_packet(self):
        """The socket is readable: whether there is a packet, and not only an acknowledgement."""
        data = self.sock.recv(65536)
        if not data:
            raise StubError("the machine is gone")
        self.buffer += data
        return b"$" in self.buffer

    def packet(self):
        """The next one from the stub, acknowledged."""
        while self.byte() != b"$":
            pass
        while b"#" not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise StubError("the machine is gone")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"#", 1)
        self.byte(), self.byte()
        self.sock.sendall(b"+")
        return re.sub(rb"}(.)", lambda m: bytes([m.group(1)[0] ^ 32]), text, flags=re.S).decode("latin-1")

    def ask(self, text):
        """A command's answer. A message that the machine has stopped may come before it, and is skipped."""
        self.send(text)
        answer = self.packet()
        while STOPPED.match(answer):
            answer = self.packet()
        if re.fullmatch(r"E[0-9a-fA-F]{2}", answer):
            raise StubError(f"the gdb stub refuses \"{text}\": {answer}")
        return answer

    # --- registers ---------------------------------------------------------------------------
    def description(self, name):
        text, more = "", "m"
        while more == "m":
            answer = self.ask(f"qXfer:features:read:{name}:{len(text):x},fff")
            more, text = answer[:1], text + answer[1:]
        return COMMENT.sub("", text)

    def register_numbers(self):
        """Name to number, in the order of the descriptions."""
        numbers, number = {}, 0
        for name in INCLUDE.findall(self.description("target.xml")):
            for tag in REGISTER.findall(self.description(name)):
                words = dict(ATTRIBUTE.findall(tag))
                number = int(words.get("regnum", number))
                numbers.setdefault(words["name"], number)
                number += 1
        return numbers

    def cpus(self):
        """The stub's thread for each CPU."""
        answer, threads = self.ask("qfThreadInfo"), []
        while answer.startswith("m"):
            threads += answer[1:].split(",")
            answer = self.ask("qsThreadInfo")
        return threads

    def register(self, thread, name):
        if self.numbers is None:
            self.numbers = self.register_numbers()
        if name not in self.numbers:
            raise StubError(f"the gdb stub knows no register {name}")
        self.ask(f"Hg{thread}")
        return int.from_bytes(bytes.fromhex(self.ask(f"p{self.numbers[name]:x}")), self.order)

    # --- running -----------------------------------------------------------------------------
    def breakpoint(self, address, wanted):
        self.ask(f"{'Z' if wanted else 'z'}0,{address:x},4")

    def go_on(self):
        self.send("c")

    def write_u64(self, address, value):
        self.ask(f"M{address:x},8:{value.to_bytes(8, self.order).hex()}")
