/* SPDX-License-Identifier: MIT */
/* The native tests that are no games. */
#include "../play/tests.h"
#include <stddef.h>

const struct native_test native_tests[] = {{NULL, NULL, NULL}};
