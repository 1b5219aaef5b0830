/* SPDX-License-Identifier: MIT */
#pragma once

#include <quire/types.h>

struct arch_percpu {
    vaddr_t redistributor; /* this CPU's frame of the GIC redistributor, in the direct map */
};
