#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzzes mm/ for FUZZ_SECONDS, starting from the committed corpus. A crash is kept as a file, and two commands are
# printed: one describes the crash in words, the other keeps it as a test.
set -eu

if [ "${1:-}" = --help ]; then
    echo "usage: FUZZ_SECONDS=60 tests/native/fuzz.sh    (people type: make fuzz)"
    exit 0
fi

out=${O:-build}/native-fuzz
kept=$out/corpus
mkdir -p "$kept" "$out/crashes"
find "$out/crashes" -type f -exec rm -f {} +
echo "[fuzz]  ${FUZZ_SECONDS:-60} seconds, seed ${SEED:-1}; findings go to $out/crashes"
status=0
"$out/test" -max_total_time="${FUZZ_SECONDS:-60}" -seed="${SEED:-1}" -max_len=2050 -timeout=10 -print_final_stats=1 \
    -artifact_prefix="$out/crashes/" "$kept" tests/native/corpus >"$out/log" 2>&1 || status=$?
sed -n 's/^stat::number_of_executed_units: */[fuzz]  sequences played: /p; s/^stat::new_units_added: */[fuzz]  worth keeping: /p' "$out/log"
if [ "$status" -eq 0 ]; then
    echo "[fuzz]  nothing found"
    exit 0
fi
for file in "$out"/crashes/*; do
    [ -f "$file" ] || continue
    echo "[fuzz]  found: $file"
    echo "        tell it in words:  make test-native NATIVE=native REPLAY=file:$file"
    echo "        keep it as a test: cp $file tests/native/corpus/    (and make test-native)"
done
echo "        what the fuzzer saw: $out/log"
exit 1
