/* SPDX-License-Identifier: MIT */
/*
 * Where a program was when it crashed: struct quire_crash, for the parent. The way back through the program's calls is
 * read from its stack, which may hold anything: bad addresses end the way, each step goes up, and there are few steps.
 * Programs of release builds have no frame pointers; of them only `pc` and `address` mean something.
 */
#include <quire/process.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <arch-generic/context.h>
#include <arch-generic/machine.h>

#define AREA_BELOW 16 /* what arch_unwind() may read around a frame pointer, in bytes */
#define AREA_BYTES 192
#define LEAF_BYTES (64 * KiB)

/* From a frame to its caller's: returns the return address in it. *fp becomes 0 if the way ends here. */
static u64 step_up(vaddr_t *fp)
{
    u64 area[AREA_BYTES / sizeof(u64)] = {0};
    vaddr_t next = (vaddr_t)area + AREA_BELOW, pc;

    copy_in(area, (struct user_ptr){*fp - AREA_BELOW}, sizeof(area)); /* what can't be read stays 0 */
    arch_unwind(&next, &pc);
    if (pc > *fp && pc - *fp < LEAF_BYTES) /* a function without calls: it saved its caller's frame pointer there */
        next = pc;
    *fp = next > *fp && IS_ALIGNED(next, 8UL) ? next : 0;
    return pc;
}

void crash_record(struct quire_crash *crash, const struct trapframe *tf, vaddr_t addr)
{
    bool in_memory;
    vaddr_t fp = tf_frame_pointer(tf), link = tf_link(tf, &in_memory);

    arch_irq_enable();
    *crash = (struct quire_crash){.pc = tf_pc(tf), .address = addr, .link = in_memory ? 0 : link};
    strlcpy(crash->name, current_process()->name, sizeof(crash->name));
    if (in_memory)
        copy_in(&crash->link, (struct user_ptr){link}, sizeof(crash->link));
    if (ARCH_USER_FRAME_IS_OWN)
        step_up(&fp);
    for (unsigned i = 0; i < QUIRE_CRASH_CALLS && fp; i++)
        crash->calls[i] = step_up(&fp);
}
