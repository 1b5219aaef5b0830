/* SPDX-License-Identifier: MIT */
/*
 * One example for each system call on memory: what stands in a body here is the example of the page
 * docs/system-calls.md.
 */
#include "child.h"
#include <device.h>
#include <quire/jit.h>
#include <quire/message.h>
#include <quire/thread.h>

#define RW (PROT_READ | PROT_WRITE)

/* --- the caller's own address space ------------------------------------------------------------------ */
TEST(example, mmap)
{
    char *page = (char *)quire_call(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT_EQ(page[0], 0); /* as POSIX's mmap(), but an error is the result: -ENOMEM instead of MAP_FAILED */
    page[0] = 1;
}

TEST(example, munmap)
{
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT_EQ(quire_call(munmap, page, PAGE), 0);
    EXPECT_EQ(quire_call(munmap, page, PAGE), 0); /* nothing is there: that is fine */
    EXPECT_EQ(quire_call(munmap, page + 1, PAGE), -EINVAL);
}

TEST(example, mprotect)
{
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    EXPECT_EQ(quire_call(mprotect, page, PAGE, PROT_READ), 0); /* a write would be a fault now */
    EXPECT_EQ(quire_call(mprotect, page, PAGE, PROT_WRITE | PROT_EXEC), -EACCES);
}

TEST(example, madvise)
{
    char *page = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    page[0] = 1;
    EXPECT_EQ(quire_call(madvise, page, PAGE, MADV_DONTNEED), 0);
    EXPECT_EQ(page[0], 0); /* the frame went back; this is a new one */
}

TEST(example, cache_sync)
{
    char *code = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    static const struct jit_insn program[] = {{JIT_SET, 7}, {JIT_END, 0}};
    size_t bytes = jit_compile(program, code); /* writes the machine's instructions for a function that returns 7 */

    EXPECT_EQ(quire_call(mprotect, code, PAGE, PROT_READ | PROT_EXEC), 0);
    EXPECT_EQ(quire_call(cache_sync, code, bytes), 0);
    EXPECT_EQ(((jit_function *)code)(1), 7);
}

/* --- other address spaces ---------------------------------------------------------------------------- */
TEST(example, space_map)
{
    long process = quire_call(process_create, "empty"), memory = quire_call(memory_create, PAGE, 0);
    struct quire_map map = {.address = 0x100000, .bytes = PAGE, .prot = PROT_READ, .flags = MAP_SHARED | MAP_FIXED,
                            .memory = memory};

    EXPECT_EQ(quire_call(space_map, process, &map), 0x100000); /* the process will see the object's page there */
}

TEST(example, space_unmap)
{
    long process = quire_call(process_create, "empty");
    struct quire_map map = {.bytes = 16 * PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS, .memory = -1};
    long address = quire_call(space_map, process, &map);

    ASSERT(address > 0);
    EXPECT_EQ(quire_call(space_unmap, process, address, 16 * PAGE), 0);
}

TEST(example, space_protect)
{
    struct quire_map map = {.bytes = PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS, .memory = -1};
    long address = quire_call(space_map, -1, &map); /* -1: here */

    ASSERT(address > 0);
    EXPECT_EQ(quire_call(space_protect, -1, address, PAGE, PROT_NONE), 0);
}

TEST(example, space_write)
{
    long process = quire_call(process_create, "empty");
    struct quire_map map = {.bytes = PAGE, .prot = RW, .flags = MAP_PRIVATE | MAP_ANONYMOUS, .memory = -1};
    long address = quire_call(space_map, process, &map);

    ASSERT(address > 0);
    EXPECT_EQ(quire_call(space_write, process, address, "abc", 4), 0); /* the process begins with this memory */
    EXPECT_EQ(quire_call(space_write, process, address + PAGE, "abc", 4), -EFAULT);
}

/* --- memory objects -------------------------------------------------------------------------------- */
TEST(example, memory_create)
{
    long memory = quire_call(memory_create, 10 * PAGE, 0);
    char *here = mmap(NULL, PAGE, RW, MAP_SHARED, (int)memory, 0);
    char *there = mmap(NULL, PAGE, RW, MAP_SHARED, (int)memory, 0);

    here[0] = 'x';
    EXPECT_EQ(there[0], 'x');
}

TEST(example, memory_size)
{
    long memory = quire_call(memory_create, PAGE + 1, 0);

    EXPECT_EQ(quire_call(memory_size, memory), 2 * PAGE);
}

TEST(example, memory_read)
{
    long memory = quire_call(memory_create, PAGE, 0);
    char bytes[8];

    EXPECT_EQ(quire_call(memory_read, memory, 0, bytes, 8), 8);
    EXPECT_EQ(bytes[0], 0);
    EXPECT_EQ(quire_call(memory_read, memory, PAGE - 3, bytes, 8), 3); /* the object ends there */
}

TEST(example, memory_write)
{
    long memory = quire_call(memory_create, PAGE, 0);
    char text[4] = "";

    EXPECT_EQ(quire_call(memory_write, memory, 100, "abc", 4), 4);
    EXPECT_EQ(quire_call(memory_read, memory, 100, text, 4), 4);
    EXPECT_EQ(strcmp(text, "abc"), 0);
}

TEST(example, memory_resize)
{
    long memory = quire_call(memory_create, 2 * PAGE, 0);

    EXPECT_EQ(quire_call(memory_resize, memory, PAGE), 0);
    EXPECT_EQ(quire_call(memory_write, memory, PAGE + 1, "a", 1), -EINVAL); /* behind the end now */
}

TEST(example, memory_clone)
{
    long memory = quire_call(memory_create, PAGE, 0);
    char byte;

    EXPECT_EQ(quire_call(memory_write, memory, 0, "a", 1), 1);
    long copy = quire_call(memory_clone, memory, 0, PAGE);
    EXPECT_EQ(quire_call(memory_write, memory, 0, "b", 1), 1);
    EXPECT_EQ(quire_call(memory_read, copy, 0, &byte, 1), 1);
    EXPECT_EQ(byte, 'a');
}

/* --- memory that a program supplies ---------------------------------------------------------------- */
static long pager_endpoint, paged, source;

/* Supplies one page when somebody misses it. */
static void page_once(void *unused)
{
    struct message m = {.info = 0};

    EXPECT_EQ(message_receive((int)pager_endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(m.word[0], QUIRE_PAGER_MISS);
    EXPECT_EQ(quire_call(memory_supply, paged, m.word[1], source, 0, PAGE), PAGE);
    m = (struct message){.word = {0}}; /* the page is there */
    EXPECT_EQ(message_reply(-1, &m), 0);
}

TEST(example, memory_pager)
{
    struct thread pager;

    pager_endpoint = quire_call(endpoint_create);
    source = quire_call(memory_create, PAGE, 0);
    EXPECT_EQ(quire_call(memory_write, source, 0, "x", 1), 1);
    paged = quire_call(memory_pager, pager_endpoint, 4 * PAGE, 12345);
    ASSERT(paged >= 0);
    ASSERT_EQ(thread_start(&pager, page_once, NULL), 0);
    char *pages = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, (int)paged, 0);
    EXPECT_EQ(pages[2 * PAGE], 'x'); /* this thread waits until page_once() has answered */
    thread_join(&pager);
}

TEST(example, memory_supply)
{
    long endpoint = quire_call(endpoint_create), from = quire_call(memory_create, PAGE, 0);
    long to = quire_call(memory_pager, endpoint, 4 * PAGE, 0);
    char byte;

    EXPECT_EQ(quire_call(memory_read, to, 0, &byte, 1), -EAGAIN); /* the page isn't there */
    EXPECT_EQ(quire_call(memory_supply, to, 0, from, 0, PAGE), PAGE);
    EXPECT_EQ(quire_call(memory_read, to, 0, &byte, 1), 1);
}

TEST(example, memory_device)
{
    long memory = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);

    if (memory == -ENODEV)
        SKIP("no device of this machine has registers at addresses");
    volatile unsigned *registers = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, (int)memory, 0);
    EXPECT(device_answers(registers));
}
