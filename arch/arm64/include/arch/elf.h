/* SPDX-License-Identifier: MIT */
/* The machine number in ELF headers. */
#pragma once

#define ARCH_ELF_MACHINE 183 /* EM_AARCH64 */
