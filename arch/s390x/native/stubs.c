/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: variables that arch/pgtable.h needs from other files of
 * this folder. */
#include <arch/pgtable.h>

u64 s390x_facilities[4] = {1UL << (63 - FACILITY_EDAT1)};
