/* SPDX-License-Identifier: MIT */
/*
 * Every system call with every kind of bad argument: the exact error, nothing changed, nothing lost
 * (the kernel compares frames and objects before and after each test).
 */
#include "child.h"
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <arch/layout.h>

#define RW (PROT_READ | PROT_WRITE)

/* --- pointers -------------------------------------------------------------------------- */
struct bad_pointer {
    const char *kind;
    uintptr_t address;
};
#define MAX_BAD 16
static struct bad_pointer bad[MAX_BAD];
static int nr_bad;

static void add_bad(const char *kind, uintptr_t address)
{
    bad[nr_bad++] = (struct bad_pointer){kind, address};
}

/* Pointers that can't be read from; with `for_output`, also those that can't be written to. */
static void make_bad_pointers(int for_output)
{
    static const char constant[64] = "constant";
    char *p = map_pages(4 * PAGE, RW), *none = map_pages(PAGE, RW),
         *read_only = map_pages(PAGE, RW);

    memset(p, 'x', 4 * PAGE); /* no zero byte: a string runs into the gap */
    munmap(p + PAGE, PAGE);
    none[0] = 'x';
    mprotect(none, PAGE, PROT_NONE);
    read_only[0] = 'x';
    mprotect(read_only, PAGE, PROT_READ);
    nr_bad = 0;
    add_bad("null", 0);
    add_bad("almost null", 8);
    add_bad("unmapped", (uintptr_t)p + PAGE);
    add_bad("across the end of a mapping", (uintptr_t)p + PAGE - 3);
    add_bad("protected", (uintptr_t)none);
    add_bad("the last bytes of user space", USER_TOP - 8);
    add_bad("across the end of user space", USER_TOP - 3);
    add_bad("the end of user space", USER_TOP);
    add_bad("behind user space", USER_TOP + PAGE);
    add_bad("no possible address", 1ul << 63);
    add_bad("kernel", DIRECT_MAP_BASE + KERNEL_LOAD_PA > USER_TOP ? DIRECT_MAP_BASE + KERNEL_LOAD_PA
                                                                  : KVMAP_BASE);
    add_bad("the last page", -PAGE);
    add_bad("wraps to null", -3ul);
    if (for_output) {
        add_bad("read-only", (uintptr_t)read_only);
        add_bad("a constant", (uintptr_t)constant);
        add_bad("program text", (uintptr_t)make_bad_pointers);
    }
}

/* The call, with B in place of the pointer, returns -EFAULT for each bad pointer. */
#define EXPECT_FAULTS(...)                                                                         \
    for (int i_ = 0; i_ < nr_bad; i_++) {                                                          \
        uintptr_t B = bad[i_].address;                                                             \
        long seen_ = quire_call(__VA_ARGS__);                                                      \
        if (seen_ != -EFAULT)                                                                      \
            test_fail(__FILE__, __LINE__,                                                          \
                      "%s with a pointer of kind \"%s\" (0x%lx): expected %d, seen %ld",           \
                      #__VA_ARGS__, bad[i_].kind, B, -EFAULT, seen_);                              \
    }

TEST(syscall, structures_are_not_written_to_bad_places)
{
    make_bad_pointers(1);
    EXPECT_FAULTS(process_info, 0, B);
    EXPECT_FAULTS(memory_info, B);
    EXPECT_FAULTS(area_info, 0, 0, B);
}

TEST(syscall, memory_read_does_not_write_to_bad_places)
{
    int f = open("bin/hello", O_RDONLY);

    make_bad_pointers(1);
    for (int i = 0; i < nr_bad; i++) /* the first bytes may be good: then only these are written */
        if (strncmp(bad[i].kind, "across", 6) == 0)
            bad[i].address += 3;
    EXPECT_FAULTS(memory_read, QUIRE_ARCHIVE, 0, B, 100);
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), 0);
}

TEST(syscall, a_status_does_not_go_to_bad_places)
{
    int status;
    long child = process_fork();

    if (child == QUIRE_IN_CHILD)
        _exit(3);
    EXPECT_EQ(process_wait(child, &status), 0);
    make_bad_pointers(1);
    EXPECT_FAULTS(process_status, child, B);
    bad[0] = bad[--nr_bad]; /* null means that the caller doesn't want the crash */
    EXPECT_FAULTS(process_status, child, &status, B);
    EXPECT_EQ(end_of(child), 3 << 8);
}

TEST(syscall, write_does_not_read_from_bad_places)
{
    make_bad_pointers(0);
    for (int i = 0; i < nr_bad; i++) /* the first bytes may be good: then only these are written */
        if (strncmp(bad[i].kind, "across", 6) == 0)
            bad[i].address += 3;
    EXPECT_FAULTS(write, 1, B, 100);
    EXPECT_CALL(-EFAULT, write, 1, USER_TOP - 3, 100);
}

TEST(syscall, strings_are_not_read_from_bad_places)
{
    make_bad_pointers(0);
    EXPECT_FAULTS(process_create, B);
    EXPECT_FAULTS(test_run, B);
    EXPECT_FAULTS(test_event, QUIRE_TEST_DIAG, B, 0);
}

TEST(syscall, strings_may_end_where_memory_ends)
{
    char *page = map_pages(2 * PAGE, RW);

    munmap(page + PAGE, PAGE);
    strcpy(page + PAGE - 5, "motd");
    long p = quire_call(process_create, page + PAGE - 5);
    EXPECT(p >= 0);
    EXPECT_CALL(0, close, p);
}

TEST(syscall, unaligned_structures_are_fine)
{
    char room[sizeof(struct quire_memory) + 8];
    struct quire_memory m;

    for (int shift = 0; shift < 8; shift++) {
        memset(room, 0, sizeof(room));
        EXPECT_CALL(0, memory_info, room + shift);
        memcpy(&m, room + shift, sizeof(m));
        EXPECT(m.frames > 0 && m.cpus > 0);
    }
    EXPECT_EQ(read(open("motd", 0), room + 1, 7), 7);
    EXPECT_EQ(memcmp(room + 1, "Welcome", 7), 0);
}

TEST(syscall, structures_may_cross_pages_that_are_not_there_yet)
{
    char *p = map_pages(4 * PAGE, RW);
    struct quire_memory m;

    madvise(p, 4 * PAGE, MADV_NOHUGEPAGE);
    EXPECT_CALL(0, memory_info, p + PAGE - 16);
    memcpy(&m, p + PAGE - 16, sizeof(m));
    EXPECT(m.frames > m.free_frames);
}

/* --- handles --------------------------------------------------------------------------- */
static const long no_handles[] = {
    -1,          -2,           63,      64, 65, 1000, 1l << 31, 1l << 32, (1l << 32) + 1,
    -(1l << 32), ~(1ul << 63), 1l << 63};

/* The call, with H in place of the handle, returns `want` for each. */
#define EXPECT_FOR_HANDLES(want, table, ...)                                                       \
    for (unsigned i_ = 0; i_ < sizeof(table) / sizeof(table[0]); i_++) {                           \
        long H = table[i_], seen_ = quire_call(__VA_ARGS__);                                       \
        if (seen_ != (want))                                                                       \
            test_fail(__FILE__, __LINE__, "%s with handle 0x%lx: expected %d, seen %ld",           \
                      #__VA_ARGS__, (unsigned long)H, want, seen_);                                \
    }

TEST(syscall, numbers_that_are_no_handles_are_refused)
{
    char c;
    struct quire_guest_info info;
    struct quire_guest_exit guest_exit;

    EXPECT_FOR_HANDLES(-EBADF, no_handles, read, H, &c, 1);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, write, H, &c, 1);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, close, H);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, memory_size, H);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_create, 9, H, 0, 4096);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, kill, H);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, process_id, H);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, mmap, 0, PAGE, RW, MAP_SHARED, H, 0);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_run, H, &guest_exit);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_share, H, 1);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_map, H, 0, 1);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_peek, H, 0, &c, 1);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, guest_info, H, &info);
    EXPECT_FOR_HANDLES(-EBADF, no_handles, process_status, H, &info, 0);
}

TEST(syscall, handles_of_the_wrong_kind_are_refused)
{
    char c;
    struct quire_guest_info info;
    long memory = quire_call(memory_create, PAGE), child = process_fork();

    if (child == QUIRE_IN_CHILD)
        _exit(0);
    const long all[] = {0, memory, child}, not_processes[] = {0, memory}, not_memory[] = {0, child},
               not_console[] = {memory, child};
    EXPECT_FOR_HANDLES(-EBADF, not_processes, process_status, H, &info, 0);
    EXPECT_FOR_HANDLES(-EBADF, not_processes, kill, H);
    EXPECT_FOR_HANDLES(-EBADF, not_processes, process_id, H);
    EXPECT_FOR_HANDLES(-EBADF, not_memory, mmap, 0, PAGE, RW, MAP_SHARED, H, 0);
    EXPECT_FOR_HANDLES(-EBADF, all, guest_info, H, &info);
    EXPECT_FOR_HANDLES(-EBADF, all, guest_run, H, &info);
    EXPECT_FOR_HANDLES(-EBADF, all, guest_map, H, 0, 1);
    EXPECT_FOR_HANDLES(-EBADF, not_console, write, H, &c, 1);
    EXPECT_FOR_HANDLES(-EBADF, not_console, read, H, &c, 1);
    EXPECT_FOR_HANDLES(-EBADF, not_memory, memory_size, H);
    EXPECT_FOR_HANDLES(-EBADF, not_memory, guest_create, 9, H, 0, 4096);
    EXPECT_EQ(end_of(child), 0);
}

/* --- sizes and numbers ----------------------------------------------------------------- */
TEST(syscall, unknown_numbers_are_refused)
{
    for (long nr = QUIRE_NR_SYSCALLS; nr < QUIRE_NR_SYSCALLS + 300; nr++)
        EXPECT_EQ(__syscall(nr, 0, 0, 0, 0, 0, 0), -ENOSYS);
    static const long numbers[] = {2, 6, 8, 9, /* of calls that are gone */
                                   -1, -4096, 1l << 31, 1l << 32, (1l << 32) + 19, ~(1ul << 63), 1l << 63};
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        EXPECT_EQ(__syscall(numbers[i], 0, 0, 0, 0, 0, 0), -ENOSYS);
}

TEST(syscall, buffers_larger_than_user_space_are_refused)
{
    char c;

    EXPECT_CALL(-EFAULT, memory_read, QUIRE_ARCHIVE, 0, &c, USER_TOP);
    EXPECT_CALL(-EFAULT, memory_read, QUIRE_ARCHIVE, 0, &c, -1l);
    EXPECT_CALL(-EFAULT, memory_read, QUIRE_ARCHIVE, 0, &c, 1l << 63);
    EXPECT_CALL(-EFAULT, read, 0, &c, USER_TOP);
    EXPECT_CALL(-EFAULT, write, 1, &c, USER_TOP);
    EXPECT_CALL(-EFAULT, write, 1, &c, -1l);
    EXPECT_CALL(-EFAULT, write, 1, &c, -(long)(uintptr_t)&c);
}

TEST(syscall, indices_past_the_end_are_refused)
{
    union {
        struct quire_process process;
        struct quire_area area;
    } room;
    static const long beyond[] = {100000, 1l << 31, 1l << 32, -1, 1l << 63};

    for (int i = 0; i < 5; i++) {
        EXPECT_CALL(-ENOENT, process_info, beyond[i], &room);
        EXPECT_CALL(-ENOENT, area_info, 0, beyond[i], &room);
        EXPECT_CALL(-ESRCH, area_info, beyond[i], 0, &room);
        EXPECT_CALL(-EINVAL, counter, beyond[i]);
    }
    EXPECT_CALL(-EINVAL, counter, COUNTER_COUNT);
    EXPECT(quire_call(counter, COUNTER_COUNT - 1) >= 0);
}

TEST(syscall, cpus_that_are_not_there_are_refused)
{
    static const long nowhere[] = {-2, -100, 64, 1l << 31, 1l << 32, (1l << 32) - 1, 1ul << 63, ~(1ul << 63)};
    struct quire_memory m;
    long here = sched_getcpu();

    EXPECT_CALL(0, cpu_pin, here);
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++)
        EXPECT_CALL(-EINVAL, cpu_pin, nowhere[i]);
    ASSERT_EQ(quire_call(memory_info, &m), 0);
    EXPECT_CALL(-EINVAL, cpu_pin, m.cpus);
    EXPECT_EQ(sched_getcpu(), here); /* still there */
    EXPECT_CALL(0, cpu_pin, -1);
    EXPECT_CALL(0, cpu_pin, m.cpus - 1);
    EXPECT_EQ(sched_getcpu(), (long)m.cpus - 1);
}

TEST(syscall, threads_begin_in_user_space_on_an_aligned_stack)
{
    static char stack[256] __attribute__((aligned(16)));
    void (*entry)(void) = abort;

    EXPECT_CALL(-EINVAL, thread_create, entry, stack + 8, 0);
    EXPECT_CALL(-EINVAL, thread_create, entry, stack + 1, 0);
    EXPECT_CALL(-EINVAL, thread_create, entry, -16l, 0);
    EXPECT_CALL(-EINVAL, thread_create, USER_TOP, stack, 0);
    EXPECT_CALL(-EINVAL, thread_create, -2l, stack, 0);
    EXPECT_CALL(-EINVAL, thread_create, DIRECT_MAP_BASE ? DIRECT_MAP_BASE : KVMAP_BASE, stack, 0);
}

TEST(syscall, unknown_flags_of_read_and_wait_are_refused)
{
    char byte = 'x';

    EXPECT_CALL(-EINVAL, read, 0, &byte, 1, QUIRE_READ_KEYS + 1);
    EXPECT_CALL(-EINVAL, read, 0, &byte, 1, 1l << 32);
    EXPECT_EQ(byte, 'x');
}

TEST(syscall, events_of_unknown_kinds_are_refused)
{
    EXPECT_CALL(-EINVAL, test_event, 99, "x", 0);
    EXPECT_CALL(-EINVAL, test_event, 1000, "x", 0);
    EXPECT_CALL(-EINVAL, test_event, 1l << 32, "x", 0);
}

TEST(syscall, a_test_that_runs_lists_no_tests)
{
    EXPECT_CALL(-EPERM, test_event, QUIRE_TEST_LIST, "syscall.another", 0);
}

TEST(syscall, tests_do_not_start_tests)
{
    EXPECT_CALL(-EBUSY, test_run, "*");
    EXPECT_CALL(-EBUSY, test_run, "nothing_of_that_name");
}

TEST(syscall, guests_of_impossible_size_or_program_are_refused)
{
    static const long orders[] = {0, 64, -1l, 1l << 32};

    for (int i = 0; i < 4; i++)
        EXPECT_CALL(-EINVAL, guest_create, orders[i], QUIRE_ARCHIVE, 0, PAGE);
    EXPECT_CALL(-ENOEXEC, guest_create, 9, QUIRE_ARCHIVE, 0, PAGE);
    EXPECT_CALL(-ENOEXEC, guest_create, 9, QUIRE_ARCHIVE, 0, 0);
    EXPECT_CALL(-EINVAL, guest_create, 9, QUIRE_ARCHIVE, 0, 1l << 40);
    EXPECT_CALL(-EINVAL, guest_create, 9, QUIRE_ARCHIVE, -PAGE, PAGE);
    EXPECT_CALL(-EBADF, close, QUIRE_SPAWN_HANDLES);
}

TEST(syscall, a_sleep_of_nothing_ends_and_one_for_ever_can_be_killed)
{
    EXPECT_CALL(0, sleep, 0);
    pid_t pid = fork();
    if (pid == 0)
        quire_call(sleep, -1l);
    usleep(300);
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    int status;
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

/* A request for much memory that doesn't exist mustn't take the seconds that a look at each page would take. */
TEST(syscall, synchronising_all_of_user_space_takes_no_time)
{
    char *page = map_pages(PAGE, RW);
    long before = quire_call(clock);

    memset(page, 1, PAGE);
    EXPECT_CALL(0, cache_sync, 0, USER_TOP);
    EXPECT_CALL(0, cache_sync, 1, USER_TOP - 1);
    EXPECT_CALL(-EINVAL, cache_sync, 1, USER_TOP);
    EXPECT_CALL(-EINVAL, cache_sync, page, -1l);
    EXPECT(quire_call(clock) - before < 20000000);
}

/* --- nonsense -------------------------------------------------------------------------- */
static long nonsense(void)
{
    /* clang-format off */
    static const long interesting[] = {
        0, 1, 2, 3, 7, 8, 63, 64, 4095, 4096, 65536, 1l << 31, 1l << 32, -1, -2, -4096,
        USER_TOP, USER_TOP - 4096, USER_TOP - 1, ~(1ul << 63), 1l << 63, USER_TEXT_BASE,
    };
    /* clang-format on */
    uint64_t r = test_rand();

    switch (r % 4) {
    case 0:
        return (long)test_rand();
    case 1:
        return (long)(uintptr_t)&r;
    default:
        return interesting[r / 4 % (sizeof(interesting) / sizeof(interesting[0]))];
    }
}

/*
 * Calls that end the caller, the machine or the test by design, print, wait for long (for ever, without a time limit),
 * or start processes or make them wait.
 */
static int left_out(long nr)
{
    static const long numbers[] = {
        QUIRE_SYS_exit,     QUIRE_SYS_poweroff, QUIRE_SYS_thread_exit, QUIRE_SYS_test_event,
        QUIRE_SYS_test_run, QUIRE_SYS_sleep,    QUIRE_SYS_process_clone, QUIRE_SYS_memory_info,
        QUIRE_SYS_call,     QUIRE_SYS_receive,  QUIRE_SYS_reply_receive, QUIRE_SYS_notification_wait,
        QUIRE_SYS_futex_wait, QUIRE_SYS_process_faults};

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (numbers[i] == nr)
            return 1;
    return 0;
}

/*
 * Each child makes random calls until it has made enough, or has killed itself; the kernel and this process go on.
 */
TEST(syscall, nonsense_hurts_nobody_else)
{
    for (int child = 0; child < 20; child++) {
        uint64_t skip = test_rand() % 100;
        int status = IN_CHILD({
            for (int h = 0; h < 3; h++)
                close(h); /* nothing to print to or to wait for */
            while (skip--)
                test_rand();
            for (int i = 0; i < 150; i++) {
                long nr = (long)(test_rand() % QUIRE_NR_SYSCALLS);
                if (!left_out(nr))
                    __syscall(nr, nonsense(), nonsense(), nonsense(), nonsense(), nonsense(),
                              nonsense());
            }
        });
        EXPECT(status == 0 || WIFSIGNALED(status));
    }
}
