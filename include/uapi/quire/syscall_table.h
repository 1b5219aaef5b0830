/* SPDX-License-Identifier: MIT */
/*
 * The table of system calls: number, name, arguments with their types, errors. Each line has one function sys_<name>()
 * in the kernel. Dispatch, user stubs, the fuzzer's arguments and the page docs/system-calls.md are made from the
 * table; what each call does is said in docs/calls/, and an example of each is in tests/user/example_*_test.c.
 *
 *   X(number, name, (type argument, ...), (errors))
 *
 * A type is a pointer of C, or one of these words:
 *   handle           a number in the caller's table of handles
 *   handle_or_none   the same, or -1, which means what the call's text says
 *   address          a place in an address space; the call itself doesn't read or write there
 *   size_t           bytes
 *   flags            a set of constants, or one of them
 *   info             the info word of a message, or the time limit in one: QUIRE_INFO_*
 *   u64              any other number
 *
 * The numbers of calls that are gone stay free: who calls one gets -ENOSYS.
 *
 * A result below 0 is one of the errors, negated. A pointer to constants is read by the kernel, any other written.
 */
#pragma once

#define QUIRE_SYSCALLS(X)                                                                                              \
    X(0, nop, (), ())                                                                                                  \
    X(1, exit, (u64 status, u64 signal), ())                                                                           \
    X(3, console_listen, (handle console, handle notification, u64 bits), (EACCES, EBADF))                             \
    X(4, read, (handle console, void *buffer, size_t bytes, flags how), (EACCES, EBADF, EFAULT, EINVAL))               \
    X(5, write, (handle console, const void *buffer, size_t bytes), (EACCES, EBADF, EFAULT))                           \
    X(7, close, (handle any), (EBADF))                                                                                 \
    X(10, mmap, (address hint, size_t bytes, flags prot, flags how, handle_or_none memory, u64 offset),                \
      (EACCES, EBADF, EEXIST, EINVAL, ENOMEM, EPERM))                                                                  \
    X(11, munmap, (address start, size_t bytes), (EINVAL, ENOMEM))                                                     \
    X(12, mprotect, (address start, size_t bytes, flags prot), (EACCES, EINVAL, ENOMEM))                               \
    X(13, madvise, (address start, size_t bytes, flags advice),                                                        \
      (E2BIG, EACCES, EAGAIN, EBUSY, EFAULT, EHWPOISON, EINVAL, ENOMEM, EPERM))                                        \
    X(14, clock, (), ())                                                                                               \
    X(15, yield, (), ())                                                                                               \
    X(16, sleep, (u64 nanoseconds), ())                                                                                \
    X(17, thread_create, (address entry, address stack, u64 argument, handle notification, u64 bits),                  \
      (EACCES, EBADF, EINVAL, ENOMEM))                                                                                 \
    X(18, thread_exit, (), ())                                                                                         \
    X(19, getpid, (), ())                                                                                              \
    X(20, process_clone, (), (EMFILE, ENOMEM))                                                                         \
    X(21, process_info, (u64 index, struct quire_process *process), (EFAULT, ENOENT))                                  \
    X(22, memory_info, (struct quire_memory *memory), (EFAULT, ENOMEM))                                                \
    X(23, area_info, (u64 process_id, u64 index, struct quire_area *area), (EFAULT, ENOENT, ESRCH))                    \
    X(24, counter, (u64 counter), (EINVAL))                                                                            \
    X(25, poweroff, (u64 status), (EPERM))                                                                             \
    X(26, cache_sync, (address start, size_t bytes), (EINVAL))                                                         \
    X(27, test_run, (const char *pattern), (EBUSY, EFAULT, ENAMETOOLONG, ENOENT, ENOSYS))                              \
    X(28, test_event, (u64 kind, const char *text, u64 value), (EFAULT, EINVAL, ENAMETOOLONG, ENOSYS, EPERM))          \
    X(29, kill, (handle process), (EACCES, EBADF))                                                                     \
    X(30, guest_create, (u64 order, handle memory, u64 offset, size_t bytes),                                          \
      (EACCES, EAGAIN, EBADF, EHWPOISON, EINVAL, EMFILE, ENODEV, ENOEXEC, ENOMEM))                                     \
    X(31, guest_run, (handle guest, struct quire_guest_exit *why), (EACCES, EBADF, EBUSY, EFAULT, ESRCH))              \
    X(32, guest_share, (handle guest, u64 allow), (EACCES, EBADF, EBUSY, EHWPOISON, EINVAL, ENOMEM))                   \
    X(33, guest_map, (handle guest, u64 page, u64 pages), (EACCES, EBADF, EBUSY, ENOMEM))                              \
    X(34, guest_peek, (handle guest, u64 offset, void *buffer, size_t bytes),                                          \
      (EACCES, EBADF, EFAULT, EHWPOISON, EINVAL))                                                                      \
    X(35, guest_info, (handle guest, struct quire_guest_info *guest_info), (EACCES, EBADF, EFAULT))                    \
    X(36, memory_create, (size_t bytes, flags how), (EINVAL, EMFILE, ENOMEM))                                          \
    X(37, cpu, (), ())                                                                                                 \
    X(38, process_id, (handle process), (EBADF))                                                                       \
    X(39, guest_answer, (handle guest, u64 value), (EACCES, EBADF, EINVAL))                                            \
    X(40, walk_info, (u64 process_id, address address, struct quire_walk *walk), (EFAULT, ENOMEM, ESRCH))              \
    X(41, cpu_pin, (u64 cpu), (EINVAL))                                                                                \
    X(42, handle_duplicate, (handle any, flags rights, u64 badge), (EACCES, EBADF, EINVAL, EMFILE, ENOMEM))            \
    X(43, endpoint_create, (), (EMFILE, ENOMEM))                                                                       \
    X(44, call, (handle endpoint, info message), (EACCES, EBADF, EFAULT, EINVAL, ENOMEM, EPIPE, ETIMEDOUT))            \
    X(45, reply_receive, (handle endpoint, info message), (EACCES, EBADF, EFAULT, EINVAL, ENOMEM, EPIPE, ETIMEDOUT))   \
    X(46, send, (handle endpoint, info message), (EACCES, EAGAIN, EBADF, EFAULT, EINVAL, ENOMEM, EPIPE))               \
    X(47, receive, (handle endpoint, info message), (EACCES, EBADF, EINVAL, EPIPE, ETIMEDOUT))                         \
    X(48, reply, (handle_or_none reply, info message), (EACCES, EBADF, EFAULT, EINVAL, ENOMEM, ESRCH))                 \
    X(49, reply_save, (), (EMFILE, ENOMEM, ESRCH))                                                                     \
    X(50, window_read, (handle_or_none reply, u64 offset, void *buffer, size_t bytes),                                 \
      (E2BIG, EACCES, EBADF, EBUSY, EFAULT, EHWPOISON, EINVAL, ENOMEM, ENXIO, ESRCH))                                  \
    X(51, window_write, (handle_or_none reply, u64 offset, const void *buffer, size_t bytes),                          \
      (E2BIG, EACCES, EBADF, EBUSY, EFAULT, EHWPOISON, EINVAL, ENOMEM, ENXIO, ESRCH))                                  \
    X(52, notification_create, (), (EMFILE, ENOMEM))                                                                   \
    X(53, signal, (handle notification, u64 bits), (EACCES, EBADF))                                                    \
    X(54, notification_wait, (handle notification, info limit), (EACCES, EBADF, ETIMEDOUT))                            \
    X(55, notification_bind, (handle notification, handle endpoint), (EACCES, EBADF, EBUSY))                           \
    X(56, process_create, (const char *name, u64 ceiling), (EFAULT, EMFILE, ENAMETOOLONG, ENOMEM, EPERM))              \
    X(57, process_start, (handle process, const struct quire_start *start),                                            \
      (EACCES, EBADF, EBUSY, EFAULT, EINVAL, ENOMEM, ESRCH))                                                           \
    X(58, process_watch, (handle process, handle notification, u64 bits), (EACCES, EBADF, ENOMEM))                     \
    X(59, process_status, (handle process, int *status, struct quire_crash *crash), (EACCES, EAGAIN, EBADF, EFAULT))   \
    X(60, process_faults, (handle process, handle_or_none endpoint, flags what), (EACCES, EBADF, EINVAL, ESRCH))       \
    X(61, fault_registers, (handle_or_none reply, struct quire_registers *registers, u64 set),                         \
      (EBADF, EFAULT, EINVAL, ESRCH))                                                                                  \
    X(62, memory_read, (handle memory, u64 offset, void *buffer, size_t bytes),                                        \
      (EACCES, EAGAIN, EBADF, EFAULT, EHWPOISON, EINVAL, ENODEV))                                                      \
    X(63, memory_write, (handle memory, u64 offset, const void *buffer, size_t bytes),                                 \
      (EACCES, EBADF, EFAULT, EHWPOISON, EINVAL, ENODEV, ENOMEM))                                                      \
    X(64, memory_resize, (handle memory, size_t bytes), (EACCES, EBADF, EINVAL, ENODEV))                               \
    X(65, memory_clone, (handle memory, u64 offset, size_t bytes),                                                     \
      (EACCES, EAGAIN, EBADF, EHWPOISON, EINVAL, EMFILE, ENODEV, ENOMEM))                                              \
    X(66, space_map, (handle_or_none process, const struct quire_map *map),                                            \
      (EACCES, EBADF, EEXIST, EFAULT, EINVAL, ENOMEM, EPERM, ESRCH))                                                   \
    X(67, space_unmap, (handle_or_none process, address start, size_t bytes), (EACCES, EBADF, EINVAL, ENOMEM, ESRCH))  \
    X(68, space_protect, (handle_or_none process, address start, size_t bytes, flags prot),                            \
      (EACCES, EBADF, EINVAL, ENOMEM, ESRCH))                                                                          \
    X(69, memory_pager, (handle endpoint, size_t bytes, u64 word), (EACCES, EBADF, EINVAL, EMFILE, ENOMEM))            \
    X(70, memory_supply, (handle memory, u64 offset, handle source, u64 source_offset, size_t bytes),                  \
      (EACCES, EAGAIN, EBADF, EHWPOISON, EINVAL, ENODEV, ENOMEM))                                                      \
    X(71, memory_device, (handle devices, u64 physical, size_t bytes),                                                 \
      (EACCES, EBADF, EINVAL, EMFILE, ENODEV, ENOMEM))                                                                 \
    X(72, futex_wait, (const uint32_t *word, u64 expected, info limit), (EAGAIN, EFAULT, EINVAL, ETIMEDOUT))           \
    X(73, futex_wake, (const uint32_t *word, u64 threads), (EFAULT, EINVAL))                                           \
    X(74, thread_priority, (u64 thread_id, u64 priority), (EPERM, ESRCH))                                              \
    X(75, timer_signal, (handle notification, u64 bits, u64 nanoseconds), (EACCES, EBADF))                             \
    X(76, interrupt_open, (handle devices, u64 source, flags how),                                                     \
      (EACCES, EBADF, EBUSY, EINVAL, EMFILE, ENODEV, ENOMEM))                                                          \
    X(77, interrupt_bind, (handle interrupt, handle notification, u64 bits), (EACCES, EBADF, EBUSY))                   \
    X(78, interrupt_ack, (handle interrupt), (EACCES, EBADF, ESRCH))                                                   \
    X(79, memory_size, (handle memory), (EBADF))                                                                       \
    X(80, space_write, (handle process, address to, const void *buffer, size_t bytes),                                 \
      (E2BIG, EACCES, EAGAIN, EBADF, EBUSY, EFAULT, EHWPOISON, ENOMEM, ENXIO, ESRCH))                                  \
    X(84, events_open, (handle devices), (EACCES, EBADF, EMFILE, ENOMEM, ENOSYS))                                      \
    X(85, events_read, (handle events, struct mm_event_record *records, size_t bytes, u64 from),                       \
      (EACCES, EBADF, EFAULT, ENOSYS))

/* For users of the table: a list in brackets as an initializer; how many there are in it. */
#define QUIRE_LIST(...) {__VA_ARGS__}
#define QUIRE_NUMBER(...) QUIRE_NUMBER_(0, ##__VA_ARGS__, 7, 6, 5, 4, 3, 2, 1, 0)
#define QUIRE_NUMBER_(zero, a, b, c, d, e, f, g, number, ...) number
