/* SPDX-License-Identifier: MIT */
/* Shell patterns: * ? [abc] [!abc] [a-z]. */
#pragma once

#include <stdbool.h>

bool glob_match(const char *pattern, const char *text);
