/* SPDX-License-Identifier: MIT */
/* The machine number in ELF headers. */
#pragma once

#define ARCH_ELF_MACHINE 22 /* EM_S390 */
