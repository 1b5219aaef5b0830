/* SPDX-License-Identifier: MIT */
/*
 * Endless loops and deadlocks: see <quire/watch.h>. A CPU that is stuck can't tell so itself if its interrupts are off;
 * so each CPU's tick looks at all CPUs. With one CPU, only a loop with interrupts on is seen, and a wait for a lock.
 *
 * Threads of processes are watched. Kernel threads aren't, because those that run tests may take long; the test runner
 * has a limit of its own for them. What is stuck is told once; it may go on, if the build machine was only slow.
 */
#include <quire/plural.h>
#include <quire/watch.h>

#if QUIRE_CHECKS
#include <quire/ksyms.h>
#include <quire/log.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>
#include <arch-generic/machine.h>

u64 watch_limit_ns = 5000000000UL;

/*
 * What each CPU does. Another CPU's thread may end while this one looks at it, and so may an object whose lock it has
 * just let go. So the names of threads are this CPU's alone, and of another CPU only the places where it took locks are
 * told.
 */
static void print_cpus(void)
{
    struct running now = running_now();
    char where[SYMBOL_TEXT];

    kprintf("  this CPU: thread %s%s%s\n", now.thread, now.process ? " of " : "", now.process ? now.process : "");
    locks_print(&this_cpu()->locks);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        const struct lock_list *list = &cpu_area(cpu)->locks;
        if (!cpu_area(cpu)->online || cpu == this_cpu()->cpu)
            continue;
        kprintf("  CPU %u: %s, %u lock%s held\n", cpu, cpu_area(cpu)->watch.watched ? "a process" : "no process",
                list->nr, plural(list->nr));
        for (unsigned i = 0; i < list->nr && i < LOCKS_MAX; i++)
            kprintf("    the lock at %p, taken in %s\n", list->held[i].lock, symbol_text(list->held[i].pc, where));
    }
}

static void tell(unsigned cpu, const struct trapframe *tf)
{
    bool here = cpu == this_cpu()->cpu;

    kprint_line("STUCK: CPU %u has been in the kernel for 5 seconds and gets nowhere. likely: %s\n", cpu,
                here ? "a loop whose condition never becomes false; it is in the backtrace"
                     : "a loop with interrupts off, or a wait for something that this CPU itself should do");
    if (here)
        print_backtrace(tf_pc(tf), tf_frame_pointer(tf));
    print_cpus();
}

void watch_tick(const struct trapframe *tf)
{
    u64 now = arch_clock_ns();

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct watch *w = &cpu_area(cpu)->watch;
        u64 progress = READ_ONCE(w->progress);
        if (progress != READ_ONCE(w->seen) || !READ_ONCE(w->watched)) {
            WRITE_ONCE(w->seen, progress);
            WRITE_ONCE(w->since_ns, now);
            WRITE_ONCE(w->told, 0);
        } else if (now - READ_ONCE(w->since_ns) > watch_limit_ns && now > READ_ONCE(w->since_ns) &&
                   !__atomic_exchange_n(&w->told, 1, __ATOMIC_RELAXED)) {
            tell(cpu, tf);
        }
    }
}

void watch_lock(u64 *since)
{
    u64 now = arch_clock_ns();

    if (!*since)
        *since = now;
    if (now - *since < watch_limit_ns || *since == ~0UL)
        return;
    *since = ~0UL;
    kprint_line(
        "STUCK: CPU %u has waited for a lock for 5 seconds: the last one in its list. likely: whoever holds it waits "
        "for this CPU, or never lets it go\n",
        this_cpu()->cpu);
    print_backtrace(0, arch_frame_pointer());
    print_cpus();
}
#endif
