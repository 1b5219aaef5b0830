/* SPDX-License-Identifier: MIT */
/*
 * Archives: see <quire/archive.h>. A file has a header of 110 ASCII characters ("070701" and 13 eight-digit hexadecimal
 * numbers), its name, and its data, each padded to four bytes; the name "TRAILER!!!" ends the archive. The number of
 * the name's bytes counts zeros behind the name: tools/archive.py adds as many as bring the data to a page.
 */
#include <quire/archive.h>
#include <quire/string.h>

#define HEADER_BYTES 110
#define FIELD(n) (6 + 8 * (n))
#define FIELD_MODE 1
#define FIELD_FILESIZE 6
#define FIELD_NAMESIZE 11
#define MODE_TYPE 0170000
#define MODE_FILE 0100000

/* The value of a hexadecimal digit; 16: it is none. */
static unsigned digit_of(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - (unsigned)'0';
    return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32u) - 'a' + 10u : 16u;
}

static bool hex_field(const unsigned char *header, unsigned n, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned digit = digit_of(header[FIELD(n) + i]);
        if (digit > 15)
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

const char *archive_path(const char *name)
{
    if (name[0] == '.' && name[1] == '/')
        name += 2;
    while (*name == '/')
        name++;
    return name;
}

static uint64_t align_4(uint64_t at) { return (at + 3) & ~3ul; }

/* The entry at `at`, a file or not; NULL, or what is wrong with it. */
static const char *read_entry(const struct archive *archive, uint64_t at, struct archive_file *file)
{
    const unsigned char *header = (const unsigned char *)archive->data + at;
    uint64_t mode, size, name_size;

    if (at > archive->size || archive->size - at < HEADER_BYTES)
        return "it ends in the middle of a header, without a trailer (truncated?)";
    if (memcmp(header, "070701", 6) != 0)
        return at ? "a header is damaged" : "it isn't a cpio archive in newc format (cpio -o -H newc)";
    if (!hex_field(header, FIELD_MODE, &mode) || !hex_field(header, FIELD_FILESIZE, &size) ||
        !hex_field(header, FIELD_NAMESIZE, &name_size))
        return "a header holds something else than hexadecimal digits";
    uint64_t data_at = align_4(at + HEADER_BYTES + name_size);
    if (name_size == 0 || data_at > archive->size || size > archive->size - data_at)
        return "a file reaches past the archive's end (truncated?)";
    const char *name = (const char *)header + HEADER_BYTES;
    if (name[name_size - 1] != 0)
        return "a file name isn't terminated";
    *file = (struct archive_file){name, data_at, size, (uint32_t)mode};
    return NULL;
}

const char *archive_next(const struct archive *archive, uint64_t *at, struct archive_file *file)
{
    do {
        const char *wrong = read_entry(archive, *at, file);
        if (wrong)
            return wrong;
        if (strcmp(file->name, "TRAILER!!!") == 0) {
            file->name = NULL;
            return NULL;
        }
        *at = align_4(file->offset + file->size);
    } while ((file->mode & MODE_TYPE) != MODE_FILE);
    file->name = archive_path(file->name);
    return NULL;
}

bool archive_find(const struct archive *archive, const char *path, struct archive_file *file)
{
    uint64_t at = 0;

    path = archive_path(path);
    while (!archive_next(archive, &at, file) && file->name)
        if (strcmp(file->name, path) == 0)
            return true;
    return false;
}
