/* SPDX-License-Identifier: MIT */
/*
 * The guest of guestdemo: fills some of its memory with secrets, computes a sum over them, shares 16 KiB in the
 * middle of its memory with the host, writes the result there, and takes the pages back.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <quire/errno.h>
#include <quire/uv_guest.h>
#include <syscall.h>

#define SECRETS 65536
#define SHARED_PAGES 4 /* 16 KiB */
#define PAGE 4096

static long uv(long call, long a, long b) { return __syscall(call, a, b, 0, 0, 0, 0); }

static void say(const char *text) { uv(UVG_CONSOLE, (long)text, (long)strlen(text)); }

static uint32_t next_secret(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

/* Secrets go to the third quarter of memory, far from the shared chunk. */
static uint64_t compute(uint32_t *secrets)
{
    uint32_t state = 2026;
    uint64_t sum = 0;

    for (int i = 0; i < SECRETS; i++)
        secrets[i] = next_secret(&state);
    for (int i = 0; i < SECRETS; i++)
        sum += secrets[i];
    return sum;
}

void __libc_start(long nr_pages, char **unused);
void __libc_start(long nr_pages, char **unused)
{
    long chunk = nr_pages / 2;
    char *shared = (char *)(chunk * PAGE);
    uint32_t *secrets = (uint32_t *)(nr_pages / 4 * 3 * PAGE);

    (void)unused;
    say("running; everything I have is secret\n");
    uint64_t sum = compute(secrets);
    if (uv(UVG_SHARE, chunk, SHARED_PAGES)) {
        say("the host doesn't want my pages\n");
        uv(UVG_EXIT, 1, 0);
    }
    snprintf(shared, PAGE, "sum of %d secrets: %lu", SECRETS, (unsigned long)sum);
    uv(UVG_YIELD, chunk, 0);
    long err = uv(UVG_UNSHARE, chunk, SHARED_PAGES);
    if (err || strncmp(shared, "sum of", 6) != 0)
        uv(UVG_EXIT, 2, 0);
    memset(shared, 0, SHARED_PAGES * PAGE);
    say("my pages are secret again\n");
    uv(UVG_YIELD, 0, 0);
    uv(UVG_EXIT, 0, 0);
    for (;;)
        ;
}
