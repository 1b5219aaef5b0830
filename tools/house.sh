#!/bin/sh
# SPDX-License-Identifier: MIT
# The calls between the rooms, read from built kernels by tools/house, and their picture.
set -eu

if [ $# -eq 0 ] || [ "$1" = --help ]; then
    echo "usage: tools/house.sh [--quiet] [--picture FILE.svg] MACHINE...    (people type: make check, make house)"
    exit 0
fi
quiet=
picture=
while [ $# -gt 0 ]; do
    case $1 in
    --quiet) quiet=--quiet ;;
    --picture)
        picture=$2
        shift
        ;;
    *) break ;;
    esac
    shift
done

dot=${O:-build}/house.dot
machines=
for arch; do
    eval "$(MAKEFLAGS='' "${MAKE:-make}" -s -f build.mk ARCH="$arch" describe)"
    machines="$machines $arch=$NM"
done
# shellcheck disable=SC2086 # lists
"${PYTHON:-python3}" -B tools/house $quiet ${picture:+--dot "$dot"} $machines
if [ -n "$picture" ]; then
    dot -Tsvg -o "$picture" "$dot"
    echo "[house] $picture"
fi
