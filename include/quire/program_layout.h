/* SPDX-License-Identifier: MIT */
/*
 * Where a new program and its first stack lie. The kernel lays out the programs that it starts itself, and the C
 * library all others: the same.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <arch/layout.h>

#define PROGRAM_LOW 4096ul                            /* segments lie between these two */
#define PROGRAM_HIGH ((uint64_t)USER_TOP - (16ul << 20))
#define FIRST_STACK_TOP ((uint64_t)USER_TOP - (1ul << 20))
#define FIRST_STACK_BYTES (64ul << 10)                /* to start with; it grows */
#define PROGRAM_MAX_ARGS 32
#define PROGRAM_ARGS_BYTES 4096                       /* of all arguments, with the zeros at their ends */

/* What a program's main() gets: nr strings, each with a zero at its end, one behind the other. */
struct arguments {
    const char *text;
    unsigned nr;  /* at most PROGRAM_MAX_ARGS */
    size_t bytes; /* at most PROGRAM_ARGS_BYTES */
};

/* At the stack's top are the strings, below them the pointers to them. The stack begins below both. */
struct first_stack {
    uint64_t strings, argv, sp; /* addresses */
    uint64_t pointers[PROGRAM_MAX_ARGS + 1]; /* what lies at argv: as many as there are arguments, and a null pointer */
};

/* Fills *stack for these arguments. Any context. */
void first_stack_plan(struct first_stack *stack, const struct arguments *args);
