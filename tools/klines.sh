#!/bin/sh
# SPDX-License-Identifier: MIT
# readelf --debug-dump=decodedline -W output -> the second half of an assembly file whose first half tools/ksyms.sh has
# made: rows of (address, file, line) in the order of addresses, then the files' names. Without input the table has no
# lines. Only lines of .c and .S files are kept: code that was inlined from a header counts as the line that it was
# inlined into.
if [ "${1:-}" = --help ]; then
    echo "usage: { ...; readelf --debug-dump=decodedline -W FILE | tools/klines.sh; }    see tools/ksyms.sh"
    exit 0
fi
awk '
    /:(\[\+\+\])?$/ {
        file = $0
        sub(/^CU: /, "", file)
        sub(/:(\[\+\+\])?$/, "", file)
        sub(/^\.\//, "", file)
        if (/^CU: /)
            unit = file
        next
    }
    # The end of a function; the next one begins in the first file, and no line says so.
    $2 == "-" { file = unit; removed = 0; next }
    # A function at address 0: the linker has left it out.
    $3 ~ /^(0x)?0$/ { removed = 1 }
    NF >= 3 && $3 ~ /^0x[0-9a-f]+$/ && !removed && $2 ~ /^[0-9]+$/ && file ~ /\.[cS]$/ {
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
        printf "    .long 0x%s - places_base\n    .short %d, %d\n", address, number[part[1]], part[2]
    }
    BEGIN {
        nr_files = rows = offset = 0
        address = place = last = ""
        print "    .section .ksyms, \"a\""
        print "    .balign 8"
        print "klines_table:"
    }
    $1 != address && address != "" { put() }
    { address = $1; place = $2 " " $3 }
    END {
        if (address != "")
            put()
        printf "    .set klines_count, %d\n    .set klines_nr_files, %d\nklines_files:\n", rows, nr_files
        for (i = 0; i < nr_files; i++) {
            printf "    .long %d\n", offset
            offset += length(names[i]) + 1
        }
        print "klines_names:"
        for (i = 0; i < nr_files; i++)
            printf "    .asciz \"%s\"\n", names[i]
        print "    .byte 0" # the last byte of the table, also if it has no names
        print "places_end:"
        print "    .section .note.GNU-stack, \"\", %progbits"
    }'
