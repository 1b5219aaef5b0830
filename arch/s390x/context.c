/* SPDX-License-Identifier: MIT */
/* New contexts and user frames, register dumps, one step of a backtrace. */
#include <arch-generic/context.h>
#include <quire/log.h>
#include <quire/string.h>

void context_start(void);

/* The area that the ABI requires at every stack pointer in a call, where the callee saves its registers. */
struct save_area {
    struct save_area *backchain; /* the caller's; with -mbackchain */
    u64 reserved;
    u64 gprs[14]; /* r2 to r15; arch_switch and every function save r14 here */
    u64 fprs[4];
};
_Static_assert(sizeof(struct save_area) == 160, "ELF ABI s390x supplement, 1.2.2");

#define SAVED(area, r) ((area)->gprs[(r)-2])

/* The entry may be a C function: it finds the save area that the ABI requires. */
void tf_init_user(struct trapframe *tf, vaddr_t entry, vaddr_t sp, u64 arg0, u64 arg1)
{
    memset(tf, 0, sizeof(*tf));
    tf->psw = (struct psw){PSW_USER, entry};
    tf->gprs[2] = arg0;
    tf->gprs[3] = arg1;
    tf->gprs[15] = sp - sizeof(struct save_area);
}

/* The stack starts below the place of the user frame, which a new user thread has there already. */
void arch_context_init(struct arch_context *ctx, void *stack_top, void (*fn)(void *), void *arg)
{
    struct save_area *frame = (struct save_area *)arch_user_frame(stack_top) - 1;

    memset(frame, 0, sizeof(*frame));
    SAVED(frame, 6) = (u64)fn;
    SAVED(frame, 7) = (u64)arg;
    SAVED(frame, 14) = (u64)context_start;
    SAVED(frame, 15) = (u64)frame;
    ctx->sp = (u64)frame;
}

void arch_fpu_init(struct arch_fpu *fpu)
{
    memset(fpu, 0, sizeof(*fpu));
}

void arch_print_frame(const struct trapframe *tf)
{
    kprintf("  psw %016lx %016lx  code %04lx  teid %016lx\n", tf->psw.mask, tf->psw.addr, tf->code,
            tf->translation);
    for (unsigned i = 0; i < 16; i++)
        kprintf("  r%-2u %016lx%s", i, tf->gprs[i], i % 4 == 3 ? "\n" : "");
}

bool arch_unwind(vaddr_t *fp, vaddr_t *pc)
{
    const struct save_area *area = (const struct save_area *)*fp;

    *pc = SAVED(area, 14); /* the return address of the function that saved its registers in this area */
    *fp = (vaddr_t)area->backchain;
    return *pc != 0;
}
