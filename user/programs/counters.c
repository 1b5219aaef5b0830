/* SPDX-License-Identifier: MIT */
/* The kernel's counters since boot. */
#include <fnmatch.h>
#include <stdio.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("[PATTERN]", "what the kernel has counted since boot");

static const char *const names[] = {
#define X(id, name) name,
    QUIRE_COUNTERS(X)
#undef X
};

int main(int argc, char **argv)
{
    int shown = 0;

    if (argc > 2)
        usage();
    for (int c = 0; c < COUNTER_COUNT; c++)
        if (fnmatch(argc > 1 ? argv[1] : "*", names[c], 0) == 0) {
            printf("%-24s %'14ld\n", names[c], quire_call(counter, c));
            shown++;
        }
    if (!shown)
        printf("counters: no counter matches \"%s\"\n", argv[1]);
    return shown ? 0 : 1;
}
