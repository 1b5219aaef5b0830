/* SPDX-License-Identifier: MIT */
/* Runs tests of this kernel, in this kernel. A debug build has them. */
#include <stdio.h>
#include <string.h>
#include <quire/program.h>
#include <quire/sys.h>

PROGRAM("PATTERN", "runs the kernel's tests whose suite.name matches");

int main(int argc, char **argv)
{
    if (argc != 2)
        usage();
    long failed = quire_call(test_run, argv[1]);
    if (failed == -ENOSYS)
        puts("test: this kernel was built without its tests");
    else if (failed == -ENOENT)
        printf("test: no test matches \"%s\"\n", argv[1]);
    else if (failed < 0)
        printf("test: %s\n", strerror((int)-failed));
    return failed != 0;
}
