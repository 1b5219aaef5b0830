/* SPDX-License-Identifier: MIT */
/* Memory in three numbers. `mem` shows how the used part is used. */
#include <stdio.h>
#include <string.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "memory in three numbers");

static void row(const char *what, uint64_t frames)
{
    printf("%-6s %'12lu %'12lu\n", what, frames, frames * 4);
}

int main(int argc, char **argv)
{
    struct quire_memory m;

    (void)argv;
    if (argc > 1)
        usage();
    long err = quire_call(memory_info, &m);
    if (err < 0) {
        printf("free: the kernel doesn't say: %s\n", strerror((int)-err));
        return 1;
    }
    printf("%-6s %12s %12s\n", "", "frames", "KiB");
    row("total", m.frames);
    row("used", m.frames - m.free_frames);
    row("free", m.free_frames);
    return 0;
}
