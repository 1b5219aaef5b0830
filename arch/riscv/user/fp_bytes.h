/* SPDX-License-Identifier: MIT */
#pragma once
#define FP_BYTES 256 /* f0-f31 */
