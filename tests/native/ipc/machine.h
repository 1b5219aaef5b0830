/* SPDX-License-Identifier: MIT */
/*
 * The machine of the program native-ipc: kernel/ipc/endpoint.c, notification.c and priority.c, kernel/sched/thread.c
 * and sleep.c, and kernel/objects/object.c run on it unchanged. One CPU, no interrupts. A thread is a coroutine that
 * runs until it waits or its system call has ended; the test says which thread runs next, so it has every order of
 * whole steps in its hand.
 */
#pragma once

#include "../../../kernel/ipc/ipc.h"
#include <quire/process.h>

#define PLAYERS_MAX 3

/* A program with one thread. */
struct player {
    struct process process;
    struct thread *thread; /* NULL: it has ended */
    bool late;             /* the time of its wait is over */
    void (*call)(struct player *); /* what it does next; NULL: it is in user mode */
};
extern struct player players[PLAYERS_MAX];
extern unsigned nr_players;

void machine_begin(unsigned nr, const unsigned *priorities); /* players in user mode */
void machine_end(void);                                      /* all have ended: nothing is left */
struct player *player_of(const struct thread *t);
static inline struct player *self_player(void) { return player_of(current_thread()); }
/* The player runs until it waits, is in user mode again, or has ended. It makes this call; NULL: goes on with one. */
void player_run(struct player *p, void (*call)(struct player *));
void player_ends(struct player *p); /* game.c: its thread is about to end */
static inline bool player_killed(const struct player *p) { return process_killed(&p->process); }
static inline bool player_waits(const struct player *p) { return p->thread && p->thread->state == THREAD_BLOCKED; }
static inline bool player_woken(const struct player *p) { return p->thread && p->thread->state == THREAD_READY; }
static inline bool player_idles(const struct player *p) { return p->thread && !p->call; }

#define LIMIT_NS 10u /* when waits with a time limit end; the clock stands at 1 until the test calls a wait late */
