/* SPDX-License-Identifier: MIT */
/* The files of the boot archive; with -l their sizes. */
#include <stdio.h>
#include <string.h>
#include <quire/files.h>
#include <quire/plural.h>
#include <quire/program.h>

PROGRAM("[-l] [FOLDER]", "lists the files of the boot archive");

int main(int argc, char **argv)
{
    int sizes = argc > 1 && strcmp(argv[1], "-l") == 0;
    const char *folder = argc > 1 + sizes ? argv[1 + sizes] : "";
    struct listed_file file;
    uint64_t files = 0, bytes = 0;

    if (argc > 2 + sizes || folder[0] == '-')
        usage();
    for (long i = 0; list_file(i, &file) == 0; i++) {
        if (strncmp(file.name, folder, strlen(folder)) != 0)
            continue;
        if (sizes)
            printf("%'10lu  %s\n", file.size, file.name);
        else
            puts(file.name);
        files++;
        bytes += file.size;
    }
    if (sizes && files)
        printf("%'10lu  bytes in %lu file%s\n", bytes, files, plural(files));
    if (!files)
        printf("ls: no file's name begins with \"%s\"\n", folder);
    return files ? 0 : 1;
}
