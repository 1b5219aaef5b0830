/* SPDX-License-Identifier: MIT */
/*
 * ICACHE=stale in words: which line of user memory is old, who stored, which step is missing, what the cause may be.
 * The facts come from <quire/exec_shadow.h>. Told to the test that runs, else on the console.
 */
#pragma once

#include <quire/exec_shadow.h>
#include <quire/mm.h>

struct trapframe;

#if ICACHE_STALE
/*
 * This CPU goes to user mode now, interrupts off. Two things fail the test that runs, whatever it computes: code newer
 * than this CPU's last fence, and a line that the kernel stored to and nobody has maintained. An old line that a program
 * may have written itself is noted, and told when the test fails for another reason.
 */
void stale_code_enter(const struct trapframe *tf, struct mm *mm);
/* Something went wrong in this process; tell what is stale in it. pc: where it was; 0: anywhere. May sleep. */
void stale_code_explain(struct mm *mm, vaddr_t pc);
void stale_code_forget(void); /* a test begins */

/* A line in words: what and who, which step is missing, the likely cause. ran: this CPU was on it; else it would be. */
#define STALE_SENTENCES 3
void stale_code_text(const struct stale_line *line, unsigned cpu, bool ran, char text[STALE_SENTENCES][160]);
#else
static inline void stale_code_enter(const struct trapframe *tf, struct mm *mm) { (void)tf, (void)mm; }
static inline void stale_code_explain(struct mm *mm, vaddr_t pc) { (void)mm, (void)pc; }
static inline void stale_code_forget(void) {}
#endif
