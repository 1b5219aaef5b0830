#!/bin/sh
# SPDX-License-Identifier: MIT
# Plays the sequence in REPLAY with the program of one form, and prints every move.
set -eu

if [ $# -ne 1 ] || [ "$1" = --help ]; then
    echo "usage: REPLAY=GAME:CONFIG:MOVES tests/native/replay.sh FORM    (people type: make test-native REPLAY=...)"
    exit 0
fi
out=${O:-build}/$1
# shellcheck disable=SC2046 # nothing, or a program and its options
exec $(cat "$out/run") "$out/test" --replay "$REPLAY"
