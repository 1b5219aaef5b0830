/* SPDX-License-Identifier: MIT */
/*
 * Reader of the boot archive: headers of 110 ASCII characters ("070701" and 13 eight-digit hexadecimal
 * numbers), name, data, each padded to four bytes; "TRAILER!!!" ends the archive. All numbers are checked.
 */
#include <quire/initrd.h>
#include <quire/string.h>

#define HEADER_BYTES 110
#define FIELD(n) (6 + 8 * (n))
#define FIELD_MODE 1
#define FIELD_FILESIZE 6
#define FIELD_NAMESIZE 11
#define MODE_TYPE 0170000
#define MODE_FILE 0100000

static struct initrd machine;

static bool hex_field(const u8 *header, unsigned n, u64 *value)
{
    *value = 0;
    for (unsigned i = 0; i < 8; i++) {
        u8 c = header[FIELD(n) + i];
        unsigned digit = c >= '0' && c <= '9' ? c - (unsigned)'0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32u) - 'a' + 10u : 16u;
        if (digit > 15)
            return false;
        *value = *value << 4 | digit;
    }
    return true;
}

static const char *skip_prefix(const char *name)
{
    if (name[0] == '.' && name[1] == '/')
        name += 2;
    while (*name == '/')
        name++;
    return name;
}

const char *initrd_read(struct initrd *initrd, const void *archive, u64 size)
{
    const u8 *base = archive;
    u64 at = 0;

    initrd->nr_files = 0;
    for (;;) {
        u64 mode, data_size, name_size;
        if (size - at < HEADER_BYTES || at > size)
            return "it ends in the middle of a header, without a trailer (truncated?)";
        const u8 *header = base + at;
        if (memcmp(header, "070701", 6) != 0)
            return at ? "a header is damaged" : "it isn't a cpio archive in newc format (cpio -o -H newc)";
        if (!hex_field(header, FIELD_MODE, &mode) || !hex_field(header, FIELD_FILESIZE, &data_size) ||
            !hex_field(header, FIELD_NAMESIZE, &name_size))
            return "a header holds something else than hexadecimal digits";
        u64 data_at = ALIGN_UP(at + HEADER_BYTES + name_size, 4UL);
        if (name_size == 0 || data_at > size || data_size > size - data_at)
            return "a file reaches past the archive's end (truncated?)";
        const char *name = (const char *)header + HEADER_BYTES;
        if (name[name_size - 1] != 0)
            return "a file name isn't terminated";
        if (strcmp(name, "TRAILER!!!") == 0)
            return NULL;
        if ((mode & MODE_TYPE) == MODE_FILE) {
            if (initrd->nr_files == INITRD_MAX_FILES)
                return "it holds more files than INITRD_MAX_FILES";
            initrd->files[initrd->nr_files++] =
                (struct initrd_file){skip_prefix(name), base + data_at, data_size, (u32)mode};
        }
        at = ALIGN_UP(data_at + data_size, 4UL);
    }
}

const char *initrd_init(const void *archive, u64 size) { return initrd_read(&machine, archive, size); }

const struct initrd_file *initrd_file(unsigned index)
{
    return index < machine.nr_files ? &machine.files[index] : NULL;
}

unsigned initrd_index(const struct initrd_file *file) { return (unsigned)(file - machine.files); }

const struct initrd_file *initrd_find(const char *path)
{
    path = skip_prefix(path);
    for (unsigned i = 0; i < machine.nr_files; i++)
        if (strcmp(machine.files[i].name, path) == 0)
            return &machine.files[i];
    return NULL;
}
