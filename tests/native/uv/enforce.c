/* SPDX-License-Identifier: MIT */
/* In place of uv/soft: see machine.h. */
#include "machine.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <string.h>

struct played played;
static u8 ram[FRAMES_MAX][PAGE_SIZE] __aligned(4096);

void machine_begin(u64 nr_frames)
{
    memset(&played, 0, sizeof(played));
    played.nr = nr_frames;
    memset(ram, 0, nr_frames * PAGE_SIZE);
}

void machine_watch(void) { memset(played.flushed, 0, sizeof(played.flushed)); }

static u64 index_of(pfn_t pfn)
{
    CHECK(pfn >= FIRST_FRAME && pfn < machine_end(), "uv/core names frames that the machine has", "frame 0x%lx", pfn);
    return pfn - FIRST_FRAME;
}

u8 *machine_frame(pfn_t pfn) { return ram[index_of(pfn)]; }
bool machine_reserved(pfn_t pfn) { return pfn >= machine_end() - NR_RESERVED; }
bool machine_fixed(pfn_t pfn) { return pfn >= machine_end() - NR_RESERVED - NR_FIXED; }

/* --- locks ------------------------------------------------------------------------------------ */
void enforce_lock(unsigned guest)
{
    CHECK(guest <= UV_MAX_GUESTS, "there is a lock for each guest", "lock %u", guest);
    CHECK(!played.held, "never two locks at a time", "lock %u is wanted by who holds lock %u", guest, played.held - 1);
    played.held = guest + 1;
}

void enforce_unlock(unsigned guest)
{
    CHECK_EQ(played.held, guest + 1, "lock that is held, + 1", "who unlocks has locked");
    played.held = 0;
}

/* The guest, whose lock must be held. */
static struct played_guest *locked(unsigned guest)
{
    CHECK(guest >= 1 && guest <= UV_MAX_GUESTS && played.held == guest + 1, "a guest's lock is held by who acts on it",
          "guest %u, and lock %d is held", guest, (int)played.held - 1);
    return played_guest(guest);
}

void enforce_panic(const char *rule, unsigned guest, u64 number, s64 result)
{
    fail(rule, "the ultravisor says that this rule is broken: guest %u, number 0x%lx, result %ld", guest, number,
         result);
}

/* --- frames ----------------------------------------------------------------------------------- */
struct enforce_machine enforce_machine(void)
{
    return (struct enforce_machine){FIRST_FRAME, machine_end(), FRAMES_MAX};
}
bool enforce_reserved(pfn_t pfn) { return index_of(pfn), machine_reserved(pfn); }
bool enforce_lent(pfn_t pfn) { return played.lent[index_of(pfn)]; }

bool enforce_shown(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++)
        if (played.hidden[index_of(pfn + i)])
            return false;
    return true;
}

bool enforce_can_hide(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++)
        if (index_of(pfn + i), machine_fixed(pfn + i))
            return false;
    return true;
}

/* Checks that all are hidden or all are shown; returns whether they are hidden. */
static bool all_hidden(pfn_t pfn, u64 nr)
{
    bool hidden = played.hidden[index_of(pfn)];

    for (u64 i = 0; i < nr; i++)
        CHECK(played.hidden[index_of(pfn + i)] == hidden, "frames of one call are all hidden or all shown",
              "frame 0x%lx isn't what frame 0x%lx is", pfn + i, pfn);
    return hidden;
}

/* Another CPU of the host stores, between two steps of uv/core. */
static void host_stores(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; played.storing && i < nr; i++)
        *machine_frame(pfn + i) += !played.hidden[index_of(pfn + i)];
}

void enforce_hide(pfn_t pfn, u64 nr)
{
    host_stores(pfn, nr);
    CHECK(!all_hidden(pfn, nr) && enforce_can_hide(pfn, nr), "shown frames that can be hidden are hidden",
          "frame 0x%lx", pfn);
    memset(played.hidden + index_of(pfn), true, nr);
}

void enforce_show(pfn_t pfn, u64 nr)
{
    all_hidden(pfn, nr);
    memset(played.hidden + index_of(pfn), false, nr);
}

void enforce_flush(pfn_t pfn, u64 nr)
{
    all_hidden(pfn, nr);
    host_stores(pfn, nr);
    memset(played.flushed + index_of(pfn), true, nr);
}

void enforce_zero(pfn_t pfn, u64 nr, bool flush)
{
    all_hidden(pfn, nr);
    for (u64 i = 0; i < nr; i++) {
        memset(machine_frame(pfn + i), 0, PAGE_SIZE);
        played.flushed[index_of(pfn + i)] |= flush;
    }
}

static u8 *bytes_of(pfn_t pfn, u64 offset, u64 n)
{
    CHECK(n && offset < PAGE_SIZE && n <= PAGE_SIZE - offset, "bytes of one frame", "%lu bytes at %lu", n, offset);
    return machine_frame(pfn) + offset;
}

void enforce_read(void *to, pfn_t pfn, u64 offset, u64 n)
{
    memcpy(to, bytes_of(pfn, offset, n), n);
    if (!offset)
        memcpy(&played.measured[index_of(pfn)], to, MIN(n, (u64)sizeof(u64)));
    host_stores(pfn, 1);
}

void enforce_write(pfn_t pfn, u64 offset, const void *from, u64 n) { memcpy(bytes_of(pfn, offset, n), from, n); }

void *enforce_keep(pfn_t pfn, u64 nr)
{
    CHECK_EQ(played.held, 1, "lock that is held, + 1", "the frame table is made under lock 0");
    CHECK(!all_hidden(pfn, nr), "the frame table is made of shown frames", "frame 0x%lx is hidden", pfn);
    return memset(machine_frame(pfn), 0, nr * PAGE_SIZE);
}

/* --- address spaces --------------------------------------------------------------------------- */
void enforce_make(unsigned guest, u64 nr_pages)
{
    struct played_guest *g = locked(guest);

    CHECK(!g->nr_given && !g->inside, "a guest is made after all of the last one has gone", "guest %u has %u frames",
          guest, g->nr_given);
    CHECK(nr_pages <= FRAMES_MAX, "a guest has no more pages than the machine allows", "%lu pages", nr_pages);
    memset(g, 0, sizeof(*g));
    g->nr_pages = nr_pages;
    for (u64 page = 0; page < nr_pages; page++)
        g->frame[page] = PFN_NONE;
}

u64 enforce_needed(u64 nr_pages) { return 1 + DIV_ROUND_UP(nr_pages, TABLE_PAGES); }

void enforce_give(unsigned guest, pfn_t pfn)
{
    struct played_guest *g = locked(guest);

    CHECK(g->nr_given < UV_MAX_DONATED, "no more frames are given than fit", "guest %u", guest);
    CHECK(!played.hidden[index_of(pfn)] && !*machine_frame(pfn), "shown and zeroed frames are given for tables",
          "frame 0x%lx", pfn);
    g->given[g->nr_given++] = pfn;
}

pfn_t enforce_take_back(unsigned guest)
{
    struct played_guest *g = locked(guest);

    CHECK(!g->inside, "the tables of a guest that runs are its own", "guest %u runs", guest);
    memset(g->described, 0, sizeof(g->described));
    for (u64 page = 0; page < g->nr_pages; page++)
        g->frame[page] = PFN_NONE;
    return g->nr_given ? g->given[--g->nr_given] : PFN_NONE;
}

static unsigned tables_wanted(const struct played_guest *g, u64 page, u64 nr)
{
    unsigned wanted = !g->nr_used;

    for (u64 t = page / TABLE_PAGES; t <= (page + nr - 1) / TABLE_PAGES; t++)
        wanted += !g->described[t];
    return wanted;
}

bool machine_can_prepare(unsigned guest, u64 page, u64 nr)
{
    const struct played_guest *g = played_guest(guest);

    return tables_wanted(g, page, nr) <= g->nr_given - g->nr_used;
}

int enforce_prepare(unsigned guest, u64 page, pfn_t pfn, u64 nr)
{
    struct played_guest *g = locked(guest);

    CHECK(nr && nr <= UV_BATCH && page + nr <= g->nr_pages, "only a guest's own pages are mapped", "%lu pages at %lu",
          nr, page);
    (void)pfn;
    if (!machine_can_prepare(guest, page, nr))
        return -ENOMEM;
    g->nr_used += tables_wanted(g, page, nr);
    for (u64 t = page / TABLE_PAGES; t <= (page + nr - 1) / TABLE_PAGES; t++)
        g->described[t] = true;
    return 0;
}

void enforce_map(unsigned guest, u64 page, pfn_t pfn, u64 nr, unsigned access)
{
    struct played_guest *g = locked(guest);

    CHECK(!g->inside && !all_hidden(pfn, nr), "shown frames are mapped, while the guest doesn't run", "frame 0x%lx",
          pfn);
    for (u64 i = 0; i < nr; i++) {
        CHECK(page + i < g->nr_pages && g->described[(page + i) / TABLE_PAGES] && g->frame[page + i] == PFN_NONE,
              "pages are mapped that are prepared and empty", "page %lu", page + i);
        g->frame[page + i] = pfn + i;
        g->access[page + i] = (u8)access;
    }
    host_stores(pfn, nr);
}

void enforce_code(unsigned guest, pfn_t pfn, u64 nr)
{
    CHECK(!locked(guest)->inside && all_hidden(pfn, nr), "hidden frames become code, while the guest doesn't run",
          "frame 0x%lx", pfn);
    for (u64 i = 0; i < nr; i++)
        memcpy(&played.executed[index_of(pfn + i)], machine_frame(pfn + i), sizeof(u64));
    host_stores(pfn, nr);
}

pfn_t enforce_frame_of(unsigned guest, u64 page)
{
    const struct played_guest *g = locked(guest);

    return page < g->nr_pages ? g->frame[page] : PFN_NONE;
}

unsigned enforce_access(unsigned guest, u64 page)
{
    return enforce_frame_of(guest, page) != PFN_NONE ? played_guest(guest)->access[page] : 0;
}

void enforce_forget(unsigned guest, u64 page)
{
    struct played_guest *g = locked(guest);

    CHECK(g->inside && g->place == played.place, "a translation is forgotten where the guest runs", "page %lu", page);
    g->forgotten++;
}

/* --- registers -------------------------------------------------------------------------------- */
void enforce_start(unsigned guest, u64 entry, u64 stack, u64 argument)
{
    struct played_guest *g = locked(guest);

    CHECK(stack % 16 == 0 && stack <= g->nr_pages << PAGE_SHIFT, "a guest's stack lies in its memory", "stack at 0x%lx",
          stack);
    g->entry = entry;
    g->stack = stack;
    g->argument = argument;
}

void enforce_result(unsigned guest, s64 result) { locked(guest)->result = result; }

u64 enforce_enter(unsigned guest)
{
    struct played_guest *g = locked(guest);

    CHECK(!g->inside, "a guest runs at one place", "guest %u runs already", guest);
    g->inside = true;
    g->place = played.place;
    return 1000 + played.place;
}

void enforce_leave(unsigned guest)
{
    struct played_guest *g = locked(guest);

    CHECK(g->inside && g->place == played.place, "a guest leaves where it is", "guest %u isn't inside at place %u",
          guest, played.place);
    g->inside = false;
}
