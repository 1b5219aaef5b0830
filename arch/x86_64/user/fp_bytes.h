/* SPDX-License-Identifier: MIT */
#pragma once
#define FP_BYTES 512 /* ymm0-ymm15, or xmm0-xmm15 in every other 16 bytes */
