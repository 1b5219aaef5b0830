/* SPDX-License-Identifier: MIT */
/* Device registers by handle: only init, and programs that the kernel starts for a test, have the right to them. */
#include "child.h"
#include <device.h>
#include <uapi/quire/ipc.h>

#define RW (PROT_READ | PROT_WRITE)

/* The device's page, or the test ends: on a machine without such devices the call says so. */
static int open_device(void)
{
    long m = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);

    if (!DEVICE_ADDRESS) {
        EXPECT_EQ(m, -ENODEV);
        SKIP("no device of this machine has registers at addresses");
    }
    ASSERT(m >= 0);
    return (int)m;
}

/* The kernel writes to memory only: it says so, and doesn't try for ever. */
TEST(device, nobody_writes_to_them_from_outside)
{
    int m = open_device();
    const unsigned long at = 0x400000;
    long p = quire_call(process_create, "empty");
    struct quire_map map = {at, PAGE, RW, MAP_SHARED | MAP_FIXED, m, 0};
    int value = 0;

    EXPECT_CALL((long)at, space_map, p, &map);
    EXPECT_CALL(-EACCES, space_write, p, at, &value, sizeof(value));
    EXPECT_CALL(0, close, p);
    EXPECT_EQ(close(m), 0);
}

TEST(device, its_registers_are_mapped_and_answer)
{
    int m = open_device();
    volatile unsigned *registers = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m, 0);

    ASSERT(registers != MAP_FAILED);
    EXPECT(device_answers(registers));
    struct quire_area area;
    struct quire_walk walk;
    ASSERT(find_area((void *)registers, &area));
    EXPECT_EQ(area.mapped, 1);
    EXPECT_CALL(0, walk_info, 0, registers, &walk);
    EXPECT_EQ(walk.frame, DEVICE_ADDRESS / PAGE);
    EXPECT_EQ(close(m), 0);
    EXPECT(device_answers(registers)); /* the mapping holds the object */
    EXPECT_DIES(SIGSEGV, registers[0] = 0);
    EXPECT_EQ(mprotect((void *)registers, PAGE, RW), 0);
    EXPECT(device_answers(registers));
    EXPECT_EQ(mprotect((void *)registers, PAGE, PROT_NONE), 0);
    EXPECT_DIES(SIGSEGV, (void)registers[0]);
    EXPECT_EQ(mprotect((void *)registers, PAGE, PROT_READ), 0);
    EXPECT_EQ(madvise((void *)registers, PAGE, MADV_DONTNEED), 0);
    EXPECT_EQ(madvise((void *)registers, PAGE, MADV_POPULATE_READ), 0);
    EXPECT_EQ(madvise((void *)registers, PAGE, MADV_COLD), 0);
    EXPECT(device_answers(registers));
    EXPECT_EQ(munmap((void *)registers, PAGE), 0);
    EXPECT_DIES(SIGSEGV, (void)registers[0]);
}

TEST(device, the_kernel_copies_from_registers_and_to_them_as_from_memory)
{
    int m = open_device(), other = (int)quire_call(memory_create, PAGE);
    unsigned *registers = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m, 0), copy[2];

    ASSERT(registers != MAP_FAILED);
    EXPECT_CALL(8, memory_write, other, 0, registers, 8);
    EXPECT_CALL(8, memory_read, other, 0, copy, 8);
    EXPECT(copy[0] || copy[1]);
}

TEST(device, a_child_does_not_get_the_mapping)
{
    int m = open_device();
    volatile unsigned *registers = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m, 0);

    EXPECT(device_answers(registers));
    EXPECT_DIES(SIGSEGV, (void)registers[0]);
    EXPECT_EQ(IN_CHILD({ /* but with the handle it can map them itself */
                  volatile unsigned *own = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, m, 0);
                  _exit(own == MAP_FAILED || !device_answers(own));
              }),
              0);
}

TEST(device, registers_are_no_memory)
{
    int m = open_device();
    char c;

    EXPECT_CALL(-ENODEV, memory_read, m, 0, &c, 1);
    EXPECT_CALL(-ENODEV, memory_write, m, 0, &c, 1);
    EXPECT_CALL(-EACCES, memory_resize, m, PAGE);
    EXPECT_CALL(-ENODEV, memory_clone, m, 0, PAGE);
    EXPECT_CALL(-ENODEV, memory_supply, m, 0, m, 0, PAGE);
    EXPECT_CALL(-EINVAL, mmap, 0, PAGE, RW, MAP_PRIVATE, m, 0);
    EXPECT_CALL(-EACCES, mmap, 0, PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, m, 0);
    volatile unsigned *registers = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, m, 0);
    ASSERT(registers != MAP_FAILED);
    EXPECT_CALL(-EACCES, mprotect, registers, PAGE, PROT_READ | PROT_EXEC);
    EXPECT_CALL(-EFAULT, madvise, registers + PAGE / 4, PAGE, MADV_POPULATE_READ); /* behind the object's end */
}

TEST(device, the_right_is_needed_and_memory_is_refused)
{
    long weak = quire_call(handle_duplicate, QUIRE_DEVICES, RIGHT_TRANSFER, 0);
    static struct quire_walk walk;
    static char byte[1];

    byte[0] = 1;
    EXPECT(weak >= 0);
    EXPECT_CALL(-EACCES, memory_device, weak, DEVICE_ADDRESS, PAGE);
    EXPECT_CALL(-EBADF, memory_device, 0, DEVICE_ADDRESS, PAGE);
    EXPECT_CALL(-EBADF, memory_device, -1, DEVICE_ADDRESS, PAGE);
    ASSERT_EQ(quire_call(walk_info, 0, byte, &walk), 0);
    open_device();
    EXPECT_CALL(-EACCES, memory_device, QUIRE_DEVICES, walk.frame * PAGE, PAGE); /* this program's own frame */
    EXPECT_CALL(-EACCES, memory_device, QUIRE_DEVICES, 0, 1l << 32);
    EXPECT_CALL(-EINVAL, memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, 0);
    EXPECT_CALL(-EINVAL, memory_device, QUIRE_DEVICES, DEVICE_ADDRESS + 1, PAGE);
    EXPECT_CALL(-EINVAL, memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, 1);
    EXPECT_CALL(-EINVAL, memory_device, QUIRE_DEVICES, -PAGE, PAGE);
    EXPECT_CALL(-EINVAL, memory_device, QUIRE_DEVICES, -PAGE, 2 * PAGE);
}
