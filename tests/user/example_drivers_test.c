/* SPDX-License-Identifier: MIT */
/*
 * One example for each system call that drivers need, with a device of this machine: what stands in a body here is the
 * example of the page docs/system-calls.md.
 */
#include "child.h"
#include <device.h>
#include <quire/message.h>

#define NO_DEVICE "the only source of interrupts of this machine is the kernel's own"

TEST(example, interrupt_open)
{
    long interrupt = quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, QUIRE_INTERRUPT_LEVEL);

    if (interrupt == -EBUSY)
        SKIP(NO_DEVICE);
    EXPECT(interrupt >= 0);
    EXPECT_EQ(quire_call(interrupt_open, QUIRE_DEVICES, 1000000, QUIRE_INTERRUPT_LEVEL), -ENODEV);
}

TEST(example, interrupt_bind)
{
    long interrupt = quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, QUIRE_INTERRUPT_LEVEL);
    long notification = quire_call(notification_create);

    if (interrupt == -EBUSY)
        SKIP(NO_DEVICE);
    EXPECT_EQ(quire_call(interrupt_bind, interrupt, notification, 1), 0);
    EXPECT_EQ(quire_call(interrupt_bind, interrupt, notification, 2), -EBUSY);
    EXPECT_EQ(quire_call(interrupt_bind, interrupt, -1, 0), 0); /* for the next driver */
}

/* A driver: the device asks twice, and is served twice. */
TEST(example, interrupt_ack)
{
    long interrupt = quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, QUIRE_INTERRUPT_LEVEL);
    long notification = quire_call(notification_create);
    unsigned long bits;

    if (interrupt == -EBUSY)
        SKIP(NO_DEVICE);
    long memory = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);
    volatile unsigned *registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)memory, 0);
    device_set_up(registers, QUIRE_INTERRUPT_LEVEL);
    EXPECT_EQ(quire_call(interrupt_bind, interrupt, notification, 1), 0);
    for (int i = 0; i < 2; i++) {
        device_raise(registers);
        EXPECT_EQ(notification_wait(notification, 1, 0, &bits), 0);
        device_quiet(registers); /* serve the device, and then: */
        EXPECT_EQ(quire_call(interrupt_ack, interrupt), 0);
    }
}
