/* SPDX-License-Identifier: MIT */
/*
 * Events of code: stored, maintained, mapped, executed. In a kernel built with ICACHE=stale, tests/icache/ plays the
 * instruction caches and gets these calls. In ordinary kernels the calls are empty.
 */
#pragma once

#include <quire/exec_pfn.h>

struct mm;
struct trapframe;
struct inspect_root;

#if ICACHE_STALE
/* The kernel has stored to these frames; `by`: the place in the kernel that announces it. */
void code_stored(pfn_t pfn, u64 nr, const void *by);
/* The kernel has maintained [start, end) of the direct map, hidden or not: code of mm (NULL: of no process yet). */
void code_cleaned(struct mm *mm, vaddr_t start, vaddr_t end);
void code_fenced(u64 gen); /* this CPU, for all generations up to gen */
void code_left(void);      /* this CPU isn't in user mode, and checks its generation before it returns there */
/* What mm executes from now on needs this generation (code_published), or these frames became executable in mm
 * (code_mapped). */
void code_published(struct mm *mm, u64 gen);
void code_mapped(struct mm *mm, pfn_t pfn, u64 nr);
/* This CPU goes to user mode of mm (NULL: none) now; interrupts are off. */
void code_entered(const struct trapframe *tf, struct mm *mm);
/* Something went wrong in a process; pc: where it was; 0: anywhere. May sleep. */
void code_failed(struct mm *mm, vaddr_t pc);
void code_forget(void); /* a test begins */
void code_take_memory(void); /* memory_init() has sorted out what memory there is */
void code_inspect(struct inspect_root *root); /* fill in the part of *root that is about shadows */
#else
static inline void code_stored(pfn_t pfn, u64 nr, const void *by) { (void)pfn, (void)nr, (void)by; }
static inline void code_cleaned(struct mm *mm, vaddr_t start, vaddr_t end) { (void)mm, (void)start, (void)end; }
static inline void code_fenced(u64 gen) { (void)gen; }
static inline void code_left(void) {}
static inline void code_published(struct mm *mm, u64 gen) { (void)mm, (void)gen; }
static inline void code_mapped(struct mm *mm, pfn_t pfn, u64 nr) { (void)mm, (void)pfn, (void)nr; }
static inline void code_entered(const struct trapframe *tf, struct mm *mm) { (void)tf, (void)mm; }
static inline void code_failed(struct mm *mm, vaddr_t pc) { (void)mm, (void)pc; }
static inline void code_forget(void) {}
static inline void code_take_memory(void) {}
static inline void code_inspect(struct inspect_root *root) { (void)root; }
#endif
