/* SPDX-License-Identifier: MIT */
#pragma once
#define FP_BYTES 512 /* v0-v31 */
