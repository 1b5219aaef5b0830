/* SPDX-License-Identifier: MIT */
/* What follows a failed check: the runner's child ends; the fuzzer's process aborts. */
#pragma once

void story_over(void) __attribute__((noreturn));
