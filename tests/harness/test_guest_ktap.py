# SPDX-License-Identifier: MIT
"""What the machine itself prints is KTAP as Linux describes it (Documentation/dev-tools/ktap.rst). It is read here by
the rules of that page alone, and by prove."""

import os
import re
import subprocess
import tempfile
import unittest

from tests.runner.machine import Machine

ARCHES = (os.environ.get("ARCHES") or "riscv").split()
PROGRAM = "tests/bad_program_test"
RESULT = re.compile(r"^(ok|not ok) (\d+) ([^ #]+)( # SKIP \S.*)?$")
# In the order of the file: (name, verdict), those that don't end the machine.
ALL = [("passes", "ok"), ("skips", "skip"), ("fails", "not ok"),
       ("fails_in_a_file_with_a_long_name", "not ok"), ("fails_to_differ", "not ok"),
       ("fails_to_differ_and_stops", "not ok"), ("faults", "not ok"), ("prints_verdicts", "not ok"),
       ("passes_behind_all_of_them", "ok")]  # fmt: skip


def boot(arch, more=""):
    return Machine(arch, variant="harness").boot(f"test=harness_program.[pfs]* group={PROGRAM} {more}")


def read(lines):
    """(plan, [(name, verdict, its diagnostic lines)]) of the console's lines from the version on."""
    lines = lines[lines.index("KTAP version 1") + 1 :]
    plan = re.match(r"^1\.\.(\d+)$", lines[0])
    results, diagnostic = [], []
    for line in lines[1:]:
        match = RESULT.match(line)
        if match:
            assert int(match.group(2)) == len(results) + 1, line
            name = match.group(3).partition(".")[2]
            results.append((name, "skip" if match.group(4) else match.group(1), diagnostic))
            diagnostic = []
        elif line.startswith("# "):
            diagnostic.append(line)
        else:
            assert not re.match(r"^\s*((not )?ok\b|1\.\.|K?TAP version)", line), line
    return int(plan.group(1)), results


class GuestKtap(unittest.TestCase):
    def test_it_keeps_the_rules(self):
        for arch in ARCHES:
            plan, results = read(boot(arch).lines)
            self.assertEqual([(name, verdict) for name, verdict, _ in results], ALL)
            self.assertEqual(plan, len(ALL))
            for name, verdict, diagnostic in results:
                self.assertEqual(bool(diagnostic), verdict == "not ok", name)
            self.assertIn("expected 6 * 7 == 54", "".join(results[2][2]))

    def test_a_machine_that_runs_the_rest_counts_from_1(self):
        for arch in ARCHES:
            plan, results = read(boot(arch, "from=3").lines)
            self.assertEqual([(name, verdict) for name, verdict, _ in results], ALL[2:])
            self.assertEqual(plan, len(ALL) - 2)

    def test_prove_reads_the_raw_console(self):
        for arch in ARCHES:
            for more, first in (("", 0), ("from=3", 2)):
                with tempfile.NamedTemporaryFile("w") as file:
                    file.write(boot(arch, more).console)
                    file.flush()
                    command = ["prove", "--exec", "cat", file.name]
                    prove = subprocess.run(command, capture_output=True, text=True, check=False)
                failed = [number for number, (_, verdict) in enumerate(ALL[first:], 1) if verdict == "not ok"]
                self.assertEqual(prove.returncode, 1)
                self.assertIn(f"Tests: {len(ALL) - first} Failed: {len(failed)})", prove.stdout)
                self.assertIn(f"Failed tests:  {failed[0]}-{failed[-1]}\n", prove.stdout)
                self.assertNotIn("Parse errors", prove.stdout)


if __name__ == "__main__":
    unittest.main()
