# SPDX-License-Identifier: MIT
# Quire's top Makefile; `make help` lists the goals. A machine is a folder in arch/ with an arch.mk. Other files do the
# work: build.mk builds one machine, tools/need.sh looks for compilers and QEMU, tools/qemu.sh starts a machine for
# people, tests/runner starts machines for tests and measurements.

ARCHES       := $(patsubst arch/%/arch.mk,%,$(sort $(wildcard arch/*/arch.mk)))
DEFAULT_ARCH := $(firstword $(filter riscv,$(ARCHES)) $(ARCHES))
include tools/outdir.mk
JOBS         := $(shell nproc 2>/dev/null || echo 1)
PYTHON       ?= python3

BUILD_GOALS := $(ARCHES:%=build-%)
QEMU_GOALS  := $(ARCHES:%=qemu-%)
GDB_GOALS   := $(ARCHES:%=qemu-%-gdb)
ATTACH_GOALS := $(ARCHES:%=gdb-%)
TEST_GOALS  := $(ARCHES:%=test-%)
BENCH_GOALS := $(ARCHES:%=bench-%)
FUZZ_GOALS  := $(ARCHES:%=fuzz-calls-%)
MAP_GOALS   := $(ARCHES:%=memory-map-%)
TRACE_GOALS := $(ARCHES:%=trace-%)
# Machines whose builds hold the tests of the test runner itself.
HARNESS_ARCHES := $(ARCHES)

# Native tests: mm/ as programs on this machine, tests/native/native.mk: with a page-table format of its own, with that
# of each machine, and in the byte order of those that user-mode QEMU can run; uv/core alone; the C library; and the model
# of a call, tests/model/model.mk. NATIVE= picks some of them.
NATIVE_ON     := $(patsubst arch/%/arch.mk,%,$(shell grep -l '^ARCH_NATIVE_RUN' $(ARCHES:%=arch/%/arch.mk)))
NATIVE_FORMS  := native $(ARCHES:%=native-as-%) $(NATIVE_ON:%=native-on-%) native-uv native-ipc native-libc model
NATIVE        ?= $(NATIVE_FORMS)
# Also every order in which operations of mm/ and uv/ can meet: tests/explore/explore.mk.

# Options that people may set; the scripts read them from the environment and check them before anything starts.
export CPUS CPU MEM APPEND RUN SEED BOOT TEST EXTRA_TESTS GDB_PORT TIMEOUT CROSS_COMPILE QEMU PYTHON ARCHES \
    NATIVE_DEPTH REPLAY CHANGES FUZZ_SECONDS SECONDS CACHESAN PARALLEL ICACHE FIRST RANDOM MUTANT RECORD PROG FASTPATH
MAKEFLAGS += --no-print-directory
# For recipes: an option that isn't exported, as one word of the shell. Exported ones are read as "$$RUN".
one_word = '$(subst ','\'',$(1))'

# Other variables that people may set. Any other one on the command line is a typing mistake, such as run=hello.
KNOWN := CPUS CPU MEM APPEND RUN SEED BOOT TEST EXTRA_TESTS GDB_PORT TIMEOUT CROSS_COMPILE QEMU PYTHON ARCHES JOBS \
    NATIVE NATIVE_DEPTH REPLAY CHANGES FUZZ_SECONDS SECONDS CACHESAN PARALLEL ICACHE FIRST RANDOM MUTANT \
    ARCH WERROR V RECORD O PROG FASTPATH
given_by_hand = $(filter command,$(firstword $(origin $(1))))
UNKNOWN := $(strip $(foreach v,$(filter-out $(KNOWN) MAKEFLAGS,$(.VARIABLES)),$(if $(call given_by_hand,$(v)),$(v))))
ifneq ($(UNKNOWN),)
$(error "$(firstword $(UNKNOWN))=" is no option of this Makefile. Options have capital letters; "make help" lists them)
endif

# `make qemu ARCH=arm64` is `make qemu-arm64`, and so on.
ONE_MACHINE := build qemu gdb test bench memory-map trace fuzz-calls
ifneq ($(ARCH),)
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error ARCH=$(ARCH): there is no such machine. Machines: $(ARCHES))
endif
with_machine = $(if $(filter $(1),$(ONE_MACHINE)),$(1)-$(ARCH),$(1))
.PHONY: $(or $(MAKECMDGOALS),build) forward
$(or $(MAKECMDGOALS),build): forward
	@:
forward:
	+@$(MAKE) ARCH= $(foreach goal,$(or $(MAKECMDGOALS),build),$(call with_machine,$(goal)))
else

# The top level runs one step after the other, so that its lines come in a fixed order; each build uses all processors.
.NOTPARALLEL:
sub_jobs = $(if $(findstring jobserver,$(MAKEFLAGS))$(filter -j%,$(MAKEFLAGS)),,-j$(JOBS))
build = +@JOBS='$(sub_jobs)' sh tools/build.sh

.PHONY: default help build test test-native explore fuzz fuzz-calls test-harness mutants bench check house size clean ready \
    $(BUILD_GOALS) $(QEMU_GOALS) $(GDB_GOALS) $(ATTACH_GOALS) $(TEST_GOALS) $(BENCH_GOALS) $(MAP_GOALS) \
    $(TRACE_GOALS) $(FUZZ_GOALS)

default: build-$(DEFAULT_ARCH)

help:
	@sh tools/help.sh

# Options make sense, and what the goals need is there: before anything starts.
GOALS := $(or $(MAKECMDGOALS),build-$(DEFAULT_ARCH))
ready:
	@NATIVE=$(call one_word,$(NATIVE)) NATIVE_FORMS='$(NATIVE_FORMS)' sh tools/options.sh $(GOALS)
	$(if $(filter-out size,$(GOALS)),@sh tools/outdir.sh prepare)
	@NATIVE=$(call one_word,$(NATIVE)) sh tools/need.sh $(GOALS)

# --- builds --------------------------------------------------------------------------------------
build: $(BUILD_GOALS)

$(BUILD_GOALS): build-%: ready
	$(build) $*

# --- machines for people -------------------------------------------------------------------------
$(QEMU_GOALS): qemu-%: build-%
	@sh tools/qemu.sh $*

$(GDB_GOALS): qemu-%-gdb: build-%
	@sh tools/qemu.sh --gdb $*

# gdb for the machine that waits; PROG=: with the names of this program, too.
$(ATTACH_GOALS): gdb-%: build-%
	@sh tools/gdb.sh $*

MAP_OPTIONS = $(if $(RUN),--run "$$RUN") \
    $(if $(CPUS),--cpus $(CPUS)) \
    $(if $(MEM),--memory $(MEM))
$(MAP_GOALS): memory-map-%: build-%
	@$(PYTHON) -B tools/memory_map $* $(MAP_OPTIONS)

# What the machine's CPUs did while a program ran, as a time line.
$(TRACE_GOALS): trace-%: build-%
	@$(PYTHON) -B tools/trace.py $* $(MAP_OPTIONS)

# --- tests ---------------------------------------------------------------------------------------
$(TEST_GOALS): test-%: build-% .cachesan
	@$(PYTHON) -B tests/runner test $*

# An upward call of a room ends the run before anything is tested.
.PHONY: .arrows
.arrows: $(BUILD_GOALS)
	@sh tools/house.sh --quiet $(ARCHES)

test: $(BUILD_GOALS) .arrows .cachesan $(NATIVE:%=.native-%) .explore $(HARNESS_ARCHES:%=.harness-%) $(ARCHES:%=.stale-%)
	@$(PYTHON) -B tests/runner test --native "$(NATIVE) explore" --harness "$(HARNESS_ARCHES)" --thorough $(ARCHES)

# Kernels whose shadow frames play the instruction cache, docs/caches.md.
.PHONY: $(ARCHES:%=.stale-%)
$(ARCHES:%=.stale-%): .stale-%: ready
	$(build) $* ICACHE=stale

# REPLAY=GAME:CONFIG:MOVES, as a failing test prints it, plays this one sequence and prints it.
test-native: ready $(NATIVE:%=.native-%)
ifneq ($(REPLAY),)
	@sh tests/native/replay.sh $(firstword $(NATIVE))
else
	@$(PYTHON) -B tests/runner test --native "$(NATIVE)"
endif

# All pairs of operations with two changes of CPU, TEST= some of them; REPLAY=PAIR:ORDER:PLACES, as a failing pair
# prints it, prints this one schedule.
EXPLORE_OPTIONS = $(if $(TEST),--test "$$TEST") \
    $(if $(CHANGES),--changes $(CHANGES)) \
    $(if $(filter 1,$(FIRST)),--first) \
    $(if $(REPLAY),--replay "$$REPLAY")
explore: .explore
	@$(O)/explore/test --form long $(EXPLORE_OPTIONS)

.PHONY: .explore
.explore: ready
	+@$(MAKE) -s $(sub_jobs) -f tests/explore/explore.mk

# Moves chosen by libFuzzer; it adds useful sequences to O/native-fuzz/corpus.
fuzz: .native-native-fuzz
	@sh tests/native/fuzz.sh

.PHONY: $(NATIVE:%=.native-%) .native-native-fuzz
$(filter-out .native-model,$(NATIVE:%=.native-%)) .native-native-fuzz: .native-%: ready
	+@$(MAKE) -s $(sub_jobs) -f tests/native/native.mk FORM=$*
.native-model: ready
	+@$(MAKE) -s -f tests/model/model.mk

# Random system calls (user/programs/fuzz.c) on CPUs that run at the same time, with new seeds for SECONDS=60 a machine.
fuzz-calls: $(FUZZ_GOALS)

$(FUZZ_GOALS): fuzz-calls-%: build-%
	@sh tools/fuzz_calls.sh $* $(SECONDS)

test-harness: $(HARNESS_ARCHES:%=.harness-%) .cachesan
	@$(PYTHON) -B tests/runner test --harness "$(HARNESS_ARCHES)"

.PHONY: $(ARCHES:%=.harness-%) $(ARCHES:%=.release-%)
$(ARCHES:%=.harness-%): .harness-%: ready
	$(build) $* VARIANT=harness EXTRA_TESTS=tests/harness/cases

# The plugin that finds missing cache maintenance, tests/plugin/cachesan/README.md.
.PHONY: .cachesan
.cachesan: ready
	+@$(MAKE) -s $(sub_jobs) -f tests/plugin/cachesan/cachesan.mk

# Seeded bugs, each built and tested: a quarter of an hour, so not part of `make test`. RANDOM=20 SEED=1: random ones.
MUTANTS :=
ifneq ($(RANDOM),)
MUTANTS := --random $(RANDOM) --seed $(or $(SEED),1)
else ifneq ($(MUTANT),)
MUTANTS := "$$MUTANT"
endif
mutants: ready
	@$(PYTHON) -B tests/mutants $(MUTANTS)

# --- measurements --------------------------------------------------------------------------------
$(ARCHES:%=.release-%): .release-%: ready
	$(build) $* BUILD=release

$(BENCH_GOALS): bench-%: .release-%
	@$(PYTHON) -B tests/runner bench $*

bench: $(ARCHES:%=.release-%)
	@$(PYTHON) -B tests/runner bench $(ARCHES)

# --- other goals ---------------------------------------------------------------------------------
check: $(BUILD_GOALS)
	@sh tools/check.sh $(ARCHES)
	@sh tools/house.sh $(ARCHES)

# The picture of the rooms and the calls between them. Graphviz draws it.
house: $(BUILD_GOALS)
	@sh tools/house.sh --picture docs/house.svg $(ARCHES)

# Lines of code in each room, beside the room's limit.
size: ready
	@sh tools/size.sh $(ARCHES)

clean:
	@sh tools/outdir.sh clean

# --- what is no goal -----------------------------------------------------------------------------
# A known goal with the name of a machine that doesn't exist.
build-% qemu-% gdb-% test-% bench-% memory-map-% trace-% fuzz-calls-%:
	@echo "There is no machine in \"$@\". Machines: $(ARCHES). \"make help\" lists what there is." >&2; exit 1

# A goal for one machine without a machine; and words that people try. Some of them are folders.
.PHONY: qemu gdb memory-map trace run tests grade kernel docs labs
qemu gdb memory-map trace:
	@echo "\"make $@\" is for one machine: make $@ ARCH=$(DEFAULT_ARCH). Machines: $(ARCHES)" >&2; exit 1
.DEFAULT run tests grade kernel docs labs:
	@echo "There is no goal \"$@\". To start a machine: make qemu-$(DEFAULT_ARCH); to test: make test." \
	    "\"make help\" lists all." >&2; exit 1
endif
