/* SPDX-License-Identifier: MIT */
/* Functions on strings and memory, and sorting. */
#define _GNU_SOURCE /* nothing but strsep and stpcpy */
#include "compare.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define ROOM 64

/* Few letters, so that much is equal; also bytes above 127. */
static void any_string(char *s, unsigned max)
{
    static const char letters[] = "abAB, \xe9";
    unsigned n = random_below(max);

    for (unsigned i = 0; i < n; i++)
        s[i] = letters[random_below(sizeof(letters) - 1)];
    s[n] = 0;
}

/* Two copies of the same room: one for each library. */
static struct {
    char ours[ROOM], theirs[ROOM];
} room;

static long sign(int x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }
static long place(const char *found, const char *in) { return found ? found - in : -1; }

/* Results of both libraries for function `how`. Functions that return a place return its distance, -1 for NULL. */
#define PAIR(ours_, theirs_) (*ours = (long)(ours_), *theirs = (long)(theirs_))
static void look(unsigned how, const char *a, const char *b, size_t n, long *ours, long *theirs)
{
    int c = a[0] ? b[0] : 'a';

    switch (how) {
    case 0:
        PAIR(quire_strlen(a), strlen(a));
        break;
    case 1:
        PAIR(quire_strnlen(a, n), strnlen(a, n));
        break;
    case 2:
        PAIR(sign(quire_strcmp(a, b)), sign(strcmp(a, b)));
        break;
    case 3:
        PAIR(sign(quire_strncmp(a, b, n)), sign(strncmp(a, b, n)));
        break;
    case 4:
        PAIR(sign(quire_strcasecmp(a, b)), sign(strcasecmp(a, b)));
        break;
    case 5:
        PAIR(sign(quire_strncasecmp(a, b, n)), sign(strncasecmp(a, b, n)));
        break;
    case 6:
        PAIR(place(quire_strchr(a, c), a), place(strchr(a, c), a));
        break;
    case 7:
        PAIR(place(quire_strrchr(a, c), a), place(strrchr(a, c), a));
        break;
    case 8:
        PAIR(place(quire_strstr(a, b), a), place(strstr(a, b), a));
        break;
    case 9:
        PAIR(quire_strspn(a, b), strspn(a, b));
        break;
    case 10:
        PAIR(quire_strcspn(a, b), strcspn(a, b));
        break;
    case 11:
        PAIR(place(quire_strpbrk(a, b), a), place(strpbrk(a, b), a));
        break;
    case 12:
        PAIR(place(quire_memchr(a, c, strlen(a)), a), place(memchr(a, c, strlen(a)), a));
        break;
    default:
        PAIR(sign(quire_memcmp(a, b, n % 8)), sign(memcmp(a, b, n % 8)));
    }
}
#define NR_LOOKS 14

/* The places of all words that strtok cuts out, as one number. */
static long words(char *cut(char *, const char *), char *s, const char *separators)
{
    unsigned long all = 0;

    for (char *word = cut(s, separators); word; word = cut(NULL, separators))
        all = all * 31 + (unsigned long)place(word, s) + 1;
    return (long)all;
}

/* Functions that write: each on its own room. */
static void change(unsigned how, const char *b, size_t n, long *ours, long *theirs)
{
    char *x = room.ours, *y = room.theirs, *rest_x = x, *rest_y = y;

    switch (how) {
    case 0:
        PAIR(quire_strcpy(x, b) - x, strcpy(y, b) - y);
        break;
    case 1:
        PAIR(quire_stpcpy(x, b) - x, stpcpy(y, b) - y);
        break;
    case 2:
        PAIR(quire_strncpy(x, b, n) - x, strncpy(y, b, n) - y);
        break;
    case 3:
        PAIR(quire_strcat(x, b) - x, strcat(y, b) - y);
        break;
    case 4:
        PAIR(quire_strncat(x, b, n) - x, strncat(y, b, n) - y);
        break;
    case 5:
        PAIR((char *)quire_memset(x, b[0], n) - x, (char *)memset(y, b[0], n) - y);
        break;
    case 6:
        PAIR((char *)quire_memmove(x + n, x + 3, 20) - x, (char *)memmove(y + n, y + 3, 20) - y);
        break;
    case 7:
        PAIR((char *)quire_memcpy(x, b, strlen(b)) - x, (char *)memcpy(y, b, strlen(b)) - y);
        break;
    case 8:
        PAIR(words(quire_strtok, x, b), words(strtok, y, b));
        break;
    default:
        PAIR(place(quire_strsep(&rest_x, b), x) + place(rest_x, x), place(strsep(&rest_y, b), y) + place(rest_y, y));
    }
}
#define NR_CHANGES 10

void string_random(void)
{
    char a[24], b[24], what[200], first[150], second[150];
    long ours, theirs;

    for (unsigned long i = 0; i < cases(500000); i++) {
        unsigned how = random_below(NR_LOOKS + NR_CHANGES);
        size_t n = random_below(24);
        any_string(a, 12);
        any_string(b, random_below(2) ? 4 : 12);
        if (how < NR_LOOKS) {
            look(how, a, b, n, &ours, &theirs);
        } else {
            memset(&room, '~', sizeof(room));
            strcpy(room.ours, a), strcpy(room.theirs, a);
            change(how - NR_LOOKS, b, n, &ours, &theirs);
        }
        if (ours == theirs && !memcmp(room.ours, room.theirs, ROOM))
            continue;
        snprintf(what, sizeof(what), "case %lu: function %u, \"%s\", \"%s\", %zu", i, how, a, b, n);
        snprintf(first, sizeof(first), "%ld \"%.*s\"", theirs, ROOM, room.theirs);
        snprintf(second, sizeof(second), "%ld \"%.*s\"", ours, ROOM, room.ours);
        differs(what, first, second);
        return;
    }
}

static int by_number(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

void sort_random(void)
{
    static uint32_t ours[300], theirs[300];

    for (unsigned long i = 0; i < cases(3000); i++) {
        size_t n = random_below(300);
        unsigned range = random_below(2) ? 10 : 1u << 31;
        for (size_t k = 0; k < n; k++)
            ours[k] = theirs[k] = random_below(range);
        quire_qsort(ours, n, sizeof(*ours), by_number);
        qsort(theirs, n, sizeof(*theirs), by_number);
        uint32_t key = random_below(range), *found = quire_bsearch(&key, ours, n, sizeof(*ours), by_number);
        if (memcmp(ours, theirs, n * sizeof(*ours)) != 0) {
            differs("qsort of an array of numbers", "ascending order", "another order");
            return;
        }
        if (!found != !bsearch(&key, theirs, n, sizeof(*theirs), by_number) || (found && *found != key)) {
            differs("bsearch in a sorted array", "an equal element, if there is one", "another answer");
            return;
        }
    }
}
