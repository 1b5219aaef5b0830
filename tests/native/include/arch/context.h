/* SPDX-License-Identifier: MIT */
/* No contexts natively. */
#pragma once

struct arch_context {
    int nothing;
};
struct arch_fpu {
    int nothing;
};
