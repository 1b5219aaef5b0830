/* SPDX-License-Identifier: MIT */
/* One line per process; memory in frames of 4 KiB. */
#include <stdio.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("", "lists processes: memory, threads, time used");

int main(int argc, char **argv)
{
    struct quire_process p;

    (void)argv;
    if (argc > 1)
        usage();
    printf("%4s %6s  %-16s %-6s %3s %7s %8s %6s %9s %9s\n", "id", "parent", "name", "state", "cpu",
           "threads", "frames", "tables", "charged", "ms used");
    for (long i = 0; quire_call(process_info, i, &p) == 0; i++)
        printf("%4lu %6lu  %-16s %-6s %3u %7lu %'8lu %6lu %'9lu %5lu.%03lu\n", p.id, p.parent,
               p.name, p.state, p.cpu, p.threads, p.frames, p.tables, p.quota_used,
               p.run_ns / 1000000, p.run_ns / 1000 % 1000);
    return 0;
}
