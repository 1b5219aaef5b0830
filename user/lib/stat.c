/* SPDX-License-Identifier: MIT */
/* What is known about files: the boot archive's entries, and whether a handle is the console. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <quire/sys.h>

static void fill(struct stat *to, mode_t mode, off_t size)
{
    *to = (struct stat){
        .st_mode = mode, .st_nlink = 1, .st_size = size, .st_blksize = 4096, .st_blocks = (size + 511) / 512};
}

/* Names of the archive have no "/" or "./" in front. */
static const char *plain(const char *path)
{
    while (*path == '/' || (path[0] == '.' && path[1] == '/'))
        path++;
    return path;
}

int stat(const char *path, struct stat *to)
{
    struct quire_entry e;

    for (long i = 0; quire_call(entry, i, &e) == 0; i++)
        if (strcmp(e.name, plain(path)) == 0) {
            fill(to, e.mode, (off_t)e.size);
            to->st_ino = (ino_t)i + 1;
            return 0;
        }
    return (int)__result(-ENOENT);
}

/* Only files have a position. */
int fstat(int fd, struct stat *to)
{
    long here = quire_call(seek, fd, 0, SEEK_CUR);

    if (here < 0 && here != -ESPIPE)
        return (int)__result(here);
    if (here < 0) {
        fill(to, S_IFCHR | S_IRUSR | S_IWUSR, 0);
        return 0;
    }
    long size = quire_call(seek, fd, 0, SEEK_END);
    quire_call(seek, fd, here, SEEK_SET);
    fill(to, S_IFREG | S_IRUSR, size);
    return 0;
}

int isatty(int fd)
{
    struct stat s;

    if (fstat(fd, &s) < 0)
        return 0;
    if (!S_ISCHR(s.st_mode))
        errno = ENOTTY;
    return S_ISCHR(s.st_mode);
}
