/* SPDX-License-Identifier: MIT */
/*
 * Guests as objects of the host: one folio for all its memory, secured through uvcall() in steps of UV_BATCH
 * frames with a preemption point between them; holes in that folio where the guest shares.
 *
 * guest->lock (sleeping) serialises the host's calls on one guest; it isn't held while the guest runs.
 */
#include <quire/guest.h>
#include <quire/buddy.h>
#include <quire/counters.h>
#include <quire/direct_map.h>
#include <quire/elf.h>
#include <quire/errno.h>
#include <quire/frame_access.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/mm_upcalls.h>
#include <quire/object.h>
#include <quire/poison.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <quire/uaccess.h>
#include <quire/uv.h>
#include <uapi/quire/abi.h>

#define GUEST_MIN_ORDER 9  /* 2 MiB */
#define PATH_MAX 128

struct guest_run { /* what a thread inside a guest knows: current->guest */
    struct guest *guest;
    u64 exit_address; /* struct quire_guest_exit in the host process */
};

struct guest {
    struct object object;
    struct mutex lock;
    unsigned id; /* of the ultravisor */
    struct folio *folio;
    vaddr_t entry;
    bool started, ended;
    bool pending; /* the guest waits for sys_guest_share() */
    struct list holes; /* struct guest_hole */
    struct uv_exit exit; /* last */
    s64 answer;
    struct guest_run run;
};

struct guest_hole {
    struct list link;
    struct insecure_mem *hole;
    struct mm *mm; /* where guest_map shows it; NULL: nowhere */
    vaddr_t address;
};

/* --- the ultravisor's own memory ---------------------------------------------------------------- */
static struct mutex init_lock = MUTEX_INIT(init_lock);
static bool uv_ready; /* under init_lock */
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
    for (u64 i = nr; i < 1UL << order; i++) /* what the power of two was too much */
        frames_free(table + i, 0);
    return 0;
}

int guest_start_uv(void)
{
    int err = 0;

    mutex_lock(&init_lock);
    if (!uv_ready) {
        err = init_uv();
        uv_ready = err == 0;
    }
    mutex_unlock(&init_lock);
    return err;
}

/* --- making ------------------------------------------------------------------------------------ */
/* Frames for the guest's page tables, aligned blocks first: some tables are larger than a frame. */
static int donate(struct guest *g)
{
    s64 needed = uvcall(UV_NEEDED, g->id, 0, 0, 0, 0);

    while (needed > 0) {
        unsigned order = needed >= 4 ? 2 : 0;
        pfn_t pfn = frames_alloc(order, MEMDESC_UV);
        if (pfn == PFN_NONE)
            return -ENOMEM;
        for (u64 i = 0; i < 1UL << order; i++) {
            s64 err = uvcall(UV_DONATE, g->id, pfn + i, 0, 0, 0);
            if (err) {
                for (; i < 1UL << order; i++)
                    frames_free(pfn + i, 0);
                return (int)err;
            }
        }
        needed -= 1L << order;
    }
    return 0;
}

/* The program's segments into the folio's frames; *info for the load calls. */
static int copy_program(struct guest *g, const char *path, struct elf_info *info)
{
    const struct initrd_file *file = initrd_find(path);

    if (!file)
        return -ENOENT;
    const char *wrong = elf_check(file->data, file->size, PAGE_SIZE, folio_size(g->folio) - PAGE_SIZE, info);
    if (wrong) {
        kprintf("%s can't be a guest: %s\n", path, wrong);
        return -ENOEXEC;
    }
    for (unsigned i = 0; i < info->nr_segments; i++) {
        const struct elf_segment *s = &info->segment[i];
        u8 *to = (u8 *)folio_address(g->folio) + s->vaddr;
        memcpy(to, file->data + s->offset, s->file_size);
        memset(to + s->file_size, 0, ALIGN_UP(s->mem_size, PAGE_SIZE) - s->file_size);
    }
    g->entry = info->entry;
    return 0;
}

static int uv_range(struct guest *g, enum uv_call call, u64 page, u64 nr, unsigned access)
{
    while (nr) {
        /* Up to the next multiple of a batch, so that whole blocks are seen as such. */
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

/* Load the program's pages, then the rest of the folio as zeros, in the order of guest pages. */
static int secure_all(struct guest *g, const struct elf_info *info)
{
    u64 page = 0, end = folio_nr_pages(g->folio);
    int err = 0;

    for (unsigned i = 0; i < info->nr_segments && !err; i++)
        err = uv_range(g, UV_LOAD, info->segment[i].vaddr >> PAGE_SHIFT,
                       DIV_ROUND_UP(info->segment[i].mem_size, PAGE_SIZE), info->segment[i].prot);
    while (!err && page < end) {
        u64 from = page, to = end;
        for (unsigned i = 0; i < info->nr_segments; i++) {
            u64 first = info->segment[i].vaddr >> PAGE_SHIFT;
            u64 last = first + DIV_ROUND_UP(info->segment[i].mem_size, PAGE_SIZE);
            if (from >= first && from < last)
                from = last;
            else if (first >= from && first < to)
                to = first;
        }
        if (from < to && from == page)
            err = uv_range(g, UV_IMPORT, from, to - from, 0);
        page = from > page ? from : to;
    }
    return err;
}

static void unmap_hole(struct guest_hole *h);

/* Everything back that a (half-made) guest holds. */
static void tear_down(struct guest *g)
{
    s64 n;

    if (g->id) {
        while (uvcall(UV_DESTROY, g->id, 0, 0, 0, 0) > 0)
            preempt_point();
        while ((n = uvcall(UV_RECLAIM, g->id, 0, 0, 0, 0)) > 0)
            frames_free((pfn_t)n, 0);
    }
    struct list *node;
    while ((node = list_pop_front(&g->holes)) != NULL) {
        struct guest_hole *h = list_entry(node, struct guest_hole, link);
        unmap_hole(h);
        hole_put(h->hole); /* whoever still has it mapped keeps it, and the folio, until they let go */
        kfree(h);
    }
    if (g->folio) {
        folio_clear_flags(g->folio, FOLIO_F_SECURE);
        direct_map_restore(g->folio->pfn, folio_nr_pages(g->folio));
        folio_put(g->folio);
    }
    kfree(g);
}

static int make_folio(struct guest *g, unsigned order)
{
    struct quota *quota = current_process()->quota;

    if (!quota_charge(quota, 1UL << order))
        return -ENOMEM;
    g->folio = folio_alloc(order, 0);
    if (!g->folio) {
        quota_uncharge(quota, 1UL << order);
        return -ENOMEM;
    }
    g->folio->quota = quota;
    int err = direct_map_prepare(g->folio->pfn, folio_nr_pages(g->folio));
    if (!err)
        folio_set_flags(g->folio, FOLIO_F_SECURE);
    return err;
}

static int guest_make(struct guest *g, unsigned order, const char *path)
{
    struct elf_info info;
    int err = make_folio(g, order);

    if (!err)
        err = copy_program(g, path, &info);
    if (err)
        return err;
    s64 id = uvcall(UV_CREATE, folio_nr_pages(g->folio), 0, 0, 0, 0);
    if (id < 0)
        return (int)id;
    g->id = (unsigned)id;
    err = donate(g);
    return err ? err : secure_all(g, &info);
}

s64 sys_guest_create(struct trapframe *tf)
{
    char path[PATH_MAX];
    u64 order = tf_arg(tf, 0);
    ssize_t n = copy_in_string(path, user_pointer(tf_arg(tf, 1)), sizeof(path));

    if (n < 0)
        return n;
    if (order < GUEST_MIN_ORDER || order > BUDDY_MAX_ORDER)
        return -EINVAL;
    int err = guest_start_uv();
    struct guest *g = err ? NULL : kmalloc(sizeof(*g));
    if (!g)
        return err ? err : -ENOMEM;
    object_init(&g->object, OBJECT_GUEST);
    mutex_init(&g->lock);
    list_init(&g->holes);
    err = guest_make(g, (unsigned)order, path);
    if (!err)
        err = handle_install(&current_process()->handles, &g->object, RIGHT_ALL);
    if (err < 0)
        tear_down(g);
    return err;
}

void guest_destroy_object(struct object *o) { tear_down((struct guest *)o); }

static struct guest *get_guest(struct trapframe *tf, int *err)
{
    return (struct guest *)handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_GUEST, RIGHT_ALL, err);
}

/* --- running ----------------------------------------------------------------------------------- */
/*
 * On success the frame is the guest's and this thread returns to user mode inside it; the system call's own result
 * comes when the guest leaves (guest_left). The thread holds the guest's reference meanwhile.
 */
s64 sys_guest_run(struct trapframe *tf)
{
    int err;
    struct guest *g = get_guest(tf, &err);
    u64 exit_address = tf_arg(tf, 1);

    if (!g)
        return err;
    mutex_lock(&g->lock);
    s64 result = g->ended || g->pending ? (g->ended ? -ESRCH : -EBUSY) : 0;
    if (!result)
        result = uvcall(UV_RUN, g->id, (u64)tf, (u64)&g->exit, g->started ? (u64)g->answer : g->entry, 0);
    if (!result) {
        g->run.guest = g;
        g->run.exit_address = exit_address;
        g->started = true;
        g->answer = 0;
        current_thread()->guest = &g->run;
    }
    mutex_unlock(&g->lock);
    if (!result)
        return tf_ret(tf); /* the frame is the guest's by now: the dispatcher stores what is there already */
    object_put(&g->object);
    return result;
}

struct mm *guest_mm(const struct guest_run *run) { return uv_guest_mm(run->guest->id); }

/* The thread is the host's again. Interrupts off on entry and return. */
static struct guest *come_back(void)
{
    struct guest *g = current_thread()->guest->guest;

    current_thread()->guest = NULL;
    mm_activate(current_process()->mm);
    return g;
}

static void guest_left(struct trapframe *tf)
{
    struct guest *g = come_back();
    struct quire_guest_exit out = {.kind = g->exit.kind, .page = g->exit.page, .nr = g->exit.nr, .value = g->exit.value};
    u64 address = g->run.exit_address;

    arch_irq_enable();
    strlcpy(out.text, g->exit.text, sizeof(out.text));
    counter_inc(COUNTER_UV_EXITS);
    g->pending = out.kind == QUIRE_GUEST_SHARE || out.kind == QUIRE_GUEST_UNSHARE;
    g->ended = out.kind == QUIRE_GUEST_EXIT || out.kind == QUIRE_GUEST_FAULT;
    tf_set_ret(tf, copy_out(user_pointer(address), &out, sizeof(out)));
    object_put(&g->object);
    arch_irq_disable();
}

void guest_trap_syscall(struct trapframe *tf)
{
    if (uv_guest_trap_call(current_thread()->guest->guest->id, tf))
        guest_left(tf);
}

void guest_trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access)
{
    if (uv_guest_trap_fault(current_thread()->guest->guest->id, tf, addr, access))
        guest_left(tf);
}

void guest_trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr)
{
    (void)addr;
    if (uv_guest_trap_exception(current_thread()->guest->guest->id, tf, what, code))
        guest_left(tf);
}

/* The thread ends inside its guest: so does the guest. */
void guest_abandon(void)
{
    if (!current_thread()->guest)
        return;
    bool irq = irq_save();
    struct guest *g = come_back();
    irq_restore(irq);
    uvcall(UV_STOP, g->id, 0, 0, 0, 0);
    g->ended = true;
    object_put(&g->object);
}

/* --- sharing ----------------------------------------------------------------------------------- */
static int uv_frames(struct guest *g, enum uv_call call, pfn_t pfn, u64 nr)
{
    for (u64 done = 0; done < nr; done += UV_BATCH) {
        s64 n = uvcall(call, g->id, pfn + done, MIN(nr - done, (u64)UV_BATCH), 0, 0);
        if (n < 0)
            return (int)n;
    }
    return 0;
}

static int share(struct guest *g)
{
    struct guest_hole *h = kmalloc(sizeof(*h));
    pfn_t pfn = g->folio->pfn + g->exit.page;

    if (!h)
        return -ENOMEM;
    int err = folio_punch_hole(g->folio, g->exit.page, g->exit.nr, HOLE_INSECURE, &h->hole);
    if (err) {
        kfree(h);
        return err;
    }
    err = uv_frames(g, UV_EXPOSE, pfn, g->exit.nr);
    KASSERT(!err, "the ultravisor doesn't expose what the guest has just shared: error %d", err);
    list_push_back(&g->holes, &h->link);
    return 0;
}

static struct guest_hole *find_hole(struct guest *g, pfn_t first, u64 nr)
{
    list_for_each(node, &g->holes) {
        struct guest_hole *h = list_entry(node, struct guest_hole, link);
        if (h->hole->first == first && h->hole->nr == nr)
            return h;
    }
    return NULL;
}

/* Take our own mapping of the hole away; what others hold keeps the hole open, and the answer is -EBUSY. */
static void unmap_hole(struct guest_hole *h)
{
    if (!h->mm)
        return;
    mm_unmap_hole(h->mm, h->address, h->hole);
    mm_put(h->mm);
    h->mm = NULL;
}

/* -EAGAIN: referenced; nothing has changed for the guest, ask again. */
static int unshare(struct guest *g)
{
    pfn_t pfn = g->folio->pfn + g->exit.page;
    u64 page = g->exit.page, nr = g->exit.nr;
    struct guest_hole *h = find_hole(g, pfn, nr);

    if (!h)
        return -EINVAL;
    unmap_hole(h);
    if (folio_mend_hole(h->hole))
        return -EAGAIN;
    list_remove(&h->link);
    kfree(h);
    int err = uv_range(g, UV_IMPORT, page, nr, 0);
    KASSERT(!err, "the ultravisor doesn't take back what the guest unshares: error %d", err);
    return 0;
}

s64 sys_guest_share(struct trapframe *tf)
{
    int err;
    struct guest *g = get_guest(tf, &err);
    bool allow = tf_arg(tf, 1) != 0;

    if (!g)
        return err;
    mutex_lock(&g->lock);
    err = -EINVAL;
    if (g->pending && !g->ended) {
        err = !allow ? -EPERM : g->exit.kind == QUIRE_GUEST_SHARE ? share(g) : unshare(g);
        if (err && err != -EAGAIN) /* the frames are again what they were before the guest asked */
            uv_frames(g, UV_REFUSE, g->folio->pfn + g->exit.page, g->exit.nr);
        if (err != -EAGAIN) {
            g->answer = err;
            g->pending = false;
        }
        if (!allow)
            err = 0;
    }
    mutex_unlock(&g->lock);
    object_put(&g->object);
    return err == -EAGAIN ? -EBUSY : err;
}

s64 sys_guest_answer(struct trapframe *tf)
{
    int err;
    struct guest *g = get_guest(tf, &err);

    if (!g)
        return err;
    mutex_lock(&g->lock);
    bool waits = g->started && !g->ended && !g->pending;
    if (waits)
        g->answer = (s64)tf_arg(tf, 1);
    mutex_unlock(&g->lock);
    object_put(&g->object);
    return waits ? 0 : -EINVAL;
}

s64 sys_guest_map(struct trapframe *tf)
{
    int err;
    struct guest *g = get_guest(tf, &err);
    u64 page = tf_arg(tf, 1), nr = tf_arg(tf, 2);
    vaddr_t addr = 0;

    if (!g)
        return err;
    mutex_lock(&g->lock);
    struct guest_hole *h = page < folio_nr_pages(g->folio) ? find_hole(g, g->folio->pfn + page, nr) : NULL;
    err = !h ? -EACCES : h->mm ? -EBUSY : mm_map_hole(current_process()->mm, &addr, h->hole, PROT_READ | PROT_WRITE);
    if (!err) {
        h->mm = current_process()->mm;
        mm_get(h->mm);
        h->address = addr;
    }
    mutex_unlock(&g->lock);
    object_put(&g->object);
    return err ? err : (s64)addr;
}

s64 sys_guest_peek(struct trapframe *tf)
{
    int err;
    struct guest *g = get_guest(tf, &err);
    u64 offset = tf_arg(tf, 1), to = tf_arg(tf, 2), n = tf_arg(tf, 3), done = 0;

    if (!g)
        return err;
    if (offset > folio_size(g->folio) || n > folio_size(g->folio) - offset)
        err = -EINVAL;
    while (!err && done < n) {
        u64 at = offset + done, step = MIN(n - done, PAGE_SIZE - at % PAGE_SIZE);
        struct frame_access a;
        err = frame_access_begin(&a, g->folio->pfn + (at >> PAGE_SHIFT));
        if (err)
            break;
        err = copy_out(user_pointer(to + done), (u8 *)a.address + at % PAGE_SIZE, step);
        frame_access_end(&a);
        done += step;
    }
    object_put(&g->object);
    return err ? err : (s64)n;
}

/* --- looking ----------------------------------------------------------------------------------- */
static void describe_words(const struct guest *g, struct quire_guest_info *i)
{
    memdesc_t own = folio_word(g->folio);

    for (u64 k = 0; k < folio_nr_pages(g->folio); k++) {
        memdesc_t word = memdesc_read(g->folio->pfn + k);
        i->folio_words += word == own;
        i->hole_words += memdesc_type(word) == MEMDESC_HOLE;
    }
}

s64 sys_guest_info(struct trapframe *tf)
{
    struct quire_guest_info i = {0};
    int err;
    struct guest *g = get_guest(tf, &err);

    if (!g)
        return err;
    mutex_lock(&g->lock);
    i.folio_frames = folio_nr_pages(g->folio);
    i.first_frame = g->folio->pfn;
    i.refs = (u64)folio_ref_count(g->folio);
    i.map_count = (u64)folio_map_count(g->folio);
    i.holes = g->folio->nr_holes;
    describe_words(g, &i);
    i.secure_frames = (u64)uvcall(UV_COUNT, g->id, UV_SECURE, 0, 0, 0);
    i.shared_frames = (u64)uvcall(UV_COUNT, g->id, UV_SHARED, 0, 0, 0);
    struct direct_map_cover c = direct_map_cover(g->folio->pfn, folio_nr_pages(g->folio));
    i.direct_blocks = c.block_frames;
    i.direct_pages = c.page_frames;
    i.direct_absent = c.absent;
    i.direct_tables = c.tables;
    if (!list_empty(&g->holes)) {
        const struct insecure_mem *h = list_entry(g->holes.next, struct guest_hole, link)->hole;
        i.hole_first = h->first;
        i.hole_nr = h->nr;
        i.hole_refs = (u64)hole_ref_count(h);
    }
    mutex_unlock(&g->lock);
    object_put(&g->object);
    return copy_out(user_pointer(tf_arg(tf, 1)), &i, sizeof(i));
}
