/* SPDX-License-Identifier: MIT */
/*
 * Entry from and return to user mode and interrupted kernel code.
 *
 * Invariants:
 * - In the kernel, GS base = struct percpu; in user mode it is the user's and may have any value. So no code looks at
 *   the value: a frame's saved CS says where the trap came from.
 * - Between SYSCALL or an interrupt and SWAPGS, and between the last SWAPGS and IRET or SYSRET,
 *   interrupts are off and nothing faults: IRET gets only frames whose CS, SS and RFLAGS the processor or
 *   tf_init_user() made, and whose RIP was checked. NMI, machine check and double fault can still come
 *   there. They have stacks of their own, with a pointer to this CPU's struct percpu at the top: see entry_ist. #DB
 *   can't come there: only the kernel can set debug registers, and it doesn't; SYSCALL masks TF.
 * - RSP0 of the TSS is percpu.kernel_sp (arch/percpu.h): the processor itself puts a frame from user mode at the top of
 *   the thread's kernel stack.
 * - A push below a kernel stack hits its guard; so does the processor's own push for that fault, and the double fault
 *   uses the emergency stack. So entry code needn't test for an overflow.
 */
#include <quire/asm.h>
#include <arch/regs.h>
#include "asm_offsets.h"

/* The members of struct trapframe from its last to its first, arch/trap.h. */
.macro save_registers
    .irp register, r9, r8, r10, rdx, rsi, rdi, rax, rcx, r11, rbx, rbp, r12, r13, r14, r15
    pushq %\register
    .endr
.endm

.macro restore_registers
    .irp register, r15, r14, r13, r12, rbp, rbx, r11, rcx, rax, rdi, rsi, rdx, r10, r8, r9
    popq %\register
    .endr
.endm

/* The words of a message that are in registers which functions keep, <arch/trap.h>; and the other such registers. */
.macro store_words
    movq %rbx, TF_RBX(%rsp)
    movq %r12, TF_R12(%rsp)
    movq %r13, TF_R13(%rsp)
    movq %r14, TF_R14(%rsp)
    movq %r15, TF_R15(%rsp)
.endm
.macro complete_kept_registers
    store_words
#if !QUIRE_DEBUG
    movq %rbp, TF_RBP(%rsp)
#endif
.endm

/* Interrupt gates clear IF and TF, but not DF, NT and AC, which user mode may have set. */
.macro clean_flags
    pushq $RFLAGS_FIXED
    popfq
.endm

/*
 * The 256 gates lead to stubs of TRAP_STUB_SIZE bytes each, which push the two words error code and vector, as far as
 * the processor hasn't.
 */
    .text
    .globl trap_stubs
    .balign TRAP_STUB_SIZE
trap_stubs:
.set vector, 0
.rept 256
    .balign TRAP_STUB_SIZE
    .if vector >= 32 || !((VECTORS_WITH_ERROR_CODE >> (vector & 31)) & 1)
    pushq $0
    .endif
    pushq $vector
    .if vector == VEC_NMI || vector == VEC_DOUBLE_FAULT || vector == VEC_MACHINE_CHECK
    jmp entry_ist
    .else
    jmp entry
    .endif
.set vector, vector + 1
.endr

FUNC(entry)
    testb $3, TF_CS - TF_VECTOR(%rsp)
    jnz entry_from_user
    save_registers
    clean_flags
    movq %rsp, %rdi
    call trap_dispatch /* trap.c */
    restore_registers
    addq $16, %rsp
    iretq

entry_from_user:
    swapgs
entry_on_kernel_stack:
    save_registers
    clean_flags
    xorl %ebp, %ebp /* a backtrace ends at the entry into the kernel */
    movq %rsp, %rdi
    call trap_dispatch
    jmp return_to_user
END(entry)

/*
 * SYSRET from the short or whole frame at RSP that SYSCALL made, if nothing forbids it; else to `other`. Returns to RCX
 * with the flags in R11. A pc beyond the lower half would make it fault in the kernel with the user's GS base, and only
 * IRET restores TF and RF correctly.
 */
.macro check_sysret other
    movq TF_RIP(%rsp), %rcx
    movq %rcx, %rdi
    shrq $47, %rdi
    jnz \other
    movq TF_RFLAGS(%rsp), %r11
    testl $(RFLAGS_TF | RFLAGS_RF), %r11d
    jnz \other
.endm

/* SYSCALL: RCX = return address, R11 = RFLAGS, stack and GS base are still the user's (SDM 3A 5.8.8). */
FUNC(syscall_entry)
    swapgs
    movq %rsp, %gs:PERCPU_USER_SP
    movq %gs:PERCPU_KERNEL_SP, %rsp
    pushq $SEL_USER_DATA
    pushq %gs:PERCPU_USER_SP
    pushq %r11
    pushq $SEL_USER_CODE
    pushq %rcx
    pushq $0
    pushq $VEC_SYSCALL
    .irp register, r9, r8, r10, rdx, rsi, rdi, rax
    pushq %\register
    .endr
    subq $TF_RAX, %rsp /* from here on the frame is short, <quire/syscall.h> */
#if QUIRE_DEBUG
    movq %rbp, TF_RBP(%rsp)
    xorl %ebp, %ebp
#endif
    incq %gs:PERCPU_SYSCALLS
    cmpq $NR_SYSTEM_CALLS, %rax
    jae 1f
    movq %gs:PERCPU_CALLS, %rcx
    movq %rsp, %rdi
    sti
    call *(%rcx, %rax, 8)
    cli
    cmpb $0, %gs:PERCPU_USER_WORK
    jne 4f
#if QUIRE_DEBUG
    movq %rax, TF_RAX(%rsp)
    movq %rsp, %rdi
    call trap_leaves
    movq TF_RAX(%rsp), %rax
    movq TF_RBP(%rsp), %rbp
#endif
    check_sysret 4f
    movq TF_RDI(%rsp), %rdi
    movq TF_RSI(%rsp), %rsi
    movq TF_RDX(%rsp), %rdx
    movq TF_R10(%rsp), %r10
    movq TF_R8(%rsp), %r8
    movq TF_R9(%rsp), %r9
    movq TF_RSP(%rsp), %rsp
    swapgs
    sysretq
1:  call arch_call_whole
4:  movq %rax, TF_RAX(%rsp)
    leaq return_to_user(%rip), %rdi
    jmp complete
END(syscall_entry)

/* What a short frame lacks, with interrupts off; it goes on at RDI. */
FUNC(complete)
    movq TF_RIP(%rsp), %rcx
    movq TF_RFLAGS(%rsp), %r11
    movq %rcx, TF_RCX(%rsp)
    movq %r11, TF_R11(%rsp)
    complete_kept_registers
    jmp *%rdi
END(complete)

/* The only way to user mode with a whole frame. RSP = the frame, interrupts off. */
FUNC(return_to_user)
    cmpb $0, %gs:PERCPU_USER_WORK
    jne 3f
4:
#if QUIRE_DEBUG
    movq %rsp, %rdi
    call trap_leaves
#endif
    movq TF_RIP(%rsp), %rcx
    movq %rcx, %rax
    shrq $47, %rax
    jnz 2f
    cmpq $VEC_SYSCALL, TF_VECTOR(%rsp)
    jne 1f
    cmpq TF_RCX(%rsp), %rcx
    jne 1f
    movq TF_RFLAGS(%rsp), %rax
    cmpq TF_R11(%rsp), %rax
    jne 1f
    testl $(RFLAGS_TF | RFLAGS_RF), %eax
    jnz 1f
    restore_registers
    movq TF_RSP - TF_VECTOR(%rsp), %rsp
    swapgs
    sysretq
1:  restore_registers
    addq $16, %rsp
    swapgs
    iretq
2:  movabsq $0x00007fffffffffff, %rax /* the last address of the lower half, where fetching faults in user mode */
    movq %rax, TF_RIP(%rsp)
    jmp 1b
3:  movq %rsp, %rdi
    call trap_user_work
    cmpq %rax, %rsp
    je 4b
    movq %rax, %rdi
    jmp arch_hand_over
END(return_to_user)

/* void arch_enter_user(struct trapframe *tf) */
FUNC(arch_enter_user)
    movq %rdi, %rsp
    xorl %ebp, %ebp /* as after a trap: a backtrace ends here */
    jmp return_to_user
END(arch_enter_user)

/* A call of a table's function has pushed one word on the frame. */
.macro complete_frame
    cli
    addq $8, %rsp
    movq TF_RIP(%rsp), %rcx
    movq %r11, TF_R11(%rsp)
    movq %rcx, TF_RCX(%rsp)
    complete_kept_registers
.endm

/*
 * After a short cut, <quire/upcalls.h>. RAX: the frame to go on with. The words, which are in their registers, and the
 * result are stored only if something else has to be done first.
 */
.macro hand_over result
    movq %gs:PERCPU_LEFT, %rcx
    movq %rax, %rsp
    movl $THREAD_WAITING_STATE, %eax
    movl $THREAD_BLOCKED_STATE, %edx
    lock cmpxchgl %edx, THREAD_STATE(%rcx)
    jne 2f
    cmpb $0, %gs:PERCPU_USER_WORK
    jne 3f
#if QUIRE_DEBUG
    movq %rsp, %rdi
    call trap_leaves
#endif
    check_sysret 3f
    movq TF_RBP(%rsp), %rbp
    movq TF_RDX(%rsp), %rdx
    movq TF_R8(%rsp), %r8
    movl $\result, %eax
    xorl %esi, %esi /* info */
    xorl %edi, %edi
    xorl %r9d, %r9d
    xorl %r10d, %r10d
    movq TF_RSP(%rsp), %rsp
    swapgs
    sysretq
2:  store_words
    call sched_settle_woken
    jmp 4f
3:  store_words
4:  movq $\result, TF_RAX(%rsp)
    movq $0, TF_RSI(%rsp)
    jmp return_to_user
.endm

/* s64 arch_call_whole(struct trapframe *tf), and those that try the short cuts first */
FUNC(arch_call_fast_call)
    complete_frame
    call ipc_fast_call
    testq %rax, %rax
    jz whole
    hand_over GOT_CALL
END(arch_call_fast_call)

FUNC(arch_call_fast_reply_receive)
    complete_frame
    call ipc_fast_reply_receive
    testq %rax, %rax
    jz whole
    hand_over 0
END(arch_call_fast_reply_receive)

FUNC(arch_call_fast_yield)
    complete_frame
    call sched_fast_yield
    testq %rax, %rax
    jz whole
    movq %rax, %rdi
    cmpq %rdi, %rsp
    je return_to_user
    /* and on into arch_hand_over */
END(arch_call_fast_yield)

/* void arch_hand_over(struct trapframe *to) */
FUNC(arch_hand_over)
    movq %rdi, %rsp
    call sched_has_left
    jmp return_to_user
END(arch_hand_over)

FUNC(arch_call_whole)
    complete_frame
whole:
    movq %rsp, %rdi
    call trap_syscall
    jmp return_to_user
END(arch_call_whole)

/*
 * NMI, machine check, double fault, on their own stacks. From user mode the first two move to the
 * thread's kernel stack and are ordinary traps from there on. From the kernel, GS base may be the user's or the
 * kernel's, so struct percpu is taken from the word above the frame.
 */
FUNC(entry_ist)
    cmpq $VEC_DOUBLE_FAULT, (%rsp)
    je 1f
    testb $3, TF_CS - TF_VECTOR(%rsp)
    jz 1f
    swapgs
    pushq %rax
    movq %rsp, %rax
    movq %gs:PERCPU_KERNEL_SP, %rsp
    .irp word, 7, 6, 5, 4, 3, 2, 1
    pushq \word * 8(%rax)
    .endr
    movq (%rax), %rax
    jmp entry_on_kernel_stack
1:  save_registers
    clean_flags
    movl $MSR_GS_BASE, %ecx
    rdmsr
    movl %eax, %r12d
    movl %edx, %r13d
    movq TF_SIZE(%rsp), %rdx
    movl %edx, %eax
    shrq $32, %rdx
    wrmsr
    movq %rsp, %rdi
    call trap_dispatch
    movl $MSR_GS_BASE, %ecx
    movl %r12d, %eax
    movl %r13d, %edx
    wrmsr
    restore_registers
    addq $16, %rsp
    iretq
END(entry_ist)

    .section .note.GNU-stack, "", @progbits
