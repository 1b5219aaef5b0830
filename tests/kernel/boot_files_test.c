/* SPDX-License-Identifier: MIT */
/*
 * The input of boot and of program loading: archives, device trees, ELF headers; good, truncated and damaged.
 */
#include <quire/archive.h>
#include <quire/boot_info.h>
#include <quire/elf.h>
#include <quire/elf_file.h>
#include <quire/mm.h>
#include <quire/printf.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/test.h>
#include <arch/elf.h>
#include <arch/layout.h>
#include "../../boot/fdt.h"

/* --- archives -------------------------------------------------------------------------- */
static char archive[1024];

static size_t add_file(size_t at, const char *name, const char *data, unsigned mode)
{
    size_t name_size = strlen(name) + 1, size = strlen(data);

    at += (size_t)snprintf(archive + at, sizeof(archive) - at,
                           "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 1u, mode,
                           0u, 0u, 1u, 0u, (unsigned)size, 0u, 0u, 0u, 0u, (unsigned)name_size, 0u);
    memcpy(archive + at, name, name_size);
    at = ALIGN_UP(at + name_size, 4UL);
    memcpy(archive + at, data, size);
    return ALIGN_UP(at + size, 4UL);
}

static size_t make_archive(void)
{
    memset(archive, 0, sizeof(archive));
    size_t at = add_file(0, "./one", "first", 0100644);
    at = add_file(at, "dir", "", 0040755);
    at = add_file(at, "/dir/two", "", 0100755);
    at = add_file(at, "three", "1234", 0100644);
    return add_file(at, "TRAILER!!!", "", 0);
}

/* What is wrong with the first size bytes at `data`; NULL: nothing. Every file lies inside. */
static const char *read_archive(const void *data, size_t size, struct archive_file *files, unsigned *nr)
{
    const struct archive a = {data, size};
    struct archive_file file;
    const char *wrong;
    u64 at = 0;

    *nr = 0;
    while (!(wrong = archive_next(&a, &at, &file)) && file.name) {
        EXPECT(file.offset <= size && file.size <= size - file.offset);
        EXPECT(file.name >= (const char *)data && file.name + strlen(file.name) < (const char *)data + size);
        if (files)
            files[*nr] = file;
        ++*nr;
    }
    return wrong;
}

static const char *complaint(size_t size)
{
    unsigned nr;
    const char *wrong = read_archive(archive, size, NULL, &nr);

    return wrong ? wrong : "nothing";
}

TEST(cpio, a_good_archive_gives_its_files)
{
    struct archive_file file[4], found;
    size_t size = make_archive();
    const struct archive a = {archive, size};
    unsigned nr;

    EXPECT(read_archive(archive, size, file, &nr) == NULL);
    ASSERT_EQ(nr, 3);
    EXPECT(strcmp(file[0].name, "one") == 0);
    EXPECT_EQ(file[0].size, 5);
    EXPECT(memcmp(archive_contents(&a, &file[0]), "first", 5) == 0);
    EXPECT(strcmp(file[1].name, "dir/two") == 0);
    EXPECT_EQ(file[1].size, 0);
    EXPECT_EQ(file[1].mode, 0100755);
    EXPECT(memcmp(archive_contents(&a, &file[2]), "1234", 4) == 0);
    EXPECT(archive_find(&a, "/dir/two", &found) && found.offset == file[1].offset);
    EXPECT(!archive_find(&a, "dir", &found)); /* a folder is no file */
    EXPECT(!archive_find(&a, "four", &found));
}

/* Zeros behind the name, which the number of its bytes counts, are no part of it. */
TEST(cpio, a_name_may_be_longer_than_its_text)
{
    size_t size = make_archive();
    struct archive_file found;

    memmove(archive + 110 + 6 + 16, archive + 110 + 6, size - 110 - 6);
    memset(archive + 110 + 6, 0, 16);
    memcpy(archive + 6 + 8 * 11, "00000016", 8);
    const struct archive a = {archive, size + 16};
    ASSERT(archive_find(&a, "one", &found));
    EXPECT(memcmp(archive_contents(&a, &found), "first", 5) == 0);
    EXPECT(archive_find(&a, "three", &found));
}

TEST(cpio, truncated_at_any_length_it_says_so_and_reads_nothing_beyond)
{
    size_t size = make_archive();
    unsigned nr;

    for (size_t n = 0; n < size - 3; n++) {
        char *copy = kmalloc(n ? n : 1); /* the bytes behind it aren't the archive */
        ASSERT(copy != NULL);
        memcpy(copy, archive, n);
        if (!read_archive(copy, n, NULL, &nr))
            test_fail(__FILE__, __LINE__, "%lu of %lu bytes were taken for an archive", n, size);
        kfree(copy);
    }
}

TEST(cpio, damage_is_told_in_words)
{
    size_t size = make_archive();

    archive[0] = 'x';
    EXPECT(strstr(complaint(size), "cpio") != NULL);
    make_archive();
    archive[6 + 8 * 6] = 'g'; /* the file's size */
    EXPECT(strstr(complaint(size), "hexadecimal") != NULL);
    make_archive();
    memcpy(archive + 6 + 8 * 6, "ffffffff", 8);
    EXPECT(strstr(complaint(size), "end") != NULL);
    make_archive();
    memcpy(archive + 6 + 8 * 11, "00000000", 8); /* no name */
    EXPECT(strcmp(complaint(size), "nothing") != 0);
    make_archive();
    archive[110 + 5] = 'x'; /* the name's end */
    EXPECT(strstr(complaint(size), "name") != NULL);
}

TEST(cpio, any_damaged_byte_is_survived)
{
    size_t size = make_archive();
    unsigned nr;

    for (size_t at = 0; at < size; at++) {
        char saved = archive[at];
        archive[at] = (char)(saved ^ (1 << at % 8));
        read_archive(archive, size, NULL, &nr);
        archive[at] = saved;
    }
}

/* --- device trees ---------------------------------------------------------------------- */
static u8 blob[1024];
static u32 blob_at;

static void put32(u32 at, u32 v)
{
    blob[at] = (u8)(v >> 24), blob[at + 1] = (u8)(v >> 16), blob[at + 2] = (u8)(v >> 8),
    blob[at + 3] = (u8)v;
}
static void token(u32 v) { put32(blob_at, v), blob_at += 4; }
static void bytes(const void *data, u32 n)
{
    memcpy(blob + blob_at, data, n);
    blob_at += ALIGN_UP(n, 4u);
}
static void node(const char *name) { token(1), bytes(name, (u32)strlen(name) + 1); }
static void property(u32 name, const void *data, u32 n)
{
    token(3), token(n), token(name), bytes(data, n);
}

#define STRINGS "#address-cells\0#size-cells\0reg\0device_type\0bootargs\0compatible\0status"
enum {
    S_ADDRESS = 0,
    S_SIZE = 15,
    S_REG = 27,
    S_TYPE = 31,
    S_ARGS = 43,
    S_COMPATIBLE = 52,
    S_STATUS = 63
};

static u32 make_tree(void)
{
    static const u8 two[] = {0, 0, 0, 2},
                    reg[] = {0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0x40, 0, 0, 0};
    static const u8 pages[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0};

    memset(blob, 0, sizeof(blob));
    blob_at = 40;
    u32 reservations = blob_at;
    bytes("\0\0\0\0\0\0\x30\0\0\0\0\0\0\0\x10\0", 16); /* 0x3000, 0x1000 */
    bytes("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    u32 structs = blob_at;
    node("");
    property(S_ADDRESS, two, 4);
    property(S_SIZE, two, 4);
    token(4); /* FDT_NOP */
    node("memory@80000000");
    property(S_TYPE, "memory", 7);
    property(S_REG, reg, 16);
    token(2);
    node("chosen");
    property(S_ARGS, "test=x quiet", 13);
    token(2);
    node("soc");
    property(S_ADDRESS, two, 4);
    property(S_SIZE, two, 4);
    node("uart@10000");
    property(S_COMPATIBLE, "maker,uart\0ns16550a", 20);
    property(S_REG, pages, 16);
    token(2);
    node("uart@20000");
    property(S_COMPATIBLE, "ns16550a", 9);
    property(S_STATUS, "disabled", 9);
    token(2);
    token(2);
    token(2);
    token(9);
    u32 strings = blob_at;
    bytes(STRINGS, sizeof(STRINGS));
    put32(0, 0xd00dfeed), put32(4, blob_at), put32(8, structs), put32(12, strings),
        put32(16, reservations);
    put32(20, 17), put32(24, 16), put32(28, 0), put32(32, sizeof(STRINGS)),
        put32(36, strings - structs);
    return blob_at;
}

/* Call every function of the reader on the blob, damaged or not: each must end, and read only inside the blob. */
static unsigned read_all(void)
{
    struct fdt fdt;
    static struct boot_info boot;
    u64 a, b;
    unsigned nodes = 0;

    if (!fdt_open(&fdt, blob))
        return 0;
    for (int n = fdt_next_node(&fdt, -1); n >= 0; n = fdt_next_node(&fdt, n)) {
        nodes++;
        EXPECT(fdt_name(&fdt, n) + strlen(fdt_name(&fdt, n)) < (char *)blob + sizeof(blob));
        fdt_parent(&fdt, n);
        fdt_reg(&fdt, n, 0, &a, &b);
        fdt_reg(&fdt, n, ~0u, &a, &b);
        fdt_compatible(&fdt, n, "ns16550a");
        fdt_enabled(&fdt, n);
    }
    fdt_path(&fdt, "/soc/uart");
    memset(&boot, 0, sizeof(boot));
    fdt_boot_info(&fdt, &boot);
    return nodes;
}

TEST(fdt, a_good_tree_is_read)
{
    struct fdt fdt;
    static struct boot_info boot;
    u64 address, size;

    make_tree();
    ASSERT(fdt_open(&fdt, blob));
    EXPECT_EQ(read_all(), 6);
    int uart = fdt_path(&fdt, "/soc/uart@10000");
    ASSERT(uart >= 0);
    EXPECT_EQ(fdt_path(&fdt, "/soc/uart"), uart); /* without the unit address */
    EXPECT_EQ(fdt_path(&fdt, "/soc/none"), -1);
    EXPECT_EQ(fdt_path(&fdt, "/so"), -1);
    EXPECT(strcmp(fdt_name(&fdt, uart), "uart@10000") == 0);
    EXPECT_EQ(fdt_parent(&fdt, uart), fdt_path(&fdt, "/soc"));
    EXPECT(fdt_compatible(&fdt, uart, "ns16550a"));
    EXPECT(!fdt_compatible(&fdt, uart, "ns16550"));
    EXPECT_EQ(fdt_find_compatible(&fdt, "ns16550a"), uart); /* the other UART is disabled */
    EXPECT(fdt_reg(&fdt, uart, 0, &address, &size));
    EXPECT(address == 0x10000 && size == 0x1000);
    EXPECT(!fdt_reg(&fdt, uart, 1, &address, &size));
    EXPECT(fdt_reservation(&fdt, 0, &address, &size) && address == 0x3000 && size == 0x1000);
    EXPECT(!fdt_reservation(&fdt, 1, &address, &size));
    memset(&boot, 0, sizeof(boot));
    EXPECT(fdt_boot_info(&fdt, &boot));
    EXPECT_EQ(boot.nr_ram, 1);
    EXPECT_EQ(paddr_value(boot.ram[0].start), 0x80000000);
    EXPECT_EQ(boot.ram[0].size, 0x40000000);
    EXPECT(strcmp(boot.cmdline, "test=x quiet") == 0);
}

TEST(fdt, a_bad_header_is_no_tree)
{
    struct fdt fdt;
    static const struct {
        u32 at, value;
    } bad[] = {{0, 0xd00dfeee}, {20, 15},  {24, 18}, {8, 0xfffffff0}, {12, 0xfffffff0},
               {32, ~0u},       {36, ~0u}, {4, 10},  {16, ~0u},       {4, ~0u}};

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        make_tree();
        put32(bad[i].at, bad[i].value);
        if (fdt_open(&fdt, blob))
            test_fail(__FILE__, __LINE__, "header word at %u = 0x%x was accepted", bad[i].at,
                      bad[i].value);
    }
    EXPECT(!fdt_open(&fdt, NULL));
}

TEST(fdt, truncated_at_any_length_it_ends)
{
    u32 size = make_tree();

    for (u32 structs = 0; structs < 400 && structs < size;
         structs++) { /* the structure block ends early */
        make_tree();
        put32(36, structs);
        read_all();
    }
    for (u32 total = 0; total < size; total += 3) {
        make_tree();
        put32(4, total);
        read_all();
    }
    for (u32 strings = 0; strings < sizeof(STRINGS); strings++) {
        make_tree();
        put32(32, strings);
        read_all();
    }
}

TEST(fdt, any_damaged_word_is_survived)
{
    static const u32 values[] = {0, 1, 2, 3, 4, 9, 0xfffffff4, 0xffffffff, 0x7fffffff, 0x80000000};
    u32 size = make_tree();

    for (u32 at = 40; at < size; at += 4) {
        for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
            make_tree();
            put32(at, values[i]);
            read_all();
        }
    }
}

/* --- ELF ------------------------------------------------------------------------------- */
static struct program {
    struct elf_header h;
    struct program_header s[10];
    u8 rest[6000];
} program;

#define LOW  0x10000UL
#define HIGH 0x1000000UL

static void make_program(void)
{
    memset(&program, 0, sizeof(program));
    memcpy(program.h.magic, "\177ELF", 4);
    program.h.class = 2;
    program.h.data = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2;
    program.h.type = 2;
    program.h.machine = ARCH_ELF_MACHINE;
    program.h.entry = LOW + 16;
    program.h.phoff = offsetof(struct program, s);
    program.h.phentsize = sizeof(struct program_header);
    program.h.phnum = 2;
    program.s[0] = (struct program_header){1, 5, 0, LOW, LOW, 2000, 2000, 4096};
    program.s[1] = (struct program_header){1, 6, 4096, LOW + 0x2000, 0, 100, 9000, 4096};
}

static const char *check(void)
{
    static struct elf_info info;
    return elf_check(&program, sizeof(program), sizeof(program), LOW, HIGH, &info);
}

TEST(elf_check, a_good_program_is_taken)
{
    static struct elf_info info;

    make_program();
    EXPECT(elf_check(&program, sizeof(program), sizeof(program), LOW, HIGH, &info) == NULL);
    EXPECT_EQ(info.nr_segments, 2);
    EXPECT_EQ(info.entry, LOW + 16);
    EXPECT_EQ(info.segment[0].prot, 5);
    EXPECT_EQ(info.segment[1].prot, 3);
    EXPECT_EQ(info.segment[1].mem_size, 9000);
    program.s[2] =
        (struct program_header){4, 4, 0, 0, 0, ~0UL, ~0UL, 1}; /* not to be loaded, so not checked */
    program.h.phnum = 3;
    EXPECT(check() == NULL);
}

#define EXPECT_WRONG(words, change)                                                                \
    do {                                                                                           \
        make_program();                                                                            \
        change;                                                                                    \
        const char *wrong_ = check();                                                              \
        if (!wrong_ || !strstr(wrong_, words))                                                     \
            test_fail(__FILE__, __LINE__, "%s: expected \"%s\", seen \"%s\"", #change, words,      \
                      wrong_ ? wrong_ : "taken");                                                  \
    } while (0)

TEST(elf_check, every_kind_of_wrong_is_told_in_words)
{
    EXPECT_WRONG("isn't an ELF", program.h.magic[1] = 'X');
    EXPECT_WRONG("64-bit", program.h.class = 1);
    EXPECT_WRONG("byte order", program.h.data ^= 3);
    EXPECT_WRONG("another machine", program.h.machine ^= 1);
    EXPECT_WRONG("statically linked", program.h.type = 3);
    EXPECT_WRONG("program headers", program.h.phentsize = 32);
    EXPECT_WRONG("program headers", program.h.phoff = ~0UL);
    EXPECT_WRONG("program headers", program.h.phoff = sizeof(program) - 8);
    EXPECT_WRONG("program headers", program.h.phnum = 65535);
    EXPECT_WRONG("larger in the file", program.s[0].memsz = 1999);
    EXPECT_WRONG("past the end", program.s[0].offset = sizeof(program) - 1999);
    EXPECT_WRONG("page of the file", program.s[1].offset = 4096 + 8);
    EXPECT_WRONG("smaller in the file", program.s[0].filesz = 1999);
    EXPECT_WRONG("past the end", program.s[0].offset = ~0UL);
    EXPECT_WRONG("past the end", (program.s[1].filesz = ~0UL, program.s[1].memsz = ~0UL));
    EXPECT_WRONG("outside the addresses", program.s[0].vaddr = LOW - 4096);
    EXPECT_WRONG("outside the addresses", program.s[1].vaddr = HIGH);
    EXPECT_WRONG("outside the addresses", program.s[1].vaddr = ~0UL & PAGE_MASK);
    EXPECT_WRONG("outside the addresses", program.s[1].memsz = HIGH);
    EXPECT_WRONG("begin on a page", program.s[1].vaddr += 8);
    EXPECT_WRONG("writable and executable", program.s[1].flags = 7);
    EXPECT_WRONG("share a page", program.s[1].vaddr = LOW);
    EXPECT_WRONG("entry point", program.h.entry = 0);
    EXPECT_WRONG("entry point", program.h.entry = LOW + 2000);
    EXPECT_WRONG("entry point", program.h.entry = LOW + 0x2000); /* in the data */
    EXPECT_WRONG("entry point", program.h.phnum = 0);
}

TEST(elf_check, more_segments_than_can_be_loaded_are_refused)
{
    make_program();
    for (unsigned i = 1; i < 10; i++)
        program.s[i] = (struct program_header){1, 4, 0, LOW + i * PAGE_SIZE, 0, 10, 10, 4096};
    program.h.phnum = 10;
    EXPECT(strstr(check(), "more than 8") != NULL);
    program.h.phnum = 8;
    EXPECT(check() == NULL);
}

TEST(elf_check, headers_that_are_not_there_to_be_read_are_refused)
{
    static struct elf_info info;
    u64 end = offsetof(struct program, s) + 2 * sizeof(struct program_header);

    make_program();
    EXPECT(elf_check(&program, end, sizeof(program), LOW, HIGH, &info) == NULL);
    EXPECT(strstr(elf_check(&program, end - 1, sizeof(program), LOW, HIGH, &info), "at its beginning") != NULL);
    EXPECT(elf_check(&program, 63, sizeof(program), LOW, HIGH, &info) != NULL);
}

TEST(elf_check, truncated_at_any_length_it_is_refused)
{
    static struct elf_info info;

    make_program();
    for (u64 n = 0; n < 4196; n += n < 300 ? 1 : 50)
        EXPECT(elf_check(&program, n, n, LOW, HIGH, &info) != NULL);
}
