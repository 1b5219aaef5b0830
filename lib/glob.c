/* SPDX-License-Identifier: MIT */
/* Shell patterns, iteratively: a star remembers where to come back to. */
#include <stddef.h>
#include <quire/glob.h>

/* One [...] set at p (behind the bracket). Returns what follows it; NULL: no closing bracket. */
static const char *match_set(const char *p, char c, bool *matched)
{
    bool negated = *p == '!';

    *matched = false;
    p += negated;
    for (bool first = true; *p && (first || *p != ']'); first = false, p++) {
        if (p[1] == '-' && p[2] && p[2] != ']') {
            *matched |= c >= p[0] && c <= p[2];
            p += 2;
        } else {
            *matched |= *p == c;
        }
    }
    *matched ^= negated;
    return *p == ']' ? p + 1 : NULL;
}

/* Match one pattern element against c; returns what follows the element, NULL: no match. */
static const char *match_one(const char *p, char c)
{
    bool matched;

    if (*p == '?')
        return p + 1;
    if (*p == '[') {
        const char *rest = match_set(p + 1, c, &matched);
        if (rest)
            return matched ? rest : NULL;
    }
    return *p == c ? p + 1 : NULL;
}

bool glob_match(const char *p, const char *text)
{
    const char *star = NULL, *resume = NULL;

    while (*text) {
        if (*p == '*') {
            star = ++p;
            resume = text;
            continue;
        }
        const char *next = *p ? match_one(p, *text) : NULL;
        if (next) {
            p = next;
            text++;
        } else if (star) {
            p = star;
            text = ++resume;
        } else {
            return false;
        }
    }
    while (*p == '*')
        p++;
    return *p == 0;
}
