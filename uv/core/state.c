/* SPDX-License-Identifier: MIT */
/* All that the ultravisor knows. */
#include "uv.h"

struct uv uv;
