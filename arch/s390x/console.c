/* SPDX-License-Identifier: MIT */
/*
 * The console: the service processor's ASCII (VT220) console, events of type 0x1a, plain ASCII both
 * ways.
 *
 * Each CPU writes from a control block of its own, so writers need no lock; the caller keeps lines whole. Input is
 * fetched when somebody asks: one block at a time, which is then returned byte by byte.
 */
#include <arch-generic/machine.h>
#include <arch/sclp.h>
#include <quire/string.h>

#define EVENT_ASCII       0x1a
#define EVENT_BIT(type)   (1u << (32 - (type)))
#define VARIABLE_LENGTH   0x80 /* control byte: the answer may be as long as the data */
#define ASCII_DATA_STREAM 0    /* first byte of input: typed text follows */

struct event {
    u16 length; /* with this header */
    u8 type;
    u8 flags;
    u16 reserved;
};
#define EVENT_HEADER sizeof(struct event)

#define OUT_MAX (512 - sizeof(struct sccb) - EVENT_HEADER)

static struct {
    struct sccb head;
    struct event event;
    u8 data[OUT_MAX];
} out_blocks[MAX_CPUS] __aligned(512);

static struct {
    struct sccb head;
    u8 events[4096 - sizeof(struct sccb)];
} in_block __aligned(4096);

static struct {
    char locked;
    const u8 *next, *end; /* what is left of in_block's data */
} input;

static bool output_ready, input_wanted;

static void set_event_mask(u32 receive, u32 send)
{
    static struct {
        struct sccb head;
        u16 reserved, mask_bytes;
        u32 receive, send, sclp_receive, sclp_send;
    } block __aligned(8);

    memset(&block, 0, sizeof(block));
    block.head.length = sizeof(block);
    block.mask_bytes = sizeof(u32);
    block.receive = receive;
    block.send = send;
    sclp_call(SCLP_WRITE_EVENT_MASK, &block.head);
}

static void write_block(const char *text, size_t len)
{
    unsigned cpu = this_cpu()->cpu;
    bool irqs = arch_irq_enabled();

    arch_irq_disable();
    __typeof__(out_blocks[0]) *block = &out_blocks[cpu];
    memset(block, 0, sizeof(block->head) + EVENT_HEADER);
    block->event.length = (u16)(EVENT_HEADER + len);
    block->event.type = EVENT_ASCII;
    block->head.length = (u16)(sizeof(block->head) + block->event.length);
    memcpy(block->data, text, len);
    sclp_call(SCLP_WRITE_EVENT_DATA, &block->head);
    if (irqs)
        arch_irq_enable();
}

void arch_console_write(const char *text, size_t len)
{
    if (!output_ready) {
        output_ready = true;
        set_event_mask(0, EVENT_BIT(EVENT_ASCII));
    }
    while (len) {
        size_t n = MIN(len, OUT_MAX);
        write_block(text, n);
        text += n;
        len -= n;
    }
}

void arch_console_rx_enable(bool on)
{
    static bool asked;

    input_wanted = on; /* input that isn't read stays in SCLP */
    if (asked)
        return;
    asked = output_ready = true;
    set_event_mask(EVENT_BIT(EVENT_ASCII), EVENT_BIT(EVENT_ASCII));
}

/* Ask for what was typed since last time. */
static void read_block(void)
{
    memset(&in_block.head, 0, sizeof(in_block.head));
    in_block.head.length = sizeof(in_block);
    in_block.head.control[2] = VARIABLE_LENGTH;
    input.next = input.end = NULL;
    if (sclp_call(SCLP_READ_EVENT_DATA, &in_block.head) != SCLP_RESPONSE_DONE)
        return;
    const struct event *event = (const struct event *)in_block.events;
    const u8 *data = (const u8 *)(event + 1);
    if (event->type != EVENT_ASCII || event->length <= EVENT_HEADER + 1 ||
        *data != ASCII_DATA_STREAM)
        return;
    input.next = data + 1;
    input.end = (const u8 *)event + event->length;
}

int arch_console_getc(void)
{
    bool irqs = arch_irq_enabled();
    int c = -1;

    arch_irq_disable();
    /* If another CPU is reading, leave the input to it. */
    if (input_wanted && !__atomic_exchange_n(&input.locked, true, __ATOMIC_ACQUIRE)) {
        if (input.next == input.end)
            read_block();
        if (input.next != input.end)
            c = *input.next++;
        __atomic_store_n(&input.locked, false, __ATOMIC_RELEASE);
    }
    if (irqs)
        arch_irq_enable();
    return c;
}
