/* SPDX-License-Identifier: MIT */
/*
 * All functions of a higher room that a lower room calls, on one page. `make check` reads this page and allows no other
 * upward call. The kernel implements these functions; so do tests/native and tests/explore, as far as they play a
 * kernel.
 */
#pragma once

#include <stdarg.h>
#include <quire/percpu.h>
#include <quire/types.h>

struct trapframe;

/* What an access wanted to do; also what a page-table entry allows. */
#define ACCESS_READ 1u
#define ACCESS_WRITE 2u
#define ACCESS_EXEC 4u
/* Or-ed in if kernel mode accesses its own space and the address alone doesn't tell: with PT_KERNEL_IN_USER_ROOT 0 the
 * same number could also be a user address. */
#define ACCESS_KERNEL 8u

enum exception {
    EXC_PROTECTION, /* an address that no table can map, or a privileged instruction; the machine doesn't say which */
    EXC_ILLEGAL,    /* illegal, privileged or unknown instruction */
    EXC_BREAKPOINT, /* breakpoint or single step */
    EXC_ALIGNMENT,  /* misaligned access or jump */
    EXC_ARITHMETIC, /* integer or floating-point arithmetic */
    EXC_BUS,        /* the access reached nothing: bus error, addressing exception */
    EXC_OTHER,      /* anything else; `code` is the machine's own number */
};

/*
 * --- traps: arch -> kernel/traps ------------------------------------------------------------------
 * All are called with interrupts off and return with interrupts off. `tf` is the frame on the current kernel stack. The
 * registers are restored from it, so a handler may change it.
 */
/*
 * A system call from user mode that needs a whole frame, or has a wrong number (<quire/syscall.h>). The program counter
 * already points behind the call instruction.
 */
void trap_syscall(struct trapframe *tf);

/*
 * A memory access at `addr` was refused by the page tables, in user or kernel mode (tf_user()).
 * The generic code resolves it, ends the process, takes the exception-table exit of a user copy, or
 * panics. `access` is one of ACCESS_* (and ACCESS_KERNEL). After a return the instruction runs again.
 */
void trap_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
/* The same for an access that is known to come from user mode. */
void trap_user_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
/* A check that the compiler made has found that this line of the kernel uses a null pointer: a fault in kernel mode. */
void __noreturn trap_null_pointer(struct trapframe *tf, unsigned access, const char *file, unsigned line);

/*
 * User mode has touched floating-point registers that it may not use at the moment, tf_allow_fpu(). True: now it may;
 * the instruction runs again. False: they are its own, so the exception has another cause.
 */
bool trap_fpu(struct trapframe *tf);

/* Any other exception, `code` the machine's number for it, `addr` what it is about (0: nothing). */
void trap_exception(struct trapframe *tf, enum exception what, u64 code, vaddr_t addr);

/* This CPU's timer deadline has passed; the source is already quiet. */
void trap_timer(const struct trapframe *tf);
void trap_ipi(void);        /* another CPU sent arch_ipi_send(); the source is already quiet */

/*
 * What trap.S calls before each return to user mode if percpu.user_work is set, with the whole frame: reschedules,
 * delivers kills, runs instruction-cache generations. The flag is clear after this. The result is the frame to go on
 * with. If it is another thread's, trap.S leaves this kernel stack and calls sched_has_left() then, and looks at
 * user_work again: arch_hand_over().
 */
struct trapframe *trap_user_work(struct trapframe *tf);
/* Debug kernels: the last thing before each return to user mode, after trap_user_work(). */
void trap_leaves(struct trapframe *tf);

/* The kernel stack's guard was hit; runs on the emergency stack and never returns. */
void __noreturn trap_stack_overflow(struct trapframe *tf);

/* --- the short cut of messages: arch -> kernel/ipc ------------------------------------------------------ */
/*
 * A call, or a reply with the next receive, by the short cut of kernel/ipc/fast.c. Called with a whole frame and
 * interrupts off, from trap.S alone, info is *tf_info(tf): these functions don't keep the registers that others keep.
 * NULL: the ordinary way has to do the work, and nothing has changed. Else the result is the frame with which this CPU
 * returns to user mode. Before that, in this order:
 * - trap.S leaves this kernel stack, which belongs to the thread percpu.left;
 * - it changes that thread's state from THREAD_WAITING to THREAD_BLOCKED, by compare and swap. If it isn't
 *   THREAD_WAITING any more, trap.S calls sched_settle_woken().
 *
 * The words of the message, an info word 0, and the result (QUIRE_GOT_CALL or 0) are for trap.S to give; everything
 * else is in the new frame. Most words lie in registers that functions keep, and these two don't touch them: so they
 * are where they shall be. tf_pass_words() has copied the others to the new frame.
 */
struct trapframe *ipc_fast_call(struct trapframe *tf, u64 info);
struct trapframe *ipc_fast_reply_receive(struct trapframe *tf, u64 info);

/* --- its end, if somebody has woken the thread that is left: arch -> kernel/sched ------------------------- */
void sched_settle_woken(void);

/* --- yielding: arch -> kernel/sched ------------------------------------------------------------------------ */
/*
 * The short cut of kernel/sched/rest.c. Called as ipc_fast_call() is. NULL: the ordinary way has to do the work. Else
 * the result is the frame, whole and with its result, with which this CPU returns to user mode. Before that trap.S
 * leaves this kernel stack, and then calls sched_has_left().
 */
struct trapframe *sched_fast_yield(struct trapframe *tf);
/* What arch_hand_over() calls: nobody uses the kernel stack that was left any more. Drops the run queue's lock. */
void sched_has_left(void);

/* --- interrupts of devices: arch -> kernel/ipc ------------------------------------------------------------ */
/*
 * A device's source of interrupts, which isn't the kernel's own, asks for service. The controller is told after this
 * that the interrupt was served, so that a source that was masked here doesn't come again at once.
 */
void trap_interrupt(u32 number);

/* --- input: arch -> kernel/unix ----------------------------------------------------------------------- */
void trap_console_rx(void); /* arch_console_getc() may have something. Interrupts off */

/* --- start: arch, boot -> kernel --------------------------------------------------------------------- */
struct boot_info;
void __noreturn kernel_main(struct boot_info *info);
void __noreturn secondary_main(void);

/* --- each CPU's data, and functions to print registers: arch, lib -> base ------------------------------ */
extern struct percpu percpu_area[MAX_CPUS];
extern unsigned nr_cpus;
void kprintf(const char *fmt, ...) __printf_like(1, 2);
void __noreturn panic(const char *fmt, ...) __printf_like(1, 2);

/* --- threads, <quire/thread.h> says more: base, mm -> kernel/sched ------------------------------------- */
struct thread;
void schedule(void);
void sched_rearm_timer(void);
void thread_announce_wait(void);
void thread_withdraw_wait(void);
bool thread_wake(struct thread *thread);

/*
 * A point where a long loop may be preempted; no spin locks held. True: the caller's process was killed. Work that a
 * program asked for then ends early. Work that has to be finished (such as freeing an address space, also of a killed
 * process) goes on. A loop whose length a program chose calls this every 512 items.
 */
bool preempt_point(void);

/* The thread that runs on this CPU, for the text of a panic. */
struct running {
    const char *thread;    /* its name; "none" before there are threads */
    const char *process;   /* NULL: a kernel thread */
    const void *stack_top; /* NULL: the boot stack */
};
struct running running_now(void);

/* --- the last reference to an object is dropped; kinds.c ends each kind: mm, kernel -> kernel/objects --- */
struct object;
void object_destroy(struct object *object);

/* --- a thread's system calls, <quire/syscall.h>: kernel/sched, kernel/objects -> kernel/calls ------------- */
typedef s64 system_call(struct trapframe *tf);
extern system_call *const program_calls[];
extern system_call *const whole_calls[];

/* --- priorities, kernel/ipc/priority.c: kernel/sched -> kernel/ipc ---------------------------------------- */
/*
 * The thread's descriptor is about to be freed, and this thread has called once: waits for whoever looks at its
 * priority.
 */
void ipc_thread_gone(void);

/* --- messages, <quire/ipc.h>: kernel/objects -> kernel/ipc ---------------------------------------------- */
void ipc_thread_ends(void); /* the calling thread ends: its duty ends with -EPIPE for the caller. No locks held */
/*
 * Gives the thread, which isn't freed meanwhile, another priority of its own. Returns the one that it had. No locks
 * held.
 */
unsigned ipc_set_own_priority(struct thread *t, unsigned priority);
/* A handle with these rights was made or closed. opened: any locks. closed: none. */
void object_opened(struct object *object, u32 rights);
void object_closed(struct object *object, u32 rights);
void ipc_destroy(struct object *object); /* an endpoint, a reply object or a notification without references */

/* --- a process ended, or Ctrl-C was typed: kernel/objects, kernel/unix -> kernel/ipc --------------------- */
struct notification;
/* Or-s bits in, and wakes a waiter. Any context, any locks but those of the ipc room and of the scheduler. */
void notification_signal(struct notification *n, u64 bits);

/* --- an alarm rings, <quire/alarm.h>: kernel/sched -> kernel/ipc ---------------------------------------- */
struct alarm;
void notification_alarm(struct alarm *timer); /* under the lock of this CPU's alarms, interrupts off */

/* --- the object of a pager ends, <quire/pager.h>: mm/folios -> kernel/ipc ------------------------------- */
struct pager;
void pager_put(struct pager *pager); /* mm.areas may be held */

/* --- the first program starts; main.c says how long booting took: kernel/objects -> kernel -------------- */
void kernel_reaches_user(void);

/* --- what debug kernels check, <quire/lock_check.h>, <quire/watch.h>: base -> base/check ----------------------- */
#if QUIRE_CHECKS
struct lock_list;
void lock_check_take(const void *lock, bool sleeping, bool tried);
void lock_check_got(const void *lock);
void lock_check_drop(const void *lock);
void locks_print(const struct lock_list *list);
void watch_lock(u64 *since);
#endif

/* --- what debug kernels check, <quire/free_check.h>: mm/frames -> mm/check ------------------------------------- */
#if QUIRE_CHECKS
struct slab_cache;
void frames_freed(pfn_t pfn, u64 nr);
pfn_t frames_taken(pfn_t pfn, unsigned order);
void object_freed(const struct slab_cache *cache, void *object);
void object_taken(const struct slab_cache *cache, void *object);
#endif

/* --- what a lock lies in, for base/check/lock_check.c: base -> mm/frames ---------------------------------- */
struct slab_place {
    const char *name; /* of the objects */
    const void *cache, *object;
    u32 offset; /* in the object */
};
/* False: the address isn't in an object of a slab cache that has objects of one type only. */
bool slab_place(const void *address, struct slab_place *place);

/*
 * --- tests: base, look, kernel -> tests/machine ----------------------------------------------------------
 * The test runner gets a look at a fault before it becomes a panic: with no lock held, the faulting test is given up
 * and the next one runs. Debug builds only; otherwise these functions do nothing.
 */
struct inspect_root;
#if QUIRE_DEBUG
void test_hook_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr);
void test_hook_overflow(struct trapframe *tf);
void test_hook_tick(void);
void test_hook_expected(const char *text); /* a panic or fault begins: doesn't return if a test expects it */
void test_hook_panic(const char *text); /* the sentence of a panic */
void test_hook_panic_end(void);         /* all of it is printed; the machine ends */
void test_hook_inspect(struct inspect_root *root); /* fill in the tests' part of *root */
#else
static inline void test_hook_fault(struct trapframe *tf, vaddr_t addr, unsigned access) {}
static inline void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr) {}
static inline void test_hook_overflow(struct trapframe *tf) {}
static inline void test_hook_tick(void) {}
static inline void test_hook_expected(const char *text) {}
static inline void test_hook_panic(const char *text) {}
static inline void test_hook_panic_end(void) {}
static inline void test_hook_inspect(struct inspect_root *root) {}
#endif
s64 sys_test_run(struct trapframe *tf);
s64 sys_test_event(struct trapframe *tf);
