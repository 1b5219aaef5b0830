/* SPDX-License-Identifier: MIT */
/* Formatted output through the kernel's console handle, and lines in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE files[3] = {{0}, {1}, {2}};
FILE *const stdin = &files[0], *const stdout = &files[1], *const stderr = &files[2];

int vfprintf(FILE *file, const char *fmt, va_list args)
{
    char text[512], *out = text;
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    if ((size_t)n >= sizeof(text)) { /* rare, so formatting a second time is fine */
        out = malloc((size_t)n + 1);
        if (out)
            vsnprintf(out, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    ssize_t written = out ? write(file->fd, out, (size_t)n) : -1;
    if (out != text)
        free(out);
    return written < 0 ? -1 : n;
}
int vprintf(const char *fmt, va_list args) { return vfprintf(stdout, fmt, args); }

int fprintf(FILE *file, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vfprintf(file, fmt, args);
    va_end(args);
    return n;
}

int printf(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    int n = vfprintf(stdout, fmt, args);
    va_end(args);
    return n;
}

int fputs(const char *text, FILE *file) { return (int)write(file->fd, text, strlen(text)); }
int puts(const char *text) { return printf("%s\n", text) < 0 ? EOF : 0; }
int fflush(FILE *file) { return (void)file, 0; }

int putchar(int c)
{
    char text = (char)c;
    write(1, &text, 1);
    return c;
}

int getchar(void)
{
    char c;
    return read(0, &c, 1) == 1 ? (unsigned char)c : EOF;
}

char *fgets(char *line, int size, FILE *file)
{
    ssize_t n = size > 1 ? read(file->fd, line, (size_t)size - 1) : 0;

    if (n <= 0)
        return NULL;
    line[n] = 0;
    return line;
}

static const char *const error_names[] = {
    [EPERM] = "not permitted",
    [ENOENT] = "no such file",
    [ESRCH] = "no such process",
    [EINTR] = "interrupted",
    [EIO] = "input/output error",
    [E2BIG] = "arguments too long",
    [ENOEXEC] = "not a program",
    [EBADF] = "bad handle",
    [ECHILD] = "no children",
    [EAGAIN] = "try again",
    [ENOMEM] = "out of memory",
    [EACCES] = "access denied",
    [EFAULT] = "bad address",
    [EBUSY] = "busy",
    [EEXIST] = "exists already",
    [ENODEV] = "no such device",
    [EINVAL] = "invalid argument",
    [EMFILE] = "too many open handles",
    [EROFS] = "read-only",
    [ENAMETOOLONG] = "name too long",
    [ENOSYS] = "no such system call",
    [ESPIPE] = "can't seek",
    [ENOSPC] = "no room",
    [ERANGE] = "out of range",
    [EHWPOISON] = "memory is broken",
};

char *strerror(int error)
{
    const char *name = error >= 0 && error < (int)(sizeof(error_names) / sizeof(error_names[0]))
                           ? error_names[error]
                           : NULL;
    return (char *)(error == 0 ? "success" : name ? name : "unknown error");
}

void perror(const char *what) { fprintf(stderr, "%s: %s\n", what, strerror(errno)); }
