/* SPDX-License-Identifier: MIT */
/*
 * One example for each system call on the console, guests, and what shows the kernel: what stands in a body here is the
 * example of the page docs/system-calls.md.
 */
#include "child.h"
#include <quire/files.h>
#include <quire/loader.h>
#include <quire/message.h>
#include <uapi/quire/event.h>

#define RW (PROT_READ | PROT_WRITE)

/* --- the console ---------------------------------------------------------------------------------------- */
TEST(example, read)
{
    char line[80];

    EXPECT_EQ(quire_call(read, 0, line, 0, 0), 0); /* handle 0 is a program's standard input; it would wait for a line */
    EXPECT_EQ(quire_call(read, 0, line, sizeof(line), 2), -EINVAL); /* 0 and QUIRE_READ_KEYS are all ways to read */
}

TEST(example, write)
{
    EXPECT_EQ(quire_call(write, 1, "hello\n", 6), 6); /* handle 1 is a program's standard output */
}

TEST(example, console_listen)
{
    long notification = quire_call(notification_create);

    EXPECT_EQ(quire_call(console_listen, 0, notification, 1), 0); /* Ctrl-C sets bit 0 now */
    EXPECT_EQ(quire_call(console_listen, 0, notification, 0), 0);
}

/* --- guests --------------------------------------------------------------------------------------------- */
#define ORDER 11 /* 2^11 pages */

static struct quire_guest_exit why;

/* A guest that wants to share four pages from page 256 on. */
static long guest_that_shares(void)
{
    long guest = guest_load(ORDER, "guest/tester");

    EXPECT_EQ(quire_call(guest_run, guest, &why), 0); /* it asks for a number: what to do */
    EXPECT_EQ(quire_call(guest_answer, guest, 1), 0);
    EXPECT_EQ(quire_call(guest_run, guest, &why), 0);
    return guest;
}

TEST(example, guest_create)
{
    struct listed_file file;

    ASSERT_EQ(find_file("guest/tester", &file), 0); /* where it lies in the boot archive: the library's guest_load() */
    long guest = quire_call(guest_create, ORDER, QUIRE_ARCHIVE, file.offset, file.size);
    ASSERT(guest >= 0);
    EXPECT_EQ(quire_call(close, guest), 0); /* the guest ends, and its memory comes back */
}

TEST(example, guest_run)
{
    long guest = guest_load(ORDER, "guest/tester");
    struct quire_guest_exit reason;

    EXPECT_EQ(quire_call(guest_run, guest, &reason), 0);
    EXPECT_EQ(reason.kind, QUIRE_GUEST_YIELD); /* this guest asks what it shall do: guest_answer */
}

TEST(example, guest_answer)
{
    long guest = guest_load(ORDER, "guest/tester");
    struct quire_guest_exit reason;

    EXPECT_EQ(quire_call(guest_answer, guest, 1), -EINVAL); /* it hasn't asked */
    EXPECT_EQ(quire_call(guest_run, guest, &reason), 0);
    EXPECT_EQ(quire_call(guest_answer, guest, 1), 0);
}

TEST(example, guest_share)
{
    long guest = guest_that_shares(); /* it asks to share pages */

    EXPECT_EQ(quire_call(guest_run, guest, &why), -EBUSY);
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0); /* allowed: its folio has a hole now */
}

TEST(example, guest_map)
{
    long guest = guest_that_shares(); /* it asks to share four pages */

    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    char *pages = (char *)quire_call(guest_map, guest, why.page, why.nr);
    EXPECT_EQ(pages[0], 0);
    EXPECT_EQ(quire_call(guest_map, guest, why.page, why.nr), -EBUSY); /* they are shown */
}

TEST(example, guest_peek)
{
    long guest = guest_that_shares();
    char byte;

    EXPECT_EQ(quire_call(guest_peek, guest, 0, &byte, 1), -EACCES); /* a secret */
    EXPECT_EQ(quire_call(guest_share, guest, 1), 0);
    EXPECT_EQ(quire_call(guest_peek, guest, why.page * PAGE, &byte, 1), 1);
}

TEST(example, guest_info)
{
    long guest = guest_load(ORDER, "guest/tester");
    struct quire_guest_info info;

    EXPECT_EQ(quire_call(guest_info, guest, &info), 0);
    EXPECT_EQ(info.folio_frames, 1 << ORDER);
    EXPECT_EQ(info.holes, 0);
}

/* --- looking, testing, the end -------------------------------------------------------------------------- */
TEST(example, process_info)
{
    struct quire_process process;
    long processes = 0;

    while (quire_call(process_info, processes, &process) == 0)
        processes++; /* process.id, process.name, process.frames */
    EXPECT(processes >= 1);
}

TEST(example, memory_info)
{
    static struct quire_memory memory;

    EXPECT_EQ(quire_call(memory_info, &memory), 0);
    EXPECT(memory.free_frames < memory.frames);
}

TEST(example, area_info)
{
    struct quire_area area;
    long areas = 0;

    while (quire_call(area_info, 0, areas, &area) == 0)
        areas++; /* area.start, area.end, area.prot */
    EXPECT(areas >= 3); /* code, data, stack */
}

TEST(example, walk_info)
{
    static struct quire_walk walk;
    int here = 1;

    EXPECT_EQ(quire_call(walk_info, 0, &here, &walk), 0);
    EXPECT_EQ(walk.end, QUIRE_WALK_FRAME); /* walk.step[] has the entries of each level */
    EXPECT_EQ(here, 1);
}

TEST(example, counter)
{
    long before = quire_call(counter, COUNTER_FOLIO_ALLOC);
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    page[0] = 1;
    EXPECT(quire_call(counter, COUNTER_FOLIO_ALLOC) > before);
    EXPECT_EQ(quire_call(counter, COUNTER_COUNT), -EINVAL);
}

TEST(example, events_open)
{
    long events = quire_call(events_open, QUIRE_DEVICES);

    EXPECT(events >= 0); /* from now on switches, messages, signals and faults are recorded, too */
    EXPECT_EQ(quire_call(close, events), 0);
}

TEST(example, events_read)
{
    struct mm_event_record record[64];
    long events = quire_call(events_open, QUIRE_DEVICES);
    long next = quire_call(events_read, events, record, 0, 0);
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    page[0] = 1; /* a fault, and an entry that is set */
    long got = quire_call(events_read, events, record, sizeof(record), next);
    EXPECT(got >= 2);
    EXPECT(record[0].sequence >= (unsigned long)next);
    EXPECT_EQ(quire_call(close, events), 0);
}

TEST(example, test_run)
{
    EXPECT_EQ(quire_call(test_run, "example.*"), -EBUSY); /* tests run already: this one */
}

TEST(example, test_event)
{
    EXPECT_EQ(quire_call(test_event, QUIRE_TEST_DIAG, "a line for the report", 0), 0); /* test_diag() does this */
}

TEST(example, poweroff)
{
    EXPECT_EQ(quire_call(poweroff, 0), -EPERM); /* while tests run nobody may end the machine */
}
