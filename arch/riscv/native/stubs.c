/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: what arch/pgtable.h takes from other files here. */
#include <arch/pgtable.h>

bool riscv_has_svnapot = true;
