/* SPDX-License-Identifier: MIT */
/*
 * A protected guest with one folio of 256 MiB shares 16 KiB of it with its host and takes them back: no split, no
 * copy. Each step prints a picture of the folio's words, its descriptor and the direct map.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <quire/guest_text.h>
#include <quire/loader.h>
#include <quire/plural.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "a protected guest, and the hole it shares with this host");

#define LARGEST_ORDER 16 /* 256 MiB */
#define SMALLEST_ORDER 9
#define PAGE 4096
#define BAR 64

static int guest;

static void fail(const char *what, long err)
{
    printf("guestdemo: %s: %s\n", what, strerror((int)-err));
    exit(1);
}

/* One character for each 64th of the folio. */
static void bar(char out[BAR + 1], const struct quire_guest_info *i)
{
    memset(out, '#', BAR);
    out[BAR] = 0;
    if (i->hole_nr)
        out[(i->hole_first - i->first_frame) * BAR / i->folio_frames] = 'o';
}

static void picture(const char *step)
{
    struct quire_guest_info i;
    char words[BAR + 1];
    long err = quire_call(guest_info, guest, &i);

    if (err)
        fail("guest_info", err);
    bar(words, &i);
    printf("\n--- %s\n", step);
    printf("  words      |%s|\n", words);
    printf("             %lu -> struct folio (#), %lu -> struct insecure_mem (o), of %lu\n", i.folio_words, i.hole_words,
           i.folio_frames);
    printf("  folio      order kept, frame 0x%lx, reference count %lu, mapped %lu time%s, %lu hole%s\n", i.first_frame,
           i.refs, i.map_count, plural(i.map_count), i.holes, plural(i.holes));
    if (i.hole_nr)
        printf("  hole       frames 0x%lx + %lu, reference count %lu\n", i.hole_first, i.hole_nr, i.hole_refs);
    printf("  direct map %lu frames in 2 MiB blocks, %lu as pages, %lu absent; %lu tables set aside\n", i.direct_blocks,
           i.direct_pages, i.direct_absent, i.direct_tables);
    printf("  ultravisor %lu secure, %lu shared\n", i.secure_frames, i.shared_frames);
    if (i.folio_words + i.hole_words != i.folio_frames || i.direct_absent != i.folio_words) {
        printf("guestdemo: words, direct map and folio disagree\n");
        exit(1);
    }
}

/* Run the guest until it wants something other than printing. */
static struct quire_guest_exit run_guest(void)
{
    struct quire_guest_exit e;

    for (;;) {
        long err = quire_call(guest_run, guest, &e);
        if (err)
            fail("guest_run", err);
        if (e.kind != QUIRE_GUEST_CONSOLE)
            return e;
        guest_print(e.text);
    }
}

static void expect(struct quire_guest_exit e, unsigned kind, const char *what)
{
    if (e.kind == kind)
        return;
    printf("guestdemo: expected the guest to %s, but it left with %u:\n", what, e.kind);
    guest_print(e.text);
    exit(1);
}

static void create(void)
{
    long handle = -ENOMEM;
    int order = LARGEST_ORDER;

    for (; order >= SMALLEST_ORDER; order--) {
        handle = guest_load(order, "guest/demo");
        if (handle != -ENOMEM)
            break;
        printf("no room for a folio of order %d, trying a smaller one\n", order);
    }
    if (handle < 0)
        fail("guest_create", handle);
    guest = (int)handle;
    printf("guest with one folio of order %d: %lu MiB\n", order, 4ul << order >> 10);
}

/* The host tries to read a secret page. */
static void try_secret(unsigned long offset)
{
    char byte;
    long err = quire_call(guest_peek, guest, offset, &byte, 1);

    printf("host reads guest offset 0x%lx: %s\n", offset, err == -EACCES ? "refused, it is secret" : "ALLOWED?!");
    if (err != -EACCES)
        exit(1);
}

static void read_shared(struct quire_guest_exit share)
{
    char peeked[64] = "";
    long address = quire_call(guest_map, guest, share.page, share.nr);

    if (address < 0)
        fail("guest_map", address);
    picture("shared, and mapped into this process by set_ptes");
    printf("host reads its mapping at 0x%lx: \"%s\"\n", (unsigned long)address, (char *)address);
    long n = quire_call(guest_peek, guest, share.page * PAGE, peeked, sizeof(peeked) - 1);
    if (n < 0 || strcmp(peeked, (char *)address) != 0)
        fail("guest_peek of a shared page", n);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("usage: %s\n  a protected guest shares 16 KiB of a 256 MiB folio and takes it back\n", argv[0]);
        return strcmp(argv[1], "--help") != 0;
    }
    printf("A soft guest: no encryption, no export, no hardware virtualisation yet; secrecy is what page tables give.\n");
    create();
    picture("created, all of it secured");
    struct quire_guest_exit share = run_guest();
    expect(share, QUIRE_GUEST_SHARE, "share");
    printf("guest asks to share pages %lu to %lu (%lu KiB)\n", share.page, share.page + share.nr - 1, share.nr * 4);
    long err = quire_call(guest_share, guest, 1);
    if (err)
        fail("guest_share", err);
    picture("the hole is punched");
    expect(run_guest(), QUIRE_GUEST_YIELD, "yield");
    read_shared(share);
    try_secret((share.page + share.nr) * PAGE);
    try_secret(share.page / 2 * 3 * PAGE);
    struct quire_guest_exit unshare = run_guest();
    expect(unshare, QUIRE_GUEST_UNSHARE, "take its pages back");
    err = quire_call(guest_share, guest, 1);
    if (err)
        fail("guest_share", err);
    picture("taken back, the hole is mended");
    expect(run_guest(), QUIRE_GUEST_YIELD, "yield again");
    try_secret(share.page * PAGE);
    struct quire_guest_exit end = run_guest();
    expect(end, QUIRE_GUEST_EXIT, "end");
    close(guest);
    printf("guest ended with status %lu; its frames are zeroed and free again\n", end.value);
    return end.value != 0;
}
