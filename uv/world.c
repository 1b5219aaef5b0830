/* SPDX-License-Identifier: MIT */
/*
 * Into a guest and out of it. A soft guest is an unprivileged program in an address space of the ultravisor's; the
 * host thread that runs it lends its kernel stack: its user frame is kept aside and the guest's takes its place, so
 * that traps, preemption and switches work as for any thread. A trap inside the guest comes here first and never
 * reaches the host's system calls.
 *
 * The guest's floating-point registers are kept here too: the host gets its own back, never the guest's.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include <arch-generic/machine.h>
#include <arch-generic/uaccess.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/uv_guest.h>
#include "uv.h"

#define GUEST_TEXT_MAX (sizeof(((struct uv_exit *)0)->text) - 1)

struct mm *uv_guest_mm(unsigned id) { return &uv.guests[id - 1].mm; }

/* --- in ---------------------------------------------------------------------------------------- */
/* Where a fresh guest starts: entry and stack were given with the first run. */
static void first_frame(struct uv_guest *g, vaddr_t entry)
{
    tf_init_user(&g->guest_frame, entry, (g->nr_pages << PAGE_SHIFT) - 256, g->nr_pages, 0);
}

s64 uv_enter(struct uv_guest *g, struct trapframe *tf, struct uv_exit *exit, u64 result);
s64 uv_enter(struct uv_guest *g, struct trapframe *tf, struct uv_exit *exit, u64 result)
{
    if (g->state == UVG_RUNNING)
        return -EBUSY;
    if (g->state != UVG_CREATED && g->state != UVG_READY)
        return -EPERM;
    if (g->state == UVG_CREATED) {
        if (uv_tables_frame(g, result >> PAGE_SHIFT) == PFN_NONE) /* first run: result is the entry point */
            return -EINVAL;
        first_frame(g, result);
    } else if (g->answer_due) {
        tf_set_ret(&g->guest_frame, (s64)result);
        g->answer_due = false;
    }
    g->state = UVG_RUNNING;
    g->exit = exit;
    memset(exit, 0, sizeof(*exit));
    bool irq = irq_save();
    g->host_frame = *tf;
    *tf = g->guest_frame;
    arch_fpu_save(&g->host_fpu);
    arch_fpu_restore(&g->guest_fpu);
    mm_activate(&g->mm);
    irq_restore(irq);
    return 0;
}

/* --- out --------------------------------------------------------------------------------------- */
/* Back to the host; interrupts are off. The caller has filled g->exit. Always true: "the guest left". */
static bool leave(struct uv_guest *g, struct trapframe *tf, enum uv_guest_state next)
{
    g->guest_frame = *tf;
    *tf = g->host_frame;
    arch_fpu_save(&g->guest_fpu);
    arch_fpu_restore(&g->host_fpu);
    spin_lock(&g->lock);
    if (g->state == UVG_RUNNING)
        g->state = next;
    spin_unlock(&g->lock);
    return true;
}

static bool leave_dead(struct uv_guest *g, struct trapframe *tf, const char *why)
{
    g->exit->kind = QUIRE_GUEST_FAULT;
    strlcpy(g->exit->text, why, sizeof(g->exit->text));
    return leave(g, tf, UVG_STOPPED);
}

/* --- the guest's calls ------------------------------------------------------------------------- */
/* All pages of the range are the guest's and in this state. */
static bool pages_are(struct uv_guest *g, u64 page, u64 nr, enum uv_state state)
{
    if (!nr || page >= g->nr_pages || nr > g->nr_pages - page)
        return false;
    for (u64 i = 0; i < nr; i++) {
        pfn_t pfn = uv_tables_frame(g, page + i);
        if (pfn == PFN_NONE || uv_frame_read(pfn) != uv_word(state, g->id, page + i))
            return false;
    }
    return true;
}

static void set_pages(struct uv_guest *g, u64 page, u64 nr, enum uv_state from, enum uv_state to)
{
    for (u64 i = 0; i < nr; i++)
        uv_frames_set(uv_tables_frame(g, page + i), 1, uv_word(to, g->id, page + i), 0);
    g->count[from] -= nr;
    g->count[to] += nr;
}

/* Ask the host to act on [page, page + nr): states change now, the answer comes with the next UV_RUN. */
static bool ask_host(struct uv_guest *g, struct trapframe *tf, u32 kind, u64 page, u64 nr, enum uv_state from,
                     enum uv_state to)
{
    spin_lock(&g->lock);
    bool fine = pages_are(g, page, nr, from);
    if (fine)
        set_pages(g, page, nr, from, to);
    spin_unlock(&g->lock);
    if (!fine) {
        tf_set_ret(tf, -EINVAL);
        return false;
    }
    g->exit->kind = kind;
    g->exit->page = page;
    g->exit->nr = nr;
    g->answer_due = true;
    return leave(g, tf, UVG_READY);
}

/* The first run of shared pages; the guest calls again until there is none. */
static bool unshare_next(struct uv_guest *g, struct trapframe *tf)
{
    for (u64 page = 0; g->count[UV_SHARED] && page < g->nr_pages; page++) {
        u64 nr = 0;
        while (pages_are(g, page + nr, 1, UV_SHARED))
            nr++;
        if (nr)
            return ask_host(g, tf, QUIRE_GUEST_UNSHARE, page, nr, UV_SHARED, UV_UNSHARING);
    }
    tf_set_ret(tf, 0);
    return false;
}

static bool console(struct uv_guest *g, struct trapframe *tf)
{
    u64 n = MIN(tf_arg(tf, 1), (u64)GUEST_TEXT_MAX);

    if (!user_range_ok(tf_arg(tf, 0), n) ||
        arch_copy_from_user(g->exit->text, (const void __user *)tf_arg(tf, 0), n)) {
        tf_set_ret(tf, -EFAULT);
        return false;
    }
    g->exit->text[n] = 0;
    g->exit->kind = QUIRE_GUEST_CONSOLE;
    g->answer_due = true;
    return leave(g, tf, UVG_READY);
}

static bool measurement(struct uv_guest *g, struct trapframe *tf)
{
    struct sha256 copy = g->measurement;
    u8 digest[UV_MEASUREMENT_BYTES];

    sha256_final(&copy, digest);
    bool bad = !user_range_ok(tf_arg(tf, 0), sizeof(digest)) ||
               arch_copy_to_user((void __user *)tf_arg(tf, 0), digest, sizeof(digest));
    tf_set_ret(tf, bad ? -EFAULT : 0);
    return false;
}

bool uv_guest_trap_call(unsigned id, struct trapframe *tf)
{
    struct uv_guest *g = &uv.guests[id - 1];

    switch (tf_syscall_nr(tf)) {
    case UVG_SHARE:
        return ask_host(g, tf, QUIRE_GUEST_SHARE, tf_arg(tf, 0), tf_arg(tf, 1), UV_SECURE, UV_SHARED);
    case UVG_UNSHARE:
        return ask_host(g, tf, QUIRE_GUEST_UNSHARE, tf_arg(tf, 0), tf_arg(tf, 1), UV_SHARED, UV_UNSHARING);
    case UVG_UNSHARE_ALL:
        return unshare_next(g, tf);
    case UVG_CONSOLE:
        return console(g, tf);
    case UVG_YIELD:
        g->exit->kind = QUIRE_GUEST_YIELD;
        g->exit->value = tf_arg(tf, 0);
        g->answer_due = true;
        return leave(g, tf, UVG_READY);
    case UVG_EXIT:
        g->exit->kind = QUIRE_GUEST_EXIT;
        g->exit->value = tf_arg(tf, 0);
        return leave(g, tf, UVG_STOPPED);
    case UVG_PAGES:
        tf_set_ret(tf, (s64)g->nr_pages);
        return false;
    case UVG_MEASUREMENT:
        return measurement(g, tf);
    default:
        tf_set_ret(tf, -ENOSYS);
        return false;
    }
}

bool uv_guest_trap_fault(unsigned id, struct trapframe *tf, vaddr_t addr, unsigned access)
{
    struct uv_guest *g = &uv.guests[id - 1];
    pte_t e = pt_lookup(&g->mm.root, addr);

    /* Accessed and dirty, where the machine leaves them to us; or this CPU remembered an older entry. */
    if (addr < g->nr_pages << PAGE_SHIFT && pte_present(e) && (access != ACCESS_WRITE || pte_write(e)) &&
        (access != ACCESS_EXEC || pte_exec(e)) && g->last_fault != addr) {
        g->last_fault = addr;
        arch_tlb_flush_page(&g->mm.root, ALIGN_DOWN(addr, PAGE_SIZE));
        return false;
    }
    g->exit->page = addr >> PAGE_SHIFT;
    return leave_dead(g, tf, addr >= g->nr_pages << PAGE_SHIFT ? "the guest used memory that it doesn't have"
                             : access == ACCESS_WRITE          ? "the guest wrote to memory that it may not write"
                             : access == ACCESS_EXEC           ? "the guest jumped into memory that isn't executable"
                                                               : "the guest read memory that it may not read");
}

bool uv_guest_trap_exception(unsigned id, struct trapframe *tf, enum exception what, u64 code)
{
    struct uv_guest *g = &uv.guests[id - 1];

    g->exit->value = code;
    return leave_dead(g, tf, what == EXC_ILLEGAL     ? "the guest ran an illegal instruction"
                             : what == EXC_ARITHMETIC ? "the guest's arithmetic went wrong"
                             : what == EXC_ALIGNMENT  ? "the guest made a misaligned access"
                                                      : "the guest raised an exception");
}
