/* SPDX-License-Identifier: MIT */
/* Formatted output through the kernel's console handle, and lines in. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static FILE files[3] = {{0, 0, 0}, {1, 0, 0}, {2, 0, 0}};
FILE *const stdin = &files[0], *const stdout = &files[1], *const stderr = &files[2];

/* --- formatted output ---------------------------------------------------------------------------- */
int vdprintf(int fd, const char *fmt, va_list args)
{
    char text[512], *out = text;
    va_list again;

    va_copy(again, args);
    int n = vsnprintf(text, sizeof(text), fmt, args);
    if (n >= (int)sizeof(text)) { /* rare, so formatting a second time is fine */
        out = malloc((size_t)n + 1);
        if (out)
            vsnprintf(out, (size_t)n + 1, fmt, again);
    }
    va_end(again);
    if (n < 0)
        errno = EOVERFLOW;
    ssize_t written = out && n >= 0 ? write(fd, out, (size_t)n) : -1;
    if (out != text)
        free(out);
    return written < 0 ? -1 : n;
}

int vfprintf(FILE *file, const char *fmt, va_list args)
{
    int n = vdprintf(file->fd, fmt, args);

    file->failed |= n < 0;
    return n;
}
int vprintf(const char *fmt, va_list args) { return vfprintf(stdout, fmt, args); }
int vsprintf(char *out, const char *fmt, va_list args) { return vsnprintf(out, (size_t)__INT_MAX__ + 1, fmt, args); }

#define PASS_ON(function, to)                                                                                          \
    va_list args;                                                                                                      \
    va_start(args, fmt);                                                                                               \
    int n = function(to, fmt, args);                                                                                   \
    va_end(args);                                                                                                      \
    return n

int printf(const char *fmt, ...) { PASS_ON(vfprintf, stdout); }
int fprintf(FILE *file, const char *fmt, ...) { PASS_ON(vfprintf, file); }
int dprintf(int fd, const char *fmt, ...) { PASS_ON(vdprintf, fd); }
int sprintf(char *out, const char *fmt, ...) { PASS_ON(vsprintf, out); }

/* --- characters and lines -------------------------------------------------------------------------- */
size_t fwrite(const void *from, size_t size, size_t n, FILE *file)
{
    ssize_t written = size && n ? write(file->fd, from, size * n) : 0;

    file->failed |= written < 0;
    return written > 0 ? (size_t)written / size : 0;
}

size_t fread(void *to, size_t size, size_t n, FILE *file)
{
    size_t have = 0;

    while (have < size * n) {
        ssize_t got = read(file->fd, (char *)to + have, size * n - have);
        file->failed |= got < 0;
        file->at_end |= got == 0;
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    return size ? have / size : 0;
}

int fputs(const char *text, FILE *file)
{
    size_t n = strlen(text);

    return fwrite(text, 1, n, file) == n ? 0 : EOF;
}
int puts(const char *text) { return printf("%s\n", text) < 0 ? EOF : 0; }

int fputc(int c, FILE *file)
{
    unsigned char byte = (unsigned char)c;

    return fwrite(&byte, 1, 1, file) ? byte : EOF;
}
int putc(int c, FILE *file) { return fputc(c, file); }
int putchar(int c) { return fputc(c, stdout); }

int fgetc(FILE *file)
{
    unsigned char byte;

    return fread(&byte, 1, 1, file) ? byte : EOF;
}
int getc(FILE *file) { return fgetc(file); }
int getchar(void) { return fgetc(stdin); }

/* The console gives a line at a time; of a file, what stands behind the line is given back. */
char *fgets(char *line, int size, FILE *file)
{
    ssize_t n = size > 1 ? read(file->fd, line, (size_t)size - 1) : 0;

    if (n <= 0) {
        file->at_end |= n == 0 && size > 1;
        file->failed |= n < 0;
        return NULL;
    }
    const char *end = memchr(line, '\n', (size_t)n);
    if (end && end + 1 < line + n && lseek(file->fd, end + 1 - (line + n), SEEK_CUR) >= 0)
        n = end + 1 - line;
    line[n] = 0;
    return line;
}

int fflush(FILE *file) { return (void)file, 0; }
void setbuf(FILE *file, char *buffer) { (void)file, (void)buffer; }
int setvbuf(FILE *file, char *buffer, int mode, size_t size)
{
    return (void)file, (void)buffer, (void)mode, (void)size, 0;
}
int fileno(FILE *file) { return file->fd; }
int feof(FILE *file) { return file->at_end; }
int ferror(FILE *file) { return file->failed; }
void clearerr(FILE *file) { file->at_end = file->failed = 0; }

/* --- errors ---------------------------------------------------------------------------------------- */
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
    [ENXIO] = "no such device or address",
    [ENODEV] = "no such device",
    [ENOTDIR] = "not a directory",
    [EISDIR] = "is a directory",
    [ENOTTY] = "not a terminal",
    [EFBIG] = "file too large",
    [EDOM] = "outside of the function's domain",
    [EDEADLK] = "would wait for itself",
    [EILSEQ] = "not a character",
    [EOVERFLOW] = "number too large",
    [EOPNOTSUPP] = "not supported",
    [ETIMEDOUT] = "timed out",
    [EDQUOT] = "quota used up",
    [EINVAL] = "invalid argument",
    [EMFILE] = "too many open handles",
    [EROFS] = "read-only",
    [EPIPE] = "nobody answers any more",
    [ENAMETOOLONG] = "name too long",
    [ENOSYS] = "no such system call",
    [ESPIPE] = "can't seek",
    [ENOSPC] = "no room",
    [ERANGE] = "out of range",
    [EHWPOISON] = "memory is broken",
};

char *strerror(int error)
{
    const char *name =
        error >= 0 && error < (int)(sizeof(error_names) / sizeof(error_names[0])) ? error_names[error] : NULL;
    return (char *)(error == 0 ? "success" : name ? name : "unknown error");
}

void perror(const char *what) { fprintf(stderr, "%s: %s\n", what, strerror(errno)); }
