/* SPDX-License-Identifier: MIT */
/* Shell patterns: * ? [abc] [!abc] [a-z]. No flags. */
#pragma once
#define FNM_NOMATCH 1
int fnmatch(const char *pattern, const char *text, int flags);
