/* SPDX-License-Identifier: MIT */
/* The check of an ELF program (System V ABI, chapters 4 and 5): see <quire/elf.h>. */
#include <quire/elf.h>
#include <quire/elf_file.h>
#include <quire/string.h>
#include <uapi/quire/mman.h>
#include <arch/elf.h>

#define ELFCLASS64 2
#define ELFDATA_NATIVE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2)
#define ET_EXEC 2
#define PT_LOAD 1
#define PF_X 1
#define PF_W 2
#define PF_R 4
#define PAGE 4096ul

static uint64_t page_up(uint64_t at) { return (at + PAGE - 1) & ~(PAGE - 1); }

static const char *check_segment(const struct program_header *ph, uint64_t size, uint64_t low, uint64_t high)
{
    if (ph->filesz > ph->memsz)
        return "a segment is larger in the file than in memory";
    if (ph->offset > size || ph->filesz > size - ph->offset)
        return "a segment reaches past the end of the file (truncated?)";
    if (ph->vaddr < low || ph->vaddr > high || ph->memsz > high - ph->vaddr)
        return "a segment lies outside the addresses for programs";
    if (ph->vaddr % PAGE)
        return "a segment doesn't begin on a page";
    if (ph->filesz && ph->offset % PAGE)
        return "a segment doesn't begin on a page of the file";
    if ((ph->flags & PF_W) && (ph->flags & PF_X))
        return "a segment is writable and executable";
    if (!(ph->flags & PF_W) && ph->filesz < ph->memsz)
        return "a segment that can't be written is smaller in the file than in memory";
    if (ph->memsz > 1ul << 30)
        return "a segment is larger than 1 GiB";
    return NULL;
}

static int overlaps(const struct elf_info *info, const struct program_header *ph)
{
    for (unsigned i = 0; i < info->nr_segments; i++) {
        const struct elf_segment *s = &info->segment[i];
        if (ph->vaddr < page_up(s->vaddr + s->mem_size) && s->vaddr < page_up(ph->vaddr + ph->memsz))
            return 1;
    }
    return 0;
}

static const char *check_entry(const struct elf_info *info)
{
    for (unsigned i = 0; i < info->nr_segments; i++) {
        const struct elf_segment *s = &info->segment[i];
        if (s->prot & PROT_EXEC && info->entry >= s->vaddr && info->entry < s->vaddr + s->mem_size)
            return NULL;
    }
    return "its entry point isn't in an executable segment";
}

static const char *check_header(const struct elf_header *h, uint64_t head_bytes, uint64_t size)
{
    uint64_t bytes = (uint64_t)h->phnum * sizeof(struct program_header);

    if (memcmp(h->magic, "\177ELF", 4) != 0)
        return "it isn't an ELF file";
    if (h->class != ELFCLASS64 || h->data != ELFDATA_NATIVE)
        return "it isn't a 64-bit program of this byte order";
    if (h->machine != ARCH_ELF_MACHINE)
        return "it is a program for another machine";
    if (h->type != ET_EXEC)
        return "it isn't a statically linked executable";
    if (h->phentsize != sizeof(struct program_header) || h->phoff > size || bytes > size - h->phoff)
        return "its program headers reach past the end of the file (truncated?)";
    if (h->phoff > head_bytes || bytes > head_bytes - h->phoff)
        return "its program headers aren't at its beginning";
    return NULL;
}

static const char *add_segment(struct elf_info *info, const struct program_header *ph, uint64_t size, uint64_t low,
                               uint64_t high)
{
    const char *wrong = check_segment(ph, size, low, high);

    if (wrong)
        return wrong;
    if (overlaps(info, ph))
        return "two segments share a page";
    if (info->nr_segments == ELF_MAX_SEGMENTS)
        return "it has more than 8 segments to load";
    info->segment[info->nr_segments++] = (struct elf_segment){
        ph->vaddr, ph->offset, ph->filesz, ph->memsz,
        (ph->flags & PF_R ? PROT_READ : 0u) | (ph->flags & PF_W ? PROT_WRITE : 0u) |
            (ph->flags & PF_X ? PROT_EXEC : 0u)};
    return NULL;
}

const char *elf_check(const void *head, uint64_t head_bytes, uint64_t size, uint64_t low, uint64_t high,
                      struct elf_info *info)
{
    struct program_header ph;
    struct elf_header h;

    memset(info, 0, sizeof(*info));
    if (head_bytes < sizeof(h) || size < sizeof(h))
        return "it is shorter than an ELF header (truncated?)";
    memcpy(&h, head, sizeof(h));
    const char *wrong = check_header(&h, head_bytes, size);
    for (unsigned i = 0; !wrong && i < h.phnum; i++) {
        memcpy(&ph, (const unsigned char *)head + h.phoff + i * sizeof(ph), sizeof(ph));
        if (ph.type == PT_LOAD && ph.memsz)
            wrong = add_segment(info, &ph, size, low, high);
    }
    if (wrong)
        return wrong;
    info->entry = h.entry;
    return check_entry(info);
}
