/* SPDX-License-Identifier: MIT */
/*
 * Waiting for words of user memory: kernel/ipc/futex.c. Called by the thread that made the system call; no locks held.
 */
#pragma once

#include <quire/types.h>

void futex_init(void); /* before the first program */
/*
 * Waits until somebody wakes the word at this address of the current process, unless it has another value than
 * `expected`. `until` as in <quire/endpoint.h>. 0: woken; -EAGAIN: another value; -ETIMEDOUT; -EFAULT; -EINVAL: the
 * address isn't a multiple of 4; -EINTR.
 */
s64 futex_wait(vaddr_t address, u32 expected, u64 until);
/*
 * Wakes up to so many threads that wait for the word, the longest waiter first. -> how many; -EFAULT; -EINVAL; -EINTR.
 */
s64 futex_wake(vaddr_t address, u64 count);
