/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: what arch/pgtable.h takes from other files here. */
#include <arch/pgtable.h>

bool cpu_has_gib_pages = true;
