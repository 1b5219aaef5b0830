/* SPDX-License-Identifier: MIT */
/*
 * Into a guest and out of it. A soft guest is an unprivileged program in an address space of the ultravisor's; the
 * host thread that runs it lends its kernel stack: its user frame is kept aside and the guest's takes its place, so
 * that traps, preemption and switches work as for any thread. A trap inside the guest comes here first and never
 * reaches the host's system calls.
 *
 * What share and unshare return to the guest is computed here, from the table of frames, when the guest is entered again.
 * The host's number reaches a guest only as the result of console and yield.
 *
 * The guest's floating-point registers are kept here too: the host gets its own back, never the guest's. No guest's tables
 * are loaded on a CPU from the moment that its guest has left.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include <arch-generic/machine.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/uv_guest.h>
#include "uv.h"

struct mm *uv_guest_mm(unsigned id) { return &uv.guests[id - 1].mm; }

/* --- in ---------------------------------------------------------------------------------------- */
/* Pages of the request by what has become of them. */
static void count_asked(struct uv_guest *g, u64 count[UV_NR_STATES])
{
    for (u64 i = 0; i < g->exit.nr; i++)
        count[uv_page_state(g, g->exit.page + i)]++;
}

/* What the guest is told about its request; false: the host hasn't decided about all of it. */
static bool outcome(struct uv_guest *g, s64 *result)
{
    u64 count[UV_NR_STATES] = {0}, nr = g->exit.nr;

    count_asked(g, count);
    if (g->exit.kind == QUIRE_GUEST_SHARE) {
        *result = count[UV_SHARED] == nr ? 0 : -EPERM;
        return count[UV_SHARED] == nr || count[UV_SECURE] == nr;
    }
    *result = count[UV_SECURE] != nr ? -EPERM : g->unshares_all ? (s64)g->count[UV_SHARED] : 0;
    return count[UV_SECURE] + count[UV_SHARED] == nr;
}

static void swap_in(struct uv_guest *g, struct trapframe *tf)
{
    bool irq = irq_save();

    g->frame = tf;
    g->host_frame = *tf;
    *tf = g->guest_frame;
    arch_fpu_save(&g->host_fpu);
    arch_fpu_restore(&g->guest_fpu);
    mm_activate(&g->mm);
    irq_restore(irq);
}

s64 uv_enter(struct uv_guest *g, u64 answer)
{
    s64 result = (s64)answer;

    if (g->state == UVG_ASKING && !outcome(g, &result))
        return -EBUSY;
    if (g->state == UVG_ASKING || g->answer_due)
        tf_set_ret(&g->guest_frame, result);
    g->answer_due = g->unshares_all = false;
    uv_guest_become(g, UVG_RUNNING);
    swap_in(g, uv_soft_frame());
    return 0;
}

/* --- out --------------------------------------------------------------------------------------- */
/* The guest that runs on this frame, locked; NULL: it doesn't. */
static struct uv_guest *running(unsigned id, const struct trapframe *tf)
{
    if (id == 0 || id > UV_MAX_GUESTS)
        return NULL;
    struct uv_guest *g = &uv.guests[id - 1];
    spin_lock(uv_guest_lock(g));
    if (g->state == UVG_RUNNING && g->frame == tf)
        return g;
    spin_unlock(uv_guest_lock(g));
    return NULL;
}

/* The guest goes on. */
static bool stay(struct uv_guest *g)
{
    spin_unlock(uv_guest_lock(g));
    return false;
}

static bool stay_with(struct uv_guest *g, struct trapframe *tf, s64 result)
{
    tf_set_ret(tf, result);
    return stay(g);
}

/* Back to the host; interrupts are off. Always true: "the guest left". */
static bool leave(struct uv_guest *g, struct trapframe *tf, enum uv_guest_state next)
{
    g->guest_frame = *tf;
    *tf = g->host_frame;
    g->frame = NULL;
    arch_fpu_save(&g->guest_fpu);
    arch_fpu_restore(&g->host_fpu);
    mm_activate(NULL);
    uv_guest_become(g, next);
    spin_unlock(uv_guest_lock(g));
    return true;
}

static void say(struct uv_guest *g, u32 kind, u64 page, u64 nr, u64 value)
{
    g->exit = (struct uv_exit){.kind = kind, .page = page, .nr = nr, .value = value};
}

static bool leave_dead(struct uv_guest *g, struct trapframe *tf, u64 page, u64 value, const char *why)
{
    say(g, QUIRE_GUEST_FAULT, page, 0, value);
    strlcpy(g->exit.text, why, sizeof(g->exit.text));
    return leave(g, tf, UVG_STOPPED);
}

/* With a value, to have the host's number as the result. */
static bool leave_for_answer(struct uv_guest *g, struct trapframe *tf)
{
    g->answer_due = true;
    return leave(g, tf, UVG_READY);
}

/* --- the guest's calls ------------------------------------------------------------------------- */
/* Ask the host to act on [page, page + nr): states change now, the answer comes with the next UV_RUN. */
static bool ask_host(struct uv_guest *g, struct trapframe *tf, u32 kind, u64 page, u64 nr)
{
    struct uv_span span = {g, page, PFN_NONE, nr};

    if (!nr || nr > UV_BATCH || page >= g->nr_pages || nr > g->nr_pages - page ||
        uv_change(&span, kind == QUIRE_GUEST_SHARE ? UV_BY_SHARE : UV_BY_UNSHARE, 0) < 0)
        return stay_with(g, tf, -EINVAL);
    say(g, kind, page, nr, 0);
    return leave(g, tf, UVG_ASKING);
}

/*
 * A run of shared pages, which may be several shares side by side. Looks at UV_BATCH pages at most, and goes on there
 * next time: the guest calls again until it is told that none is left.
 */
static bool unshare_next(struct uv_guest *g, struct trapframe *tf)
{
    for (u64 looked = 0; g->count[UV_SHARED] && looked < UV_BATCH; looked++) {
        u64 page = g->next_unshare, nr = 0;
        while (nr < UV_BATCH && uv_page_state(g, page + nr) == UV_SHARED)
            nr++;
        if (nr) {
            g->unshares_all = true;
            return ask_host(g, tf, QUIRE_GUEST_UNSHARE, page, nr);
        }
        g->next_unshare = page + 1 < g->nr_pages ? page + 1 : 0;
    }
    return stay_with(g, tf, (s64)g->count[UV_SHARED]);
}

static bool console(struct uv_guest *g, struct trapframe *tf)
{
    char text[UV_TEXT_BYTES];
    u64 n = MIN(tf_arg(tf, 1), sizeof(text) - 1);

    if (uv_memory_read(g, text, tf_arg(tf, 0), n))
        return stay_with(g, tf, -EFAULT);
    say(g, QUIRE_GUEST_CONSOLE, 0, 0, 0);
    memcpy(g->exit.text, text, n);
    return leave_for_answer(g, tf);
}

static bool measurement(struct uv_guest *g, struct trapframe *tf)
{
    u8 digest[UV_MEASUREMENT_BYTES];

    uv_measure_digest(&g->measure, digest);
    return stay_with(g, tf, uv_memory_write(g, tf_arg(tf, 0), digest, sizeof(digest)));
}

bool uv_guest_trap_call(unsigned id, struct trapframe *tf)
{
    struct uv_guest *g = running(id, tf);

    if (!g)
        return true;
    switch (tf_syscall_nr(tf)) {
    case UVG_SHARE:
        return ask_host(g, tf, QUIRE_GUEST_SHARE, tf_arg(tf, 0), tf_arg(tf, 1));
    case UVG_UNSHARE:
        return ask_host(g, tf, QUIRE_GUEST_UNSHARE, tf_arg(tf, 0), tf_arg(tf, 1));
    case UVG_UNSHARE_ALL:
        return unshare_next(g, tf);
    case UVG_CONSOLE:
        return console(g, tf);
    case UVG_YIELD:
        say(g, QUIRE_GUEST_YIELD, 0, 0, tf_arg(tf, 0));
        return leave_for_answer(g, tf);
    case UVG_EXIT:
        say(g, QUIRE_GUEST_EXIT, 0, 0, tf_arg(tf, 0));
        return leave(g, tf, UVG_STOPPED);
    case UVG_PAGES:
        return stay_with(g, tf, (s64)g->nr_pages);
    case UVG_MEASUREMENT:
        return measurement(g, tf);
    default:
        return stay_with(g, tf, -ENOSYS);
    }
}

/* --- what it may not do ------------------------------------------------------------------------ */
/* The guest's tables allow the access: accessed and dirty are left to us, or this CPU remembers an older entry. */
static bool allowed_after_all(const struct uv_guest *g, vaddr_t addr, unsigned access)
{
    pte_t e = uv_tables_entry(g, addr >> PAGE_SHIFT);

    return pte_present(e) && (access != ACCESS_WRITE || pte_write(e)) && (access != ACCESS_EXEC || pte_exec(e));
}

bool uv_guest_trap_fault(unsigned id, struct trapframe *tf, vaddr_t addr, unsigned access)
{
    struct uv_guest *g = running(id, tf);

    if (!g)
        return true;
    if (allowed_after_all(g, addr, access) && g->last_fault != addr) {
        g->last_fault = addr;
        arch_tlb_flush_page(&g->mm.root, ALIGN_DOWN(addr, PAGE_SIZE));
        return stay(g);
    }
    return leave_dead(g, tf, addr >> PAGE_SHIFT, 0,
                      addr >> PAGE_SHIFT >= g->nr_pages ? "the guest used memory that it doesn't have"
                      : access == ACCESS_WRITE          ? "the guest wrote to memory that it may not write"
                      : access == ACCESS_EXEC           ? "the guest jumped into memory that isn't executable"
                                                        : "the guest read memory that it may not read");
}

bool uv_guest_trap_exception(unsigned id, struct trapframe *tf, enum exception what, u64 code)
{
    struct uv_guest *g = running(id, tf);

    if (!g)
        return true;
    return leave_dead(g, tf, 0, code,
                      what == EXC_ILLEGAL      ? "the guest ran an illegal instruction"
                      : what == EXC_ARITHMETIC ? "the guest's arithmetic went wrong"
                      : what == EXC_ALIGNMENT  ? "the guest made a misaligned access"
                                               : "the guest raised an exception");
}

bool uv_guest_trap_end(unsigned id, struct trapframe *tf)
{
    struct uv_guest *g = running(id, tf);

    return !g || leave_dead(g, tf, 0, 0, "the host's thread ended");
}
