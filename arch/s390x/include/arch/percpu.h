/* SPDX-License-Identifier: MIT */
#pragma once

#include <quire/types.h>

struct arch_percpu {
    struct lowcore *prefix; /* this CPU's prefix area; seen by the CPU itself at address 0 */
};
