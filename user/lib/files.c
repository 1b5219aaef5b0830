/* SPDX-License-Identifier: MIT */
/*
 * Open files. The kernel knows none: a descriptor is a handle to the memory object of the boot archive, made for this
 * file, and the table here says which part of the archive the file is, and how far it has been read. After fork() the
 * child has the same descriptors, and a position of its own for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <quire/sys.h>
#include <uapi/quire/ipc.h>
#include "archive.h"
#include "lock.h"

#define FIRST_FILES 16

static struct file {
    bool open;
    mode_t mode;
    uint64_t offset, size; /* in the archive */
    uint64_t position;
} first_files[FIRST_FILES], *files = first_files; /* by descriptor */
static int files_room = FIRST_FILES;
static int files_lock; /* for all of these */

void __lock_files(void) { lock(&files_lock); }
void __unlock_files(int in_child) { unlock_after_fork(&files_lock, in_child); }

/* --- the table ------------------------------------------------------------------------- */
/* The file of this descriptor; NULL: it isn't one. Under files_lock. */
static struct file *file_of(int fd) { return fd >= 0 && fd < files_room && files[fd].open ? &files[fd] : NULL; }

/* There is room for this descriptor. Under files_lock. False: no memory. */
static bool make_room(int fd)
{
    int room = files_room;

    while (room <= fd)
        room *= 2;
    if (room == files_room)
        return true;
    struct file *more = calloc((size_t)room, sizeof(*more));
    if (!more)
        return false;
    memcpy(more, files, (size_t)files_room * sizeof(*more));
    if (files != first_files)
        free(files);
    files = more;
    files_room = room;
    return true;
}

/* Under files_lock. */
static bool remember(int fd, const struct archive_file *file)
{
    bool room = make_room(fd);

    if (room)
        files[fd] = (struct file){true, file->mode, file->offset, file->size, 0};
    return room;
}

/* Whether this process has a handle of this number, for whatever. */
static bool is_handle(int fd)
{
    long copy = quire_call(handle_duplicate, fd, 0, 0);

    if (copy >= 0)
        quire_call(close, copy);
    return copy != -EBADF;
}

static bool is_file(int fd)
{
    lock(&files_lock);
    bool file = file_of(fd);
    unlock(&files_lock);
    return file;
}

/* malloc() maps anonymous memory, perhaps under files_lock: it never sees these errors. */
int __not_mappable(int fd, long error) { return error == -EBADF ? is_handle(fd) : error == -EACCES && is_file(fd); }

/* --- opening and closing --------------------------------------------------------------- */
static long open_file(const char *path, int flags)
{
    struct archive_file file;

    if (flags)
        return flags & 3 ? -EROFS : -EINVAL; /* the boot archive can only be read */
    long err = __find_file(path, &file);
    if (err)
        return err;
    lock(&files_lock);
    long fd = quire_call(handle_duplicate, QUIRE_ARCHIVE, RIGHT_READ | RIGHT_TRANSFER, 0);
    if (fd >= 0 && !remember((int)fd, &file)) {
        quire_call(close, fd);
        fd = -ENOMEM;
    }
    unlock(&files_lock);
    return fd;
}

int open(const char *path, int flags, ...) { return (int)__result(open_file(path, flags)); }

/* Under one lock: another thread may get the number as soon as it is free, and fork() copies table and handles. */
int close(int fd)
{
    lock(&files_lock);
    struct file *f = file_of(fd);
    if (f)
        f->open = false;
    long err = quire_call(close, fd);
    unlock(&files_lock);
    return (int)__result(err);
}

/* --- reading --------------------------------------------------------------------------- */
/* Takes up to n bytes of the file for the caller, from *at of the archive on. False: it is no file. */
static bool take(int fd, size_t *n, uint64_t *at)
{
    lock(&files_lock);
    struct file *f = file_of(fd);
    if (f) {
        uint64_t left = f->position < f->size ? f->size - f->position : 0;
        *n = *n < left ? *n : left;
        *at = f->offset + f->position;
        f->position += *n;
    }
    unlock(&files_lock);
    return f;
}

/* The caller got only the first bytes. The next read gets the others, unless another thread has moved the position. */
static void put_back(int fd, uint64_t end, uint64_t got_end)
{
    lock(&files_lock);
    struct file *f = file_of(fd);
    if (f && f->offset + f->position == end)
        f->position = got_end - f->offset;
    unlock(&files_lock);
}

ssize_t read(int fd, void *buffer, size_t n)
{
    uint64_t at;

    if (!take(fd, &n, &at))
        return __result(quire_call(read, fd, buffer, n));
    long got = n ? quire_call(memory_read, fd, at, buffer, n) : 0;
    if (got < (long)n)
        put_back(fd, at + n, at + (got > 0 ? (uint64_t)got : 0));
    return __result(got);
}

ssize_t write(int fd, const void *buffer, size_t n) { return __result(quire_call(write, fd, buffer, n)); }

/* Under files_lock. */
static long seek(struct file *f, off_t offset, int whence)
{
    off_t base = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off_t)f->position : (off_t)f->size, to;

    if (whence < SEEK_SET || whence > SEEK_END || __builtin_add_overflow(base, offset, &to) || to < 0)
        return -EINVAL;
    f->position = (uint64_t)to;
    return to;
}

off_t lseek(int fd, off_t offset, int whence)
{
    lock(&files_lock);
    struct file *f = file_of(fd);
    long result = f ? seek(f, offset, whence) : 0;
    unlock(&files_lock);
    return __result(f ? result : is_handle(fd) ? -ESPIPE : -EBADF);
}

/* --- what is known about them ---------------------------------------------------------- */
static void fill(struct stat *to, mode_t mode, off_t size)
{
    *to = (struct stat){
        .st_mode = mode, .st_nlink = 1, .st_size = size, .st_blksize = 4096, .st_blocks = (size + 511) / 512};
}

static void fill_file(struct stat *to, mode_t mode, uint64_t size, uint64_t offset)
{
    fill(to, mode, (off_t)size);
    to->st_ino = (ino_t)offset; /* no two files begin at the same place */
}

int stat(const char *path, struct stat *to)
{
    struct archive_file file;
    long err = __find_file(path, &file);

    if (!err)
        fill_file(to, file.mode, file.size, file.offset);
    return (int)__result(err);
}

/* What isn't a file is taken for the console. */
int fstat(int fd, struct stat *to)
{
    lock(&files_lock);
    struct file *f = file_of(fd);
    if (f)
        fill_file(to, f->mode, f->size, f->offset);
    unlock(&files_lock);
    if (f)
        return 0;
    fill(to, S_IFCHR | S_IRUSR | S_IWUSR, 0);
    return (int)__result(is_handle(fd) ? 0 : -EBADF);
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
