/* SPDX-License-Identifier: MIT */
/* The compiler knows its types; this file of its own needs no other C library. */
#pragma once
#include <stdint-gcc.h>
