#!/bin/sh
# SPDX-License-Identifier: MIT
# The folder O, below which everything is built and measured. A file in it says that it is such a folder; only there
# `make clean` removes anything, and only what make has made.
set -eu

usual=build
mark=.quire-build
folder=${O:-$usual}

usage()
{
    echo "usage: [O=FOLDER] tools/outdir.sh prepare         makes the folder, if need be, and marks it"
    echo "       [O=FOLDER] [ARCHES=...] tools/outdir.sh clean    removes what make has made there"
}

fail()
{
    echo "$*" >&2
    exit 1
}

check_name()
{
    case $folder in
    *[!A-Za-z0-9/._+,@-]* | -*)
        fail "O=$folder: a folder's name of letters, digits and / . _ + , @ - please, as make can't work with others;" \
            "a symbolic link may lead to any folder" ;;
    esac
}

is_ours() { [ "$folder" = "$usual" ] || [ -e "$folder/$mark" ]; }
is_empty() { [ -d "$folder" ] && [ -z "$(ls -A "$folder")" ]; }

make_and_mark() { mkdir -p "$folder" && echo "Quire's make made this folder." >"$folder/$mark"; }

prepare()
{
    if [ -e "$folder" ] && ! is_ours && ! is_empty; then
        fail "O=$folder: something else is there already; a new or an empty folder, please"
    fi
    make_and_mark 2>/dev/null && return
    [ "$folder" = "$usual" ] || fail "O=$folder: this folder can't be made or written to"
    fail "Nothing can be written into this source tree; say where everything may go instead: make ... O=dir," \
        "such as O=/tmp/quire"
}

made_by_make() # the names of all that make makes in the folder
{
    for arch in ${ARCHES:-}; do
        echo "$arch $arch-*"
    done
    echo "native native-* explore plugin mutants house.dot $mark"
    echo "bench-*.json test-results.json results.xml results.ktap"
}

tell_what_stays()
{
    echo "[clean] $folder: what make didn't make stays there:"
    ls -A "$folder"
}

clean()
{
    [ -e "$folder" ] || return 0
    is_ours || fail "O=$folder: no make of Quire's made this folder, so nothing in it is removed"
    for pattern in $(set -f; made_by_make); do
        # shellcheck disable=SC2086 # a pattern
        (cd "$folder" && rm -rf -- $pattern)
    done
    rmdir "$folder" 2>/dev/null || [ ! -d "$folder" ] || is_empty || tell_what_stays
}

case ${1:---help} in
--help) usage ;;
prepare | clean)
    check_name
    "$1"
    ;;
*)
    usage >&2
    exit 1
    ;;
esac
