/* SPDX-License-Identifier: MIT */
/* Measurements inside the kernel: command line `bench`. One line "bench KEY VALUE" each. */
#pragma once

#include <quire/boot_info.h>

bool bench_wanted(const struct boot_info *boot);
void bench_kernel(void);
