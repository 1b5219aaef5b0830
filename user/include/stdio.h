/* SPDX-License-Identifier: MIT */
/* Output goes straight to the handle, without a buffer; there is no FILE beyond the three standard ones. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
typedef struct {
    int fd, at_end, failed;
} FILE;
extern FILE *const stdin, *const stdout, *const stderr;
#define stdin    stdin
#define stdout   stdout
#define stderr   stderr
#define EOF      (-1)
#define BUFSIZ   1024
#define SEEK_SET 0
#define SEEK_CUR 1
#define SEEK_END 2
#define _IOFBF   0
#define _IOLBF   1
#define _IONBF   2
int printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int dprintf(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int sprintf(char *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int snprintf(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
int vfprintf(FILE *file, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
int vdprintf(int fd, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
int vsprintf(char *out, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
int vsnprintf(char *out, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
int puts(const char *text);
int fputs(const char *text, FILE *file);
int putchar(int c);
int putc(int c, FILE *file);
int fputc(int c, FILE *file);
int getchar(void);
int getc(FILE *file);
int fgetc(FILE *file);
char *fgets(char *line, int size, FILE *file);
size_t fwrite(const void *from, size_t size, size_t n, FILE *file);
size_t fread(void *to, size_t size, size_t n, FILE *file);
int fflush(FILE *file);
void setbuf(FILE *file, char *buffer); /* this and the next do nothing */
int setvbuf(FILE *file, char *buffer, int mode, size_t size);
int fileno(FILE *file);
int feof(FILE *file);
int ferror(FILE *file);
void clearerr(FILE *file);
void perror(const char *what);
