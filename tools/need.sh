#!/bin/sh
# SPDX-License-Identifier: MIT
# Looks for what make's goals need: compilers and QEMUs of the machines that they name, and a few tools, all new enough.
# Missing packages are installed: at a terminal after a question, as root without a terminal (a build server) at once;
# in other cases the command to type is printed. A program that is too old, or whose version can't be read, is an error
# too, before anything starts.
set -eu

# The oldest versions this was tested with.
GCC_OLDEST=12.2
QEMU_OLDEST=7.2

usage()
{
    echo "usage: ARCHES='MACHINE...' NATIVE='FORM...' tools/need.sh GOAL...    (make calls it)"
    echo "Checks what make's goals need; installs what is missing (see the top of the file)."
}

# What a goal needs besides compilers and QEMUs.
tools_for() # GOAL
{
    case $1 in
    test)                       echo python plugins native firmware ;;
    test-native)                echo python plugins native ;;
    test-harness)               echo python plugins firmware ;;
    test-*)                     echo python plugins ;;
    bench* | memory-map-* | trace-*) echo python ;;
    mutants | check)            echo python ;;
    house)                      echo python graphviz ;;
    gdb-*)                      echo gdb ;;
    size)                       echo cloc ;;
    explore)                    echo native ;;
    fuzz)                       echo fuzzer ;;
    esac
}

# Some goals are for all machines; others name one.
is_for() # GOAL MACHINE
{
    case $1 in
    build | test | test-harness | bench | fuzz-calls | mutants | check | house) ;;
    *-"$2" | *-"$2"-gdb) ;;
    *) return 1 ;;
    esac
}

fail()
{
    echo "[tools] $*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

describe() # MACHINE: sets CC, QEMU, ARCH_PACKAGES and others
{
    description=$(MAKEFLAGS='' "${MAKE:-make}" -s -f build.mk ARCH="$1" describe) || fail "arch/$1/arch.mk can't be read"
    eval "$description"
}

# --- versions ------------------------------------------------------------------------------------
at_least() # VERSION OLDEST, both with dots: two numbers count
{
    major=${1%%.*}
    rest=${1#*.}
    minor=${rest%%.*}
    [ "$major" -gt "${2%%.*}" ] || { [ "$major" -eq "${2%%.*}" ] && [ "$minor" -ge "${2#*.}" ]; }
}

is_version() { echo "$1" | grep -Eq '^[0-9]{1,4}\.[0-9]{1,4}(\.[0-9]+)?$'; }

check_version() # NAME PROGRAM VERSION OLDEST
{
    is_version "$3" || fail "$2 doesn't say its version in a form known here; $1 $4 or newer is needed"
    at_least "$3" "$4" || fail "$2 is $1 $3: too old, $4 or newer is needed"
}

check_machine() # MACHINE
{
    describe "$1"
    gcc=$(timeout 20 "$CC" -dumpfullversion 2>/dev/null) || gcc=
    # shellcheck disable=SC2153 # QEMU comes from describe
    qemu=$(timeout 20 "$QEMU" --version 2>/dev/null | sed -n 's/^QEMU emulator version \([0-9.]*\).*/\1/p') || qemu=
    check_version gcc "$CC" "$gcc" "$GCC_OLDEST"
    check_version QEMU "$QEMU" "$qemu" "$QEMU_OLDEST"
    echo "[tools] ${2:+$1: }gcc ${gcc%.*} ok, QEMU $qemu ok ($QEMU_OLDEST or newer)"
}

# --- packages ------------------------------------------------------------------------------------
packages=

needs() # TOOL: one of tools_for()
{
    case " $needed " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
}

add_packages()
{
    for package; do
        case " $packages " in
        *" $package "*) ;;
        *) packages="${packages:+$packages }$package" ;;
        esac
    done
}

# The build runs small scripts; the test runner needs more of the standard library than python3-minimal has.
find_python()
{
    python=${PYTHON:-python3}
    if needs python; then
        "$python" -c 'import argparse, concurrent.futures, json, unittest' 2>/dev/null || add_packages python3
    else
        have "$python" || add_packages python3-minimal
    fi
}

# The native tests: the build machine's own compiler with its C library and sanitizers.
find_native()
{
    gcc_ok=$(echo 'int main(void) { return 0; }' | gcc -fsanitize=address,undefined -xc -o /dev/null - 2>/dev/null && echo yes) || true
    [ -n "$gcc_ok" ] || add_packages gcc libc6-dev
    for form in $NATIVE; do
        [ "$form" != model ] || have spin || add_packages spin
        [ "${form#native-on-}" != "$form" ] || continue
        eval "$(MAKEFLAGS='' "${MAKE:-make}" -s -f tests/native/native.mk FORM="$form" describe)"
        if ! { have "$NATIVE_RUN" && echo '#include <stdio.h>' | "$NATIVE_CC" -xc -E -o /dev/null - 2>/dev/null; }; then
            # shellcheck disable=SC2086 # a list
            add_packages $NATIVE_PACKAGES
        fi
    done
}

# QEMU plugins are built for the build machine.
find_host_compiler()
{
    echo '#include <pthread.h>' | gcc -xc -E -o /dev/null - 2>/dev/null || add_packages gcc libc6-dev
}

# libFuzzer comes with clang's run-time libraries.
find_fuzzer()
{
    clang_ok=$(echo 'int LLVMFuzzerTestOneInput(void) { return 0; }' |
        clang -fsanitize=fuzzer,address -xc -o /dev/null - 2>/dev/null && echo yes) || true
    [ -n "$clang_ok" ] || add_packages clang libclang-rt-14-dev libc6-dev binutils
}

find_missing() # MACHINE...: fills packages
{
    if needs native; then find_native; fi
    if needs fuzzer; then find_fuzzer; fi
    if needs plugins; then find_host_compiler; fi
    if needs firmware && [ ! -d /usr/lib/u-boot ]; then add_packages u-boot-qemu; fi
    for arch; do
        describe "$arch"
        [ -z "$chosen_qemu" ] || have "$QEMU" || fail "QEMU=$chosen_qemu: there is no such program"
        [ -z "$chosen_prefix" ] || have "$CC" || fail "CROSS_COMPILE=$chosen_prefix: there is no $CC"
        for package in $ARCH_PACKAGES; do
            case $package in
            qemu*) have "$QEMU" || add_packages "$package" ;;
            *) { have "$CC" && have "${CROSS_COMPILE}ld"; } || add_packages "$package" ;;
            esac
        done
    done
    if needs gdb && ! have gdb-multiarch; then add_packages gdb-multiarch; fi
    if needs graphviz && ! have dot; then add_packages graphviz; fi
    if needs cloc && ! have cloc; then add_packages cloc; fi
    have cpio || add_packages cpio
    find_python
}

# "104 MB to fetch", as apt prints it; nothing if apt doesn't know the packages.
size_to_fetch()
{
    # shellcheck disable=SC2086
    LC_ALL=C apt-get install --assume-no --no-install-recommends -o Debug::NoLocking=1 $packages </dev/null 2>/dev/null |
        sed -n 's/^Need to get \(.*\) of archives.*/\1/p' | sed 's,^[^/]*/,,'
}

lists_are_there() { [ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' 2>/dev/null | head -n 1)" ]; }

# Another apt at work holds a lock: wait for it, and say so.
wait_for_apt="-o DPkg::Lock::Timeout=600"
hint="if it says that a lock is held, another apt is at work: wait until that has ended, and type the same again"

# shellcheck disable=SC2086
update_lists() { DEBIAN_FRONTEND=noninteractive apt-get $wait_for_apt update -qq </dev/null || fail "apt-get update failed; $hint"; }

# The output of a failed or long installation is shown; a short successful one prints nothing.
install() # SUDO-OR-NOTHING
{
    log=$(mktemp)
    # shellcheck disable=SC2086
    if ! DEBIAN_FRONTEND=noninteractive $1 apt-get $wait_for_apt install -y -q --no-install-recommends $packages \
        </dev/null >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        fail "installing failed: $packages; $hint"
    fi
    rm -f "$log"
    echo "[tools] installed: $packages"
}

get_packages()
{
    have apt-get || fail "missing, and this isn't a Debian: what these packages hold is needed: $packages"
    root=
    [ "$(id -u)" -ne 0 ] || root=yes
    [ -z "$root" ] || lists_are_there || update_lists
    size=$(size_to_fetch)
    echo "Quire needs${*:+ for $*}: $packages${size:+ ($size to fetch)}."
    if [ -t 0 ] && [ -t 1 ] && { [ -n "$root" ] || have sudo; }; then
        printf 'Install now? [Y/n] '
        read -r answer || answer=n
        case $answer in
        '' | [Yy]*) ;;
        *) fail "then please type: $([ -n "$root" ] || echo "sudo ")apt-get install --no-install-recommends $packages" ;;
        esac
        if [ -n "$root" ]; then install ""; else install sudo; fi
    elif [ -n "$root" ]; then
        install ""
    else
        fail "please type as root: apt-get install --no-install-recommends $packages"
    fi
}

# --- all together --------------------------------------------------------------------------------
case ${1:---help} in
--help)
    usage
    exit 0
    ;;
esac
chosen_qemu=${QEMU:-} # before describe sets them
chosen_prefix=${CROSS_COMPILE:-}

needed=$(for goal; do tools_for "$goal"; done | tr '\n' ' ')
machines=$(for arch in $ARCHES; do for goal; do is_for "$goal" "$arch" && echo "$arch" && break; done; done) || true
# shellcheck disable=SC2086 # a list
set -- $machines

find_missing "$@"
if [ -n "$packages" ]; then
    get_packages "$@"
    packages=
    find_missing "$@"
    [ -z "$packages" ] || fail "still missing after the installation: $packages"
fi
several=
[ $# -le 1 ] || several=yes
for arch; do
    check_machine "$arch" $several
done
