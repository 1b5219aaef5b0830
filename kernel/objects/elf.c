/* SPDX-License-Identifier: MIT */
/*
 * ELF programs: checking a file (System V ABI, chapters 4 and 5), and mapping it. Everything that a file says is
 * checked before anything is allocated for it.
 */
#include <quire/elf.h>
#include <quire/cacheflush.h>
#include <quire/elf_file.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <arch/elf.h>

#define ELFCLASS64 2
#define ELFDATA_NATIVE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 1 : 2)
#define ET_EXEC 2
#define PT_LOAD 1
#define PF_X 1
#define PF_W 2
#define PF_R 4

static const char *check_segment(const struct program_header *ph, u64 size, vaddr_t low, vaddr_t high)
{
    if (ph->filesz > ph->memsz)
        return "a segment is larger in the file than in memory";
    if (ph->offset > size || ph->filesz > size - ph->offset)
        return "a segment reaches past the end of the file (truncated?)";
    if (ph->vaddr < low || ph->vaddr > high || ph->memsz > high - ph->vaddr)
        return "a segment lies outside the addresses for programs";
    if (!IS_ALIGNED(ph->vaddr, PAGE_SIZE))
        return "a segment doesn't begin on a page";
    if ((ph->flags & PF_W) && (ph->flags & PF_X))
        return "a segment is writable and executable";
    if (ph->memsz > 1UL << 30)
        return "a segment is larger than 1 GiB";
    return NULL;
}

static bool overlaps(const struct elf_info *info, const struct program_header *ph)
{
    for (unsigned i = 0; i < info->nr_segments; i++) {
        const struct elf_segment *s = &info->segment[i];
        if (ph->vaddr < ALIGN_UP(s->vaddr + s->mem_size, PAGE_SIZE) &&
            s->vaddr < ALIGN_UP(ph->vaddr + ph->memsz, PAGE_SIZE))
            return true;
    }
    return false;
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

const char *elf_check(const void *file, u64 size, vaddr_t low, vaddr_t high, struct elf_info *info)
{
    struct elf_header h;

    memset(info, 0, sizeof(*info));
    if (size < sizeof(h))
        return "it is shorter than an ELF header (truncated?)";
    memcpy(&h, file, sizeof(h));
    if (memcmp(h.magic, "\177ELF", 4) != 0)
        return "it isn't an ELF file";
    if (h.class != ELFCLASS64 || h.data != ELFDATA_NATIVE)
        return "it isn't a 64-bit program of this byte order";
    if (h.machine != ARCH_ELF_MACHINE)
        return "it is a program for another machine";
    if (h.type != ET_EXEC)
        return "it isn't a statically linked executable";
    if (h.phentsize != sizeof(struct program_header) || h.phoff > size ||
        (u64)h.phnum * sizeof(struct program_header) > size - h.phoff)
        return "its program headers reach past the end of the file (truncated?)";
    for (unsigned i = 0; i < h.phnum; i++) {
        struct program_header ph;
        memcpy(&ph, (const u8 *)file + h.phoff + i * sizeof(ph), sizeof(ph));
        if (ph.type != PT_LOAD || ph.memsz == 0)
            continue;
        const char *wrong = check_segment(&ph, size, low, high);
        if (wrong)
            return wrong;
        if (overlaps(info, &ph))
            return "two segments share a page";
        if (info->nr_segments == IMAGE_MAX_SEGMENTS)
            return "it has more than 8 segments to load";
        info->segment[info->nr_segments++] = (struct elf_segment){
            ph.vaddr, ph.offset, ph.filesz, ph.memsz,
            (ph.flags & PF_R ? PROT_READ : 0u) | (ph.flags & PF_W ? PROT_WRITE : 0u) |
                (ph.flags & PF_X ? PROT_EXEC : 0u)};
    }
    info->entry = h.entry;
    return check_entry(info);
}

/* --- images ------------------------------------------------------------------------------------ */
static struct mutex images_lock = MUTEX_INIT(images_lock);
LOCK_ORDER_STATIC(3, images_lock.sem.word);
static struct image *images[INITRD_MAX_FILES];

/* Fills the segment's object with folios, the largest first: one for each bit that is 1 in the number of pages. */
static int load_segment(struct image_segment *s, const u8 *data, u64 bytes)
{
    s->memobj = memobj_create(MEMOBJ_BACKED, s->file_pages, NULL);
    if (!s->memobj)
        return -ENOMEM;
    for (u64 page = 0; page < s->file_pages;) {
        unsigned order = 63u - (unsigned)__builtin_clzl(s->file_pages - page);
        struct folio *f = NULL;
        while (!(f = folio_alloc(order, 0)) && order > 0)
            order--;
        if (!f)
            return -ENOMEM;
        u64 left = bytes - (page << PAGE_SHIFT), n = MIN(left, (u64)folio_size(f));
        memcpy(folio_address(f), data + (page << PAGE_SHIFT), n);
        memset((u8 *)folio_address(f) + n, 0, folio_size(f) - n);
        flush_dcache_folio(f);
        int err = memobj_add_folio(s->memobj, page, f);
        if (err) {
            folio_put(f);
            return err;
        }
        page += 1UL << order;
    }
    return 0;
}

static void image_free(struct image *image)
{
    for (unsigned i = 0; i < image->nr_segments; i++)
        if (image->segment[i].memobj)
            memobj_put(image->segment[i].memobj);
    kfree(image);
}

static struct image *image_load(const struct initrd_file *file, int *err)
{
    struct elf_info info;
    const char *wrong = elf_check(file->data, file->size, PAGE_SIZE, USER_TOP - 16 * MiB, &info);

    if (wrong) {
        kprintf("%s can't be started: %s\n", file->name, wrong);
        *err = -ENOEXEC;
        return NULL;
    }
    *err = -ENOMEM;
    struct image *image = kmalloc(sizeof(*image));
    if (!image)
        return NULL;
    image->file = file;
    image->entry = info.entry;
    for (unsigned i = 0; i < info.nr_segments; i++) {
        const struct elf_segment *from = &info.segment[i];
        struct image_segment *s = &image->segment[image->nr_segments++];
        s->start = from->vaddr;
        s->prot = from->prot;
        s->file_pages = DIV_ROUND_UP(from->file_size, PAGE_SIZE);
        s->total_pages = DIV_ROUND_UP(from->mem_size, PAGE_SIZE);
        image->end = MAX(image->end, s->start + (s->total_pages << PAGE_SHIFT));
        if (s->file_pages && load_segment(s, file->data + from->offset, from->file_size)) {
            image_free(image);
            return NULL;
        }
    }
    *err = 0;
    return image;
}

struct image *image_get(const char *path, int *err)
{
    const struct initrd_file *file = initrd_find(path);

    *err = -ENOENT;
    if (!file)
        return NULL;
    mutex_lock(&images_lock);
    struct image **slot = &images[initrd_index(file)];
    if (!*slot)
        *slot = image_load(file, err);
    else
        *err = 0;
    struct image *image = *slot;
    if (image)
        image->users++;
    mutex_unlock(&images_lock);
    return image;
}

void image_put(struct image *image)
{
    mutex_lock(&images_lock);
    image->users--;
    mutex_unlock(&images_lock);
}

void images_release(void)
{
    mutex_lock(&images_lock);
    for (unsigned i = 0; i < INITRD_MAX_FILES; i++) {
        if (!images[i])
            continue;
        bool idle = !images[i]->users;
        for (unsigned s = 0; s < images[i]->nr_segments; s++)
            if (images[i]->segment[s].memobj && READ_ONCE(images[i]->segment[s].memobj->refs) > 1)
                idle = false;
        if (idle) {
            image_free(images[i]);
            images[i] = NULL;
        }
    }
    mutex_unlock(&images_lock);
}

/* Maps the file's pages of a read-only segment now. This costs one call for each folio; else each page would fault. */
static int populate(struct mm *mm, const struct image_segment *s)
{
    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, s->start);
    int err = 0;
    for (u64 page = 0; vma && page < s->file_pages && err >= 0;) {
        struct folio *f = memobj_folio(s->memobj, page);
        if (!f) {
            err = -ENOMEM;
            break;
        }
        vaddr_t addr = s->start + (page << PAGE_SHIFT);
        err = map_pages(mm, vma, addr, f, page - f->index, folio_nr_pages(f), s->prot);
        page += err > 0 ? (u64)err : folio_nr_pages(f) - (page - f->index);
        folio_put(f);
    }
    rwsem_read_unlock(&mm->areas_lock);
    return err < 0 ? err : 0;
}

int image_map(struct image *image, struct mm *mm)
{
    for (unsigned i = 0; i < image->nr_segments; i++) {
        const struct image_segment *s = &image->segment[i];
        vaddr_t start = s->start, bss = s->start + (s->file_pages << PAGE_SHIFT);
        int err = 0;
        if (s->file_pages)
            err = mm_map(mm, &start, s->file_pages << PAGE_SHIFT, s->prot, MAP_PRIVATE | MAP_FIXED, s->memobj, 0);
        if (!err && s->total_pages > s->file_pages)
            err = mm_map(mm, &bss, (s->total_pages - s->file_pages) << PAGE_SHIFT, s->prot, MAP_PRIVATE | MAP_FIXED,
                         NULL, 0);
        if (!err && s->file_pages && !(s->prot & PROT_WRITE))
            err = populate(mm, s);
        if (err)
            return err;
    }
    return 0;
}
