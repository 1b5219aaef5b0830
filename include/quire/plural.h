/* SPDX-License-Identifier: MIT */
/* Messages that count: printf("%lu lock%s", n, plural(n)). For the kernel and for programs. */
#pragma once

static inline const char *plural(unsigned long n) { return n == 1 ? "" : "s"; }
