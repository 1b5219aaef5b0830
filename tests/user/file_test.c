/* SPDX-License-Identifier: MIT */
/* Files of the boot archive, and the console as a file. */
#include "child.h"
#include <fcntl.h>
#include <stdlib.h>

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
    EXPECT_CALL(-EINVAL, seek, f, -1l, SEEK_SET);
    EXPECT_CALL(-EINVAL, seek, f, -6l, SEEK_CUR);
    EXPECT_CALL(-EINVAL, seek, f, -1000000l, SEEK_END);
    EXPECT_CALL(-EINVAL, seek, f, 0, 3);
    EXPECT_CALL(-EINVAL, seek, f, 0, -1l);
    EXPECT_CALL(-EINVAL, seek, f, ~(1ul << 63), SEEK_CUR);
    EXPECT_CALL(-EINVAL, seek, f, 1ul << 63, SEEK_SET);
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), 5);
    EXPECT_CALL(-ESPIPE, seek, 1, 0, SEEK_SET);
}

TEST(file, a_read_into_bad_memory_moves_nothing)
{
    int f = open("bin/hello", O_RDONLY);
    char *page = map_pages(2 * PAGE, PROT_READ | PROT_WRITE);

    munmap(page + PAGE, PAGE);
    EXPECT_EQ(lseek(f, 7, SEEK_SET), 7);
    EXPECT_CALL(-EFAULT, read, f, NULL, 10);
    EXPECT_CALL(-EFAULT, read, f, (uintptr_t) "constant", 4);
    EXPECT_CALL(-EFAULT, read, f, page + PAGE - 100, 200);
    EXPECT_CALL(-EFAULT, read, f, page, -1l);
    EXPECT_CALL(-EFAULT, read, f, -PAGE, 8);
    EXPECT_EQ(lseek(f, 0, SEEK_CUR), 7);
}

TEST(file, what_does_not_exist_is_not_opened)
{
    char path[200];

    EXPECT_CALL(-ENOENT, open, "nothing", 0);
    EXPECT_CALL(-ENOENT, open, "", 0);
    EXPECT_CALL(-ENOENT, open, "bin", 0);
    EXPECT_CALL(-ENOENT, open, "motd/x", 0);
    memset(path, 'm', sizeof(path));
    path[199] = 0;
    EXPECT_CALL(-ENAMETOOLONG, open, path, 0);
    path[100] = 0;
    EXPECT_CALL(-ENOENT, open, path, 0);
}

TEST(file, the_archive_is_read_only)
{
    int f = open("motd", O_RDONLY);

    EXPECT_CALL(-EROFS, open, "motd", O_WRONLY);
    EXPECT_CALL(-EROFS, open, "motd", O_RDWR);
    EXPECT_CALL(-EINVAL, open, "motd", 1 << 20);
    EXPECT_CALL(-EBADF, write, f, "x", 1);
}

TEST(file, a_closed_handle_is_no_handle)
{
    char c;
    int f = open("motd", O_RDONLY);

    EXPECT_CALL(0, close, f);
    EXPECT_CALL(-EBADF, close, f);
    EXPECT_CALL(-EBADF, read, f, &c, 1);
    EXPECT_CALL(-EBADF, seek, f, 0, 0);
}

TEST(file, two_opens_have_two_positions_and_a_copy_shares_one)
{
    int a = open("motd", O_RDONLY), b = open("motd", O_RDONLY);

    lseek(a, 5, SEEK_SET);
    EXPECT_EQ(lseek(b, 0, SEEK_CUR), 0);
    EXPECT_EQ(IN_CHILD(lseek(a, 2, SEEK_CUR)), 0);
    EXPECT_EQ(lseek(a, 0, SEEK_CUR), 7);
}

TEST(file, entries_name_every_file_once_with_its_size)
{
    struct quire_entry e, other;
    long nr = 0;

    while (quire_call(entry, nr, &e) == 0) {
        EXPECT_EQ(e.index, nr);
        int f = open(e.name, O_RDONLY);
        EXPECT(f >= 0);
        EXPECT_EQ(lseek(f, 0, SEEK_END), e.size);
        close(f);
        for (long i = 0; i < nr; i++)
            if (quire_call(entry, i, &other) == 0)
                EXPECT(strcmp(e.name, other.name) != 0);
        nr++;
    }
    EXPECT(nr > 10);
    EXPECT_CALL(-ENOENT, entry, nr, &e);
    EXPECT_CALL(-ENOENT, entry, -1l, &e);
    EXPECT_CALL(-ENOENT, entry, 1l << 32, &e);
}

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
