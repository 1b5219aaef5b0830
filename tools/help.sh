#!/bin/sh
# SPDX-License-Identifier: MIT
# The output of `make help`. ARCHES comes from the Makefile.
cat <<END
Quire: a teaching microkernel. Machines: ${ARCHES:-see arch/}

  make qemu-MACHINE         build it, start it under QEMU; leave with "poweroff" or Ctrl-a x
  make qemu-MACHINE-gdb     the same, stopped before the first instruction, waiting for gdb-multiarch
  make gdb-MACHINE          in another terminal: starts gdb-multiarch and attaches it, with names and lines of the
                            kernel, and of the program in PROG=
  make memory-map-MACHINE   a picture of its physical memory (SVG) while it runs a program (RUN=, or zoo)
  make trace-MACHINE        a time line of its CPUs, threads and messages while it runs a program (RUN=), for
                            ui.perfetto.dev
  make test                 all tests on all machines, with 1 and with 4 CPUs
  make test-MACHINE         the tests of one machine
  make test-native          mm/ and uv/core as programs here, against a model: every short sequence, and random ones
  make explore              every order in which two operations of mm/ and uv/ can meet, natively; data races
  make fuzz                 the same games, moves chosen by libFuzzer for FUZZ_SECONDS=60
  make fuzz-calls           random system calls on CPUs that run at once, for SECONDS=60 a machine from SEED= on;
                            one seed at least, which is 10^5 calls and takes half a minute
  make fuzz-calls-MACHINE   on one machine
  make test-harness         the tests of the test runner itself
  make bench                figures in guest instructions beside those of other kernels
  make bench-MACHINE        of one machine; fails if a figure is worse by more than 3 % than in docs/bench/figures.json,
                            where RECORD=1 writes them
  make build, build-MACHINE only build, into build/MACHINE/ (with O=: O/MACHINE/)
  make mutants              seeded bugs, one after the other: do the tests notice? MUTANT=pattern for some;
                            RANDOM=20 SEED=1: changes at random places instead, each of which a test should notice
                            (python3 tests/mutants --list: their names)
  make check                static analysis: sparse, cppcheck, shellcheck; does any room call upward?
  make size                 lines of code in each room, beside what it may have
  make house                a picture of the rooms and their arrows, docs/house.svg
  make clean                remove what make has made in build/ (with O=: there)

Options, written behind the target:
  ARCH=arm64                for goals of one machine: make qemu ARCH=arm64 is make qemu-arm64
  CPUS=4  MEM=1G            the machine's size: 1 to 16 CPUs, 128M to 4G
  CPU=rv64,svnapot=on       another of QEMU's models of the CPU than the usual one
  RUN="prog args; prog"     run these and power off, no keyboard; make fails unless every one ended with 0
  APPEND="..."              more words for the kernel's command line
  SEED=1                    of everything that is random in tests
  TEST="suite.name"         only tests that match this shell pattern (make test-MACHINE)
  NATIVE_DEPTH=0            native tests: longer and more sequences, each step many times the work
  NATIVE=native             which native programs
  REPLAY=...                play one sequence of moves or one schedule, as a failing native test prints it
                            (make test-native, make explore)
  CHANGES=2                 make explore: how often another CPU goes on
  ICACHE=stale              another kernel: shadow frames play instruction caches, so a missing flush runs old code
  CACHESAN=1                run the tests under the plugin that sees missing cache maintenance (docs/caches.md)
  PARALLEL=1                one host thread for each CPU, without -icount: real races, other consoles each time
  FIRST=1                   the first failure ends the run
  EXTRA_TESTS=dir           also the *_test.c files of this folder
  O=dir                     everything that is written goes there, not into the tree: build/ is the usual folder
  TIMEOUT=600               seconds after which RUN= is stopped
  PROG=hello                make gdb-MACHINE: this program's names and lines, too, and a command go-to-main
  GDB_PORT=...              where gdb connects; usually a number made of the user's, so that two users don't meet
  BOOT=direct               how the kernel is started (the only way so far)
  CROSS_COMPILE= QEMU=      another compiler (a prefix) or QEMU (a program), for one machine
  V=1  WERROR=1             show every command; warnings are errors

  make qemu-${ARCHES%% *} CPUS=2 RUN="hello"
END
