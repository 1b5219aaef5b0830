/* SPDX-License-Identifier: MIT */
/* Asking pagers: see <quire/pager.h>. */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/pager.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

struct pager {
    struct endpoint *endpoint; /* with a reference; it may be closed */
    u64 badge;                 /* of the handle by which the object was made: the pager knows its messages by it */
    u64 word;                  /* which of its objects this is */
    struct quota *quota;       /* pays for this struct. The object, which outlives it, has a reference */
};

struct pager *pager_create(struct object *endpoint, u64 badge, u64 word)
{
    struct quota *quota = current_process()->quota;
    struct pager *p = quota_kmalloc(quota, sizeof(*p));

    if (!p)
        return NULL;
    object_get(endpoint);
    *p = (struct pager){(struct endpoint *)endpoint, badge, word, quota};
    return p;
}

void pager_put(struct pager *p)
{
    object_put((struct object *)p->endpoint);
    quota_kfree(p->quota, p, sizeof(*p));
}

/* --- asking -------------------------------------------------------------------------------------- */
/* The pager's answer; -E... of the call itself. */
static s64 ask(const struct pager *p, u64 offset, unsigned access)
{
    u64 words[QUIRE_MESSAGE_WORDS] = {QUIRE_PAGER_MISS, offset, access, p->word};
    s64 result = ipc_call_words(p->endpoint, p->badge, words);

    return result ? result : (s64)words[0];
}

int pager_fault(vaddr_t addr, unsigned access)
{
    u64 page;
    struct memobj *obj = mm_miss(current_process()->mm, addr, &page);

    if (!obj)
        return 0; /* it has come meanwhile */
    s64 answer = ask(obj->pager, page << PAGE_SHIFT, access);
    memobj_put(obj);
    return !answer || current_killed() ? 0 : -EIO;
}
