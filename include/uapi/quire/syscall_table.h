/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls: number, name, arguments. Each line here has one function sys_<name> in kernel/. Dispatch,
 * user stubs and the reference page are made from the table. Results below 0 are -E... numbers.
 *
 * X(number, name, nr_args, "arguments in words")
 */
#pragma once

#define QUIRE_SYSCALLS(X)                                                                          \
    X(0, nop, 0, "does nothing; what a system call costs")                                         \
    X(1, exit, 2, "status, signal: end this process, with signal 0 by an exit, else as that signal does") \
    X(2, spawn, 3, "path, argv, ceiling of its priorities or 0: a process with this program, not started -> handle; -EPERM: the ceiling is above the caller's") \
    X(3, console_listen, 3, "console, notification, bits: it gets these for Ctrl-C from now on; bits 0: not any more") \
    X(4, read, 4, "handle, buffer, bytes, QUIRE_READ_*: -> bytes read, 0 at the end")              \
    X(5, write, 3, "handle, buffer, bytes: -> bytes written")                                      \
    X(6, open, 2, "path, flags (must be 0): open a file of the boot archive -> handle")            \
    X(7, close, 1, "handle")                                                                       \
    X(8, seek, 3, "handle, offset, whence (0 start, 1 here, 2 end): -> new position")              \
    X(9, entry, 2, "index, struct quire_entry *: the n-th file of the boot archive")               \
    X(10, mmap, 6, "address, bytes, PROT_*, MAP_*, memory object handle or -1, offset: -> address") \
    X(11, munmap, 2, "address, bytes")                                                             \
    X(12, mprotect, 3, "address, bytes, PROT_*")                                                   \
    X(13, madvise, 3, "address, bytes, MADV_*")                                                    \
    X(14, clock, 0, "-> nanoseconds since boot")                                                   \
    X(15, yield, 0, "let another thread run")                                                      \
    X(16, sleep, 1, "nanoseconds")                                                                 \
    X(17, thread_create, 3, "entry, stack pointer, argument: -> thread id")                        \
    X(18, thread_exit, 0, "end this thread; the last one ends the process with status 0")          \
    X(19, getpid, 0, "-> process id")                                                              \
    X(20, process_clone, 0, "a process with a copy of the caller's memory and registers -> handle; in the copy QUIRE_IN_CHILD") \
    X(21, process_info, 2, "index, struct quire_process *: the n-th process")                      \
    X(22, memory_info, 1, "struct quire_memory *")                                                 \
    X(23, area_info, 3, "process id (0: this one), index, struct quire_area *")                    \
    X(24, counter, 1, "enum counter: -> its value")                                                \
    X(25, poweroff, 1, "status: end the machine; -EPERM: tests run, or a command started the caller") \
    X(26, cache_sync, 2, "address, bytes: make code written there executable on all CPUs")         \
    X(27, test_run, 1, "pattern: run the kernel's own tests; -> failures; -ENOENT: none matches")  \
    X(28, test_event, 3, "kind, text, value: what a test program reports; -EPERM: it isn't tested") \
    X(29, kill, 1, "process handle: end this process, and those that it owns (RIGHT_OWN)")         \
    X(30, guest_create, 2, "order of its folio, program path: -> handle")                          \
    X(31, guest_run, 2, "handle, struct quire_guest_exit *: until the guest needs the host")       \
    X(32, guest_share, 2, "handle, allow: answer the guest's share or unshare request")            \
    X(33, guest_map, 3, "handle, guest page, pages: show shared pages here -> address")            \
    X(34, guest_peek, 4, "handle, guest offset, buffer, bytes: read as the host would; refused if secret") \
    X(35, guest_info, 2, "handle, struct quire_guest_info *")                                      \
    X(36, memory_create, 2, "bytes, QUIRE_MEMORY_*: a memory object -> handle")                    \
    X(37, cpu, 0, "-> number of the CPU that runs the caller")                                     \
    X(38, process_id, 1, "process handle: -> its id")                                              \
    X(39, guest_answer, 2, "handle, value: what the guest's last yield or console call returns")   \
    X(40, walk_info, 3, "process id (0: this one), address, struct quire_walk *: how the address is translated") \
    X(41, cpu_pin, 1, "CPU: the calling thread goes there and stays; -1: wherever the kernel likes") \
    X(42, handle_duplicate, 3, "handle, RIGHT_*, badge or 0: a handle to the same object with fewer rights -> handle") \
    X(43, endpoint_create, 0, "-> handle")                                                         \
    X(44, call, 2, "endpoint, info, and the registers of a message: -> 0, with the reply in the registers; -EPIPE: no answer comes; -ETIMEDOUT") \
    X(45, reply_receive, 2, "endpoint, info, and a message: answer the last call, then receive: as receive") \
    X(46, send, 2, "endpoint, info, and a message: -EAGAIN: nobody receives")                      \
    X(47, receive, 2, "endpoint, info: -> QUIRE_GOT_*, with the message in the registers; -EPIPE: closed; -ETIMEDOUT") \
    X(48, reply, 2, "reply handle or -1, info, and a message: answer a call; -ESRCH: its caller doesn't wait any more") \
    X(49, reply_save, 0, "the duty to answer the last call -> reply handle; -ESRCH: there is none") \
    X(50, window_read, 4, "reply handle or -1, offset, buffer, bytes: from the caller's window -> bytes") \
    X(51, window_write, 4, "reply handle or -1, offset, buffer, bytes: into the caller's window -> bytes") \
    X(52, notification_create, 0, "-> handle")                                                     \
    X(53, signal, 2, "notification, bits: or them in")                                             \
    X(54, notification_wait, 4, "notification, mask, info (for its time limit), unsigned long *: take these bits out -> 0; -ETIMEDOUT") \
    X(55, notification_bind, 2, "notification, endpoint: its signals come to receivers there, too") \
    X(56, process_create, 1, "name: a process without memory, threads and handles -> handle")      \
    X(57, process_start, 2, "process, struct quire_start *: the first thread runs, with these handles; -EBUSY: it was started") \
    X(58, process_watch, 3, "process, notification, bits: signal them when the process has ended -> the process's id") \
    X(59, process_status, 3, "process, int *status, struct quire_crash * or NULL: -> 0; -EAGAIN: it hasn't ended")           \
    X(60, process_faults, 3, "process, endpoint or -1, QUIRE_FAULTS_*: its threads' faults are calls to the endpoint") \
    X(61, fault_registers, 3, "reply handle or -1, struct quire_registers *, set (0 or 1): of the thread whose fault this is") \
    X(62, memory_read, 4, "memory, offset, buffer, bytes: copy out of the object -> bytes, fewer at its end") \
    X(63, memory_write, 4, "memory, offset, buffer, bytes: copy into the object -> bytes, fewer at its end") \
    X(64, memory_resize, 2, "memory, bytes: what is behind the new end is unmapped everywhere; new pages are zeros") \
    X(65, memory_clone, 3, "memory, offset, bytes: a new object with a copy of these pages -> handle") \
    X(66, space_map, 2, "process handle or -1, struct quire_map *: map memory in its address space -> address") \
    X(67, space_unmap, 3, "process handle or -1, address, bytes")                                  \
    X(68, space_protect, 4, "process handle or -1, address, bytes, PROT_*")                        \
    X(69, memory_pager, 3, "endpoint, bytes, word: an object whose pages that endpoint's server supplies; its messages have the handle's badge and this word -> handle") \
    X(70, memory_supply, 5, "memory, offset, source memory, offset, bytes: copy pages where the object has none yet -> bytes") \
    X(71, memory_device, 3, "QUIRE_DEVICES, physical address, bytes: an object of device registers -> handle; -ENODEV: this machine has none; -EACCES: there is memory") \
    X(72, futex_wait, 3, "uint32_t *word, expected, info (for its time limit): until somebody wakes the word -> 0; -EAGAIN: it has another value; -ETIMEDOUT") \
    X(73, futex_wake, 2, "uint32_t *word, threads: wake at most so many that wait for it -> how many") \
    X(74, thread_priority, 2, "thread id or 0 for the caller, priority or 0: give a thread of this process another priority -> the one before; -EPERM: above the ceiling; -ESRCH")
