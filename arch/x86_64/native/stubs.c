/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: variables that arch/pgtable.h needs from other files of
 * this folder. */
#include <arch/pgtable.h>

bool cpu_has_gib_pages = true;
