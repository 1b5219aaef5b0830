# SPDX-License-Identifier: MIT
"""The results for programs: JSON, JUnit's XML, and KTAP."""

import json
import re
from xml.etree import ElementTree

from outdir import FOLDER

from .report import plural

JSON, JUNIT, KTAP = (f"{FOLDER}/{name}" for name in ("test-results.json", "results.xml", "results.ktap"))
UNPRINTABLE = re.compile("[^\t\n -~]")  # XML has no way to write most of them


def write_json(path, verdicts, counts):
    """The same results, for programs to read."""
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            {
                "passed": counts["pass"], "failed": counts["fail"], "skipped": counts["skip"],
                "results": [
                    {
                        "machine": verdict.arch, "cpus": verdict.cpus, "test": verdict.name, "file": verdict.file,
                        "verdict": verdict.verdict, "kind": verdict.kind, "reason": verdict.reason,
                        "lines": verdict.lines,
                    }
                    for verdict in verdicts
                ],
            },
            file, indent=1,
        )  # fmt: skip
        file.write("\n")


def place(verdict):
    """Where a test ran: "riscv, 4 CPUs"."""
    return f"{verdict.arch}, {plural(verdict.cpus, 'CPU')}"


def plain(text):
    return UNPRINTABLE.sub("?", text)


def junit_case(suite, verdict):
    """One <testcase>. Its class is the test's suite, below its machine."""
    _, _, name = verdict.name.partition(".")
    case = ElementTree.SubElement(
        suite, "testcase", name=plain(name or verdict.name), file=plain(verdict.file),
        classname=plain(f"{verdict.arch}.{verdict.cpus}.{verdict.suite}"),
    )  # fmt: skip
    if verdict.verdict == "fail":
        message = ElementTree.SubElement(case, "failure", type=verdict.kind or "failed", message=plain(first_line(verdict)))
        message.text = plain("\n".join(verdict.lines))
    elif verdict.verdict == "skip":
        ElementTree.SubElement(case, "skipped", message=plain(verdict.reason))


def first_line(verdict):
    return verdict.lines[0] if verdict.lines else verdict.reason or verdict.kind


def numbers(verdicts):
    """The attributes that count, of a suite or of everything."""
    failed = sum(verdict.verdict == "fail" for verdict in verdicts)
    skipped = sum(verdict.verdict == "skip" for verdict in verdicts)
    return {"tests": str(len(verdicts)), "failures": str(failed), "skipped": str(skipped), "errors": "0"}


def write_junit(path, verdicts):
    """JUnit's XML: a suite for each machine with its number of CPUs."""
    root = ElementTree.Element("testsuites", name="Quire", **numbers(verdicts))
    suites = {}
    for verdict in verdicts:
        suites.setdefault(place(verdict), []).append(verdict)
    for name, its in suites.items():
        suite = ElementTree.SubElement(root, "testsuite", name=name, **numbers(its))
        for verdict in its:
            junit_case(suite, verdict)
    ElementTree.indent(root, " ")
    ElementTree.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)


def ktap_lines(verdicts):
    """
    KTAP 1 (Linux: Documentation/dev-tools/ktap.rst): version, plan, results numbered from 1. The lines that explain a
    result come before it. A description has no "#", which would begin a directive.
    """
    yield "KTAP version 1"
    yield f"1..{len(verdicts)}"
    for number, verdict in enumerate(verdicts, 1):
        for line in "\n".join(verdict.lines).split("\n") if verdict.lines and verdict.verdict == "fail" else ():
            yield plain(f"# {line}")
        words = "ok" if verdict.verdict != "fail" else "not ok"
        skip = f" # SKIP {verdict.reason}" if verdict.verdict == "skip" else ""
        name = f"{verdict.arch}.{verdict.cpus}.{verdict.name}".replace("#", "")
        yield plain(f"{words} {number} {name}{skip}".replace("\n", "?"))


def write_ktap(path, verdicts):
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in ktap_lines(verdicts))


def write_all(verdicts, counts):
    write_json(JSON, verdicts, counts)
    write_junit(JUNIT, verdicts)
    write_ktap(KTAP, verdicts)
