/* SPDX-License-Identifier: MIT */
/* The usual memory and string functions, for kernel and C library alike. */
#pragma once

#include <stddef.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strrchr(const char *s, int c);
char *strcpy(char *to, const char *from);
char *strncpy(char *to, const char *from, size_t n);
char *strcat(char *to, const char *from);
char *strstr(const char *s, const char *what);

/* Copy at most size - 1 bytes and terminate. Returns strlen(from): >= size means it was cut. */
size_t strlcpy(char *to, const char *from, size_t size);
