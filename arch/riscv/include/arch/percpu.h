/* SPDX-License-Identifier: MIT */
#pragma once

#include <quire/types.h>

struct arch_percpu {
    u32 plic_context; /* this hart's S-mode context in the PLIC */
};
