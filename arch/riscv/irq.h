/* SPDX-License-Identifier: MIT */
/* Between the files of this folder: the interrupt controller. */
#pragma once

void plic_init(void);     /* boot hart: route the console here */
void plic_dispatch(void); /* serve every pending external interrupt of this hart */
