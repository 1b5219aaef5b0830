/* SPDX-License-Identifier: MIT */
/*
 * The costs of operations for programs, in guest instructions: under -icount shift=0 the clock's nanoseconds are
 * instructions. Each result is a line "bench KEY VALUE". The costs of zeroing and copying, which the kernel measures,
 * are subtracted: docs/performance.md explains "beyond zeroing".
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <device.h>
#include <quire/message.h>
#include <quire/program.h>
#include <quire/sys.h>
#include <quire/thread.h>

PROGRAM("", "measures what the kernel costs, in guest instructions");

#define PAGE 4096ul
#define PAGES 2048ul
#define CALLS 10000
#define FORKS 20

static long now(void) { return quire_call(clock); }

static void print(const char *key, long total, long operations)
{
    long hundredths = total * 100 / operations;
    printf("bench %s %ld.%02ld\n", key, hundredths / 100, hundredths % 100);
}

/* The kernel's costs of zeroing and copying a frame, by its own measurement. */
static long zero_cost(void) { return quire_call(counter, COUNTER_BENCH_ZERO); }
static long copy_cost(void) { return quire_call(counter, COUNTER_BENCH_COPY); }
/* The cost until now of filling new page tables with empty entries. */
static long table_cost(void)
{
    return quire_call(counter, COUNTER_TABLE_ALLOC) * quire_call(counter, COUNTER_BENCH_TABLE);
}

static char *map_pages(unsigned long pages, int advice)
{
    char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (p == MAP_FAILED) {
        perror("bench: mmap");
        exit(1);
    }
    if (advice)
        madvise(p, pages * PAGE, advice);
    return p;
}

static void touch_all(char *p, unsigned long pages)
{
    for (unsigned long i = 0; i < pages; i++)
        ((volatile char *)p)[i * PAGE] = 1;
}

static void bench_syscalls(void)
{
    long start = now();
    for (int i = 0; i < CALLS; i++)
        quire_call(nop);
    print("null_syscall", now() - start, CALLS);
    start = now();
    for (int i = 0; i < CALLS; i++)
        quire_call(yield);
    print("yield", now() - start, CALLS);
}

/* Touch, protect and unmap memory made of 4 KiB or of default folios. */
static void bench_memory(int advice, const char *touch, const char *protect, const char *unmap)
{
    char *p = map_pages(PAGES, advice);
    long zero = zero_cost(), start = now();

    touch_all(p, PAGES);
    print(touch, now() - start - zero * (long)PAGES, PAGES);
    start = now();
    mprotect(p, PAGES * PAGE, PROT_READ);
    if (protect)
        print(protect, now() - start, PAGES);
    start = now();
    munmap(p, PAGES * PAGE);
    print(unmap, now() - start, PAGES);
}

/* fork of a process with PAGES touched pages, less fork of one without, per page. */
static long fork_once(void)
{
    long tables = table_cost(), start = now();
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    long forked = now() - start;
    forked -= table_cost() - tables;
    waitpid(pid, NULL, 0);
    return forked;
}

static void bench_fork(int advice, const char *key)
{
    long without = fork_once();
    without = fork_once();
    char *p = map_pages(PAGES, advice);
    touch_all(p, PAGES);
    long with = fork_once();
    print(key, with - without, PAGES);
    munmap(p, PAGES * PAGE);
}

/* Writes to pages that a child shared until it ended: only this process has them now. */
static void bench_reuse(void)
{
    char *p = map_pages(256, MADV_NOHUGEPAGE);

    touch_all(p, 256);
    fork_once();
    long start = now();
    touch_all(p, 256);
    print("cow_reuse", now() - start, 256);
    munmap(p, 256 * PAGE);
}

static void bench_fork_exit_wait(void)
{
    long copied = quire_call(counter, COUNTER_FAULT_COW), zeroed = quire_call(counter, COUNTER_FAULT_ANON);
    long tables = table_cost(), start = now();

    for (int i = 0; i < FORKS; i++) {
        if (fork() == 0)
            _exit(0);
        waitpid(-1, NULL, 0);
    }
    long total = now() - start;
    total -= table_cost() - tables;
    copied = quire_call(counter, COUNTER_FAULT_COW) - copied;
    zeroed = quire_call(counter, COUNTER_FAULT_ANON) - zeroed;
    print("fork_exit_wait", total - copied * copy_cost() - zeroed * zero_cost(), FORKS);
}

static void do_nothing(void *unused) { (void)unused; }

static void bench_threads(void)
{
    struct thread t;

    thread_start(&t, do_nothing, NULL);
    thread_join(&t); /* the first one maps a stack */
    long start = now();
    for (int i = 0; i < FORKS; i++) {
        thread_start(&t, do_nothing, NULL);
        thread_join(&t);
    }
    print("thread_create_exit_join", now() - start, FORKS);
}

/* Reading an object's pages that are in memory already. */
static void bench_object(void)
{
    long object = quire_call(memory_create, PAGES * PAGE);
    char *first = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)object, 0);

    touch_all(first, PAGES);
    char *second = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED, (int)object, 0);
    long start = now();
    for (unsigned long i = 0; i < PAGES; i++)
        (void)((volatile char *)second)[i * PAGE];
    print("touch_object", now() - start, PAGES);
    munmap(first, PAGES * PAGE);
    munmap(second, PAGES * PAGE);
    close((int)object);
}

/* Mapping and unmapping 2 MiB that are in memory already, beyond the emptying of new page tables. */
static void bench_map_range(long memory_flags, const char *key)
{
    long object = quire_call(memory_create, 512 * PAGE, memory_flags);
    struct quire_map m = {0x800000000, 512 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | QUIRE_MAP_NOW,
                          object,      0};
    char *other = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)object, 0);

    struct quire_map neighbour = {m.address + m.bytes, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, -1, 0};
    quire_call(space_map, -1, &neighbour); /* as usual, there is something in the same gigabyte */
    *(volatile char *)neighbour.address = 1;
    touch_all(other, 512);
    quire_call(space_map, -1, &m);
    long tables = table_cost(), start = now();
    for (int i = 0; i < 10; i++) {
        quire_call(space_unmap, -1, m.address, m.bytes);
        quire_call(space_map, -1, &m);
    }
    print(key, now() - start - (table_cost() - tables), 10 * 512);
    for (unsigned long i = 0; i < 512; i++)
        if (((volatile char *)m.address)[i * PAGE] != 1)
            printf("bench: %s: page %lu isn't the object's\n", key, i);
    quire_call(space_unmap, -1, m.address, m.bytes + PAGE);
    munmap(other, PAGES * PAGE);
    close((int)object);
}

/* The first executable touch of an object in memory: a fault, and where caches ask for it, its maintenance. */
static void bench_exec(void)
{
    long object = quire_call(memory_create, PAGES * PAGE);
    char *data = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)object, 0);

    touch_all(data, PAGES);
    char *code = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, (int)object, 0);
    long start = now();
    for (unsigned long i = 0; i < PAGES; i++)
        (void)((volatile char *)code)[i * PAGE];
    print("exec_fault", now() - start, PAGES);

    static const struct {
        const char *key;
        long bytes;
    } sizes[] = {{"cache_sync_64", 64}, {"cache_sync_4k", 4096}, {"cache_sync_64k", 65536}};
    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        start = now();
        for (int k = 0; k < 100; k++)
            quire_call(cache_sync, code, sizes[i].bytes);
        print(sizes[i].key, now() - start, 100);
    }
    munmap(data, PAGES * PAGE);
    munmap(code, PAGES * PAGE);
    close((int)object);
}

/* Two threads that give the CPU to each other: half a round is one switch. */
static volatile bool yields;

static void *yield_back(void *unused)
{
    while (yields)
        quire_call(yield);
    return unused;
}

static void bench_switch(void)
{
    pthread_t other;

    yields = true;
    pthread_create(&other, NULL, yield_back, NULL);
    quire_call(yield);
    long start = now();
    for (int i = 0; i < CALLS; i++)
        quire_call(yield);
    print("yield_switch", now() - start, 2 * CALLS);
    yields = false;
    pthread_join(other, NULL);
}

/* --- messages ------------------------------------------------------------------------------------ */
static void answer_all(int endpoint)
{
    struct message m = {.info = 0};

    message_receive(endpoint, &m);
    while (m.word[0]) {
        m.info = 0;
        message_reply_receive(endpoint, &m);
    }
    message_reply(-1, &m);
    _exit(0);
}

/* Six words to another address space, and six back. */
static void bench_messages(void)
{
    int endpoint = (int)quire_call(endpoint_create), notification = (int)quire_call(notification_create);
    struct message m = {.word = {1, 2, 3, 4, 5, 6}};

    if (fork() == 0)
        answer_all(endpoint);
    message_call(endpoint, &m); /* from now on the server waits */
    message_call(endpoint, &m);
    long start = now();
    for (int i = 0; i < CALLS; i++)
        message_call(endpoint, &m);
    print("ipc_round_trip", now() - start, CALLS);
    m.word[0] = 0;
    message_call(endpoint, &m);
    waitpid(-1, NULL, 0);

    start = now();
    for (int i = 0; i < CALLS; i++)
        quire_call(signal, notification, 1);
    print("signal", now() - start, CALLS);
    close(endpoint);
    close(notification);
}

/* --- signals ------------------------------------------------------------------------------------- */
#define WAKES 200

static struct {
    long notification, interrupt; /* interrupt -1: none */
    volatile unsigned *registers; /* of the device */
    volatile long woken_ns, spins;
} driver;

/* More urgent than the main thread; notes when it runs. Bit 2: it ends. */
static void *drive(void *unused)
{
    unsigned long bits = 0;

    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    while (!(bits & 2)) {
        notification_wait(driver.notification, ~0ul, 0, &bits);
        driver.woken_ns = now();
        if (driver.interrupt >= 0) {
            device_quiet(driver.registers);
            quire_call(interrupt_ack, driver.interrupt);
        }
    }
    return unused;
}

/* What passes between the moments that two calls of now() give, if nothing is between the calls. */
static long cost_of_now(void)
{
    long start = now(), end = start;

    for (int i = 0; i < CALLS; i++)
        end = now();
    return (end - start) / CALLS;
}

/* The time until the driver runs, or until so many rounds have passed; counts them. */
static void __attribute__((noinline)) await_driver(long rounds)
{
    while (!driver.woken_ns && driver.spins < rounds)
        driver.spins++;
}

static void bench_wake(void)
{
    long total = 0;

    for (int i = 0; i < WAKES; i++) {
        long start = now();
        quire_call(signal, driver.notification, 1);
        total += driver.woken_ns - start - cost_of_now();
    }
    print("signal_wake", total, WAKES);
}

/* A device whose interrupt isn't there at once: the rounds that the main thread counts meanwhile are taken off. */
static void bench_interrupt(void)
{
    long total = 0, start = now();

    driver.woken_ns = driver.spins = 0;
    await_driver(CALLS);
    long round = (now() - start) * 16 / CALLS;
    for (int i = 0; i < WAKES; i++) {
        driver.woken_ns = driver.spins = 0;
        start = now();
        device_raise(driver.registers);
        await_driver(CALLS);
        total += driver.woken_ns - start - cost_of_now() - driver.spins * round / 16;
    }
    print("irq_to_driver", total, WAKES);
}

/* Init gives the right to devices only to a program that it calls a driver. */
static bool open_device(void)
{
    long memory = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);

    driver.interrupt = quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, QUIRE_INTERRUPT_LEVEL);
    if (memory < 0 || driver.interrupt < 0)
        return false;
    driver.registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)memory, 0);
    device_set_up(driver.registers, QUIRE_INTERRUPT_LEVEL);
    return true;
}

static void bench_signals(void)
{
    pthread_t thread;

    driver.notification = quire_call(notification_create);
    driver.interrupt = -1;
    pthread_create(&thread, NULL, drive, NULL);
    quire_call(sleep, 1000000);
    bench_wake();
    if (open_device()) {
        quire_call(interrupt_bind, driver.interrupt, driver.notification, 1);
        bench_interrupt();
    }
    quire_call(signal, driver.notification, 2);
    pthread_join(thread, NULL);
    close((int)driver.notification);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("usage: %s\n  measures system calls, faults, fork; run it under make bench\n", argv[0]);
        return strcmp(argv[1], "--help") != 0;
    }
    bench_syscalls();
    bench_memory(MADV_NOHUGEPAGE, "touch_4k", "mprotect_4k", "munmap_4k");
    bench_memory(0, "touch_default", NULL, "munmap_64k");
    bench_object();
    bench_map_range(QUIRE_MEMORY_LARGE, "map_range_page");
    bench_map_range(0, "map_range_page_64k");
    bench_exec();
    bench_fork(MADV_NOHUGEPAGE, "fork_4k");
    bench_fork(0, "fork_64k");
    bench_reuse();
    bench_fork_exit_wait();
    bench_messages();
    bench_threads(); /* last: with one thread this process needs no lock to look up a handle */
    bench_switch();
    bench_signals();
    return 0;
}
