/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls, <quire/syscall_table.h>, for programs that look into it: names, what arguments are, which
 * errors there can be.
 */
#pragma once

#include <stdbool.h>
#include <quire/abi.h>

#define CALL_ARGUMENTS_MAX 6

/* What an argument is: its type in the table. */
enum call_argument {
    ARGUMENT_NUMBER, /* u64 */
    ARGUMENT_HANDLE,
    ARGUMENT_HANDLE_OR_NONE,
    ARGUMENT_ADDRESS,
    ARGUMENT_SIZE,
    ARGUMENT_FLAGS,
    ARGUMENT_INFO,
    ARGUMENT_TEXT,    /* const char * */
    ARGUMENT_POINTER, /* to anything else */
};

struct call_line {
    const char *name;
    unsigned nr_arguments;
    enum call_argument argument[CALL_ARGUMENTS_MAX];
};

/* The line of this number; name NULL: no call has it. */
struct call_line call_line(unsigned long number);
/* Whether the table says that this call can fail with this error, a positive number. */
bool call_has_error(unsigned long number, int error);
