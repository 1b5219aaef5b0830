/* SPDX-License-Identifier: MIT */
/*
 * A zoo of memory: one example of every kind of memory that a process can have, to be looked at with maps, mem, ptdump,
 * or from outside with ptwalk and the memory map. It ends after MS milliseconds and leaves nothing behind.
 */
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <quire/loader.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[MS]", "processes and a guest with memory of every kind, for MS milliseconds");

#define PAGE 4096ul
#define KIB 1024ul
#define MIB (1024ul * KIB)
#define GUEST_ORDER 14 /* 64 MiB */
#define CHILDREN 3

static pid_t child[CHILDREN];
static int nr_children;

static char *memory(size_t size, int flags)
{
    char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);

    if (p == MAP_FAILED) {
        printf("zoo: no memory for %lu KiB\n", size / KIB);
        exit(1);
    }
    return p;
}

static void touch(char *p, size_t size, size_t step)
{
    for (size_t at = 0; at < size; at += step)
        p[at] = 1;
}

static void nap(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

/* The child writes every `step`-th page that it shares with its parent by copy-on-write, and stays alive. */
static void keep_child(char *p, size_t size, size_t step)
{
    pid_t pid = fork();

    if (pid == 0) {
        touch(p, size, step);
        nap(1000000000);
        _exit(0);
    }
    child[nr_children++] = pid;
}

/* A guest that has shared 16 KiB out of its folio, mapped here. */
static void keep_guest(void)
{
    struct quire_guest_exit e = {0};
    long guest = guest_load(GUEST_ORDER, "guest/demo");

    if (guest < 0) {
        printf("zoo: no room for a guest\n");
        return;
    }
    do
        quire_call(guest_run, guest, &e);
    while (e.kind == QUIRE_GUEST_CONSOLE);
    if (e.kind != QUIRE_GUEST_SHARE || quire_call(guest_share, guest, 1) < 0)
        return;
    long at = quire_call(guest_map, guest, e.page, e.nr);
    printf("guest:     %lu pages of its folio of %lu MiB are shared, and shown at %lx\n", e.nr,
           (PAGE << GUEST_ORDER) / MIB, (unsigned long)at);
}

int main(int argc, char **argv)
{
    if (argc > 2 || (argc == 2 && !isdigit(argv[1][0])))
        usage();
    char *large = memory(8 * MIB, MAP_PRIVATE), *single = memory(256 * KIB, MAP_PRIVATE);
    char *shared = memory(256 * KIB, MAP_SHARED), *closed = memory(64 * KIB, MAP_PRIVATE);

    madvise(large, 8 * MIB, MADV_HUGEPAGE);
    touch(large, 8 * MIB, PAGE);
    madvise(single, 256 * KIB, MADV_NOHUGEPAGE);
    touch(single, 256 * KIB, 2 * PAGE);
    touch(shared, 256 * KIB, PAGE);
    touch(closed, 64 * KIB, PAGE);
    mprotect(closed, 64 * KIB, PROT_NONE);
    madvise(large + 3 * MIB, PAGE, MADV_HWPOISON); /* refused by release builds */
    printf("large:     8 MiB at %p, HUGEPAGE; the page at %p is broken\n", large, large + 3 * MIB);
    printf("single:    256 KiB at %p, NOHUGEPAGE, every second page\n", single);
    printf("shared:    256 KiB at %p\n", shared);
    printf("closed:    64 KiB at %p, PROT_NONE\n", closed);
    for (int i = 0; i < CHILDREN; i++)
        keep_child(single, 256 * KIB, (2ul << i) * PAGE);
    nap(20);
    printf("children:  %d copies of all that, each has written some pages\n", nr_children);
    keep_guest();
    printf("zoo: open\n");
    nap(argc > 1 ? atoi(argv[1]) : 1000000000);
    for (int i = 0; i < nr_children; i++) {
        kill(child[i], SIGKILL);
        waitpid(child[i], NULL, 0);
    }
    return 0;
}
