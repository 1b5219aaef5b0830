/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include <quire/program.h>

PROGRAM("[FILE...]", "prints files of the boot archive; without one, the lines that are typed, until Ctrl-D");

/* Returns 0; 1: the file can't be read, and a message was printed. */
static int print(int file, const char *name)
{
    char text[512];
    ssize_t n = 0;

    while (file >= 0 && (n = read(file, text, sizeof(text))) > 0)
        write(STDOUT_FILENO, text, (size_t)n);
    if (file < 0 || n < 0) {
        perror(name);
        return 1;
    }
    return 0;
}

static int print_file(const char *path)
{
    int file = open(path, O_RDONLY), failed = print(file, path);

    if (file >= 0)
        close(file);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;

    if (argc < 2)
        return print(STDIN_FILENO, "standard input");
    for (int i = 1; i < argc; i++)
        failed |= print_file(argv[i]);
    return failed;
}
