/* SPDX-License-Identifier: MIT */
/* Measurements inside the kernel: command line `bench`. Each result is one line "bench KEY VALUE". */
#pragma once

#include <quire/boot_info.h>

bool bench_wanted(const struct boot_info *boot);
void bench_kernel(void);
