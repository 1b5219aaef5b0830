/* SPDX-License-Identifier: MIT */
/* Output goes straight to the handle, a line at a time; there is no FILE beyond the three standard ones. */
#pragma once
#include <stdarg.h>
#include <stddef.h>
typedef struct {
    int fd;
} FILE;
extern FILE *const stdin, *const stdout, *const stderr;
#define EOF (-1)
int printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int fprintf(FILE *file, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int vfprintf(FILE *file, const char *fmt, va_list args) __attribute__((format(printf, 2, 0)));
int vprintf(const char *fmt, va_list args) __attribute__((format(printf, 1, 0)));
int snprintf(char *out, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int vsnprintf(char *out, size_t size, const char *fmt, va_list args) __attribute__((format(printf, 3, 0)));
int puts(const char *text);
int putchar(int c);
int getchar(void);
int fputs(const char *text, FILE *file);
int fflush(FILE *file);
char *fgets(char *line, int size, FILE *file);
void perror(const char *what);
