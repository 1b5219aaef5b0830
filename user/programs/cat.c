/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <quire/program.h>

PROGRAM("FILE...", "prints files of the boot archive");

static int print_file(const char *path)
{
    char text[512];
    ssize_t n = 0;
    int file = open(path, O_RDONLY);

    while (file >= 0 && (n = read(file, text, sizeof(text))) > 0)
        write(STDOUT_FILENO, text, (size_t)n);
    if (file < 0 || n < 0) {
        perror(path);
        return 1;
    }
    close(file);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc < 2)
        usage();
    for (int i = 1; i < argc; i++)
        failed |= print_file(argv[i]);
    return failed;
}
