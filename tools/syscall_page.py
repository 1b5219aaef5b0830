# SPDX-License-Identifier: MIT
"""The reference page of system calls: python3 tools/syscall_page.py --write makes docs/system-calls.md.

It joins three sources: the table in include/uapi/quire/syscall_table.h (number, name, arguments, errors), the texts in
docs/calls/ (what a call does, when each error comes), and the examples, which are tests: tests/user/example_*_test.c.
Without --write the page is compared. Status 1 if it is old, or if a call lacks a text, an error or an example.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/system-calls.md"
TABLE = ROOT / "include/uapi/quire/syscall_table.h"

HEAD = """<!-- SPDX-License-Identifier: MIT. Made by tools/syscall_page.py from include/uapi/quire/syscall_table.h,
docs/calls/ and tests/user/example_*_test.c -->
# System calls

Programs call them as `quire_call(name, arguments...)` (`<quire/sys.h>`), or by POSIX names where POSIX has them;
messages have functions of their own (`<quire/message.h>`). A result below 0 is one of the call's errors, negated. The
examples are tests, and run on every machine: `make test-riscv TEST='example.*'`.

An argument is a pointer of C, or one of these:

| type | meaning |
| --- | --- |
"""


class Call:
    """A line of the table, and what belongs to it."""

    def __init__(self, number, name, arguments, errors):
        self.number, self.name, self.arguments = int(number), name, " ".join(arguments.split())
        self.errors = [e for e in re.split(r"[,\s]+", errors) if e]
        self.text = self.example = None
        self.reasons = {}

    def signature(self):
        return f"{self.name}({self.arguments})"


def read_table():
    text = TABLE.read_text()
    types = re.findall(r"^ \*   ([a-z]\w+) {2,}(\S.*)$", text, re.MULTILINE)
    body = text.replace("\\\n", " ")
    lines = re.findall(r"X\((\d+), (\w+), \(([^()]*)\),\s*\(([^()]*)\)\)", body)
    calls = {line[1]: Call(*line) for line in lines}
    return types, calls


def read_texts(calls, complaints):
    """The chapters: (title, introduction, [names]). Fills in each call's text and reasons."""
    chapters = []
    for path in sorted((ROOT / "docs/calls").glob("*.md")):
        parts = re.split(r"^## (\w+)\n", path.read_text(), flags=re.MULTILINE)
        title, _, introduction = parts[0].partition("\n")
        chapters.append((title.removeprefix("# "), introduction.strip(), parts[1::2]))
        for name, text in zip(parts[1::2], parts[2::2]):
            if name not in calls:
                complaints.append(f"{path.name} describes {name}, which is no system call")
                continue
            what, *reasons = re.split(r"^- ", text, flags=re.MULTILINE)
            calls[name].text = what.strip()
            for reason in reasons:
                error, _, when = reason.partition(":")
                calls[name].reasons[error.strip("`")] = " ".join(when.split())
    return chapters


def shown(body, functions):
    """The body of an example without its brackets, behind the functions of the same file that it uses."""
    inside = body[1:-1].strip("\n")
    own = "\n".join(line.removeprefix("    ") for line in inside.split("\n")).strip()
    used = [code for name, code in functions if re.search(rf"\b{name}\b", own)]
    return "\n\n".join([*used, own])


def read_examples(calls, complaints):
    for path in sorted((ROOT / "tests/user").glob("example_*_test.c")):
        text = path.read_text()
        functions = [(m[2], m[1]) for m in re.finditer(
            r"^((?:/\*[^\n]*\*/\n)?static [^\n=]*?(\w+)\([^\n]*\)(?: \{ [^\n]* \}|\n\{\n.*?^\}))$", text,
            re.MULTILINE | re.DOTALL)]
        for name, body in re.findall(r"^TEST\(example, (\w+)\)\s*(\{ [^\n]* \}$|\{\n.*?^\})", text,
                                     re.MULTILINE | re.DOTALL):
            if name in calls:
                calls[name].example = shown(body, functions)
            else:
                complaints.append(f"{path.name} has an example of {name}, which is no system call")


def complain(call):
    """What is missing."""
    if not call.text:
        yield f"{call.name} has no text in docs/calls/"
    if not call.example:
        yield f"{call.name} has no example in tests/user/example_*_test.c"
    for error in call.errors:
        if not call.reasons.get(error):
            yield f"docs/calls/ doesn't say when {call.name} returns {error}"
    for error in call.reasons:
        if error not in call.errors:
            yield f"docs/calls/ says that {call.name} returns {error}, and the table doesn't"


def section(call):
    lines = [f"### {call.name}", f"Number {call.number}: `{call.signature()}`", "", call.text or "", ""]
    if call.errors:
        lines += ["| error | when |", "| --- | --- |"]
        lines += [f"| `{error}` | {call.reasons.get(error, '')} |" for error in call.reasons]
        lines.append("")
    return "\n".join([*lines, "```c", call.example or "", "```", ""])


def page(types, calls, chapters):
    out = [HEAD + "\n".join(f"| `{name}` | {text} |" for name, text in types), ""]
    out += ["| number | call |", "| ---: | --- |"]
    out += [f"| {c.number} | [`{c.signature()}`](#{c.name}) |" for c in calls.values()]
    for title, introduction, names in chapters:
        out += ["", f"## {title}"] + ([introduction] if introduction else [])
        out += ["", *(section(calls[name]) for name in names if name in calls)]
    return "\n".join(out)


def main():
    if sys.argv[1:] not in ([], ["--write"]):
        print("usage: python3 tools/syscall_page.py [--write]")
        return 0 if sys.argv[1:] == ["--help"] else 2
    complaints = []
    types, calls = read_table()
    chapters = read_texts(calls, complaints)
    read_examples(calls, complaints)
    complaints += [words for call in calls.values() for words in complain(call)]
    text = page(types, calls, chapters)
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        complaints.append("docs/system-calls.md is old: python3 tools/syscall_page.py --write")
    for words in complaints:
        print(words)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
