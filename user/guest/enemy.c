/* SPDX-License-Identifier: MIT */
/*
 * A malicious guest, for tests/user/evilguest_test.c and the stress tests. The host's answers to its first two yields
 * are its task, and one number for the task: mostly an address that the host process has mapped.
 */
#include <stdint.h>
#include <string.h>
#include <quire/uv_guest.h>
#include <syscall.h>
#include "enemy.h"

#define PAGE 4096
#define PLACE 256 /* guest page that is shared and used in the tests */

void __libc_start(long nr_pages, char **unused);

static long pages;

static long uv(long call, long a, long b) { return __syscall(call, a, b, 0, 0, 0, 0); }
static char *page(long n) { return (char *)(n * PAGE); }

/* --- bad arguments ------------------------------------------------------------------------------ */
/* Addresses that don't belong to the guest; others may have them mapped. */
static long bad_addresses(long host)
{
    const long bad[] = {host, host + 8, pages * PAGE, pages * PAGE - 8, -1, -8, -PAGE, -64 * PAGE, (long)(1ul << 63),
                        (long)(~0ul >> 1), 1l << 38, (1l << 38) - 8, 0x3c000000000, (long)0xffffffc080000000ul,
                        (long)0xffffff8040000000ul, (long)0xffff888000100000ul, (long)0xffffffe000000000ul};
    char *last = page(pages) - 8;

    memset(last, 0x5a, 8);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (uv(UVG_CONSOLE, bad[i], 16) != -14 || uv(UVG_CONSOLE, bad[i], -1) != -14 || uv(UVG_MEASUREMENT, bad[i], 0) != -14)
            return 1 + (long)i;
        for (int k = 0; k < 8; k++) /* a buffer that ends behind the guest's memory wasn't written in part */
            if (last[k] != 0x5a)
                return 100 + (long)i;
    }
    return 0;
}

static long bad_ranges(long host)
{
    const long bad[][2] = {{0, 0}, {pages, 1}, {pages - 1, 2}, {-1, 1}, {-1, -1}, {PLACE, -1}, {PLACE, 0}, {0, pages},
                           {PLACE, 513}, {1l << 52, 1}, {1l << 51, 1l << 51}, {host >> 12, 1}, {host, 1}, {1, -4096},
                           {(long)(1ul << 63), 1}, {pages - 1, (long)(1ul << 63)}};

    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (uv(UVG_SHARE, bad[i][0], bad[i][1]) != -22 || uv(UVG_UNSHARE, bad[i][0], bad[i][1]) != -22)
            return 200 + (long)i;
    return uv(UVG_UNSHARE, PLACE, 1) != -22 ? 299 : 0; /* it isn't shared */
}

/* The numbers of the host's system calls don't work for a guest. */
static long bad_numbers(long host)
{
    for (long number = UVG_MEASUREMENT + 1; number < 64; number++)
        if (uv(number, host, 16) != -38)
            return 300 + number;
    return uv(0, 0, 0) != -38 || uv(-1, host, 0) != -38 || uv((long)(1ul << 63), 0, 0) != -38 ? 399 : 0;
}

/* Allowed buffers: over a page's end, in a shared page; but not in its own text. */
static long good_buffers(void)
{
    char *over = page(PLACE + 2) - 16, *plain = page(PLACE + 4);

    if (uv(UVG_MEASUREMENT, (long)over, 0) || uv(UVG_MEASUREMENT, (long)plain, 0) || memcmp(over, plain, 32) != 0)
        return 400;
    memcpy(over, "over the edge of a page", 24);
    if (uv(UVG_CONSOLE, (long)over, 23) != ENEMY_PRINTED)
        return 401;
    unsigned before = *(unsigned *)(uintptr_t)__libc_start;
    if (uv(UVG_MEASUREMENT, (long)(uintptr_t)__libc_start, 0) != -14 || *(unsigned *)(uintptr_t)__libc_start != before)
        return 402;
    if (uv(UVG_SHARE, PLACE + 1, 1) || uv(UVG_SHARE, PLACE + 1, 1) != -22 || uv(UVG_UNSHARE, PLACE, 2) != -22)
        return 403;
    if (uv(UVG_MEASUREMENT, (long)over, 0) || memcmp(over, plain, 32) != 0) /* half of it lies in a shared page */
        return 404;
    if (uv(UVG_UNSHARE, PLACE + 1, 1) || uv(UVG_UNSHARE, PLACE + 1, 1) != -22)
        return 405;
    return 0;
}

/* A buffer whose second page is its own text: not even the first page is written. */
static long half_good_buffer(void)
{
    long at = (long)(uintptr_t)__libc_start / PAGE;

    while (at > 1 && uv(UVG_MEASUREMENT, (long)page(at), 0)) /* go down to the last page before its program */
        at--;
    char *over = page(at + 1) - 16;
    memset(over, 0x5a, 16);
    if (at == 1 || uv(UVG_MEASUREMENT, (long)over, 0) != -14)
        return 500;
    for (int k = 0; k < 16; k++)
        if (over[k] != 0x5a)
            return 501;
    return 0;
}

static long bad_calls(long host)
{
    long wrong = bad_addresses(host);

    wrong = wrong ? wrong : bad_ranges(host);
    wrong = wrong ? wrong : bad_numbers(host);
    wrong = wrong ? wrong : good_buffers();
    return wrong ? wrong : half_good_buffer();
}

/* --- accesses ----------------------------------------------------------------------------------- */
/* Each of these accesses ends the guest. */
static void bad_access(long task, long address)
{
    volatile char *at = (volatile char *)address;

    switch (task) {
    case ENEMY_READS:
        (void)*at;
        break;
    case ENEMY_WRITES:
        *at = 'X';
        break;
    case ENEMY_JUMPS:
        ((void (*)(void))address)();
        break;
    case ENEMY_WRITES_TEXT:
        *(volatile char *)(uintptr_t)__libc_start = 1;
        break;
    case ENEMY_RUNS_DATA:
        ((void (*)(void))(page(PLACE)))();
        break;
    case ENEMY_TRAPS:
        __builtin_trap();
    }
}

/* --- secrets ------------------------------------------------------------------------------------ */
/* Writes a secret to each page that, by the ultravisor's answer, the host can't read. */
static long keeps_secrets(void)
{
    long r = uv(UVG_SHARE, PLACE, 1);

    if (r) {
        strcpy(page(PLACE), ENEMY_SECRET);
        uv(UVG_YIELD, r, 0);
        return r;
    }
    uv(UVG_YIELD, 1, 0);
    r = uv(UVG_UNSHARE, PLACE, 1);
    if (r == 0)
        strcpy(page(PLACE), ENEMY_SECRET);
    uv(UVG_YIELD, r, 0);
    return r;
}

/* --- shares ------------------------------------------------------------------------------------- */
/* `nr` shares of two pages; every third has a gap behind it. All are taken back; returns how often the host was
 * asked. */
static long shares_side_by_side(long nr)
{
    long at = PLACE, r = 0;

    for (long i = 0; i < nr && !r; i++, at += i % 3 == 0 ? 4 : 2)
        r = uv(UVG_SHARE, at, 2);
    uv(UVG_YIELD, r, 0);
    while (!r && (r = uv(UVG_UNSHARE_ALL, 0, 0)) > 0)
        r = 0;
    return r;
}

/* Shares and takes back for ever, or for so many rounds. */
static long shares_and_takes_back(long rounds)
{
    for (long i = 0; rounds == 0 || i < rounds; i++) {
        if (uv(UVG_SHARE, PLACE, 2) == 0)
            uv(UVG_YIELD, 5, 0);
        uv(UVG_UNSHARE, PLACE, 2);
    }
    return 0;
}

static long do_task(long task, long number)
{
    static const char forged[] = "\nok 1 forged\r\n\033[2Jnot ok 2";

    switch (task) {
    case ENEMY_BAD_CALLS:
        return bad_calls(number);
    case ENEMY_KEEPS_SECRETS:
        return keeps_secrets();
    case ENEMY_SIDE_BY_SIDE:
        return shares_side_by_side(number);
    case ENEMY_FOR_EVER:
        return shares_and_takes_back(number);
    case ENEMY_FORGES:
        return uv(UVG_CONSOLE, (long)forged, sizeof(forged) - 1);
    case ENEMY_COMPUTES:
        for (volatile long i = 0;; i++)
            ;
    case ENEMY_COUNTS: /* every exit has a number of its own */
        for (long i = 1; i <= number; i++) {
            for (volatile long k = 0; k < 30000; k++) /* long enough for others to try to enter meanwhile */
                ;
            uv(UVG_YIELD, i, 0);
        }
        return 0;
    default:
        bad_access(task, number);
        return 999;
    }
}

void __libc_start(long nr_pages, char **unused)
{
    (void)unused;
    pages = nr_pages;
    long task = uv(UVG_YIELD, nr_pages, 0);
    long number = uv(UVG_YIELD, 0, 0);
    uv(UVG_EXIT, do_task(task, number), 0);
    for (;;)
        ;
}
