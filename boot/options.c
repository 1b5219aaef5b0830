/* SPDX-License-Identifier: MIT */
/* Options on the command line: see <quire/boot_info.h>. */
#include <quire/boot_info.h>
#include <quire/string.h>

const char *boot_option(const struct boot_info *info, const char *key, size_t *len)
{
    size_t n = strlen(key);

    for (const char *p = info->cmdline; *p;) {
        while (*p == ' ')
            p++;
        const char *end = p;
        bool quoted = false; /* run="a b; c" keeps its blanks */
        while (*end && (quoted || *end != ' '))
            quoted ^= *end++ == '"';
        if ((size_t)(end - p) >= n && strncmp(p, key, n) == 0 && (p + n == end || p[n] == '=')) {
            p += n + (p[n] == '=' && p + n < end);
            if (end - p >= 2 && *p == '"' && end[-1] == '"') {
                p++;
                end--;
            }
            *len = (size_t)(end - p);
            return p;
        }
        p = end;
    }
    return NULL;
}
