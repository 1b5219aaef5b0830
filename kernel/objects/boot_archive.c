/* SPDX-License-Identifier: MIT */
/* The boot archive as a memory object, and programs from it: see <quire/boot_archive.h>. */
#include <quire/boot_archive.h>
#include <quire/buddy.h>
#include <quire/cacheflush.h>
#include <quire/elf.h>
#include <quire/errno.h>
#include <quire/exec_pfn.h>
#include <quire/log.h>
#include <quire/memobj.h>
#include <quire/mm.h>
#include <quire/object.h>
#include <quire/program_layout.h>
#include <quire/string.h>

static struct memory_object object = {.object = {.refs = 1, .type = OBJECT_MEMORY}};
static struct archive archive;

struct object *boot_archive_object(void)
{
    object_get(&object.object);
    return &object.object;
}

const struct archive *boot_archive(void) { return &archive; }

/* --- the object ---------------------------------------------------------------------------------- */
/* The largest folio of at most default size that can begin with this frame and has at most nr frames. */
static unsigned order_at(pfn_t pfn, u64 nr)
{
    unsigned order = FOLIO_DEFAULT_ORDER;

    while (!IS_ALIGNED(pfn, 1UL << order) || 1UL << order > nr)
        order--;
    return order;
}

/* Makes folios of the frames where they are. What an error leaves are frames that nobody uses. */
static int add_frames(struct memobj *obj, pfn_t first, u64 nr)
{
    for (u64 page = 0; page < nr;) {
        unsigned order = order_at(first + page, nr - page);
        struct folio *f = folio_of_frames(first + page, order);
        if (!f)
            return -ENOMEM;
        flush_dcache_folio(f);
        int err = memobj_add_folio(obj, page, f);
        if (err)
            return err;
        page += 1UL << order;
    }
    return 0;
}

/*
 * With ICACHE=stale what programs execute must have a shadow, <quire/exec_pfn.h>, and the place where the loader has put
 * the archive has none: so a copy is the archive there. The rest of the copy's frames stay unused. PFN_NONE: no memory.
 */
static pfn_t executable_place(struct boot_range where, u64 nr)
{
    pfn_t first = paddr_value(where.start) >> PAGE_SHIFT;

    if (ICACHE_STALE && nr) {
        unsigned order = 0;
        while (1UL << order < nr)
            order++;
        first = frames_alloc(order, memdesc_make_misc(MISC_INITRD));
        if (first != PFN_NONE)
            memcpy(pfn_address(first), paddr_address(where.start), where.size);
    }
    return first;
}

int boot_archive_init(struct boot_range where)
{
    u64 start = paddr_value(where.start), nr = DIV_ROUND_UP(where.size, PAGE_SIZE);
    int err = IS_ALIGNED(start, PAGE_SIZE) ? 0 : -EINVAL;
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, MAX(nr, 1UL), NULL);

    if (!obj)
        return -ENOMEM;
    object.memobj = obj;
    if (err || !nr)
        return err;
    pfn_t first = executable_place(where, nr);
    if (first == PFN_NONE)
        return -ENOMEM;
    u8 *data = pfn_address(first);
    memset(data + where.size, 0, (nr << PAGE_SHIFT) - where.size);
    err = add_frames(obj, first, nr);
    if (!err)
        archive = (struct archive){data, where.size};
    return err;
}

/* --- programs from it ---------------------------------------------------------------------------- */
/* The part of a segment's last page that isn't from the file is zeros: a copy of the page for this address space. */
static int clear_tail(struct mm *mm, const struct elf_segment *s)
{
    static const u8 zeros[PAGE_SIZE];
    vaddr_t end = s->vaddr + s->file_size;

    return mm_write(mm, end, zeros, ALIGN_UP(end, PAGE_SIZE) - end);
}

/* `at`: where the file's contents begin in the archive. */
static int map_segment(struct mm *mm, const struct elf_segment *s, u64 at)
{
    u64 from_file = ALIGN_UP(s->file_size, PAGE_SIZE), all = ALIGN_UP(s->mem_size, PAGE_SIZE);
    vaddr_t start = s->vaddr, rest = s->vaddr + from_file;
    int err = 0;

    if (from_file)
        err = mm_map(mm, &start, from_file, s->prot, MAP_PRIVATE | MAP_FIXED | QUIRE_MAP_NOW, object.memobj,
                     at + s->offset);
    if (!err && from_file && s->prot & PROT_WRITE)
        err = clear_tail(mm, s);
    if (!err && all > from_file)
        err = mm_map(mm, &rest, all - from_file, s->prot, MAP_PRIVATE | MAP_FIXED, NULL, 0);
    return err;
}

static const char *check(const struct archive_file *file, struct elf_info *info)
{
    if (!IS_ALIGNED(file->offset, PAGE_SIZE))
        return "it doesn't begin on a page of the boot archive (tools/archive.py makes such archives)";
    return elf_check(archive_contents(&archive, file), file->size, file->size, PROGRAM_LOW, PROGRAM_HIGH, info);
}

int boot_archive_load(const char *path, struct mm *mm, u64 *entry)
{
    struct archive_file file;
    struct elf_info info;
    int err = 0;

    if (!archive_find(&archive, path, &file))
        return -ENOENT;
    const char *wrong = check(&file, &info);
    if (wrong) {
        kprintf("%s can't be started: %s\n", file.name, wrong);
        return -ENOEXEC;
    }
    for (unsigned i = 0; i < info.nr_segments && !err; i++)
        err = map_segment(mm, &info.segment[i], file.offset);
    *entry = info.entry;
    return err;
}
