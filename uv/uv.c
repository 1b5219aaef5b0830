/* SPDX-License-Identifier: MIT */
/*
 * The ultravisor's one entry, and the calls of the host. Each checks its arguments and the state of everything it
 * will touch before it changes anything: see <quire/uv.h>, and docs/ultravisor.md for the table of states and
 * operations.
 */
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/dcache.h>
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/string.h>
#include <quire/tlb.h>
#include "uv.h"

struct uv uv;

static bool range_ok(pfn_t pfn, u64 nr) { return nr && nr <= UV_BATCH && uv_frame_valid(pfn) && uv_frame_valid(pfn + nr - 1); }

static struct uv_guest *find_guest(u64 id)
{
    if (id == 0 || id > UV_MAX_GUESTS)
        return NULL;
    return uv.guests[id - 1].state == UVG_FREE ? NULL : &uv.guests[id - 1];
}

/*
 * These frames change sides: from the host to a guest or back, or from the ultravisor to the host. Whoever had them may
 * have mapped them with other attributes than whoever gets them; so what is true goes to memory, and nothing of them
 * stays in a cache: no zeros that come too late to hide a secret, no old line written over what the other side stores.
 * They are in the direct map.
 */
static void change_sides(pfn_t pfn, u64 nr) { dcache_flush(pfn_address(pfn), nr << PAGE_SHIFT); }

/* The whole frame belongs to nobody: page 0, state nonsecure. */
static u64 free_word(void) { return uv_word(UV_NONSECURE, 0, 0); }

static s64 call_init(pfn_t table, u64 nr_table_frames)
{
    u64 bytes = (memory.end - memory.first) * sizeof(struct uv_frame);

    if (uv.frames)
        return -EPERM;
    if (nr_table_frames < DIV_ROUND_UP(bytes, PAGE_SIZE) || !pfn_valid(table) || !pfn_valid(table + nr_table_frames - 1))
        return -EINVAL;
    memset(pfn_address(table), 0, nr_table_frames << PAGE_SHIFT);
    uv.first = memory.first;
    uv.end = memory.end;
    uv.frames = (struct uv_frame *)pfn_address(table) - uv.first;
    for (u64 i = 0; i < nr_table_frames; i++)
        uv.frames[table + i].word = uv_word(UV_OWN, 0, 0);
    return 0;
}

static s64 call_create(u64 nr_pages)
{
    if (!uv.frames)
        return -EPERM;
    if (nr_pages < 16 || nr_pages > uv.end - uv.first || nr_pages << PAGE_SHIFT > USER_TOP)
        return -EINVAL;
    for (unsigned i = 0; i < UV_MAX_GUESTS; i++) {
        struct uv_guest *g = &uv.guests[i];
        spin_lock(&g->lock);
        bool mine = g->state == UVG_FREE;
        if (mine) {
            spinlock_t held = g->lock;
            memset(g, 0, sizeof(*g));
            g->lock = held;
            g->state = UVG_CREATED;
            g->id = i + 1;
            g->nr_pages = nr_pages;
            sha256_init(&g->measurement);
            arch_fpu_init(&g->guest_fpu);
        }
        spin_unlock(&g->lock);
        if (mine)
            return i + 1;
    }
    return -EBUSY;
}

static s64 call_donate(struct uv_guest *g, pfn_t pfn)
{
    if (!range_ok(pfn, 1))
        return -EINVAL;
    if (g->nr_donated == UV_MAX_DONATED)
        return -EBUSY;
    if (!uv_frames_claim(pfn, 1, free_word(), 0))
        return -EPERM;
    memset(pfn_address(pfn), 0, PAGE_SIZE);
    uv_frames_set(pfn, 1, uv_word(UV_OWN, g->id, 0), 0);
    g->donated[g->nr_donated++] = (u32)(pfn - uv.first);
    return 0;
}

/* Frames that nobody owns become the guest's; their contents are whatever `prepare` made of them. */
static s64 make_secure(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr, unsigned access, bool keep)
{
    if (!range_ok(pfn, nr) || page > g->nr_pages || nr > g->nr_pages - page)
        return -EINVAL;
    if (!paddr_value(g->mm.root.table) && uv_tables_init(g))
        return -ENOMEM;
    for (u64 i = 0; i < nr; i++)
        if (uv_tables_frame(g, page + i) != PFN_NONE)
            return -EPERM; /* the guest has a frame there */
    if (!uv_frames_claim(pfn, nr, free_word(), 0))
        return -EPERM;
    int err = uv_tables_map(g, page, pfn, nr, access);
    if (err) {
        uv_frames_set(pfn, nr, free_word(), 0);
        return err;
    }
    if (keep) {
        sha256_update(&g->measurement, &page, sizeof(page));
        sha256_update(&g->measurement, pfn_address(pfn), nr << PAGE_SHIFT);
        vaddr_t start = (vaddr_t)pfn_address(pfn);
        flush_icache_range(&g->mm, start, start + (nr << PAGE_SHIFT));
    } else {
        memset(pfn_address(pfn), 0, nr << PAGE_SHIFT);
    }
    change_sides(pfn, nr);
    direct_map_set(pfn, nr, false);
    uv_frames_set(pfn, nr, uv_word(UV_SECURE, g->id, page), UV_PAGE_STEP);
    g->count[UV_SECURE] += nr;
    return (s64)nr;
}

/* Every frame of the range is the guest's, in this state, at consecutive pages. */
static bool is_guests(const struct uv_guest *g, pfn_t pfn, u64 nr, enum uv_state state)
{
    u64 word = uv_frame_read(pfn);

    for (u64 i = 0; i < nr; i++)
        if (uv_frame_read(pfn + i) != uv_word(state, g->id, uv_page_of(word)) + i * UV_PAGE_STEP)
            return false;
    return true;
}

static s64 change_state(struct uv_guest *g, pfn_t pfn, u64 nr, enum uv_state from, enum uv_state to)
{
    if (!range_ok(pfn, nr))
        return -EINVAL;
    if (!is_guests(g, pfn, nr, from))
        return -EPERM;
    u64 page = uv_page_of(uv_frame_read(pfn));
    if (!uv_frames_claim(pfn, nr, uv_word(from, g->id, page), UV_PAGE_STEP))
        return -EBUSY;
    if (to == UV_SECURE && from == UV_UNSHARING) {
        change_sides(pfn, nr);
        direct_map_set(pfn, nr, false);
    }
    uv_frames_set(pfn, nr, uv_word(to, g->id, page), UV_PAGE_STEP);
    g->count[from] -= nr;
    g->count[to] += nr;
    return (s64)nr;
}

static s64 call_import(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr)
{
    if (!range_ok(pfn, nr))
        return -EINVAL;
    u64 word = uv_frame_read(pfn);
    if (uv_state_of(word) == UV_UNSHARING)
        return uv_page_of(word) == page ? change_state(g, pfn, nr, UV_UNSHARING, UV_SECURE) : -EPERM;
    return make_secure(g, page, pfn, nr, ACCESS_READ | ACCESS_WRITE, false);
}

static s64 call_load(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr, unsigned access)
{
    if (g->state != UVG_CREATED)
        return -EPERM;
    if ((access & ACCESS_WRITE && access & ACCESS_EXEC) || access & ~7u || !(access & ACCESS_READ))
        return -EINVAL;
    return make_secure(g, page, pfn, nr, access, true);
}

static s64 call_expose(struct uv_guest *g, pfn_t pfn, u64 nr)
{
    if (!range_ok(pfn, nr))
        return -EINVAL;
    if (!uv_frames_are(pfn, nr, UV_SHARED, g->id))
        return -EPERM;
    direct_map_set(pfn, nr, true);
    change_sides(pfn, nr);
    return (s64)nr;
}

/* Zero what the guest had and forget it. The direct map shows the frame again only now. */
static s64 call_destroy(struct uv_guest *g)
{
    u64 done = 0;

    if (g->state == UVG_RUNNING)
        return -EBUSY;
    g->state = UVG_DEAD;
    if (!paddr_value(g->mm.root.table))
        g->next_destroy = g->nr_pages; /* it never got a page */
    for (; g->next_destroy < g->nr_pages && done < UV_BATCH; g->next_destroy++) {
        pfn_t pfn = uv_tables_frame(g, g->next_destroy);
        if (pfn == PFN_NONE)
            continue;
        enum uv_state state = uv_state_of(uv_frame_read(pfn));
        if (!direct_map_present(pfn))
            direct_map_set(pfn, 1, true);
        memset(pfn_address(pfn), 0, PAGE_SIZE);
        change_sides(pfn, 1);
        uv_frames_set(pfn, 1, free_word(), 0);
        g->count[state]--;
        done++;
    }
    return (s64)done;
}

static s64 call_reclaim(struct uv_guest *g)
{
    if (g->state != UVG_DEAD || g->next_destroy < g->nr_pages)
        return -EPERM;
    if (!g->nr_donated) {
        g->state = UVG_FREE;
        return 0;
    }
    if (g->mm.root.cpumask) { /* no CPU may remember tables that are about to be the host's frames */
        tlb_flush_range(&g->mm, 0, 0);
        g->mm.root.cpumask = 0;
    }
    pfn_t pfn = uv.first + g->donated[--g->nr_donated];
    memset(pfn_address(pfn), 0, PAGE_SIZE);
    change_sides(pfn, 1);
    uv_frames_set(pfn, 1, free_word(), 0);
    return (s64)pfn;
}

static s64 call_measurement(struct uv_guest *g, u8 *digest)
{
    struct sha256 copy = g->measurement;
    sha256_final(&copy, digest);
    return 0;
}

s64 uv_enter(struct uv_guest *g, struct trapframe *tf, struct uv_exit *exit, u64 result);

static s64 guest_call(struct uv_guest *g, enum uv_call call, u64 a1, u64 a2, u64 a3, u64 a4)
{
    if (g->state == UVG_DEAD && call != UV_DESTROY && call != UV_RECLAIM && call != UV_COUNT)
        return -EPERM;
    switch (call) {
    case UV_DONATE:
        return call_donate(g, a1);
    case UV_NEEDED:
        return (s64)uv_tables_needed(g->nr_pages);
    case UV_LOAD:
        return call_load(g, a1, a2, a3, (unsigned)a4);
    case UV_IMPORT:
        return call_import(g, a1, a2, a3);
    case UV_EXPOSE:
        return call_expose(g, a1, a2);
    case UV_REFUSE: /* back to what it was before the guest asked */
        if (range_ok(a1, a2) && is_guests(g, a1, a2, UV_UNSHARING))
            return change_state(g, a1, a2, UV_UNSHARING, UV_SHARED);
        return change_state(g, a1, a2, UV_SHARED, UV_SECURE);
    case UV_RUN:
        return uv_enter(g, (struct trapframe *)a1, (struct uv_exit *)a2, a3);
    case UV_STOP:
        g->state = UVG_STOPPED;
        return 0;
    case UV_COUNT:
        return a1 < UV_NR_STATES ? (s64)g->count[a1] : -EINVAL;
    case UV_DESTROY:
        return call_destroy(g);
    case UV_RECLAIM:
        return call_reclaim(g);
    case UV_MEASUREMENT:
        return call_measurement(g, (u8 *)a1);
    default:
        return -EINVAL;
    }
}

s64 uvcall(enum uv_call call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
    counter_inc(COUNTER_UVCALLS);
    if ((unsigned)call >= UV_NR_CALLS)
        return -EINVAL;
    if (call == UV_INIT)
        return call_init(a0, a1);
    if (call == UV_CREATE)
        return call_create(a0);
    if (call == UV_QUERY)
        return uv_frame_valid(a0) ? (s64)uv_frame_read(a0) : -EINVAL;
    if (a0 == 0 || a0 > UV_MAX_GUESTS)
        return -ESRCH;
    struct uv_guest *g = &uv.guests[a0 - 1];
    spin_lock(&g->lock);
    s64 result = find_guest(a0) ? guest_call(g, call, a1, a2, a3, a4) : -ESRCH;
    spin_unlock(&g->lock);
    return result;
}
