/* SPDX-License-Identifier: MIT */
/* Between the files of this folder. */
#pragma once

struct pt_root;
const struct pt_root *paging_kernel_root(void);
