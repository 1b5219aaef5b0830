/* SPDX-License-Identifier: MIT */
/*
 * Helpers for several groups of kernel tests: threads on all CPUs, failing allocations, checks of address spaces.
 */
#pragma once

#include <quire/mm.h>
#include <quire/test.h>
#include <quire/thread.h>

/* --- threads of a test ----------------------------------------------------------------- */
/* Some threads that run at the same time; each pinned to a CPU. Zero-initialised: an empty crew. */
struct crew {
    u32 running, started, asked;
};
/*
 * Start fn(arg) on this CPU; false (and the test has failed): no memory.
 * A CPU that isn't online does nothing.
 */
bool crew_start(struct crew *crew, unsigned cpu, void (*fn)(void *), void *arg);
/* Wait until all run. */
void crew_wait_started(struct crew *crew);
/* Wait until all have returned. */
void crew_wait(struct crew *crew);

/*
 * Races. Under -icount the CPUs take turns, and a turn ends at the next timer interrupt. For the loop of a racing
 * thread: let this CPU's turn end soon, at a random place.
 */
void jitter(void);
void spend(u64 loops); /* use some time without letting others run */

/* --- memory ---------------------------------------------------------------------------- */
struct ledger {
    u64 frames, objects;
};
/* What is in use now, for a comparison later. */
struct ledger ledger_read(void);
#define EXPECT_LEDGER(before)                                                                      \
    do {                                                                                           \
        struct ledger ledger_now_ = ledger_read();                                                 \
        EXPECT_EQ(ledger_now_.frames, (before).frames);                                            \
        EXPECT_EQ(ledger_now_.objects, (before).objects);                                          \
    } while (0)

/*
 * Run op(arg) with the first, second, third ... allocation failing, until no allocation fails. op returns 0 or an
 * error; after success it undoes its work itself. In both cases it must leave nothing behind.
 */
void with_every_failure(int (*op)(void *), void *arg);

/* The largest order that uses at most half of free memory, and at most `most`. */
unsigned order_that_fits(unsigned most);
/* Whether nr words from pfn on are all this one. */
bool words_are(pfn_t pfn, u64 nr, memdesc_t word);

/* --- address spaces -------------------------------------------------------------------- */
#define TEST_BASE (16UL << 30) /* where tests map things at fixed addresses */

struct mm *new_space(void); /* or the test ends */
/* An anonymous private mapping at TEST_BASE; an error ends the test. */
vaddr_t map_anonymous(struct mm *mm, size_t len, unsigned prot);
/* Fault on every page of the range as if it were accessed; 0 or the first error. */
int touch_range(struct mm *mm, vaddr_t addr, size_t len, unsigned access);
/* Make every CPU seem to hold translations of mm, so that flushes go out to all. */
void seem_active_everywhere(struct mm *mm);
unsigned count_areas(struct mm *mm);
/* The invariants of areas, entries and counts; failures are reported. Nobody else uses mm. */
void check_address_space(struct mm *mm);
/* An anonymous mapping at this very address: 0 or an error. */
int map_at(struct mm *mm, vaddr_t at, size_t len, unsigned prot, unsigned flags);
bool writable(struct mm *mm, vaddr_t addr); /* whether the entry for addr says so */
unsigned zeros(struct mm *mm, vaddr_t addr, unsigned nr); /* how many of nr pages show the page of zeros */
/* A hole of nr frames from the one mapped at addr on, or the test ends. */
struct insecure_mem *punch_at(struct mm *mm, vaddr_t addr, unsigned nr);
/* The frame mapped at addr; PFN_NONE: none. */
pfn_t mapped_frame(struct mm *mm, vaddr_t addr);
/* One byte of user memory through the direct map. The page is mapped. */
u8 *user_byte(struct mm *mm, vaddr_t addr);

/* --- the order of events --------------------------------------------------------------- */
/*
 * The rule that keeps memory safe: if an entry for a frame (a page or a table) was cleared, the frame is given back
 * only after a flush. This flush must have begun after the clearing and have ended, with an answer from every CPU that
 * was asked.
 */
void events_start(void);
/*
 * Check everything since events_start(); reports the broken rule. Returns how many frees it looked
 * at.
 */
unsigned events_check(void);
