/* SPDX-License-Identifier: MIT */
/* Nothing here is faster at zeroing than stores: <arch-generic/page.h>. */
#pragma once
