#!/bin/sh
# SPDX-License-Identifier: MIT
# nm -n output -> an assembly file with the kernel's function names, for backtraces: a count, pairs of
# (address, offset of the name), then the names.
if [ "${1:-}" = --help ]; then
    echo "usage: nm -n KERNEL | tools/ksyms.sh    an assembly file with the names of its functions"
    exit 0
fi
awk '
    BEGIN {
        n = offset = 0 # else the first index is the empty word
        print "    .section .ksyms, \"a\""
        print "    .balign 8"
        print "    .globl ksyms_count, ksyms_table, ksyms_names"
    }
    $2 ~ /^[tT]$/ && $3 !~ /^[.$]/ && $3 !~ /^__(text|image)_/ && $1 != last {
        last = $1
        address[n] = $1
        name[n] = $3
        n++
    }
    END {
        printf "ksyms_count: .quad %d\nksyms_table:\n", n
        for (i = 0; i < n; i++) {
            printf "    .quad 0x%s, %d\n", address[i], offset
            offset += length(name[i]) + 1
        }
        print "ksyms_names:"
        for (i = 0; i < n; i++)
            printf "    .asciz \"%s\"\n", name[i]
        print "    .balign 8"
        print "    .section .note.GNU-stack, \"\", %progbits"
    }'
