#!/bin/sh
# SPDX-License-Identifier: MIT
# Light static analysis: sparse and cppcheck for C, shellcheck for scripts. Tools that aren't installed are named and
# left out. Status 1 if a tool complains.
set -eu

if [ $# -eq 0 ] || [ "$1" = --help ]; then
    echo "usage: tools/check.sh MACHINE...    (people type: make check)"
    exit 0
fi

absent=
complaints=0

have()
{
    command -v "$1" >/dev/null 2>&1 && return
    absent="${absent:+$absent }$1"
    return 1
}

verdict() # NAME STATUS
{
    if [ "$2" -eq 0 ]; then
        echo "[check] $1: nothing to say"
    else
        complaints=$((complaints + 1))
        echo "[check] $1: complaints, see above"
    fi
}

# sparse checks address spaces (user pointers, physical addresses). Other warnings are left to the compiler.
check_sparse() # MACHINE
{
    status=0
    "${MAKE:-make}" -s -f build.mk ARCH="$1" QUIET=1 "${O:-build}/$1/gen/asm_offsets.h" || return
    flags=$("${MAKE:-make}" -s -f build.mk ARCH="$1" sparse-flags)
    for file in base/*.c base/*/*.c mm/*.c mm/*/*.c uv/*/*.c kernel/*.c kernel/*/*.c look/*.c lib/*.c tests/icache/*.c arch/"$1"/*.c; do
        case $file in
        tests/icache/*) only=-DICACHE_STALE=1 ;;
        *) only= ;;
        esac
        # shellcheck disable=SC2086
        words=$(sparse $flags $only "$file" 2>&1 |
            grep -E 'error:|incorrect type|address space|noderef|restricted|cast (from|to)' | sort -u) || true
        [ -z "$words" ] || {
            echo "$words"
            status=1
        }
    done
    verdict "sparse, $1" $status
}

check_cppcheck()
{
    status=0
    cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr --max-configs=1 \
        --suppress=missingInclude --suppress=internalAstError --suppress=nullPointer --suppress=comparePointers \
        -D__QUIRE_KERNEL__ -DQUIRE_DEBUG=1 -Iinclude -Iinclude/uapi -Iarch/"$1"/include \
        base mm uv kernel look lib || status=1
    verdict "cppcheck, $1" $status
}

check_scripts()
{
    status=0
    shellcheck .ci/run tools/*.sh tests/native/*.sh || status=1
    verdict shellcheck $status
}

check_pages()
{
    status=0
    "${PYTHON:-python3}" -B tools/uv_tables.py || status=1
    "${PYTHON:-python3}" -B tools/mistakes.py || status=1
    "${PYTHON:-python3}" -B tools/lock_order.py || status=1
    "${PYTHON:-python3}" -B tools/ways.py || status=1
    "${PYTHON:-python3}" -B tools/syscall_page.py || status=1
    verdict "tables and line numbers in docs/" $status
}

check_mutants()
{
    status=0
    "${PYTHON:-python3}" -B tests/mutants --check || status=1
    verdict "texts of the mutants" $status
}

check_pages
check_mutants
if have shellcheck; then check_scripts; fi
if have cppcheck; then check_cppcheck "$1"; fi
if have sparse; then for arch; do check_sparse "$arch"; done; fi
[ -z "$absent" ] || echo "[check] not installed: $absent. To have them: apt-get install --no-install-recommends $absent"
[ "$complaints" -eq 0 ]
