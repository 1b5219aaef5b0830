/* SPDX-License-Identifier: MIT */
/* For the native tests of this machine's page-table entries: variables that arch/pgtable.h needs from other files of
 * this folder. */
#include <arch/pgtable.h>

u64 arm64_clean_rdonly = 0; /* no hardware management of the dirty state */
