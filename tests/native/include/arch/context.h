/* SPDX-License-Identifier: MIT */
/* The native machine has no contexts. */
#pragma once

struct arch_context {
    int nothing;
};
struct arch_fpu {
    int nothing;
};
