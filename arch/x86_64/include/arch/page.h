/* SPDX-License-Identifier: MIT */
/* This machine has no faster way to zero a frame than stores: <arch-generic/page.h>. */
#pragma once
