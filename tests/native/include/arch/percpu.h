/* SPDX-License-Identifier: MIT */
#pragma once

struct arch_percpu {
    int nothing;
};
