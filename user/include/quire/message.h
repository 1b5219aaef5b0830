/* SPDX-License-Identifier: MIT */
/*
 * Messages between programs. A client calls an endpoint and gets the reply; a server receives, and answers with
 * message_reply_receive(), which also waits for the next one. All return what the kernel returns: 0 or QUIRE_GOT_*, or
 * a negative error number.
 */
#pragma once

#include <uapi/quire/ipc.h>
#include <quire/sys.h>

struct message {
    unsigned long word[QUIRE_MESSAGE_WORDS];
    unsigned long info;  /* QUIRE_INFO_*; after a receive or a reply: how many handles have come */
    unsigned long badge; /* after a receive: of the handle that the sender used */
    struct quire_extra *extra; /* for handles and windows; NULL: none */
};

static inline long message_system_call_(long number, long handle, struct message *m)
{
    unsigned long extra = (unsigned long)m->extra;
    long result = __message_call(number, handle, &m->info, m->word, &extra);

    m->badge = extra;
    return result;
}

static inline long message_call(int endpoint, struct message *m)
{
    return message_system_call_(QUIRE_SYS_call, endpoint, m);
}
static inline long message_send(int endpoint, struct message *m)
{
    return message_system_call_(QUIRE_SYS_send, endpoint, m);
}
static inline long message_receive(int endpoint, struct message *m)
{
    return message_system_call_(QUIRE_SYS_receive, endpoint, m);
}
static inline long message_reply_receive(int endpoint, struct message *m)
{
    return message_system_call_(QUIRE_SYS_reply_receive, endpoint, m);
}
/*
 * Waits for bits of the mask at a notification. limit: 0, or QUIRE_INFO_LIMIT_US(). The bits go to *bits, none after an
 * error. The mask, and then the bits, are the first word of a message.
 */
static inline long notification_wait(long notification, unsigned long mask, unsigned long limit, unsigned long *bits)
{
    struct message m = {.word = {mask}, .info = limit};
    long result = message_system_call_(QUIRE_SYS_notification_wait, notification, &m);

    *bits = result == 0 ? m.word[0] : 0;
    return result;
}

/* reply: a handle from quire_call(reply_save), or -1: the call that this thread received last. */
static inline long message_reply(int reply, struct message *m)
{
    return message_system_call_(QUIRE_SYS_reply, reply, m);
}
