/* SPDX-License-Identifier: MIT */
/*
 * Guests in the soft enforcement: locks, registers, entering a guest and leaving it. A soft guest is an unprivileged
 * program in an address space of the ultravisor. The host thread that runs the guest lends its kernel stack: the
 * thread's user frame is saved elsewhere, and the guest's registers take its place, so traps, preemption and switches
 * work as for any thread. The number of a place is the address of the user frame.
 *
 * The guest's floating-point registers are saved here too, so the host gets its own back and never sees the guest's.
 * When a guest has left a CPU, no guest's tables are loaded there.
 */
#include <quire/log.h>
#include <quire/string.h>
#include "soft.h"

struct uv_soft uv_soft;

void enforce_lock(unsigned guest)
{
    spin_lock(&uv_soft.lock[guest]);
    lock_time_is_long(&uv_soft.lock[guest]); /* a call may fill and measure up to UV_BATCH pages */
}
void enforce_unlock(unsigned guest) { spin_unlock(&uv_soft.lock[guest]); }

void enforce_panic(const char *rule, unsigned guest, u64 number, s64 result)
{
    panic("ultravisor, guest %u: %s; it is about 0x%lx, result %ld", guest, rule, number, result);
}

void enforce_make(unsigned guest, u64 nr_pages)
{
    struct soft_guest *s = soft_guest(guest);

    memset(s, 0, sizeof(*s)); /* the guest's lock isn't part of it */
    s->nr_pages = nr_pages;
    arch_fpu_init(&s->guest_fpu);
}

void enforce_start(unsigned guest, u64 entry, u64 stack, u64 argument)
{
    tf_init_user(&soft_guest(guest)->guest_frame, entry, stack, argument, 0);
}

void enforce_result(unsigned guest, s64 result)
{
    struct soft_guest *s = soft_guest(guest);

    tf_set_ret(s->frame ? s->frame : &s->guest_frame, result);
}

u64 enforce_enter(unsigned guest)
{
    struct soft_guest *s = soft_guest(guest);
    struct trapframe *tf = soft_frame();
    bool irq = irq_save();

    s->frame = tf;
    s->host_frame = *tf;
    *tf = s->guest_frame;
    arch_own_save(&s->host_fpu);
    arch_fpu_save(&s->host_fpu);
    arch_own_restore(&s->guest_fpu);
    arch_fpu_restore(&s->guest_fpu);
    mm_activate(&s->mm);
    irq_restore(irq);
    return (u64)tf;
}

void enforce_leave(unsigned guest)
{
    struct soft_guest *s = soft_guest(guest);

    s->guest_frame = *s->frame;
    *s->frame = s->host_frame;
    s->frame = NULL;
    arch_own_save(&s->guest_fpu);
    arch_fpu_save(&s->guest_fpu);
    arch_own_restore(&s->host_fpu);
    arch_fpu_restore(&s->host_fpu);
    mm_activate(NULL);
}
