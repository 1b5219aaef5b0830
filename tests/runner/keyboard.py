# SPDX-License-Identifier: MIT
"""The console as people use it: keys on a pseudo-terminal, on a machine that tools/qemu.sh has started.

Each case types, and waits for what must be seen. The kernel runs without -icount and with four CPUs.
"""

import time
from fnmatch import fnmatchcase

from .judge import Verdict
from .terminal import Terminal, Unseen

SUITE = "console"
PROMPT = "\nquire$ "
CTRL_A = "\x01\x01"  # QEMU keeps the first one for itself
LEAVE, CTRL_C, CTRL_D, TAB = "\x01x", "\x03", "\x04", "\t"
UP, LEFT = "\x1b[A", "\x1b[D"
PASTED_LINES = 10000
LONGEST_LINE = 1023
ENDED = "ended by Ctrl-C"


def command(terminal, line):
    """Types a line; returns what stands on the screen until the next prompt."""
    terminal.type(line + "\r")
    return terminal.see(PROMPT)


def expect(words, seen):
    """Unseen, unless the words are there."""
    if words not in seen:
        raise Unseen(f"expected {words!r}, seen {seen!r}")


def firmware_needs_one_line(terminal):
    before = terminal.screen.decode("utf-8", "replace").partition("\nQuire ")[0].splitlines()
    if len(before) > 2:  # how to leave, and the firmware's name
        raise Unseen(f"expected 2 lines at most before the kernel's first one, seen {len(before)}: {before}")


def ctrl_a_x_leaves(terminal):
    terminal.type(LEAVE)
    expect("0", str(terminal.ends()))


def ctrl_c_ends_the_program_in_the_foreground(terminal):
    for line, running in (("spin", ""), ("cat", ""), ("zoo", "zoo: open"), ('sh -c "spin"', ""), ("spin; echo more", "")):
        terminal.type(line + "\r")
        terminal.see("\n")
        terminal.see(running)
        time.sleep(0.3)  # until it has begun; a program that computes says nothing
        terminal.type(CTRL_C)
        expect(ENDED, terminal.see(PROMPT))
    expect(" 2 of them live", f" {live(terminal)} of them live")


def live(terminal):
    """How many processes there are but for ps: init and the shell."""
    return len([line for line in command(terminal, "ps").splitlines() if line.split()[:1] and line.split()[0].isdigit()]) - 1


def ctrl_c_at_the_prompt_begins_a_new_line(terminal):
    terminal.type("poweroff" + CTRL_C)
    terminal.see("^C")
    terminal.see(PROMPT)
    expect("\nalive", command(terminal, "echo alive"))
    terminal.type("sh\r")  # a shell in a shell: Ctrl-C ends neither of them
    terminal.see(PROMPT)
    terminal.type(CTRL_C)
    terminal.see(PROMPT)
    terminal.type("spin\r")
    time.sleep(0.3)
    terminal.type(CTRL_C)
    expect("spin: " + ENDED, terminal.see(PROMPT))
    terminal.type(CTRL_D)
    terminal.see(PROMPT)
    expect(" 2 of them live", f" {live(terminal)} of them live")


def ctrl_c_ends_nothing_in_the_background(terminal):
    command(terminal, "spin &")
    terminal.type(CTRL_C)
    terminal.see(PROMPT)
    terminal.type("wait\r")
    time.sleep(0.3)
    terminal.type(CTRL_C)
    terminal.see(PROMPT)
    expect(" 3 of them live", f" {live(terminal)} of them live")
    command(terminal, 'sh -c "spin" &')  # a shell that waits in the background, and would hear Ctrl-C
    time.sleep(0.3)
    terminal.type(CTRL_C)
    terminal.see(PROMPT)
    expect(" 5 of them live", f" {live(terminal)} of them live")


def ctrl_c_meets_programs_that_end_by_themselves(terminal):
    for i in range(40):
        terminal.type("true\r")
        time.sleep(0.002 * (i % 10))
        terminal.type(CTRL_C)
    terminal.type("\recho a\\b\r")
    terminal.see("\na\\b")
    terminal.see(PROMPT)
    expect(" 2 of them live", f" {live(terminal)} of them live")


def lines_are_edited(terminal):
    expect("\nhello", command(terminal, "echo hllo" + LEFT * 3 + "e"))
    expect("\nhello", command(terminal, UP))
    expect("\nb d", command(terminal, "a b d" + CTRL_A + "\x1b[3~echo"))  # Delete
    expect("\nx z", command(terminal, "no\x15echo x yy\x17z"))  # Ctrl-U, Ctrl-W
    expect("\nnew screen", command(terminal, "echo new\x0c screen"))
    expect("\033[H\033[2J", terminal.screen.decode("utf-8", "replace"))
    expect("\nab", command(terminal, "echo abc\x7f"))
    wide = "0123456789" * 20
    expect("\n" + wide + "<", command(terminal, "cho " + wide + CTRL_A + "e\x05<".replace("<", "'<'")))


def tab_completes(terminal):
    expect("Welcome", command(terminal, "cat mo" + TAB))
    expect("computes", command(terminal, "help spi" + TAB))
    terminal.type("p" + TAB)
    for name in ("poweroff", "ps", "ptdump"):
        terminal.see(name)
    terminal.type("s" + TAB + "\r")
    terminal.see("threads")


def a_line_that_is_too_long_is_refused_whole(terminal):
    fits = "echo " + "x" * (LONGEST_LINE - 5)
    expect("x" * (LONGEST_LINE - 5), command(terminal, fits))
    seen = command(terminal, fits + "; poweroff")
    expect(f"at most {LONGEST_LINE} characters", seen)
    expect("\nalive", command(terminal, "echo alive"))


def what_is_unknown_gets_an_answer(terminal):
    expect("there are no pipes", command(terminal, "ls | cat"))
    expect("there is no ||", command(terminal, "false || ls"))
    expect("arrow keys", command(terminal, "history"))
    expect("can't go to files", command(terminal, "echo a > b"))
    expect("no &&", command(terminal, "true && true"))
    expect("there is no current folder", command(terminal, "cd"))
    expect("help lists", command(terminal, "nosuch"))
    expect("there is no command nosuch", command(terminal, "help nosuch"))
    expect("ls [-l]", command(terminal, "help ls"))
    expect("usage: help", command(terminal, "help a b"))
    for name, says in (("help", "all comm"), ("exit", "ends the"), ("kill", "started with"), ("wait", "waits for")):
        expect(says, command(terminal, name + " --help"))
    expect("usage: wait", command(terminal, "wait 1"))
    expect("usage: free\r", command(terminal, "free x"))
    expect('no file\'s name begins with "nosuch"', command(terminal, "ls nosuch"))
    expect('no counter matches "nosuch"', command(terminal, "counters nosuch"))
    expect('no test matches "nosuch"', command(terminal, "test nosuch"))
    expect('"nosuch" is no kind of death', command(terminal, "crash nosuch"))
    expect("null text data", terminal.screen.decode("utf-8", "replace"))


def a_paste_of_10000_lines_loses_nothing(terminal):
    """A program gets them; it prints each one behind its echo. 100 more go to the shell."""
    numbers = [f"line {i}" for i in range(PASTED_LINES)]
    terminal.type("cat\r" + "\r".join(numbers) + "\r" + CTRL_D + "".join(f"echo got {i}\r" for i in range(100)) + "\rexit\r")
    seen = terminal.see("here is another", 120).replace("\r", "").split("\n")
    printed = [line for line in seen if line.startswith("line ")]
    if printed != [number for number in numbers for _ in range(2)]:
        raise Unseen(f"expected {2 * PASTED_LINES} lines in order, seen {len(printed)}")
    got = [line for line in seen if line.startswith("got ")]
    if got != [f"got {i}" for i in range(100)]:
        raise Unseen(f"expected the output of 100 commands in order, seen {len(got)}")


CASES = (
    firmware_needs_one_line, ctrl_a_x_leaves, ctrl_c_ends_the_program_in_the_foreground,
    ctrl_c_at_the_prompt_begins_a_new_line, ctrl_c_ends_nothing_in_the_background,
    ctrl_c_meets_programs_that_end_by_themselves, lines_are_edited, tab_completes,
    a_line_that_is_too_long_is_refused_whole, what_is_unknown_gets_an_answer, a_paste_of_10000_lines_loses_nothing,
)  # fmt: skip


def try_case(arch, case):
    """One fresh machine for each case."""
    name = f"{SUITE}.{case.__name__}"
    with Terminal(arch) as terminal:
        try:
            terminal.see(PROMPT)
            case(terminal)
        except Unseen as why:
            return Verdict(arch, 4, name, __name__, "fail", "failed", "", [str(why)])
    return Verdict(arch, 4, name, __name__, "pass")


def run(arches, pattern):
    """All cases that match, on all these machines."""
    chosen = [case for case in CASES if fnmatchcase(f"{SUITE}.{case.__name__}", pattern)]
    return [try_case(arch, case) for arch in arches for case in chosen]
