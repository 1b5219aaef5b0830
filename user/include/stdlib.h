/* SPDX-License-Identifier: MIT */
#pragma once
#include <stddef.h>
#define EXIT_SUCCESS 0
#define EXIT_FAILURE 1
#define RAND_MAX     0x7fffffff
typedef struct {
    int quot, rem;
} div_t;
typedef struct {
    long quot, rem;
} ldiv_t;
typedef struct {
    long long quot, rem;
} lldiv_t;
void exit(int status) __attribute__((noreturn));
void _Exit(int status) __attribute__((noreturn));
int atexit(void (*function)(void));
void abort(void) __attribute__((noreturn)); /* ends the process as SIGABRT does */
char *getenv(const char *name);             /* NULL: the environment is empty */
void *malloc(size_t bytes);
void *calloc(size_t n, size_t bytes);
void *realloc(void *p, size_t bytes);
void free(void *p);
int abs(int n);
long labs(long n);
long long llabs(long long n);
div_t div(int a, int b);
ldiv_t ldiv(long a, long b);
lldiv_t lldiv(long long a, long long b);
int atoi(const char *text);
long atol(const char *text);
long long atoll(const char *text);
double atof(const char *text);
/*
 * The number at the start of the text; *end is what follows it, the text itself if there is none. Base: 2 to 36, or 0:
 * by the prefix. EINVAL: no such base. ERANGE: the number doesn't fit; the result is the nearest that does.
 */
long strtol(const char *text, char **end, int base);
unsigned long strtoul(const char *text, char **end, int base);
long long strtoll(const char *text, char **end, int base);
unsigned long long strtoull(const char *text, char **end, int base);
/* Rounded correctly. ERANGE: too large (the result is infinite), or so small that it has lost digits. */
float strtof(const char *text, char **end);
double strtod(const char *text, char **end);
long double strtold(const char *text, char **end);
/* compare: below 0, 0 or above 0. Equal elements may change places. */
void qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
/* An element of the sorted array that is equal to the key; NULL: there is none. */
void *bsearch(const void *key, const void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
int rand(void);
void srand(unsigned seed);
