/* SPDX-License-Identifier: MIT */
/* A user program: text, read-only data, data; each on pages of its own. No segment is W and X. */
#include <arch/layout.h>

#ifndef LINK_BASE
#define LINK_BASE USER_TEXT_BASE
#endif

ENTRY(_start)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
}

SECTIONS
{
    . = LINK_BASE;
    .text : { *(.text.head) *(.text .text.*) } :text
    __text_end = .;
    . = ALIGN(4096);
    .rodata : {
        *(.rodata .rodata.*) *(.srodata .srodata.*)
        . = ALIGN(8);
        __tests_start = .;
        KEEP(*(SORT_BY_NAME(.tests.*)))
        KEEP(*(.tests))
        __tests_end = .;
    } :rodata
    . = ALIGN(4096);
    .data : { *(.data .data.*) *(.sdata .sdata.*) . = ALIGN(8); } :data
    .bss : { *(.sbss .sbss.*) *(.bss .bss.*) *(COMMON) . = ALIGN(16); } :data
    _end = .;

    /DISCARD/ : { *(.comment) *(.eh_frame*) *(.note.*) *(.riscv.attributes) }
}
