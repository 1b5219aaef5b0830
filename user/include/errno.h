/* SPDX-License-Identifier: MIT */
/* Each thread has an errno of its own. */
#pragma once
#include <quire/errno.h>
int *__errno_location(void);
#define errno (*__errno_location())
