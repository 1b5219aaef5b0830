/* SPDX-License-Identifier: MIT */
/*
 * What the kernel does in traps. The code in arch/ calls these functions, with interrupts off: <quire/upcalls.h>.
 */
#include <quire/watch.h>
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/guest.h>
#include <quire/kvmap.h>
#include <quire/log.h>
#include <quire/pager.h>
#include <quire/process.h>
#include <quire/messages.h>
#include <quire/mm_event.h>
#include <quire/code_events.h>
#include <quire/syscall.h>
#include <quire/tlb.h>
#include <arch-generic/machine.h>
#include <arch-generic/uaccess.h>

#define STALE_AGAIN_NS 1000000 /* a fault at the same address within this time after the flush is the same fault */

static const char *by_access(unsigned access, const char *read, const char *write, const char *jump)
{
    return access == ACCESS_WRITE ? write : access == ACCESS_EXEC ? jump : read;
}

static const char *access_word(unsigned access) { return by_access(access, "read", "write", "jump"); }

extern char __text_start[], __text_end[], __rodata_end[]; /* linker/kernel.lds.S */

static bool in_guest(void) { return unlikely(current_thread()->guest != NULL); }

void trap_syscall(struct trapframe *tf)
{
    if (in_guest())
        guest_trap_syscall(tf);
    else
        syscall_dispatch(tf);
}

/* --- faults ------------------------------------------------------------------------------------ */
static const struct {
    int err, status;
    const char *why;
} unresolved_faults[] = {
    {-ENOMEM, STATUS_NO_MEMORY, "out of memory"},
    {-EHWPOISON, STATUS_BUS_ERROR, "bus error, the memory is broken"},
    {-EBUSY, STATUS_BUS_ERROR, "bus error, the memory is in a hole: lent to somebody else"},
    {-EIO, STATUS_BUS_ERROR, "bus error, the memory's pager doesn't supply the page"},
    {-ENXIO, STATUS_BUS_ERROR, "bus error, behind the end of the mapped object"},
    {-E2BIG, STATUS_FAULT, "stack overflow: it has reached its limit, or another area"},
};

/* The text for an access that no area allows. */
static const char *forbidden(vaddr_t addr, unsigned access, int err)
{
    if (err == -EACCES)
        return by_access(access, "read of memory that it may not read", "write to memory that it may not write",
                         "jump into memory that isn't executable");
    if (addr < PAGE_SIZE)
        return "null pointer access";
    return by_access(access, "read where no memory is mapped", "write where no memory is mapped",
                     "jump where no memory is mapped");
}

/* mm couldn't resolve it. Comes back if the process's fault handler lets the thread go on. */
static __noinline void unresolved(struct trapframe *tf, vaddr_t addr, unsigned access, int err)
{
    int status = STATUS_FAULT;
    const char *why = NULL;

    for (unsigned i = 0; i < ARRAY_SIZE(unresolved_faults); i++)
        if (unresolved_faults[i].err == err) {
            status = unresolved_faults[i].status;
            why = unresolved_faults[i].why;
        }
    if (!fault_ask(tf, QUIRE_FAULT_MEMORY, addr, access, status))
        process_die(tf, status, why ? why : forbidden(addr, access, err), addr);
}

void trap_user_fault(struct trapframe *tf, vaddr_t addr, unsigned access)
{
    if (in_guest()) {
        guest_trap_fault(tf, addr, access);
        return;
    }
    thread_event(MM_EVENT_FAULT, current_thread()->id, addr, access);
    arch_irq_enable();
    int err = mm_fault(current_process()->mm, addr, access);
    if (unlikely(err == -EAGAIN))
        err = pager_fault(addr, access);
    if (unlikely(err))
        unresolved(tf, addr, access, err);
    arch_irq_disable();
}

static vaddr_t extable_exit(vaddr_t pc)
{
    for (const struct extable_entry *e = __ex_table_start; e < __ex_table_end; e++)
        if ((vaddr_t)&e->insn + (vaddr_t)(s64)e->insn == pc)
            return (vaddr_t)&e->exit + (vaddr_t)(s64)e->exit;
    return 0;
}

/*
 * Whether the kernel's own tables allow the access. Then this CPU's TLB still held an older entry that forbade it; this
 * entry is flushed, and the access may run again.
 */
static bool stale_kernel_entry(vaddr_t addr, unsigned access)
{
    pte_t e = pt_lookup(kernel_root(), addr);

    if (addr < USER_TOP && PT_KERNEL_IN_USER_ROOT)
        return false;
    if (!pte_present(e) || (access == ACCESS_WRITE && !pte_write(e)) || (access == ACCESS_EXEC && !pte_exec(e)))
        return false;
    static struct stale {
        vaddr_t addr;
        u64 at_ns;
        u32 repeats;
    } last_ones[MAX_CPUS];
    struct stale *last = &last_ones[this_cpu()->cpu];
    u64 now = arch_clock_ns();
    bool again = last->addr == addr && now - last->at_ns < STALE_AGAIN_NS;
    *last = (struct stale){addr, now, again ? last->repeats + 1 : 0};
    tlb_flush_local(NULL, ALIGN_DOWN(addr, PAGE_SIZE), 1);
    return last->repeats < 8; /* a fault that comes back so often has another cause */
}

static void kernel_fault(struct trapframe *tf, vaddr_t addr, unsigned access)
{
    vaddr_t exit = extable_exit(tf_pc(tf));
    bool own = access & ACCESS_KERNEL; /* at the kernel's side of a user copy: no area resolves such a fault */

    access &= ~ACCESS_KERNEL;
    if (exit) { /* inside a copy from or to user memory, which holds no locks */
        bool irqs = tf_irqs_enabled(tf);
        struct process *p = in_guest() ? NULL : current_process(); /* the host process can't resolve a guest's fault */
        if (irqs)
            arch_irq_enable();
        if (own || !p || mm_fault(p->mm, addr, access))
            tf_set_pc(tf, exit);
        if (irqs)
            arch_irq_disable();
        return;
    }
    if (stale_kernel_entry(addr, access))
        return;
    test_hook_fault(tf, addr, access);
    if (kstack_guard_at(addr))
        panic_frame(tf, "kernel stack overflow: %s at 0x%lx, in the guard of a stack", access_word(access), addr);
    if (addr < PAGE_SIZE)
        panic_frame(tf, "the kernel used a null pointer: %s at 0x%lx", access_word(access), addr);
    if (access == ACCESS_WRITE && addr >= (vaddr_t)__text_start && addr < (vaddr_t)__rodata_end)
        panic_frame(tf,
                    "the kernel may not write to its own %s: write at 0x%lx. likely: a pointer to a function or to a "
                    "constant was used as a pointer to data",
                    addr < (vaddr_t)__text_end ? "code" : "constants", addr);
    if (addr < USER_TOP && PT_KERNEL_IN_USER_ROOT)
        panic_frame(tf, "the kernel touched user memory directly, not by copy_in() or copy_out(): %s at 0x%lx",
                    access_word(access), addr);
    if (addr - DIRECT_MAP_BASE < DIRECT_MAP_SIZE && pfn_valid((addr - DIRECT_MAP_BASE) >> PAGE_SHIFT)) {
        pfn_t pfn = (addr - DIRECT_MAP_BASE) >> PAGE_SHIFT;
        panic_frame(tf, "the kernel may not %s frame 0x%lx through the direct map (word: %s); a secure guest's?",
                    access_word(access), pfn, memdesc_type_name(memdesc_type(memdesc_read(pfn))));
    }
    panic_frame(tf, "page fault in the kernel: %s at 0x%lx", access_word(access), addr);
}

void __noreturn trap_null_pointer(struct trapframe *tf, unsigned access, const char *file, unsigned line)
{
    test_hook_fault(tf, 0, access);
    panic("the kernel used a null pointer: %s at 0x0, in %s:%u. likely: a pointer wasn't checked", access_word(access),
          file, line);
}

void trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access)
{
    if (tf_user(tf))
        trap_user_fault(tf, addr, access);
    else
        kernel_fault(tf, addr, access);
}

/* --- other exceptions -------------------------------------------------------------------------- */
static const struct {
    const char *text;
    int status;
} exceptions[] = {
    [EXC_PROTECTION] = {"impossible address or privileged instruction", STATUS_FAULT},
    [EXC_ILLEGAL] = {"illegal instruction", STATUS_ILLEGAL},
    [EXC_BREAKPOINT] = {"breakpoint", STATUS_TRAP},
    [EXC_ALIGNMENT] = {"misaligned access", STATUS_BUS_ERROR},
    [EXC_ARITHMETIC] = {"arithmetic error", STATUS_ARITHMETIC},
    [EXC_BUS] = {"bus error", STATUS_BUS_ERROR},
    [EXC_OTHER] = {"exception", STATUS_TRAP},
};

void trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr)
{
    const char *text = exceptions[what].text;

    if (!tf_user(tf)) {
        vaddr_t exit = extable_exit(tf_pc(tf));
        if (exit) {
            tf_set_pc(tf, exit);
            return;
        }
        test_hook_exception(tf, text, addr);
        panic_frame(tf, "%s in the kernel (code 0x%lx) at 0x%lx", text, code, addr);
    }
    if (in_guest()) {
        guest_trap_exception(tf, what, code, addr);
        return;
    }
    arch_irq_enable();
    if (!fault_ask(tf, QUIRE_FAULT_EXCEPTION, addr, what, exceptions[what].status))
        process_die(tf, exceptions[what].status, text, addr);
    arch_irq_disable();
}

void __noreturn trap_stack_overflow(struct trapframe *tf)
{
    if (this_cpu()->in_panic)
        arch_poweroff(PANIC_STATUS);
    test_hook_overflow(tf);
    const struct thread *t = current_thread();
    panic_frame(tf, "kernel stack overflow in thread %s: stack pointer 0x%lx, its %lu KiB end at 0x%lx",
                t ? t->name : "none", tf_sp(tf), KSTACK_SIZE / KiB, t ? (vaddr_t)t->stack_top - KSTACK_SIZE : 0);
}

bool trap_fpu(struct trapframe *tf)
{
    (void)tf; /* the thread's only user frame: sched_own_fpu() finds it */
    return sched_own_fpu();
}

/* --- interrupts -------------------------------------------------------------------------------- */
void trap_timer(const struct trapframe *tf)
{
    this_cpu()->irq_depth++;
    counter_inc(COUNTER_TIMER_INTERRUPTS);
    watch_tick(tf); /* before the turn ends: what comes behind delays this CPU's next turn */
    turn_ends();
    sched_tick();
    test_hook_tick();
    this_cpu()->irq_depth--;
}

void trap_ipi(void)
{
    this_cpu()->irq_depth++;
    counter_inc(COUNTER_IPIS);
    shootdown_serve();
    this_cpu()->irq_depth--;
}

/* A message or a switch sets user_work if this CPU has something to do here. So the usual way out is one test. */
struct trapframe *trap_user_work(struct trapframe *tf)
{
    struct percpu *cpu;

    while (READ_ONCE((cpu = this_cpu())->user_work)) {
        cpu->user_work = false;
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* clear the flag, then look at `killed`: thread_interrupt() */
        if (sched_need_resched()) {
            struct trapframe *to = sched_preempt(tf);
            if (to != tf)
                return to;
        }
        process_check_killed();
        this_cpu()->calls = calls_of(current_thread()); /* a handler may trace it from now on, or not any more */
        icache_enter_user(current_thread()->mm);
    }
    return tf;
}

void trap_leaves(struct trapframe *tf)
{
    DEBUG_ASSERT(locks_held() == 0,
                 "return to user mode with a lock held: %s. likely: an early return that doesn't let it go",
                 locks_text());
    DEBUG_ASSERT(!current_thread()->guest || this_cpu()->calls == whole_calls,
                 "thread %s would make the system calls of another one", current_thread()->name);
    watch_gets_on();
    code_entered(tf, current_thread()->mm);
}
