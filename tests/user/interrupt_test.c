/* SPDX-License-Identifier: MIT */
/* Interrupts by handle: a driver that is a program, its device, and a driver that dies. */
#include "child.h"
#include <device.h>
#include <quire/message.h>

#define BITS 6ul
#define SOON QUIRE_INFO_LIMIT_US(100000) /* longer than any device here takes */
#define NOT_LONG QUIRE_INFO_LIMIT_US(3000)

static volatile unsigned *registers;

static long open_interrupt(int edge) { return quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, edge); }

/* The device, ready to interrupt; or the test ends. */
static void have_device(int edge)
{
    if (!DEVICE_ADDRESS) {
        EXPECT_EQ(open_interrupt(edge), -EBUSY);
        SKIP("the only source of interrupts of this machine is the kernel's own");
    }
    if (edge && !DEVICE_HAS_EDGES) {
        EXPECT_EQ(open_interrupt(edge), -EINVAL);
        SKIP("the interrupt controller of this machine can't be told to wait for edges");
    }
    long m = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);
    ASSERT(m >= 0);
    registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)m, 0);
    ASSERT(registers != MAP_FAILED);
    device_set_up(registers, edge);
}

/* The bits that come within this time; 0: none. */
static unsigned long wait_for(long n, unsigned long limit)
{
    unsigned long bits = 0;

    EXPECT_EQ(notification_wait(n, ~0ul, limit, &bits), bits ? 0 : -ETIMEDOUT);
    return bits;
}

/*
 * The interrupt comes after the binding and before the wait, and isn't lost. Until the acknowledge it comes no second
 * time; then what came meanwhile is there.
 */
static void drive(int edge)
{
    have_device(edge);
    long n = quire_call(notification_create), i = open_interrupt(edge);
    ASSERT(n >= 0 && i >= 0);
    EXPECT_CALL(-ESRCH, interrupt_ack, i);
    EXPECT_CALL(0, interrupt_bind, i, n, BITS);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0);
    for (int round = 0; round < 5; round++) {
        device_raise(registers);
        EXPECT_EQ(wait_for(n, SOON), BITS);
        device_quiet(registers);
        device_raise(registers);
        EXPECT_EQ(wait_for(n, NOT_LONG), 0);
        EXPECT_CALL(0, interrupt_ack, i);
        EXPECT_EQ(wait_for(n, SOON), BITS);
        device_quiet(registers);
        EXPECT_CALL(0, interrupt_ack, i);
        EXPECT_EQ(wait_for(n, NOT_LONG), 0);
    }
    close((int)n);
    close((int)i);
}

TEST(interrupt, a_level_is_masked_until_it_is_acknowledged) { drive(QUIRE_INTERRUPT_LEVEL); }
TEST(interrupt, an_edge_is_told_again_if_it_came_meanwhile) { drive(QUIRE_INTERRUPT_EDGE); }

TEST(interrupt, a_device_that_was_not_served_asks_again)
{
    have_device(QUIRE_INTERRUPT_LEVEL);
    if (!DEVICE_ASKS_AGAIN)
        SKIP("the interrupt controller of this machine doesn't look at the line again");
    long n = quire_call(notification_create), i = open_interrupt(QUIRE_INTERRUPT_LEVEL);
    EXPECT_CALL(0, interrupt_bind, i, n, BITS);
    device_raise(registers);
    for (int round = 0; round < 3; round++) {
        EXPECT_EQ(wait_for(n, SOON), BITS);
        EXPECT_CALL(0, interrupt_ack, i);
    }
    EXPECT_EQ(wait_for(n, SOON), BITS);
    device_quiet(registers);
    close((int)n);
    close((int)i);
}

TEST(interrupt, a_source_has_one_driver_at_a_time)
{
    have_device(QUIRE_INTERRUPT_LEVEL);
    long n = quire_call(notification_create), other = quire_call(notification_create);
    long i = open_interrupt(QUIRE_INTERRUPT_LEVEL), again = open_interrupt(QUIRE_INTERRUPT_LEVEL);
    ASSERT(n >= 0 && other >= 0 && i >= 0 && again >= 0);
    EXPECT_CALL(0, interrupt_bind, i, n, BITS);
    EXPECT_CALL(-EBUSY, interrupt_bind, i, n, BITS);
    EXPECT_CALL(-EBUSY, interrupt_bind, again, other, 1);
    EXPECT_EQ(open_interrupt(QUIRE_INTERRUPT_LEVEL), -EBUSY);
    device_raise(registers);
    EXPECT_EQ(wait_for(n, SOON), BITS);
    device_quiet(registers);
    EXPECT_CALL(0, interrupt_bind, again, -1, 0);
    EXPECT_CALL(-ESRCH, interrupt_ack, i);
    device_raise(registers);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0); /* nobody has it: it is masked */
    EXPECT_CALL(0, interrupt_bind, again, other, 1);
    EXPECT_EQ(wait_for(other, SOON), 1);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0);
    device_quiet(registers);
    close((int)other);
    close((int)n);
    close((int)again);
    close((int)i);
}

/* Its notification ends with it. */
TEST(interrupt, a_driver_that_dies_leaves_its_source_to_the_next)
{
    have_device(QUIRE_INTERRUPT_LEVEL);
    long i = open_interrupt(QUIRE_INTERRUPT_LEVEL), n;
    ASSERT(i >= 0);
    for (int round = 0; round < 4; round++) {
        EXPECT_DIES(SIGKILL, {
            long own = quire_call(notification_create);
            volatile unsigned *mine =
                mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
                     (int)quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE), 0);
            if (quire_call(interrupt_bind, i, own, BITS) || mine == MAP_FAILED)
                _exit(1);
            device_raise(mine);
            if (round % 2 && wait_for(own, SOON) != BITS)
                _exit(2);
            raise(SIGKILL);
        });
        device_quiet(registers);
        n = quire_call(notification_create);
        EXPECT_CALL(0, interrupt_bind, i, n, 1);
        device_raise(registers);
        EXPECT_EQ(wait_for(n, SOON), 1);
        device_quiet(registers);
        EXPECT_CALL(0, interrupt_ack, i);
        close((int)n);
    }
    close((int)i);
}

TEST(interrupt, a_driver_receives_interrupts_with_its_messages)
{
    have_device(QUIRE_INTERRUPT_LEVEL);
    long n = quire_call(notification_create), e = quire_call(endpoint_create);
    long i = open_interrupt(QUIRE_INTERRUPT_LEVEL);
    struct message m = {.info = SOON};

    EXPECT_CALL(0, notification_bind, n, e);
    EXPECT_CALL(0, interrupt_bind, i, n, BITS);
    device_raise(registers);
    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_SIGNAL);
    EXPECT_EQ(m.word[0], BITS);
    device_quiet(registers);
    close((int)n);
    close((int)e);
    close((int)i);
}

TEST(interrupt, the_right_to_devices_is_needed)
{
    long weak = quire_call(handle_duplicate, QUIRE_DEVICES, RIGHT_TRANSFER, 0), n = quire_call(notification_create);

    EXPECT_CALL(-EACCES, interrupt_open, weak, DEVICE_INTERRUPT, 0);
    EXPECT_CALL(-EBADF, interrupt_open, 0, DEVICE_INTERRUPT, 0);
    EXPECT_CALL(-EINVAL, interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, 2);
    EXPECT_CALL(-ENODEV, interrupt_open, QUIRE_DEVICES, 1l << 32, 0);
    EXPECT_CALL(-ENODEV, interrupt_open, QUIRE_DEVICES, -1, 0);
    EXPECT_CALL(-EBADF, interrupt_bind, n, n, 1);
    EXPECT_CALL(-EBADF, interrupt_ack, n);
    have_device(QUIRE_INTERRUPT_LEVEL);
    long i = open_interrupt(QUIRE_INTERRUPT_LEVEL);
    long shown = quire_call(handle_duplicate, i, RIGHT_TRANSFER, 0);
    EXPECT_CALL(-EACCES, interrupt_bind, shown, n, 1);
    EXPECT_CALL(-EACCES, interrupt_ack, shown);
    EXPECT_CALL(-EBADF, interrupt_bind, i, i, 1);
    EXPECT_CALL(-EACCES, interrupt_bind, i, quire_call(handle_duplicate, n, RIGHT_RECEIVE, 0), 1);
}
