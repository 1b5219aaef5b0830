/* SPDX-License-Identifier: MIT */
/*
 * The guest of tests/user/guest_test.c. The host's answer to its first yield is its task, so one program serves many
 * tests.
 */
#include <stdint.h>
#include <string.h>
#include <quire/uv_guest.h>
#include <syscall.h>

#define PAGE 4096
#define FIRST_SHARED 256 /* guest page */

static long uv(long call, long a, long b) { return __syscall(call, a, b, 0, 0, 0, 0); }
static char *page(long n) { return (char *)(n * PAGE); }

static long share_and_back(void)
{
    long err = uv(UVG_SHARE, FIRST_SHARED, 4);
    if (err)
        return err;
    strcpy(page(FIRST_SHARED), "from the guest");
    uv(UVG_YIELD, 1, 0);
    err = uv(UVG_UNSHARE, FIRST_SHARED, 4);
    return err ? err : strcmp(page(FIRST_SHARED), "from the host") == 0 ? 0 : 99;
}

/* Requests that the ultravisor must refuse itself, without asking the host. */
static long bad_requests(long pages)
{
    long failed = 0;

    failed += uv(UVG_SHARE, pages, 1) != -22;
    failed += uv(UVG_SHARE, 0, 0) != -22;
    failed += uv(UVG_SHARE, pages - 1, 2) != -22;
    failed += uv(UVG_SHARE, -1, 1) != -22;
    failed += uv(UVG_UNSHARE, FIRST_SHARED, 1) != -22;
    failed += uv(UVG_CONSOLE, -4096, 10) != -14;
    failed += uv(UVG_MEASUREMENT, -64, 0) != -14;
    failed += uv(999, 0, 0) != -38;
    failed += uv(UVG_PAGES, 0, 0) != pages;
    return failed;
}

void __libc_start(long pages, char **unused);
void __libc_start(long pages, char **unused)
{
    long task = uv(UVG_YIELD, pages, 0), status = 0;
    volatile double f = 1.5;

    (void)unused;
    switch (task) {
    case 1:
        status = share_and_back();
        break;
    case 2:
        status = bad_requests(pages);
        break;
    case 3: /* memory that it doesn't have */
        *(volatile char *)page(pages + 10) = 1;
        break;
    case 4: /* its own text */
        *(volatile char *)(uintptr_t)__libc_start = 1;
        break;
    case 5: /* floating point over exits */
        for (int i = 0; i < 50; i++) {
            f *= 1.25;
            uv(UVG_YIELD, i, 0);
        }
        status = f > 105000 && f < 105100 ? 0 : 1;
        break;
    case 6: /* computes for ever: the host's other work goes on */
        for (;;)
            f += 1;
    case 7: /* shares two pieces, takes all back */
        status = uv(UVG_SHARE, FIRST_SHARED, 2) || uv(UVG_SHARE, FIRST_SHARED + 8, 2);
        while (!status && uv(UVG_UNSHARE_ALL, 0, 0) > 0)
            ;
        break;
    }
    uv(UVG_EXIT, status, 0);
    for (;;)
        ;
}
