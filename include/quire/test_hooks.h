/* SPDX-License-Identifier: MIT */
/*
 * Where the in-machine test runner gets a look at a fault before it becomes a panic: with no lock held the
 * faulting test is given up and the next one runs. Debug builds; nothing otherwise.
 */
#pragma once

#include <quire/types.h>

struct trapframe;

#if QUIRE_DEBUG
void test_hook_fault(struct trapframe *tf, vaddr_t addr, unsigned access);
void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr);
void test_hook_overflow(struct trapframe *tf);
void test_hook_tick(void);
void test_hook_expected(const char *text); /* a panic or fault begins: doesn't return if a test asked for it */
void test_hook_panic(const char *text); /* the sentence of a panic */
void test_hook_panic_end(void);         /* it has been told; the machine ends */
void __noreturn test_machine_ends(void);
#else
static inline void test_hook_fault(struct trapframe *tf, vaddr_t addr, unsigned access) {}
static inline void test_hook_exception(struct trapframe *tf, const char *what, vaddr_t addr) {}
static inline void test_hook_overflow(struct trapframe *tf) {}
static inline void test_hook_tick(void) {}
static inline void test_hook_expected(const char *text) {}
static inline void test_hook_panic(const char *text) {}
static inline void test_hook_panic_end(void) {}
#endif
