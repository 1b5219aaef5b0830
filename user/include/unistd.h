/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>
#include <sys/types.h>

#define _POSIX_VERSION 200809L
#define STDIN_FILENO   0
#define STDOUT_FILENO  1
#define STDERR_FILENO  2
#define SEEK_SET       0
#define SEEK_CUR       1
#define SEEK_END       2

ssize_t read(int fd, void *buffer, size_t n);
ssize_t write(int fd, const void *buffer, size_t n);
int close(int fd);
off_t lseek(int fd, off_t offset, int whence);
void _exit(int status) __attribute__((noreturn));
pid_t getpid(void);
pid_t getppid(void);
int isatty(int fd);
int getpagesize(void);
pid_t fork(void);
/* Not POSIX: start a program of the boot archive with the standard handles. -1: errno says why. */
pid_t spawn(const char *path, char *const argv[]);
#define _SC_PAGESIZE         1
#define _SC_PAGE_SIZE        _SC_PAGESIZE
#define _SC_NPROCESSORS_ONLN 2
#define _SC_NPROCESSORS_CONF 3
#define _SC_OPEN_MAX         4
#define _SC_PHYS_PAGES       5
#define _SC_AVPHYS_PAGES     6
long sysconf(int name); /* EINVAL: none of these */
unsigned sleep(unsigned seconds);
int usleep(unsigned microseconds);
