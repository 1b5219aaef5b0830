/* SPDX-License-Identifier: MIT */
/* The frames that are hidden from the host, and the user frames that guests run on: enforce.c. */
#pragma once

#include <quire/types.h>

struct trapframe;

void enforce_begin(void); /* nothing is hidden */
bool enforce_hidden(pfn_t pfn);
struct trapframe *enforce_frame(void); /* this CPU's */
