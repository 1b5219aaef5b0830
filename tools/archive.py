# SPDX-License-Identifier: MIT
"""Makes the boot archive: python3 tools/archive.py FOLDER <names >archive

A cpio archive in "newc" format (cpio(5)) with the files of FOLDER whose names come on standard input, one a line. The
contents of each file begin on a page of the archive, so that the kernel and the C library can map them: zeros behind
the name, which the number of the name's bytes counts, fill the rest of the page. Times, owners and numbers are the same
in each build.
"""
import os
import sys

PAGE = 4096
HEADER = 110
TRAILER = "TRAILER!!!"
PERMISSIONS = 0o100644, 0o100755


def entry(at, name, mode, data, number, unit=PAGE):
    """The bytes of an entry that begins at `at`; its data begin at a multiple of `unit`."""
    text = name.encode() + b"\0"
    end = at + HEADER + len(text)
    text += bytes(-end % unit)
    fields = number, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(text), 0
    header = "070701" + "".join(f"{field:08x}" for field in fields)
    return header.encode() + text + data + bytes(-len(data) % 4)


def archive(folder, names):
    parts, at = [], 0
    for number, name in enumerate(sorted(names), 1):
        path = os.path.join(folder, name)
        with open(path, "rb") as file:
            data = file.read()
        parts.append(entry(at, name, PERMISSIONS[os.access(path, os.X_OK)], data, number))
        at += len(parts[-1])
    parts.append(entry(at, TRAILER, 0, b"", 0, 4))
    at += len(parts[-1])
    parts.append(bytes(-at % 512))
    return b"".join(parts)


def main():
    if len(sys.argv) != 2 or sys.argv[1] == "--help":
        print(__doc__.split("\n\n", maxsplit=1)[0])
        sys.exit(0 if "--help" in sys.argv else 2)
    sys.stdout.buffer.write(archive(sys.argv[1], sys.stdin.read().split()))


if __name__ == "__main__":
    main()
