#!/bin/sh
# SPDX-License-Identifier: MIT
# Checks the user's goals and options of make, before anything is built or started. Arguments: make's goals; the options
# come in the environment.
set -eu

if [ "${1:-}" = --help ]; then
    echo "usage: CPUS=4 MEM=1G ... tools/options.sh [GOAL...]    checks make's options, status 1 if one is wrong"
    exit 0
fi

fail()
{
    echo "$*" >&2
    exit 1
}

is_number() # TEXT: digits only, at most nine, no zero before others
{
    case $1 in
    '' | *[!0-9]* | 0?* | ??????????*) return 1 ;; # 010 would be eight to some programs
    esac
}

one_machine() # OPTION: its value names something for a single machine
{
    case " $goals " in
    *" test "* | *" test-harness "* | *" bench "* | *" build "*)
        fail "$1 is for one machine; say which, for example: make test-${ARCHES%% *} $1..." ;;
    esac
}

goals="$*"
quote='"'

if [ -n "${CPUS:-}" ] && { ! is_number "$CPUS" || [ "$CPUS" -lt 1 ] || [ "$CPUS" -gt 16 ]; }; then
    fail "CPUS=$CPUS: a number from 1 to 16, please"
fi

if [ -n "${MEM:-}" ]; then
    amount=${MEM%[MG]}
    { [ "$amount" != "$MEM" ] && is_number "$amount" && [ "$amount" -le 1000000 ]; } ||
        fail "MEM=$MEM: a number with M or G, please, such as 512M or 1G"
    [ "${MEM%G}" = "$MEM" ] || amount=$((amount * 1024))
    { [ "$amount" -ge 128 ] && [ "$amount" -le 4096 ]; } || fail "MEM=$MEM: from 128M to 4G, please"
fi

if [ -n "${SEED:-}" ]; then
    is_number "$SEED" || fail "SEED=$SEED: a number of at most nine digits, please"
fi
if [ -n "${GDB_PORT:-}" ] && { ! is_number "$GDB_PORT" || [ "$GDB_PORT" -lt 1 ] || [ "$GDB_PORT" -gt 65535 ]; }; then
    fail "GDB_PORT=$GDB_PORT: a number from 1 to 65535, please"
fi
if [ -n "${TIMEOUT:-}" ] && { ! is_number "$TIMEOUT" || [ "$TIMEOUT" -lt 1 ]; }; then
    fail "TIMEOUT=$TIMEOUT: a number of seconds, please"
fi
if [ -n "${NATIVE_DEPTH:-}" ] && { ! is_number "$NATIVE_DEPTH" || [ "$NATIVE_DEPTH" -gt 8 ]; }; then
    fail "NATIVE_DEPTH=$NATIVE_DEPTH: a number from 0 to 8, please; each step is many times the work"
fi
if [ -n "${CHANGES:-}" ] && { ! is_number "$CHANGES" || [ "$CHANGES" -lt 1 ] || [ "$CHANGES" -gt 3 ]; }; then
    fail "CHANGES=$CHANGES: a number from 1 to 3, please"
fi
if [ -n "${FUZZ_SECONDS:-}" ] && { ! is_number "$FUZZ_SECONDS" || [ "$FUZZ_SECONDS" -lt 1 ]; }; then
    fail "FUZZ_SECONDS=$FUZZ_SECONDS: a number of seconds, please"
fi
# shellcheck disable=SC3028 # make's variable, not the shell's
if [ -n "${SECONDS:-}" ] && { ! is_number "$SECONDS" || [ "$SECONDS" -lt 1 ]; }; then
    fail "SECONDS=$SECONDS: a number of seconds, please"
fi
case ${REPLAY:-} in
*[!A-Za-z0-9:/._,@+-]*) fail "REPLAY=$REPLAY: what a failing test prints behind REPLAY=, please" ;;
esac

known_form() # FORM
{
    case " $NATIVE_FORMS " in
    *" $1 "*) ;;
    *) return 1 ;;
    esac
}
if [ -n "${NATIVE_FORMS:-}" ]; then
    [ -n "${NATIVE:-}" ] || fail "NATIVE=: which of the native programs, please: $NATIVE_FORMS"
    for form in $NATIVE; do
        known_form "$form" || fail "NATIVE=$form: there is no such native program. There are: $NATIVE_FORMS"
    done
fi

case ${CACHESAN:-} in
'' | 0 | 1) ;;
*) fail "CACHESAN=$CACHESAN: 1 (all tests under it) or 0 (none), please" ;;
esac

case ${PARALLEL:-} in
'' | 0 | 1) ;;
*) fail "PARALLEL=$PARALLEL: 1 (one host thread for each CPU, without -icount) or 0, please" ;;
esac

case ${FIRST:-} in
'' | 0 | 1) ;;
*) fail "FIRST=$FIRST: 1 (the first failure ends the run) or 0, please" ;;
esac
# shellcheck disable=SC3028 # make's variable, not the shell's
if [ -n "${RANDOM:-}" ] && [ "$goals" = mutants ] && { ! is_number "$RANDOM" || [ "$RANDOM" -lt 1 ]; }; then
    fail "RANDOM=$RANDOM: how many random mutants, a number, please"
fi
# shellcheck disable=SC3028
if [ -n "${RANDOM:-}" ] && [ -n "${MUTANT:-}" ]; then
    fail "RANDOM=$RANDOM and MUTANT=$MUTANT: one of the two, please; random mutants have no names"
fi

case ${ICACHE:-} in
'') ;;
stale)
    for goal in $goals; do
        case $goal in
        build | build-* | qemu-*) ;;
        test-native | test) fail "ICACHE=stale is for one machine; make test runs all of them with it anyway. Try: make test-${ARCHES%% *} ICACHE=stale" ;;
        test-*) ;;
        *) fail "ICACHE=stale: for make build-MACHINE, qemu-MACHINE and test-MACHINE; $goal doesn't know it" ;;
        esac
    done
    [ -z "${CACHESAN:-}" ] || fail "ICACHE=stale and CACHESAN=$CACHESAN: one of the two, please; each has caches of its own"
    ;;
*) fail "ICACHE=$ICACHE: only ICACHE=stale (shadow frames play the instruction cache, docs/caches.md)" ;;
esac

case ${BOOT:-direct} in
direct) ;;
*) fail "BOOT=$BOOT: only BOOT=direct exists so far" ;;
esac

list_programs() # FOLDER...: names of its programs, in one line
{
    for folder; do
        for file in "$folder"/*.c; do
            case $file in
            user/programs/*.c | */*_test.c) basename "$file" .c ;;
            esac
        done
    done | tr '\n' ' '
}

if [ -n "${PROG:-}" ]; then
    case " $goals " in
    *" gdb-"*) ;;
    *) fail "PROG=$PROG: for make gdb-MACHINE; $goals doesn't know it" ;;
    esac
    # shellcheck disable=SC2086 # folders
    programs=$(list_programs user/programs tests/user ${EXTRA_TESTS:-})
    case " $programs" in
    *" $PROG "*) ;;
    *) fail "PROG=$PROG: there is no such program. Programs: $programs" ;;
    esac
fi

case ${RUN:-} in
*"$quote"*) fail "RUN: no $quote inside, please; programs are separated by ;" ;;
esac
case ${TEST:-} in
*[!A-Za-z0-9_.*?+-]* | ?????????????????????????????????????????????????????????????????????????????????????????????????????????????????????????*)
    fail "TEST=$TEST: a shell pattern for suite.name, such as buddy.* (letters, digits, _ . - + * ?)" ;;
esac

for dir in ${EXTRA_TESTS:-}; do
    [ -d "$dir" ] || fail "EXTRA_TESTS=$dir: there is no such folder"
    set -- "$dir"/*_test.c "$dir"/kernel/*_test.c "$dir"/user/*_test.c
    found=
    for file; do
        [ ! -f "$file" ] || found=yes
    done
    [ -n "$found" ] || fail "EXTRA_TESTS=$dir: no file *_test.c in it"
done

[ -z "${QEMU:-}" ] || one_machine QEMU=
[ -z "${CROSS_COMPILE:-}" ] || one_machine CROSS_COMPILE=
