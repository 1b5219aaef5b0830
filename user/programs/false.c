/* SPDX-License-Identifier: MIT */
#include <quire/program.h>

PROGRAM("", "does nothing and fails");

int main(void) { return 1; }
