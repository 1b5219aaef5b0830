/* SPDX-License-Identifier: MIT */
/*
 * Actions of other CPUs between two instructions of this one, without a second thread: at an event, or at the next
 * access to a frame. For this, the frame is unmapped from the program's memory; the failed access is repeated
 * afterwards.
 */
#include "machine.h"
#include "../play/check.h"
#include <signal.h>
#include <sys/mman.h>
#undef PROT_NONE /* the host's; see ram.c */

static struct {
    void (*fn)(void); /* NULL: it was called already */
    enum mm_event_kind kind;
    void *frame; /* NULL: at an event */
} next;

static void happen(void)
{
    void (*fn)(void) = next.fn;

    next.fn = NULL;
    fn();
}

void meanwhile_event(enum mm_event_kind kind)
{
    if (next.fn && !next.frame && kind == next.kind)
        happen();
}

void meanwhile_at_event(enum mm_event_kind kind, void (*fn)(void))
{
    next.fn = fn;
    next.kind = kind;
    next.frame = NULL;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (!next.fn || (void *)ALIGN_DOWN((vaddr_t)info->si_addr, PAGE_SIZE) != next.frame) {
        signal(number, SIG_DFL); /* another fault: it repeats and ends the program */
        return;
    }
    mprotect(next.frame, PAGE_SIZE, PROT_READ | PROT_WRITE);
    happen();
}

void meanwhile_at_touch(const void *address, void (*fn)(void))
{
    struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

    next.fn = fn;
    next.frame = (void *)ALIGN_DOWN((vaddr_t)address, PAGE_SIZE);
    sigaction(SIGSEGV, &action, NULL);
    CHECK(mprotect(next.frame, PAGE_SIZE, 0) == 0, "a frame can be taken out of the program's memory", "mprotect() failed");
}

bool meanwhile_happened(void) { return !next.fn; }
