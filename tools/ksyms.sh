#!/bin/sh
# SPDX-License-Identifier: MIT
# nm -n output -> the first half of an assembly file: the header of a table of places (<quire/places.h>), and the
# function names of the kernel or a program. tools/klines.sh makes the second half.
if [ "${1:-}" = --help ]; then
    echo "usage: { nm -n FILE | tools/ksyms.sh; ... | tools/klines.sh; }    an assembly file: a table of places"
    exit 0
fi
awk '
    BEGIN { n = offset = 0 } # else the first index is the empty word
    $2 ~ /^[tTW]$/ && base == "" { base = $1 }
    $3 == "__text_end" { end = $1 }
    $2 ~ /^[tTW]$/ && $3 !~ /^[.$]/ && $3 !~ /^__(text|image)_/ && $1 != last {
        last = $1
        address[n] = $1
        name[n] = $3
        n++
    }
    END {
        base = n ? base : 0
        print "    .section .ksyms, \"a\""
        print "    .balign 8"
        print "    .globl places_table, places_end"
        print "    .set places_base, 0x" base
        print "places_table:"
        print "    .quad places_base"
        printf "    .long 0x51504c31, 0x%s - places_base\n", (end ? end : base)
        printf "    .long %d, ksyms_table - places_table\n", n
        print "    .long klines_count, klines_table - places_table"
        print "    .long klines_nr_files, klines_files - places_table"
        print "    .long ksyms_names - places_table, klines_names - places_table, places_end - places_table, 0"
        print "ksyms_table:"
        for (i = 0; i < n; i++) {
            printf "    .long 0x%s - places_base, %d\n", address[i], offset
            offset += length(name[i]) + 1
        }
        print "ksyms_names:"
        for (i = 0; i < n; i++)
            printf "    .asciz \"%s\"\n", name[i]
        print "    .section .note.GNU-stack, \"\", %progbits"
    }'
