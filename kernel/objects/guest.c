/* SPDX-License-Identifier: MIT */
/*
 * Guests as objects of the host: making and ending them. One folio holds all memory of a guest. The host secures the
 * folio by uvcall(), in steps of UV_BATCH frames with a preemption point after each step. The process that made a guest
 * is charged for all that the host keeps for the guest: the folio, the frames of its page tables, its descriptor, its
 * holes.
 */
#include "guest_object.h"
#include <quire/buddy.h>
#include <quire/direct_map.h>
#include <quire/elf.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/memory.h>
#include <quire/upcalls.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

#define GUEST_MIN_ORDER 9  /* 2 MiB */
#define STEP_FRAMES 512UL  /* frames between two preemption points */

/* --- the ultravisor's own memory ---------------------------------------------------------------- */
static struct mutex init_lock = MUTEX_INIT(init_lock);
LOCK_ORDER_STATIC(2, init_lock.sem.word);
static SLAB_CACHE(guest_cache, guest, holes, false);
LOCK_ORDER(1, guest_cache, guest, lock.sem.word);
static bool uv_started; /* under init_lock */
static u64 uv_frames_kept;

u64 guest_uv_frames(void) { return uv_frames_kept; }

static int init_uv(void)
{
    u64 nr = DIV_ROUND_UP((memory.end - memory.first) * 16, PAGE_SIZE);
    unsigned order = 0;

    while (1UL << order < nr)
        order++;
    pfn_t table = frames_alloc(order, MEMDESC_UV);
    if (table == PFN_NONE)
        return -ENOMEM;
    s64 err = uvcall(UV_INIT, table, nr, 0, 0, 0);
    if (err) {
        frames_free(table, order);
        return (int)err;
    }
    uv_frames_kept = nr;
    for (u64 i = nr; i < 1UL << order; i++) /* the block is a power of two: the ultravisor doesn't need these frames */
        frames_free(table + i, 0);
    return 0;
}

int guest_start_uv(void)
{
    int err = 0;

    mutex_lock(&init_lock);
    if (!uv_started) {
        err = init_uv();
        uv_started = err == 0;
    }
    mutex_unlock(&init_lock);
    return err;
}

/* --- for all system calls on guests ----------------------------------------------------------- */
struct guest *guest_get(struct trapframe *tf, int *err)
{
    return (struct guest *)handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_GUEST, RIGHT_ALL, err);
}

struct guest *guest_get_locked(struct trapframe *tf, int *err)
{
    struct guest *g = guest_get(tf, err);

    if (g)
        mutex_lock(&g->lock);
    return g;
}

void guest_unlock_put(struct guest *g)
{
    mutex_unlock(&g->lock);
    object_put(&g->object);
}

void guest_become(struct guest *g, enum guest_state to)
{
    static const u8 next[GUEST_NR_STATES] = {
        [GUEST_IDLE] = 1 << GUEST_RUNNING,
        [GUEST_RUNNING] = 1 << GUEST_IDLE | 1 << GUEST_PENDING | 1 << GUEST_ENDED,
        [GUEST_PENDING] = 1 << GUEST_IDLE,
        [GUEST_ENDED] = 0,
    };

    KASSERT(next[g->state] >> to & 1, "guest %u: from state %u to %u", g->id, g->state, to);
    g->state = to;
}

int guest_loop_step(void)
{
    return preempt_point() ? -EINTR : 0;
}

int guest_uv_pages(struct guest *g, enum uv_call call, u64 page, u64 nr, unsigned access)
{
    while (nr) {
        /* A step ends at a multiple of UV_BATCH: so the ultravisor gets a whole block in one step. */
        u64 step = MIN(nr, UV_BATCH - page % UV_BATCH);
        s64 done = uvcall(call, g->id, page, g->folio->pfn + page, step, access);
        if (done <= 0)
            return done ? (int)done : -EIO;
        page += (u64)done;
        nr -= (u64)done;
        preempt_point();
    }
    return 0;
}

/* What a guest begins with: an ELF file in a memory object. */
struct guest_program {
    struct memory_object *memory;
    u64 offset, bytes;
};

/* --- making ------------------------------------------------------------------------------------- */
static bool charge(struct guest *g, u64 frames)
{
    if (!quota_charge(g->quota, frames))
        return false;
    g->charged += frames;
    return true;
}

static int donate_block(struct guest *g, unsigned order)
{
    pfn_t pfn = frames_alloc(order, MEMDESC_UV);
    s64 err = pfn == PFN_NONE ? -ENOMEM : 0;

    for (u64 i = 0; !err && i < 1UL << order; i++) {
        err = uvcall(UV_DONATE, g->id, pfn + i, 0, 0, 0);
        for (u64 k = i; err && k < 1UL << order; k++) /* the ultravisor didn't take these frames */
            frames_free(pfn + k, 0);
    }
    return (int)err;
}

/* Donates frames for the guest's page tables, aligned blocks first, because some tables are larger than a frame. */
static int donate(struct guest *g)
{
    s64 needed = uvcall(UV_NEEDED, g->id, 0, 0, 0, 0);
    int err = needed < 0 ? (int)needed : 0;

    while (!err && needed > 0) {
        unsigned order = needed >= 4 ? 2 : 0;
        err = charge(g, 1UL << order) ? donate_block(g, order) : -ENOMEM;
        needed -= 1L << order;
        if (!err)
            err = guest_loop_step();
    }
    return err;
}

/* Checks the program. Its headers lie in its first page. -ENOEXEC, and a line on the console says why. */
static int check_program(struct guest *g, const struct guest_program *program, struct elf_info *info)
{
    u64 head_bytes = MIN(program->bytes, PAGE_SIZE);
    void *head = kmalloc(PAGE_SIZE);
    int err = head ? memory_object_fetch(program->memory, program->offset, head, head_bytes) : -ENOMEM;

    if (!err) {
        const char *wrong =
            elf_check(head, head_bytes, program->bytes, PAGE_SIZE, folio_size(g->folio) - PAGE_SIZE, info);
        if (wrong)
            kprintf("a guest can't be started: %s\n", wrong);
        err = wrong ? -ENOEXEC : 0;
    }
    kfree(head);
    return err;
}

static int clear(u8 *from, u64 bytes)
{
    for (u64 done = 0; done < bytes; done += PAGE_SIZE) {
        memset(from + done, 0, MIN(bytes - done, PAGE_SIZE));
        if (guest_loop_step())
            return -EINTR;
    }
    return 0;
}

/* Copies the program's segments into the folio. *info says which pages UV_LOAD has to secure. */
static int copy_program(struct guest *g, const struct guest_program *program, struct elf_info *info)
{
    int err = check_program(g, program, info);

    for (unsigned i = 0; !err && i < info->nr_segments; i++) {
        const struct elf_segment *s = &info->segment[i];
        u8 *to = (u8 *)folio_address(g->folio) + s->vaddr;
        err = memory_object_fetch(program->memory, program->offset + s->offset, to, s->file_size);
        if (!err)
            err = clear(to + s->file_size, ALIGN_UP(s->mem_size, PAGE_SIZE) - s->file_size);
    }
    return err;
}

/* Finds the first pages from `page` on that lie in no segment: [*from, *to). */
static void find_gap(const struct elf_info *info, u64 page, u64 end, u64 *from, u64 *to)
{
    *from = page;
    *to = end;
    for (unsigned i = 0; i < info->nr_segments; i++) {
        u64 first = info->segment[i].vaddr >> PAGE_SHIFT;
        u64 last = first + DIV_ROUND_UP(info->segment[i].mem_size, PAGE_SIZE);
        if (*from >= first && *from < last)
            *from = last;
        else if (first >= *from && first < *to)
            *to = first;
    }
}

/* Secures the pages [from, to) as zeros, in steps: after each step a kill ends the loop with -EINTR. */
static int import_zeros(struct guest *g, u64 from, u64 to)
{
    int err = 0;

    while (!err && from < to) {
        u64 step = MIN(to - from, UV_BATCH - from % UV_BATCH);
        err = guest_uv_pages(g, UV_IMPORT, from, step, 0);
        if (!err)
            err = guest_loop_step();
        from += step;
    }
    return err;
}

/* Loads the program's pages first. Then imports the other pages as zeros, in the order of their numbers, and seals. */
static int secure_all(struct guest *g, const struct elf_info *info)
{
    u64 end = folio_nr_pages(g->folio);
    int err = 0;

    for (unsigned i = 0; i < info->nr_segments && !err; i++)
        err = guest_uv_pages(g, UV_LOAD, info->segment[i].vaddr >> PAGE_SHIFT,
                             DIV_ROUND_UP(info->segment[i].mem_size, PAGE_SIZE), info->segment[i].prot);
    for (u64 page = 0, from, to; !err && page < end;) {
        find_gap(info, page, end, &from, &to);
        if (from == page)
            err = import_zeros(g, from, to);
        page = from > page ? from : to;
    }
    return err ? err : (int)uvcall(UV_SEAL, g->id, info->entry, 0, 0, 0);
}

void guest_mark_secure(struct folio *f, bool secure)
{
    spin_lock(&f->lock);
    (secure ? folio_set_flags : folio_clear_flags)(f, FOLIO_F_SECURE);
    spin_unlock(&f->lock);
}

static void restore_direct_map(pfn_t pfn, u64 nr)
{
    for (u64 done = 0; done < nr; done += STEP_FRAMES) {
        direct_map_restore(pfn + done, STEP_FRAMES);
        preempt_point();
    }
}

static int prepare_direct_map(pfn_t pfn, u64 nr)
{
    int err = 0;

    for (u64 done = 0; !err && done < nr; done += STEP_FRAMES) {
        err = direct_map_prepare(pfn + done, STEP_FRAMES);
        if (!err)
            err = guest_loop_step();
    }
    return err; /* after an error tear_down() restores the part that is prepared */
}

static int make_folio(struct guest *g, unsigned order)
{
    if (!quota_charge(g->quota, 1UL << order))
        return -ENOMEM;
    struct folio *f = folio_make(order, 0);
    if (!f) {
        quota_uncharge(g->quota, 1UL << order);
        return -ENOMEM;
    }
    f->quota = g->quota;
    folio_publish(f, FOLIO_REFERENCE);
    g->folio = f;
    int err = prepare_direct_map(f->pfn, folio_nr_pages(f));
    if (!err)
        guest_mark_secure(f, true);
    return err;
}

static int guest_make(struct guest *g, unsigned order, const struct guest_program *program)
{
    struct elf_info info;
    int err = make_folio(g, order);

    if (!err)
        err = copy_program(g, program, &info);
    if (err)
        return err;
    s64 id = uvcall(UV_CREATE, folio_nr_pages(g->folio), 0, 0, 0, 0);
    if (id < 0)
        return (int)id;
    g->id = (unsigned)id;
    err = donate(g);
    return err ? err : secure_all(g, &info);
}

/* --- ending ------------------------------------------------------------------------------------- */
/*
 * Takes back everything that a guest holds, also a guest that is only half made. Nobody else knows this guest any more.
 * A kill doesn't stop this work.
 */
static void tear_down(struct guest *g)
{
    struct quota *quota = g->quota;
    u64 charged = g->charged;
    s64 n;

    if (g->id) {
        while (uvcall(UV_DESTROY, g->id, 0, 0, 0, 0) > 0)
            preempt_point();
        for (; (n = uvcall(UV_RECLAIM, g->id, 0, 0, 0, 0)) > 0; preempt_point())
            frames_free((pfn_t)n, 0);
        KASSERT(n == 0, "guest %u can't be ended: error %ld", g->id, n);
    }
    while (!list_empty(&g->holes)) {
        struct guest_hole *h = list_entry(g->holes.next, struct guest_hole, link);
        struct insecure_mem *hole = h->hole;
        guest_drop_hole(g, h);
        hole_put(hole); /* who still maps the hole keeps it, and the folio too, until the mapping goes */
        preempt_point();
    }
    if (g->folio) {
        guest_mark_secure(g->folio, false);
        restore_direct_map(g->folio->pfn, folio_nr_pages(g->folio));
        folio_put(g->folio);
    }
    slab_free(&guest_cache, g);
    quota_uncharge(quota, charged);
    quota_let_go(quota, sizeof(*g)); /* may free the account */
}

void guest_destroy_object(struct object *o) { tear_down((struct guest *)o); }

/* A guest without memory, charged to the current process. NULL: no memory, or the account is full. */
static struct guest *guest_new(void)
{
    struct quota *quota = current_process()->quota;

    if (!quota_keep(quota, sizeof(struct guest)))
        return NULL;
    struct guest *g = slab_alloc(&guest_cache);
    if (!g) {
        quota_let_go(quota, sizeof(struct guest));
        return NULL;
    }
    object_init(&g->object, OBJECT_GUEST);
    mutex_init(&g->lock);
    list_init(&g->holes);
    g->quota = quota;
    g->left_for = QUIRE_GUEST_FAULT;
    return g;
}

static s64 create(unsigned order, const struct guest_program *program)
{
    int err = guest_start_uv();
    struct guest *g = err ? NULL : guest_new();

    if (!g)
        return err ? err : -ENOMEM;
    err = guest_make(g, order, program);
    if (!err)
        return handle_install(&current_process()->handles, &g->object, RIGHT_ALL);
    tear_down(g);
    return err;
}

s64 sys_guest_create(struct trapframe *tf)
{
    u64 order = tf_arg(tf, 0);
    struct guest_program program = {.offset = tf_arg(tf, 2), .bytes = tf_arg(tf, 3)};
    int err;

    if (order < GUEST_MIN_ORDER || order > BUDDY_MAX_ORDER)
        return -EINVAL;
    program.memory = (struct memory_object *)handle_get(&current_process()->handles, (long)tf_arg(tf, 1), OBJECT_MEMORY,
                                                        RIGHT_READ, &err);
    if (!program.memory)
        return err;
    s64 result = memory_object_holds(program.memory, program.offset, program.bytes) ? create((unsigned)order, &program)
                                                                                    : -EINVAL;
    object_put(&program.memory->object);
    return result;
}
