/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: variables that arch/pgtable.h needs from other files of
 * this folder. */
#include <arch/pgtable.h>

bool riscv_has_svnapot = true;
