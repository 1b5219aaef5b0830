/* SPDX-License-Identifier: MIT */
#pragma once
#define FP_BYTES 512 /* q0-q31 */
