/* SPDX-License-Identifier: MIT */
/*
 * Running a guest: the system calls, and the guest's traps on their way to the ultravisor. A thread that is inside a
 * guest finds it by current_thread()->guest. This thread holds a reference to the guest, and no other thread may end
 * the state RUNNING. So however many threads try to run one guest, none takes the exit or the address of another.
 */
#include "guest_object.h"
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/process.h>
#include <quire/syscall.h>
#include <quire/sys.h>
#include <quire/upcalls.h>
#include <quire/uv_soft.h>
#include <uapi/quire/abi.h>

static struct trapframe *own_frame(void) { return arch_user_frame(current_thread()->stack_top); }

/* --- in ----------------------------------------------------------------------------------------- */
/* Gives this thread the guest's user frame and address space. No other thread may run between these two steps. */
static s64 enter(struct guest *g, struct user_ptr exit)
{
    bool irq = irq_save();
    sched_own_fpu(); /* the ultravisor saves them as this thread's */
    s64 err = uvcall(UV_RUN, g->id, (u64)g->answer, 0, 0, 0);

    if (!err) {
        g->run = (struct guest_run){g, exit};
        current_thread()->guest = &g->run;
        this_cpu()->calls = whole_calls;
        current_thread()->mm = uv_guest_mm(g->id);
    }
    irq_restore(irq);
    if (!err) {
        g->answer = 0;
        guest_become(g, GUEST_RUNNING);
    }
    return err;
}

/*
 * On success *tf is the guest's frame, and this thread returns to user mode inside the guest. The system call gets its
 * result when the guest leaves: guest_left(). Until then the thread keeps the reference to the guest.
 */
s64 sys_guest_run(struct trapframe *tf)
{
    int err;
    struct user_ptr exit = user_arg(tf, 1);
    const struct quire_guest_exit nothing = {0};

    DEBUG_ASSERT(tf == own_frame(), "guest_run from another frame than this thread's own");
    struct guest *g = guest_get(tf, &err);
    if (!g)
        return err;
    if (copy_out(exit, &nothing, sizeof(nothing))) { /* a bad address fails before the guest runs */
        object_put(&g->object);
        return -EFAULT;
    }
    mutex_lock(&g->lock);
    s64 result = g->state == GUEST_IDLE ? enter(g, exit) : g->state == GUEST_ENDED ? -ESRCH : -EBUSY;
    mutex_unlock(&g->lock);
    if (!result)
        return tf_ret(tf); /* the guest's own register: syscall_dispatch() stores this value into the guest's frame */
    object_put(&g->object);
    return result;
}

/* --- out ---------------------------------------------------------------------------------------- */
/* The thread leaves the guest's address space for its process's. Interrupts off on entry and return. */
static struct guest *come_back(void)
{
    struct guest *g = current_thread()->guest->guest;

    current_thread()->guest = NULL;
    this_cpu()->calls = calls_of(current_thread());
    current_thread()->mm = current_process()->mm;
    mm_activate(current_thread()->mm);
    return g;
}

static u64 exit_number(const struct guest *g, unsigned field)
{
    s64 n = uvcall(UV_EXIT, g->id, field, 0, 0, 0);

    KASSERT(n >= 0, "guest %u has left and doesn't say why: error %ld", g->id, n);
    return (u64)n;
}

static void take_exit(const struct guest *g, struct quire_guest_exit *out)
{
    *out = (struct quire_guest_exit){.kind = (u32)exit_number(g, UV_EXIT_KIND),
                                     .page = exit_number(g, UV_EXIT_PAGE),
                                     .nr = exit_number(g, UV_EXIT_NR),
                                     .value = exit_number(g, UV_EXIT_HIGH) << 32 | exit_number(g, UV_EXIT_LOW)};
    bool text = out->kind == QUIRE_GUEST_CONSOLE || out->kind == QUIRE_GUEST_FAULT;
    for (unsigned i = 0; text && i < sizeof(out->text) - 1; i++)
        out->text[i] = (char)(exit_number(g, UV_EXIT_TEXT + i / 4) >> (8 * (i % 4)));
}

static enum guest_state state_after(u32 kind)
{
    switch (kind) {
    case QUIRE_GUEST_SHARE:
    case QUIRE_GUEST_UNSHARE:
        return GUEST_PENDING;
    case QUIRE_GUEST_EXIT:
    case QUIRE_GUEST_FAULT:
        return GUEST_ENDED;
    default:
        return GUEST_IDLE;
    }
}

/*
 * The thread reads why the guest left before it changes the state, because another thread may run the guest after the
 * change.
 */
static void guest_left(struct trapframe *tf)
{
    struct guest *g = come_back();
    struct quire_guest_exit out;
    struct user_ptr exit = g->run.exit;

    arch_irq_enable();
    counter_inc(COUNTER_UV_EXITS);
    take_exit(g, &out);
    mutex_lock(&g->lock);
    g->left_for = out.kind;
    g->ask_page = out.page;
    g->ask_nr = out.nr;
    guest_become(g, state_after(out.kind));
    mutex_unlock(&g->lock);
    tf_set_ret(tf, copy_out(exit, &out, sizeof(out)));
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
    if (uv_guest_trap_exception(current_thread()->guest->guest->id, tf, what, code))
        guest_left(tf);
}

/* A thread that ends inside its guest ends the guest, too. */
void guest_abandon(void)
{
    if (!current_thread()->guest)
        return;
    bool irq = irq_save();
    uv_guest_trap_end(current_thread()->guest->guest->id, own_frame());
    struct guest *g = come_back();
    irq_restore(irq);
    mutex_lock(&g->lock);
    guest_become(g, GUEST_ENDED);
    guest_unlock_put(g);
}

/* Only a console or yield call waits for a number of the host's; share and unshare get theirs from the ultravisor. */
s64 sys_guest_answer(struct trapframe *tf)
{
    int err;
    struct guest *g = guest_get_locked(tf, &err);

    if (!g)
        return err;
    bool waits = g->state == GUEST_IDLE && (g->left_for == QUIRE_GUEST_CONSOLE || g->left_for == QUIRE_GUEST_YIELD);
    if (waits)
        g->answer = (s64)tf_arg(tf, 1);
    guest_unlock_put(g);
    return waits ? 0 : -EINVAL;
}
