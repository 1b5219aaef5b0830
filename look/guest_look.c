/* SPDX-License-Identifier: MIT */
/* A guest as its host sees it: the memory that the host may read, and counts of the folio's words, holes and direct
 * map. */
#include "../kernel/objects/guest_object.h"
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/frame_access.h>
#include <quire/hole.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>

#define STEP_FRAMES 512UL /* between two preemption points */

/* --- reads by the host -------------------------------------------------------------------------- */
static int peek_page(pfn_t pfn, u64 in_page, struct user_ptr to, u64 n)
{
    struct frame_access a;
    int err = frame_access_begin(&a, pfn);

    if (err)
        return err;
    err = copy_out(to, (u8 *)a.address + in_page, n);
    frame_access_end(&a);
    return err;
}

static int peek(const struct guest *g, u64 offset, struct user_ptr to, u64 n)
{
    int err = offset > folio_size(g->folio) || n > folio_size(g->folio) - offset ? -EINVAL : 0;

    for (u64 done = 0, step; !err && done < n; done += step) {
        u64 at = offset + done;
        step = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
        err = peek_page(g->folio->pfn + (at >> PAGE_SHIFT), at % PAGE_SIZE, user_ptr_add(to, done), step);
        if (!err)
            err = guest_loop_step();
    }
    return err;
}

s64 sys_guest_peek(struct trapframe *tf)
{
    int err;
    struct guest *g = guest_get(tf, &err);
    u64 n = tf_arg(tf, 3);

    if (!g)
        return err;
    err = peek(g, tf_arg(tf, 1), user_arg(tf, 2), n);
    object_put(&g->object);
    return err ? err : (s64)n;
}

/* --- numbers ------------------------------------------------------------------------------------ */
static void describe_step(const struct folio *f, u64 first, struct quire_guest_info *i)
{
    struct direct_map_cover c = direct_map_cover(f->pfn + first, STEP_FRAMES);

    i->direct_blocks += c.block_frames;
    i->direct_pages += c.page_frames;
    i->direct_absent += c.absent;
    i->direct_tables += c.tables;
    for (u64 k = first; k < first + STEP_FRAMES; k++) {
        memdesc_t word = memdesc_read(f->pfn + k);
        i->folio_words += word == folio_word(f);
        i->hole_words += memdesc_type(word) == MEMDESC_HOLE;
    }
}

static int describe(const struct guest *g, struct quire_guest_info *i)
{
    const struct folio *f = g->folio;
    int err = 0;

    i->folio_frames = folio_nr_pages(f);
    i->first_frame = f->pfn;
    i->refs = (u64)folio_ref_count(f);
    i->map_count = (u64)folio_map_count(f);
    i->holes = f->nr_holes;
    i->secure_frames = (u64)uvcall(UV_COUNT, g->id, UV_SECURE, 0, 0, 0);
    i->shared_frames = (u64)uvcall(UV_COUNT, g->id, UV_SHARED, 0, 0, 0);
    for (u64 first = 0; !err && first < i->folio_frames; first += STEP_FRAMES) {
        describe_step(f, first, i);
        err = guest_loop_step();
    }
    if (!list_empty(&g->holes)) {
        const struct insecure_mem *h = list_entry(g->holes.next, struct guest_hole, link)->hole;
        i->hole_first = h->first;
        i->hole_nr = h->nr;
        i->hole_refs = (u64)hole_ref_count(h);
    }
    return err;
}

s64 sys_guest_info(struct trapframe *tf)
{
    struct quire_guest_info i = {0};
    int err;
    struct guest *g = guest_get_locked(tf, &err); /* so that all numbers are from the same moment */

    if (!g)
        return err;
    err = describe(g, &i);
    guest_unlock_put(g);
    return err ? err : copy_out(user_arg(tf, 1), &i, sizeof(i));
}
