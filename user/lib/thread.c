/* SPDX-License-Identifier: MIT */
/*
 * Threads: see <quire/thread.h> and thread_block.h. A joiner waits until the state says that the thread has ended. The
 * thread leaves its stack between that store and its end, in leave_stack(), which uses only registers; so the stack may
 * be unmapped at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <quire/sys.h>
#include <quire/thread.h>
#include "lock.h"
#include "thread_block.h"

#define NR_SLOTS   1024
#define KEPT_SLOTS 8    /* whose stacks stay for the next thread: to map one costs more than to make a thread */
#define BLOCK_ROOM 2048 /* for struct thread_block, at the top of a slot */
#define STACK_HEAD 160  /* room above a function's first frame: the most that any machine's ABI requires */
#define PAGE       4096ul

_Static_assert(sizeof(struct thread_block) <= BLOCK_ROOM, "a block fits into its room");

enum slot { SLOT_FREE, SLOT_USED, SLOT_LEFT }; /* left: a detached thread has ended; its stack is still mapped */

static char *slots; /* NULL until the first thread starts */
static unsigned char slot_state[NR_SLOTS];
static size_t slot_bytes[NR_SLOTS]; /* of the stack that is mapped there; changed by whoever has taken the slot */
static unsigned long slots_used; /* the slots from here on have been free always */
static int slots_lock;
static int alive = 1; /* threads, without those whose stacks are from elsewhere */
static struct thread_block main_block;

static struct thread_block *block_of(unsigned long slot)
{
    return (struct thread_block *)(slots + (slot + 1) * THREAD_SLOT_BYTES - BLOCK_ROOM);
}
static unsigned long slot_of(const void *address)
{
    return (unsigned long)((const char *)address - slots) / THREAD_SLOT_BYTES;
}

void __lock_threads(void) { lock(&slots_lock); }

void __unlock_threads(int in_child)
{
    if (in_child) {
        unsigned long own = slot_of(__thread_self());
        alive = 1;
        for (unsigned long i = 0; i < slots_used; i++)
            if (slot_state[i] == SLOT_USED && i != own)
                slot_state[i] = SLOT_LEFT;
    }
    unlock_after_fork(&slots_lock, in_child);
}

struct thread_block *__thread_self(void)
{
    unsigned long slot = slot_of(__builtin_frame_address(0));

    return slots && slot < NR_SLOTS ? block_of(slot) : &main_block;
}

int *__errno_location(void) { return &__thread_self()->error; }

/* Addresses for all slots, with nothing mapped there. False: errno says why. */
static int reserve_slots(void)
{
    if (slots)
        return 1;
    void *all = mmap(NULL, NR_SLOTS * THREAD_SLOT_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED)
        return 0;
    slots = all;
    return 1;
}

/* A slot of its own; -1: errno says why. Slots of detached threads that have ended are used first. */
static long take_slot(void)
{
    long found = -1;

    lock(&slots_lock);
    if (reserve_slots()) {
        for (unsigned long i = 0; i < slots_used; i++) {
            int state = __atomic_load_n(&slot_state[i], __ATOMIC_ACQUIRE);
            if (state == SLOT_LEFT || (state == SLOT_FREE && found < 0))
                found = (long)i;
            if (state == SLOT_LEFT)
                break;
        }
        if (found < 0 && slots_used < NR_SLOTS)
            found = (long)slots_used++;
        if (found >= 0)
            slot_state[found] = SLOT_USED;
        else
            errno = EAGAIN;
    }
    unlock(&slots_lock);
    return found;
}

static int map_slot(unsigned long slot, size_t bytes, int prot)
{
    char *top = slots + (slot + 1) * THREAD_SLOT_BYTES;

    return mmap(top - bytes, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | (prot ? MAP_STACK : 0), -1, 0) ==
           MAP_FAILED;
}

/* Maps a stack of so many bytes, unless one is there from before. All of the slot: no larger one is left below it. */
static int prepare_stack(unsigned long slot, size_t bytes)
{
    if (slot_bytes[slot] == bytes)
        return 0;
    slot_bytes[slot] = 0;
    if (map_slot(slot, THREAD_SLOT_BYTES, PROT_NONE) || map_slot(slot, bytes, PROT_READ | PROT_WRITE))
        return -1;
    slot_bytes[slot] = bytes;
    return 0;
}

static void free_slot(unsigned long slot)
{
    if (slot >= KEPT_SLOTS) {
        slot_bytes[slot] = 0;
        map_slot(slot, THREAD_SLOT_BYTES, PROT_NONE);
    }
    __atomic_store_n(&slot_state[slot], SLOT_FREE, __ATOMIC_RELEASE);
}

/* The main thread's stack is the kernel's gift, and stays. */
void __thread_free(struct thread_block *block)
{
    if (block != &main_block)
        free_slot(slot_of(block));
}

struct thread_block *__thread_new(size_t stack_bytes, const struct thread_block *first)
{
    long slot = take_slot();

    if (slot < 0)
        return NULL;
    if (prepare_stack((unsigned long)slot, stack_bytes)) {
        free_slot((unsigned long)slot);
        return NULL;
    }
    struct thread_block *block = block_of((unsigned long)slot);
    *block = *first;
    __atomic_add_fetch(&alive, 1, __ATOMIC_RELAXED);
    long id = quire_call(thread_create, block->begin, (char *)block - STACK_HEAD, block);
    if (id >= 0)
        return block;
    __atomic_sub_fetch(&alive, 1, __ATOMIC_RELAXED);
    free_slot((unsigned long)slot);
    __result(id);
    return NULL;
}

/*
 * The end of a thread. From the first store on its stack may be unmapped or used by another thread, so all that
 * follows is in registers.
 */
static void __attribute__((noreturn, noinline)) leave_stack(int *state, unsigned char *slot)
{
    int was = __atomic_exchange_n(state, THREAD_ENDED, __ATOMIC_ACQ_REL);

    if (was == THREAD_DETACHED && slot)
        __atomic_store_n(slot, SLOT_LEFT, __ATOMIC_RELEASE);
    if (was == THREAD_AWAITED)
        futex_wake(state, FUTEX_ALL);
    for (;;)
        quire_call(thread_exit);
}

void __thread_leave(void)
{
    struct thread_block *self = __thread_self();

    if (__atomic_sub_fetch(&alive, 1, __ATOMIC_ACQ_REL) == 0)
        exit(0);
    unsigned char *slot = self != &main_block ? &slot_state[slot_of(self)] : NULL;
    leave_stack(&self->state, slot);
}

int __thread_await(struct thread_block *block)
{
    int state = THREAD_RUNS;

    __atomic_compare_exchange_n(&block->state, &state, THREAD_AWAITED, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE);
    while ((state = __atomic_load_n(&block->state, __ATOMIC_ACQUIRE)) == THREAD_AWAITED)
        futex_wait(&block->state, THREAD_AWAITED);
    return state;
}

static void run(struct thread_block *self)
{
    self->run(self->argument);
    __thread_leave();
}

int thread_start(struct thread *t, void (*function)(void *), void *argument)
{
    struct thread_block first = {.state = THREAD_RUNS, .begin = run, .run = function, .argument = argument};

    t->block = __thread_new(THREAD_STACK_BYTES, &first);
    t->stack = t->block ? slots + (slot_of(t->block) + 1) * THREAD_SLOT_BYTES - THREAD_STACK_BYTES : NULL;
    return t->block ? 0 : -1;
}

void thread_join(struct thread *t)
{
    __thread_await(t->block);
    __thread_free(t->block);
}
