/* SPDX-License-Identifier: MIT */
/* Native tests that aren't games: one function each, in a child process of its own. */
#pragma once

struct native_test {
    const char *name, *file;
    void (*run)(void);
};
extern const struct native_test native_tests[]; /* ends with a NULL name */
