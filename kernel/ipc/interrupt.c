/* SPDX-License-Identifier: MIT */
/*
 * Interrupts for drivers. A source of interrupts is an object; whoever holds a handle to it binds it to a notification.
 * When the source asks for service, the notification gets its bits, and the source is masked. The driver serves its
 * device and acknowledges; then the source is open again. What comes while it is masked is either kept by the machine,
 * or noted here: so the driver is told at least once after the last request.
 *
 *   from   to     by whom
 *   FREE   OPEN   interrupt_bind()
 *   OPEN   TOLD   trap_interrupt(): the notification has its bits. Masked, if the machine keeps what comes meanwhile
 *   TOLD   AGAIN  trap_interrupt(), of a source that wasn't masked; now it is
 *   TOLD   OPEN   interrupt_ack()
 *   AGAIN  TOLD   interrupt_ack(): the notification has its bits once more
 *   any    FREE   interrupt_unbind(), or the end of the notification; masked
 *
 * All of it is under interrupts_lock, together with the registers of the machine's interrupt controller.
 */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/lock_check.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

enum interrupt_state { INTERRUPT_FREE, INTERRUPT_OPEN, INTERRUPT_TOLD, INTERRUPT_AGAIN };

struct interrupt {
    struct object object;
    enum interrupt_state state;
    struct notification *notification; /* unless FREE; without a reference: its end makes the source FREE */
    u64 bits;
};

static spinlock_t interrupts_lock;
LOCK_ORDER_STATIC(29, interrupts_lock);
static struct interrupt interrupts[ARCH_NR_INTERRUPTS]; /* by the machine's number; they stay for ever */

static u32 number_of(const struct interrupt *i) { return (u32)(i - interrupts); }

/* The source asks for service. */
static void tell(struct interrupt *i)
{
    if (arch_interrupt_keeps(number_of(i)))
        arch_interrupt_mask(number_of(i));
    i->state = INTERRUPT_TOLD;
    notification_signal(i->notification, i->bits);
}

void trap_interrupt(u32 number)
{
    struct interrupt *i = &interrupts[number];

    this_cpu()->irq_depth++;
    spin_lock(&interrupts_lock);
    if (i->state == INTERRUPT_OPEN) {
        tell(i);
    } else { /* it was on its way when the source was masked, or the source can't be masked before */
        arch_interrupt_mask(number);
        if (i->state == INTERRUPT_TOLD && !arch_interrupt_keeps(number))
            i->state = INTERRUPT_AGAIN;
    }
    spin_unlock(&interrupts_lock);
    this_cpu()->irq_depth--;
}

struct interrupt *interrupt_open(u64 number, bool edge, int *err)
{
    if (number >= ARCH_NR_INTERRUPTS) {
        *err = -ENODEV;
        return NULL;
    }
    struct interrupt *i = &interrupts[number];
    bool irq = spin_lock_irqsave(&interrupts_lock);
    *err = i->state == INTERRUPT_FREE ? arch_interrupt_set_up((u32)number, edge) : -EBUSY;
    if (!*err && !i->object.refs)
        object_init(&i->object, OBJECT_INTERRUPT); /* this reference is never put */
    spin_unlock_irqrestore(&interrupts_lock, irq);
    if (*err)
        return NULL;
    object_get(&i->object);
    return i;
}

int interrupt_bind(struct interrupt *i, struct notification *n, u64 bits)
{
    WRITE_ONCE(n->interrupts, true);
    bool irq = spin_lock_irqsave(&interrupts_lock), free = i->state == INTERRUPT_FREE;

    if (free) {
        i->notification = n;
        i->bits = bits;
        i->state = INTERRUPT_OPEN;
        arch_interrupt_unmask(number_of(i));
    }
    spin_unlock_irqrestore(&interrupts_lock, irq);
    return free ? 0 : -EBUSY;
}

static void set_free(struct interrupt *i)
{
    arch_interrupt_mask(number_of(i));
    i->state = INTERRUPT_FREE;
    i->notification = NULL;
}

void interrupt_unbind(struct interrupt *i)
{
    bool irq = spin_lock_irqsave(&interrupts_lock);

    if (i->state != INTERRUPT_FREE)
        set_free(i);
    spin_unlock_irqrestore(&interrupts_lock, irq);
}

void interrupts_forget(struct notification *n)
{
    bool irq = spin_lock_irqsave(&interrupts_lock);

    for (unsigned i = 0; i < ARCH_NR_INTERRUPTS; i++)
        if (interrupts[i].notification == n)
            set_free(&interrupts[i]);
    spin_unlock_irqrestore(&interrupts_lock, irq);
}

int interrupt_ack(struct interrupt *i)
{
    bool irq = spin_lock_irqsave(&interrupts_lock), bound = i->state != INTERRUPT_FREE;
    bool again = i->state == INTERRUPT_AGAIN;

    if (bound) {
        i->state = INTERRUPT_OPEN;
        arch_interrupt_unmask(number_of(i));
    }
    if (again)
        tell(i);
    spin_unlock_irqrestore(&interrupts_lock, irq);
    return bound ? 0 : -ESRCH;
}
