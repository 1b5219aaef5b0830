/* SPDX-License-Identifier: MIT */
/* Files of the boot archive, and the console as a file. */
#include "child.h"
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <quire/files.h>
#include <uapi/quire/ipc.h>

/* A whole file; *bytes is its length. */
static char *whole_file(const char *path, size_t *bytes)
{
    int f = open(path, O_RDONLY);
    ASSERT(f >= 0);
    off_t size = lseek(f, 0, SEEK_END);
    char *text = malloc((size_t)size + 1);

    ASSERT(size > 0 && text);
    EXPECT_EQ(lseek(f, 0, SEEK_SET), 0);
    EXPECT_EQ(read(f, text, (size_t)size + 1), size);
    close(f);
    *bytes = (size_t)size;
    return text;
}

TEST(file, a_file_has_its_contents)
{
    size_t bytes;
    const char *text = whole_file("motd", &bytes);

    EXPECT_EQ(strncmp(text, "Welcome to Quire", 16), 0);
    text = whole_file("bin/hello", &bytes);
    EXPECT_EQ(memcmp(text, "\177ELF", 4), 0);
}

TEST(file, pieces_of_any_size_make_the_whole)
{
    size_t bytes, done;
    char *text = whole_file("bin/hello", &bytes), piece[5000];
    static const size_t sizes[] = {333, 4096, 4999};

    for (int i = 0; i < 3; i++) {
        int f = open("bin/hello", O_RDONLY);
        ssize_t n;
        for (done = 0; (n = read(f, piece, sizes[i])) > 0; done += (size_t)n)
            EXPECT_EQ(memcmp(piece, text + done, (size_t)n), 0);
        EXPECT_EQ(n, 0);
        EXPECT_EQ(done, bytes);
        close(f);
    }
}

TEST(file, the_end_reads_as_nothing)
{
    char c;
    int f = open("motd", O_RDONLY);

    EXPECT(lseek(f, 0, SEEK_END) > 0);
    EXPECT_EQ(read(f, &c, 1), 0);
    EXPECT(lseek(f, 1l << 60, SEEK_SET) > 0);
    EXPECT_EQ(read(f, &c, 1), 0);
    EXPECT_EQ(lseek(f, -1, SEEK_END), lseek(f, 0, SEEK_CUR));
    EXPECT_EQ(read(f, &c, 1), 1);
}

TEST(file, a_refused_seek_moves_nothing)
{
    int f = open("motd", O_RDONLY);

    EXPECT_EQ(lseek(f, 5, SEEK_SET), 5);
    EXPECT_REFUSED(EINVAL, lseek(f, -1l, SEEK_SET));
    EXPECT_REFUSED(EINVAL, lseek(f, -6l, SEEK_CUR));
    EXPECT_REFUSED(EINVAL, lseek(f, -1000000l, SEEK_END));
    EXPECT_REFUSED(EINVAL, lseek(f, 0, 3));
    EXPECT_REFUSED(EINVAL, lseek(f, 0, -1l));
    EXPECT_REFUSED(EINVAL, lseek(f, ~(1ul << 63), SEEK_CUR));
    EXPECT_REFUSED(EINVAL, lseek(f, 1ul << 63, SEEK_SET));
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), 5);
    EXPECT_REFUSED(ESPIPE, lseek(1, 0, SEEK_SET));
}

TEST(file, a_read_into_bad_memory_moves_nothing)
{
    int f = open("bin/hello", O_RDONLY);
    char *page = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);

    munmap(page + PAGE, PAGE);
    EXPECT_EQ(lseek(f, 7, SEEK_SET), 7);
    EXPECT_REFUSED(EFAULT, read(f, NULL, 10));
    EXPECT_REFUSED(EFAULT, read(f, (void *)(uintptr_t) "constant", 4));
    EXPECT_REFUSED(EFAULT, read(f, page + PAGE, 10));
    EXPECT_REFUSED(EFAULT, read(f, (void *)-PAGE, 8));
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), 7);
}

/* The file's bytes come up to a page of the archive in one piece. */
TEST(file, a_read_that_memory_ends_moves_as_far_as_it_came)
{
    int f = open("bin/hello", O_RDONLY);
    char *page = map_pages(2 * PAGE, PROT_READ | PROT_WRITE), *all = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);

    EXPECT_EQ(read(f, all, 2 * PAGE), 2 * PAGE);
    munmap(page + PAGE, PAGE);
    lseek(f, PAGE - 100, SEEK_SET);
    ssize_t n = read(f, page + PAGE - 200, 300);
    EXPECT_EQ(n, 100);
    EXPECT_EQ(memcmp(page + PAGE - 200, all + PAGE - 100, 100), 0);
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), PAGE);
}

TEST(file, what_does_not_exist_is_not_opened)
{
    char path[200];

    EXPECT_REFUSED(ENOENT, open("nothing", 0));
    EXPECT_REFUSED(ENOENT, open("", 0));
    EXPECT_REFUSED(ENOENT, open("bin", 0));
    EXPECT_REFUSED(ENOENT, open("motd/x", 0));
    memset(path, 'm', sizeof(path));
    path[199] = 0;
    EXPECT_REFUSED(ENAMETOOLONG, open(path, 0));
    path[100] = 0;
    EXPECT_REFUSED(ENOENT, open(path, 0));
}

TEST(file, the_archive_is_read_only)
{
    int f = open("motd", O_RDONLY);

    EXPECT_REFUSED(EROFS, open("motd", O_WRONLY));
    EXPECT_REFUSED(EROFS, open("motd", O_RDWR));
    EXPECT_REFUSED(EINVAL, open("motd", 1 << 20));
    EXPECT_CALL(-EBADF, write, f, "x", 1);
}

TEST(file, a_closed_handle_is_no_handle)
{
    char c;
    int f = open("motd", O_RDONLY);

    EXPECT_EQ(close(f), 0);
    EXPECT_REFUSED(EBADF, close(f));
    EXPECT_REFUSED(EBADF, read(f, &c, 1));
    EXPECT_REFUSED(EBADF, lseek(f, 0, 0));
}

/* POSIX wants child and parent to share one: docs/posix.md. */
TEST(file, two_opens_have_two_positions_and_a_child_has_its_own)
{
    int a = open("motd", O_RDONLY), b = open("motd", O_RDONLY);

    lseek(a, 5, SEEK_SET);
    EXPECT_EQ(lseek(b, 0, SEEK_CUR), 0);
    EXPECT_EQ(IN_CHILD(lseek(a, 2, SEEK_CUR)), 0);
    EXPECT_EQ(IN_CHILD(EXPECT_EQ(lseek(a, 0, SEEK_CUR), 5); close(a)), 0);
    EXPECT_EQ(lseek(a, 0, SEEK_CUR), 5);
}

TEST(file, the_list_names_every_file_once_with_its_size)
{
    struct listed_file e, other;
    struct stat st;
    long nr = 0;

    while (list_file(nr, &e) == 0) {
        int f = open(e.name, O_RDONLY);
        EXPECT(f >= 0);
        EXPECT_EQ(lseek(f, 0, SEEK_END), e.size);
        EXPECT_EQ(fstat(f, &st), 0);
        EXPECT_EQ(st.st_size, e.size);
        EXPECT_EQ(st.st_mode, e.mode);
        close(f);
        EXPECT_EQ(e.offset % PAGE, 0);
        for (long i = 0; i < nr; i++)
            if (list_file(i, &other) == 0)
                EXPECT(strcmp(e.name, other.name) != 0);
        nr++;
    }
    EXPECT(nr > 10);
    EXPECT_EQ(list_file(nr, &e), -ENOENT);
    EXPECT_EQ(list_file(-1, &e), -ENOENT);
    EXPECT_EQ(list_file(1l << 32, &e), -ENOENT);
}

TEST(file, a_file_is_no_memory_to_map)
{
    int f = open("motd", O_RDONLY);

    EXPECT_REFUSED(ENODEV, (long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, f, 0));
    EXPECT_REFUSED(ENODEV, (long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 0, 0));
    EXPECT_REFUSED(EBADF, (long)mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, 100, 0));
}

static int enough;

static void *open_and_close(void *unused)
{
    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE))
        close(open("motd", O_RDONLY));
    return unused;
}

/* In a child: each descriptor that the library knows can be read. */
static int all_can_be_read(void)
{
    struct stat st;
    char c;

    for (int fd = 0; fd < 16; fd++)
        if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read(fd, &c, 1) != 1)
            return 0;
    return 1;
}

TEST(file, a_child_has_the_files_of_one_moment)
{
    pthread_t t;

    if (quire_call(cpu_pin, 1) < 0)
        SKIP("needs two CPUs");
    quire_call(cpu_pin, -1);
    ASSERT_EQ(pthread_create(&t, NULL, open_and_close, NULL), 0);
    for (int i = 0; i < 15; i++) {
        usleep(200 + (unsigned)i * 7);
        EXPECT_EQ(IN_CHILD(_exit(!all_can_be_read())), 0);
    }
    __atomic_store_n(&enough, 1, __ATOMIC_RELEASE);
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

/* --- the archive ----------------------------------------------------------------------- */
TEST(file, nobody_can_write_to_the_archive)
{
    long size = quire_call(memory_size, QUIRE_ARCHIVE), page = PAGE;
    char c = 0;

    EXPECT(size > 100 * page);
    EXPECT_EQ(size % page, 0);
    EXPECT_CALL(-EACCES, memory_write, QUIRE_ARCHIVE, 0, &c, 1);
    EXPECT_CALL(-EACCES, memory_resize, QUIRE_ARCHIVE, 0);
    EXPECT_CALL(-EACCES, mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, QUIRE_ARCHIVE, 0);
    char *p = (char *)quire_call(mmap, NULL, PAGE, PROT_READ, MAP_SHARED, QUIRE_ARCHIVE, 0);
    EXPECT_EQ(memcmp(p, "070701", 6), 0);
    EXPECT_CALL(-EACCES, mprotect, p, PAGE, PROT_READ | PROT_WRITE);
    char *own = (char *)quire_call(mmap, NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, QUIRE_ARCHIVE, 0);
    memset(own, 'x', PAGE);
    EXPECT_EQ(memcmp(p, "070701", 6), 0);
    EXPECT_CALL(-EACCES, handle_duplicate, QUIRE_ARCHIVE, RIGHT_READ | RIGHT_WRITE);
}

TEST(file, nobody_can_break_the_archive)
{
    struct listed_file e;

    ASSERT_EQ(find_file("motd", &e), 0);
    char *p = (char *)quire_call(mmap, NULL, PAGE, PROT_READ, MAP_SHARED | QUIRE_MAP_NOW, QUIRE_ARCHIVE, e.offset);
    EXPECT_EQ(p[0], 'W');
    if (quire_call(madvise, p, PAGE, MADV_HWPOISON) == -EPERM)
        SKIP("no program breaks frames in a release build");
    EXPECT_CALL(-EACCES, madvise, p, PAGE, MADV_HWPOISON);
    char *own = (char *)quire_call(mmap, NULL, PAGE, PROT_READ, MAP_PRIVATE | QUIRE_MAP_NOW, QUIRE_ARCHIVE, e.offset);
    EXPECT_EQ(own[0], 'W');
    EXPECT_CALL(-EACCES, madvise, own, PAGE, MADV_HWPOISON);
    EXPECT_EQ(IN_CHILD(_exit(p[0] != 'W')), 0);
}

TEST(file, without_the_archive_there_are_no_files)
{
    struct listed_file e;

    EXPECT_EQ(quire_call(close, QUIRE_ARCHIVE), 0);
    EXPECT_REFUSED(EBADF, open("motd", O_RDONLY));
    EXPECT_EQ(list_file(0, &e), -EBADF);
    char *const arguments[] = {"true", NULL};
    EXPECT_REFUSED(EBADF, spawn("bin/true", arguments));
    EXPECT_EQ(quire_call(memory_create, PAGE), QUIRE_ARCHIVE); /* what isn't an archive gives errors, too */
    EXPECT_REFUSED(ENOENT, open("motd", O_RDONLY));
    EXPECT_EQ(list_file(0, &e), -EIO);
}

/* --- the console ----------------------------------------------------------------------- */
TEST(file, the_console_takes_large_writes_whole)
{
    char text[3000];

    memset(text, '-', sizeof(text));
    for (int i = 99; i < 3000; i += 100)
        text[i] = '\n';
    EXPECT_EQ(write(1, text, sizeof(text)), 3000);
    EXPECT_EQ(write(1, text, 0), 0);
}

TEST(file, a_write_stops_where_memory_ends)
{
    char *page = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);

    munmap(page + PAGE, PAGE);
    memset(page, '-', PAGE);
    page[PAGE - 45] = '\n';
    ssize_t n = write(1, page + PAGE - 300, 600);
    EXPECT(n > 0 && n <= 300);
    EXPECT_CALL(-EFAULT, write, 1, page + PAGE, 1);
    EXPECT_CALL(-EFAULT, write, 1, page, -1l);
}
