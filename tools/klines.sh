#!/bin/sh
# SPDX-License-Identifier: MIT
# readelf --debug-dump=decodedline -W output -> an assembly file with the source line of each kernel instruction, for
# backtraces: rows of (low half of the address, file, line) in the order of addresses, then the files' names. Only lines
# of .c and .S files are kept: code that was inlined from a header counts as the line that it was inlined into.
if [ "${1:-}" = --help ]; then
    echo "usage: readelf --debug-dump=decodedline -W KERNEL | tools/klines.sh    an assembly file with its source lines"
    exit 0
fi
awk '
    /:(\[\+\+\])?$/ { file = $0; sub(/^CU: /, "", file); sub(/:(\[\+\+\])?$/, "", file); sub(/^\.\//, "", file); next }
    NF >= 3 && $3 ~ /^0x[0-9a-f]+$/ && $3 != "0x0" && $2 ~ /^[0-9]+$/ && file ~ /\.[cS]$/ {
        address = substr($3, 3)
        print substr("0000000000000000", 1, 16 - length(address)) address, file, $2
    }
' | sort -s -k1,1 | awk '
    function put() {
        if (place == last)
            return
        last = place
        split(place, part, " ")
        if (!(part[1] in number)) {
            number[part[1]] = nr_files
            names[nr_files++] = part[1]
        }
        rows++
        printf "    .long 0x%s\n    .short %d, %d\n", substr(address, 9), number[part[1]], part[2]
    }
    BEGIN {
        nr_files = rows = offset = 0
        address = place = last = ""
        print "    .section .ksyms, \"a\""
        print "    .balign 8"
        print "    .globl klines_count, klines_table, klines_files, klines_names"
        print "klines_table:"
    }
    $1 != address && address != "" { put() }
    { address = $1; place = $2 " " $3 }
    END {
        if (address != "")
            put()
        print "    .balign 8"
        printf "klines_count: .quad %d\nklines_files:\n", rows
        for (i = 0; i < nr_files; i++) {
            printf "    .long %d\n", offset
            offset += length(names[i]) + 1
        }
        print "klines_names:"
        for (i = 0; i < nr_files; i++)
            printf "    .asciz \"%s\"\n", names[i]
        print "    .balign 8"
        print "    .section .note.GNU-stack, \"\", %progbits"
    }'
