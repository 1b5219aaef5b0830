/* SPDX-License-Identifier: MIT */
/* The machine number in ELF headers. */
#pragma once

#define ARCH_ELF_MACHINE 62 /* EM_X86_64 */
