/* SPDX-License-Identifier: MIT */
/* The machine number in ELF headers. */
#pragma once

#define ARCH_ELF_MACHINE 243 /* EM_RISCV */
