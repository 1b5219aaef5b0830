/* SPDX-License-Identifier: MIT */
/* Zeroing by <arch-generic/page.h>; for tests/explore a frame is zeroed in one step. */
#pragma once

#ifdef EXPLORE
#define ARCH_HAS_ZERO
void arch_zero(void *to, size_t bytes);
#endif
