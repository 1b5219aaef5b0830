/* SPDX-License-Identifier: MIT */
/* Allocations that fail on purpose: see <quire/fail.h>. */
#include <quire/fail.h>

u64 fail_countdown;

u64 fail_nth(u64 n)
{
    u64 left = fail_countdown;

    fail_countdown = n;
    return left;
}
