/* SPDX-License-Identifier: MIT */
/* Between the files of this folder: the interrupt controller. */
#pragma once

void gic_init(void);     /* the distributor, once; routes the console to this CPU */
void gic_cpu_init(void); /* this CPU's redistributor and interface */
