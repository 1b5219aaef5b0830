/* SPDX-License-Identifier: MIT */
/*
 * The C library's functions beside those of the build machine. native.mk compiles Quire's files with Quire's headers
 * and puts quire_ in front of every name that they define; the tests are compiled with the build machine's headers.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- what main.c gives to the tests ------------------------------------------------------------- */
uint64_t random_bits(void);
/* 0 to n - 1. */
unsigned random_below(unsigned n);
/* A number of any size: first its length in bits is chosen, then the bits. */
uint64_t random_number(void);
/* A double of any kind: any bits, short decimals, whole numbers, halves, powers, the ends of the range. */
double random_double(void);

/* Prints a difference, with the command that repeats it. The test ends: return after it. */
void differs(const char *what, const char *expected, const char *seen);
unsigned long cases(unsigned long nr); /* how many to play: nr, or more with NATIVE_DEPTH */

/* --- tests; list in main.c ---------------------------------------------------------------------- */
void printf_random(void);
void strtol_random(void);
void strtod_random(void);
void strtod_printed(void);
void string_random(void);
void sort_random(void);

/* --- Quire's functions -------------------------------------------------------------------------- */
int quire_snprintf(char *out, size_t size, const char *fmt, ...);
long quire_strtol(const char *text, char **end, int base);
unsigned long quire_strtoul(const char *text, char **end, int base);
long long quire_strtoll(const char *text, char **end, int base);
unsigned long long quire_strtoull(const char *text, char **end, int base);
int quire_atoi(const char *text);
float quire_strtof(const char *text, char **end);
double quire_strtod(const char *text, char **end);
long double quire_strtold(const char *text, char **end);
void quire_qsort(void *base, size_t n, size_t size, int (*compare)(const void *, const void *));
void *quire_bsearch(const void *key, const void *base, size_t n, size_t size,
                    int (*compare)(const void *, const void *));
void *quire_memchr(const void *s, int byte, size_t n);
int quire_memcmp(const void *a, const void *b, size_t n);
void *quire_memcpy(void *to, const void *from, size_t n);
void *quire_memmove(void *to, const void *from, size_t n);
void *quire_memset(void *to, int byte, size_t n);
size_t quire_strlen(const char *s);
size_t quire_strnlen(const char *s, size_t max);
int quire_strcmp(const char *a, const char *b);
int quire_strncmp(const char *a, const char *b, size_t n);
int quire_strcasecmp(const char *a, const char *b);
int quire_strncasecmp(const char *a, const char *b, size_t n);
char *quire_strchr(const char *s, int c);
char *quire_strrchr(const char *s, int c);
char *quire_strstr(const char *s, const char *what);
size_t quire_strspn(const char *s, const char *set);
size_t quire_strcspn(const char *s, const char *set);
char *quire_strpbrk(const char *s, const char *set);
char *quire_strcpy(char *to, const char *from);
char *quire_stpcpy(char *to, const char *from);
char *quire_strncpy(char *to, const char *from, size_t n);
char *quire_strcat(char *to, const char *from);
char *quire_strncat(char *to, const char *from, size_t n);
char *quire_strtok(char *s, const char *separators);
char *quire_strsep(char **rest, const char *separators);
char *quire_strdup(const char *s);
char *quire_strndup(const char *s, size_t max);
