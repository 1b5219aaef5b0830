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
/* reply: a handle from quire_call(reply_save), or -1: the call that this thread received last. */
static inline long message_reply(int reply, struct message *m)
{
    return message_system_call_(QUIRE_SYS_reply, reply, m);
}
