/* SPDX-License-Identifier: MIT */
#include <quire/program.h>

PROGRAM("", "does nothing and succeeds");

int main(void) { return 0; }
