#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds one machine and prints one line about it. Extra words go to build.mk: BUILD=release, VARIANT=name,
# ICACHE=stale. Called by the top Makefile, which gives MAKE and JOBS in the environment.
set -eu

if [ "${1:---help}" = --help ]; then
    echo "usage: tools/build.sh MACHINE [BUILD=release] [VARIANT=name] [ICACHE=stale]    (people type: make build-MACHINE)"
    exit 0
fi
arch=$1
shift
make=${MAKE:-make}
quiet=1
[ -n "${V:-}" ] && quiet=

eval "$(MAKEFLAGS='' "$make" -s -f build.mk ARCH="$arch" "$@" describe)"

# Two makes in one folder would take each other's files away. The second one waits, until this script ends.
mkdir -p "$OUT"
exec 9>"$OUT/build.lock"
flock -n 9 || {
    echo "[build] $OUT: another make builds there; waiting for it" >&2
    flock 9 || : # a file system without locks: as if alone
}
start=$(date +%s)
# shellcheck disable=SC2086 # JOBS is empty or one word
"$make" ${quiet:+-s} ${JOBS:-} -f build.mk ARCH="$arch" QUIET="$quiet" "$@" all || {
    echo "[build] $OUT: failed, see above" >&2
    exit 1
}
seconds=$(($(date +%s) - start))
text=$("${CROSS_COMPILE}size" -A "$OUT/quire.elf" | awk '$1 == ".text" { print int(($2 + 1023) / 1024) }')
# Seconds are printed only for people; output that goes to a file is the same every time.
took=
[ -t 1 ] && [ "$seconds" -gt 0 ] && took=" $seconds s,"
echo "[build] $OUT/quire.elf,$took text $text KiB"
