/* SPDX-License-Identifier: MIT */
/* Tables of names and source lines: see <quire/places.h>. */
#include <quire/elf_file.h>
#include <quire/places.h>
#include <quire/printf.h>
#include <quire/string.h>

/* --- finding a table --------------------------------------------------------------------------- */
/* Whether nr rows of row_bytes each, from `at` on, lie in the first `size` bytes. */
static bool lies_in(uint64_t at, uint64_t nr, uint64_t row_bytes, uint64_t size)
{
    return at <= size && nr <= (size - at) / row_bytes;
}

bool places_check(struct places *p, const void *data, uint64_t size)
{
    struct places_header *h = &p->header;

    if (size < sizeof(*h))
        return false;
    p->data = data;
    memcpy(h, data, sizeof(*h));
    return h->magic == PLACES_MAGIC && h->size <= size && h->size > sizeof(*h) && p->data[h->size - 1] == 0 &&
           h->nr_functions && lies_in(h->functions, h->nr_functions, sizeof(struct function_row), h->size) &&
           lies_in(h->lines, h->nr_lines, sizeof(struct line_row), h->size) &&
           lies_in(h->files, h->nr_files, sizeof(uint32_t), h->size);
}

/* The section of this number; false: the file has no such section, or not all of it. */
static bool read_section(const unsigned char *file, uint64_t size, const struct elf_header *h, unsigned number,
                         struct section_header *s)
{
    if (number >= h->shnum || !lies_in(h->shoff, h->shnum, sizeof(*s), size))
        return false;
    memcpy(s, file + h->shoff + number * sizeof(*s), sizeof(*s));
    return lies_in(s->offset, s->size, 1, size);
}

bool places_in_program(struct places *p, const void *file, uint64_t size)
{
    static const char wanted[] = ".places";
    const unsigned char *bytes = file;
    struct section_header names, s;
    struct elf_header h;

    if (size < sizeof(h))
        return false;
    memcpy(&h, file, sizeof(h));
    if (memcmp(h.magic, "\177ELF", 4) != 0 || h.shentsize != sizeof(s) ||
        !read_section(bytes, size, &h, h.shstrndx, &names))
        return false;
    for (unsigned i = 0; i < h.shnum; i++)
        if (read_section(bytes, size, &h, i, &s) && lies_in(s.name, sizeof(wanted), 1, names.size) &&
            memcmp(bytes + names.offset + s.name, wanted, sizeof(wanted)) == 0)
            return places_check(p, bytes + s.offset, s.size);
    return false;
}

/* --- looking in it ----------------------------------------------------------------------------- */
static uint32_t number_at(const struct places *p, uint64_t at)
{
    uint32_t number;

    memcpy(&number, p->data + at, sizeof(number));
    return number;
}

/* The last of nr rows of 8 bytes that begins with a number of at most `at`; nr: there is none. */
static uint32_t last_row(const struct places *p, uint64_t rows, uint32_t nr, uint64_t at)
{
    uint32_t low = 0, high = nr;

    if (!nr || number_at(p, rows) > at)
        return nr;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (number_at(p, rows + 8UL * middle) <= at)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static const char *name_at(const struct places *p, uint64_t at)
{
    return at < p->header.size ? (const char *)p->data + at : "?";
}

bool place_of(const struct places *p, uint64_t address, struct place *place)
{
    const struct places_header *h = &p->header;
    uint64_t at = address - h->base;
    uint32_t function = at < h->text_bytes ? last_row(p, h->functions, h->nr_functions, at) : h->nr_functions;
    uint32_t line = last_row(p, h->lines, h->nr_lines, at);

    if (function == h->nr_functions)
        return false;
    uint64_t row = h->functions + 8UL * function;
    *place = (struct place){name_at(p, (uint64_t)h->function_names + number_at(p, row + 4)),
                            at - number_at(p, row), NULL, 0};
    if (line == h->nr_lines)
        return true;
    struct line_row found;
    memcpy(&found, p->data + h->lines + 8UL * line, sizeof(found));
    if (at - found.at <= place->offset && found.file < h->nr_files) { /* not a line of the function before */
        place->file = name_at(p, (uint64_t)h->file_names + number_at(p, h->files + 4UL * found.file));
        place->line = found.line;
    }
    return true;
}

void place_text(const struct places *p, uint64_t pc, bool is_return, char *text, size_t size)
{
    struct place place;

    if (!place_of(p, pc - is_return, &place))
        snprintf(text, size, "?");
    else if (!place.file)
        snprintf(text, size, "%s+0x%lx", place.function, (unsigned long)place.offset + is_return);
    else
        snprintf(text, size, "%s+0x%lx  %s:%u", place.function, (unsigned long)place.offset + is_return, place.file,
                 place.line);
}
