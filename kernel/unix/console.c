/* SPDX-License-Identifier: MIT */
/*
 * Console input. The interrupt puts characters into a ring. While the ring is full, input stays in the device, and the
 * sender waits. Readers take characters out of the ring: as they were typed, or line by line. A line is edited
 * (backspace, Ctrl-U) and echoed by the readers that wait for it. A line of more than LINE_BYTES comes in pieces.
 *
 * Two keys work at once, even if nobody reads, as long as the ring isn't full; behind a full ring they stay in the
 * device like all else. Ctrl-P prints the processes, and Ctrl-C signals the listener, a notification of whoever waits
 * for the program in the foreground. Without a listener, and for a shell that reads keys, Ctrl-C is a character like
 * any other.
 */
#include <quire/console.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/line.h>
#include <quire/log.h>
#include <quire/process.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define CTRL(c) ((c) & 31)
#define RING 4096

/* All of it is under input.lock. */
static struct wait_queue input = WAIT_QUEUE_INIT(input);
static char ring[RING];
static u32 head, tail; /* [tail, head) was typed and not read */
static struct line line;
static bool for_keys; /* a shell reads keys; programs that read lines wait until the shell waits for a program */
static struct notification *listener; /* without a reference: it is forgotten when it ends */
static u64 listener_bits;
static bool held_back; /* the device was told to keep its input */

static void arrive(int c)
{
    if (c == CTRL('P')) {
        processes_print();
    } else if (c == CTRL('C') && listener && !for_keys) {
        tail = head; /* what was typed before isn't wanted any more */
        line_drop(&line);
        notification_signal(listener, listener_bits);
    } else {
        ring[head++ % RING] = (char)c;
    }
}

static void hold_back(bool hold)
{
    if (hold != held_back)
        arch_console_rx_enable(!hold);
    held_back = hold;
}

static bool no_room(void) { return head - tail == RING; }

/* Takes what the device has. */
static void receive(void)
{
    u32 before = head;
    int c;

    hold_back(no_room()); /* a device that keeps its input gives no characters: so this comes first */
    while (!no_room() && (c = arch_console_getc()) >= 0)
        arrive(c);
    hold_back(no_room());
    if (head != before)
        wake_all_locked(&input);
}

void trap_console_rx(void)
{
    this_cpu()->irq_depth++;
    spin_lock(&input.lock);
    receive();
    spin_unlock(&input.lock);
    this_cpu()->irq_depth--;
}

/* Takes the next character; there must be one. */
static char next(void)
{
    char c = ring[tail++ % RING];

    if (held_back && head - tail <= RING / 2)
        receive();
    return c;
}

/* Whether a key was typed. What is left of a line that a program has read in part is dropped. */
static bool keys_are_there(void)
{
    for_keys = true;
    line_drop(&line);
    return head != tail;
}

/* Makes a line of what was typed. Whether it is finished. */
static bool line_is_there(void)
{
    while (!for_keys && !line.finished && head != tail)
        line_type(&line, next(), arch_console_write);
    return !for_keys && line.finished;
}

ssize_t console_read(char *to, size_t n, bool keys)
{
    bool irq = wait_until_locked(&input, (keys ? keys_are_there() : line_is_there()) || current_killed());
    ssize_t got = -EINTR;

    if (!current_killed()) /* else the input stays for other readers */
        got = keys ? (*to = next(), 1) : (ssize_t)line_take(&line, to, n);
    spin_unlock_irqrestore(&input.lock, irq);
    return got;
}

void console_listen(struct notification *n, u64 bits)
{
    bool irq = spin_lock_irqsave(&input.lock);

    if (bits || listener == n) {
        listener = bits ? n : NULL;
        listener_bits = bits;
    }
    for_keys = for_keys && !bits;
    wake_all_locked(&input); /* a program may wait for its line already */
    spin_unlock_irqrestore(&input.lock, irq);
}

void console_init(void) { arch_console_rx_enable(true); }
