/* SPDX-License-Identifier: MIT */
/* The ultravisor's whole state. */
#include "uv.h"

struct uv uv;
