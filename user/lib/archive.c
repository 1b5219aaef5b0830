/* SPDX-License-Identifier: MIT */
/*
 * The boot archive in this program's memory, and a list of its files. Both are made when they are needed first, and stay.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <quire/files.h>
#include <quire/sys.h>
#include "archive.h"
#include "lock.h"

#define FIRST_ROOM 128 /* files; a power of two */

/* Written once, under archive_lock; known last. */
static struct archive mapped;
static struct archive_file *list; /* all files, in the archive's order */
static long listed;
static bool damaged; /* behind the last file of the list */
static bool known;
static int archive_lock;

void __lock_archive(void) { lock(&archive_lock); }
void __unlock_archive(int in_child) { unlock_after_fork(&archive_lock, in_child); }

/* There is room for one more file in the list: its size doubles from time to time. False: no memory. */
static bool make_room(void)
{
    bool full = listed >= FIRST_ROOM ? !(listed & (listed - 1)) : listed == 0;
    struct archive_file *more =
        full ? realloc(list, (listed ? 2 * (size_t)listed : FIRST_ROOM) * sizeof(*list)) : list;

    if (more)
        list = more;
    return more;
}

/* Under archive_lock. */
static long list_files(void)
{
    struct archive_file file;
    uint64_t at = 0;

    listed = 0; /* an earlier attempt had no memory */
    while (!(damaged = archive_next(&mapped, &at, &file) != NULL) && file.name) {
        if (!make_room())
            return -ENOMEM;
        list[listed++] = file;
    }
    return 0;
}

/* Under archive_lock. */
static long map_archive(void)
{
    long bytes = quire_call(memory_size, QUIRE_ARCHIVE);

    if (bytes < 0)
        return bytes;
    long at = quire_call(mmap, NULL, bytes, PROT_READ, MAP_SHARED | QUIRE_MAP_NOW, QUIRE_ARCHIVE, 0);
    if (at < 0 && at > -4096)
        return at;
    mapped = (struct archive){(void *)at, (uint64_t)bytes};
    return 0;
}

/* The list can be read without a lock afterwards. 0, or why not. */
static long know_files(void)
{
    long err = 0;

    if (__atomic_load_n(&known, __ATOMIC_ACQUIRE))
        return 0;
    lock(&archive_lock);
    if (!mapped.data)
        err = map_archive();
    if (!err && !known)
        err = list_files();
    if (!err)
        __atomic_store_n(&known, true, __ATOMIC_RELEASE);
    unlock(&archive_lock);
    return err;
}

long __find_file(const char *path, struct archive_file *file)
{
    long err = know_files();

    if (strnlen(path, PATH_MAX) == PATH_MAX)
        return -ENAMETOOLONG;
    path = archive_path(path);
    for (long i = 0; !err && i < listed; i++)
        if (strcmp(list[i].name, path) == 0) {
            *file = list[i];
            return 0;
        }
    return err ? err : -ENOENT;
}

const void *__file_contents(const struct archive_file *file) { return archive_contents(&mapped, file); }

/* --- for programs ---------------------------------------------------------------------- */
static void fill(struct listed_file *to, const struct archive_file *file)
{
    strlcpy(to->name, file->name, sizeof(to->name));
    to->offset = file->offset;
    to->size = file->size;
    to->mode = file->mode;
}

long find_file(const char *path, struct listed_file *to)
{
    struct archive_file file;
    long err = __find_file(path, &file);

    if (!err)
        fill(to, &file);
    return err;
}

long list_file(long index, struct listed_file *to)
{
    long err = know_files();

    if (err)
        return err;
    if (index < 0 || index >= listed)
        return damaged && index >= listed ? -EIO : -ENOENT;
    fill(to, &list[index]);
    return 0;
}
