#!/bin/sh
# SPDX-License-Identifier: MIT
# Runs the program `fuzz` on one machine with one seed after the other, until SECONDS (60) have passed. The first
# failure ends it. Each seed is printed before its machine starts, so a failure can be repeated.
set -eu

if [ "${1:---help}" = --help ]; then
    echo "usage: [SEED=N] [CPUS=4] [MEM=1G] tools/fuzz_calls.sh MACHINE [SECONDS]"
    echo "People type: make fuzz-calls, make fuzz-calls-MACHINE."
    exit 0
fi
calls=100000
seed=${SEED:-$(($(date +%s) % 1000000))}
start=$(date +%s)
while :; do
    echo "[fuzz]  $1: seed $seed; again: make fuzz-calls-$1 SECONDS=1 SEED=$seed"
    SEED='' RUN="fuzz $calls $seed 4" sh tools/qemu.sh "$1" || exit 1
    seed=$((seed + 1))
    [ $(($(date +%s) - start)) -lt "${2:-60}" ] || exit 0
done
