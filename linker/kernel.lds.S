/* SPDX-License-Identifier: MIT */
/*
 * The kernel image. Three parts with one protection each, page-aligned, so that the page tables can say
 * text: read and execute; rodata: read; data and bss: read and write. Linked at physical address +
 * KERNEL_VA_OFFSET, loaded at the physical address; the entry point is physical, because the machine
 * starts without address translation.
 */
#include <arch/layout.h>

#define LOAD_AT(section) AT(ADDR(section) - KERNEL_VA_OFFSET)

ENTRY(_start_physical)

PHDRS
{
    text PT_LOAD FLAGS(5);
    rodata PT_LOAD FLAGS(4);
    data PT_LOAD FLAGS(6);
#ifdef LAYOUT_NOTE_SEGMENT
    note PT_NOTE FLAGS(4);
#endif
}

SECTIONS
{
    . = KERNEL_LOAD_PA + KERNEL_VA_OFFSET;
    __image_start = .;
    __text_start = .;
    .text : LOAD_AT(.text) {
        KEEP(*(.text.head))
        *(.text.boot)
        *(.text .text.*)
    } :text
    __text_end = .;

    . = ALIGN(4096);
    __rodata_start = .;
    .rodata : LOAD_AT(.rodata) {
        *(.rodata .rodata.*)
        *(.srodata .srodata.*)
        . = ALIGN(8);
        __ex_table_start = .;
        KEEP(*(.ex_table))
        __ex_table_end = .;
        . = ALIGN(8);
        __tests_start = .;
        KEEP(*(SORT_BY_NAME(.tests.*)))
        KEEP(*(.tests))
        __tests_end = .;
        . = ALIGN(8);
        lock_order_start = .;
        KEEP(*(.lock_order))
        lock_order_end = .;
    } :rodata
#ifdef LAYOUT_NOTE_SEGMENT
    .note.pvh : LOAD_AT(.note.pvh) { KEEP(*(.note.pvh)) } :rodata :note
#endif
    .ksyms : LOAD_AT(.ksyms) { KEEP(*(.ksyms)) } :rodata
    . = ALIGN(4096);
    __rodata_end = .;

    __data_start = .;
    .data : LOAD_AT(.data) {
        *(.data .data.*)
        *(.sdata .sdata.*)
        . = ALIGN(8);
    } :data
    .bss (NOLOAD) : LOAD_AT(.bss) {
        __bss_start = .;
        *(.sbss .sbss.*)
        *(.bss .bss.*)
        *(COMMON)
        . = ALIGN(4096);
        __bss_end = .;
    } :data
    __image_end = .;

    _start_physical = _start - KERNEL_VA_OFFSET;

    /DISCARD/ : { *(.comment) *(.eh_frame*) *(.note.GNU-stack) *(.note.gnu.*) *(.interp) *(.dynamic) *(.riscv.attributes) }
}
