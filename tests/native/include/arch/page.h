/* SPDX-License-Identifier: MIT */
/* Zeroing as everywhere: <arch-generic/page.h>. */
#pragma once
