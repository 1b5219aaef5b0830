/* SPDX-License-Identifier: MIT */
/*
 * Which locks a CPU holds, found out from its atomic accesses: a spin lock becomes 1 by an acquire, a sleeping lock
 * gets its writer's bit or one more reader (<quire/spinlock.h>, <quire/sync.h>). An access that isn't clearly one of
 * these isn't taken for a lock: this costs more schedules, but none is missed.
 */
#include "explore.h"
#include <quire/sync.h>
#include <string.h>

#define LOCKS_MAX 16

static const volatile void *addresses[LOCKS_MAX];
static unsigned nr_locks;
struct locks locks_of[OPERATIONS_MAX];

void locks_forget(void) { nr_locks = 0; }
void locks_begin(void) { memset(locks_of, 0, sizeof(locks_of)); }

/* The lock's bit; 0: there are too many locks, or this one isn't known and `create` is false. */
static u16 bit_of(const volatile void *at, bool create)
{
    for (unsigned i = 0; i < nr_locks; i++)
        if (addresses[i] == at)
            return (u16)(1u << i);
    if (!create || nr_locks == LOCKS_MAX)
        return 0;
    addresses[nr_locks] = at;
    return (u16)(1u << nr_locks++);
}

void locks_changed(const volatile void *at, u64 before, u64 after, bool acquires)
{
    struct locks *mine = &locks_of[running];
    bool spin = acquires && before == 0 && after == 1,
         writer = acquires && !(before & RWSEM_WRITER) && after & RWSEM_WRITER;
    u16 bit = bit_of(at, spin || writer);

    if (!bit)
        return;
    if (spin || writer) {
        mine->alone |= bit;
        mine->any |= bit;
    } else if (mine->alone & bit ? !(after & 1) && !(after & RWSEM_WRITER) : after < before) {
        mine->alone &= (u16)~bit;
        mine->any &= (u16)~bit;
    } else if (acquires && after == before + 1 && !(after & RWSEM_WRITER)) {
        mine->any |= bit;
    }
}
