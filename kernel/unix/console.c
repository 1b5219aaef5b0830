/* SPDX-License-Identifier: MIT */
/*
 * Console input. The interrupt puts characters into a ring and edits the line (backspace, Ctrl-U); a finished line
 * wakes the readers. Ctrl-P prints the processes at once, even if nobody reads. While the ring is full of finished
 * lines, input stays in the device until a line is read. A line has at most RING - 1 characters; the rest is cut.
 */
#include <quire/console.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/process.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define CTRL(c) ((c) & 31)
#define RING 1024

static struct wait_queue input = WAIT_QUEUE_INIT(input);
static char ring[RING];
static u32 head, tail, line_start; /* readers take from tail; [tail, line_start) are finished lines */

static u32 used(void) { return head - tail; }

static void erase_one(void)
{
    if (head != line_start) {
        head--;
        arch_console_write("\b \b", 3);
    }
}

static void take(int c)
{
    switch (c) {
    case CTRL('P'):
        processes_print();
        return;
    case CTRL('U'):
        while (head != line_start)
            erase_one();
        return;
    case '\b':
    case 127:
        erase_one();
        return;
    case CTRL('D'):
        if (head == line_start && used() < RING)
            ring[head++ % RING] = CTRL('D');
        line_start = head;
        return;
    case '\r':
        c = '\n';
        break;
    }
    if ((c < ' ' && c != '\n' && c != '\t') || used() >= RING - (c == '\n' ? 0 : 1))
        return; /* the last free place is kept for the line's end */
    ring[head++ % RING] = (char)c;
    char text = (char)c;
    arch_console_write(&text, 1);
    if (c == '\n')
        line_start = head;
}

/* The ring is full, and a reader can make room. Until then input waits in the device, and the sender waits, too. */
static bool no_room(void) { return used() >= RING - 1 && tail != line_start; }

static bool held_back; /* the device was told to keep its input */

static void hold_back(bool hold)
{
    if (hold != held_back)
        arch_console_rx_enable(!hold);
    held_back = hold;
}

/* Takes what the device has. Under input.lock. */
static void receive(void)
{
    u32 before = line_start;
    int c;

    hold_back(no_room()); /* a device that keeps its input gives no characters: so this comes first */
    while (!no_room() && (c = arch_console_getc()) >= 0)
        take(c);
    hold_back(no_room());
    if (line_start != before)
        wake_all_locked(&input);
}

void trap_console_rx(void)
{
    spin_lock(&input.lock);
    receive();
    spin_unlock(&input.lock);
}

ssize_t console_read(char *to, size_t n)
{
    size_t got = 0;

    bool irq = wait_until_locked(&input, tail != line_start || current_killed());
    bool killed = current_killed(); /* then the line stays for other readers */
    while (!killed && got < n && tail != line_start) {
        char c = ring[tail % RING];
        if (c == CTRL('D')) {
            if (got == 0)
                tail++;
            break;
        }
        to[got++] = c;
        tail++;
        if (c == '\n')
            break;
    }
    if (held_back)
        receive(); /* there is room again */
    spin_unlock_irqrestore(&input.lock, irq);
    return killed ? -EINTR : (ssize_t)got;
}

void console_init(void) { arch_console_rx_enable(true); }
