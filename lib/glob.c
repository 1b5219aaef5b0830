/* SPDX-License-Identifier: MIT */
/* Shell patterns, without recursion: the last star is remembered, and a mismatch goes back to it. */
#include <stddef.h>
#include <quire/glob.h>

/* Match c against one [...] set at p (behind the bracket). Returns the text behind the set; NULL: no closing
 * bracket. */
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

/* Match one pattern element against c; returns the text behind the element; NULL: no match. */
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
