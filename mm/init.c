/* SPDX-License-Identifier: MIT */
/*
 * Physical memory at boot: sort out what is RAM and what is taken, place the word array and the kernel's page
 * tables, switch to them, and give the rest to the buddy. Every word is written exactly once.
 */
#include <quire/memory_init.h>
#include <quire/buddy.h>
#include <quire/exec_shadow.h>
#include <quire/frame_cache.h>
#include <quire/kvmap.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/pgtable.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <arch-generic/page.h>
#include <arch-generic/paging.h>

extern char __image_start[], __text_start[], __text_end[], __rodata_start[], __rodata_end[], __image_end[];

#define MAX_TAKEN (2 * BOOT_MAX_RANGES)

/* Frames [first, end), and what their words say. */
struct span {
    pfn_t first, end;
    memdesc_t word;
};

static struct span ram[BOOT_MAX_RANGES], taken[MAX_TAKEN];
static unsigned nr_ram, nr_taken;
static struct ptdesc early_ptdesc; /* of all tables made before the slabs */

static u64 image_pa(const char *symbol) { return (u64)symbol - KERNEL_VA_OFFSET; }

static void add_span(struct span *list, unsigned *nr, unsigned max, pfn_t first, pfn_t end, memdesc_t word)
{
    KASSERT(*nr < max, "more than %u memory ranges: raise BOOT_MAX_RANGES", max);
    unsigned i = (*nr)++;
    for (; i > 0 && list[i - 1].first > first; i--) /* sorted by first frame */
        list[i] = list[i - 1];
    list[i] = (struct span){first, end, word};
}

static void take(u64 start, u64 size, memdesc_t word)
{
    if (size)
        add_span(taken, &nr_taken, MAX_TAKEN, start >> PAGE_SHIFT, DIV_ROUND_UP(start + size, PAGE_SIZE), word);
}

static void sort_out(const struct boot_info *boot)
{
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        u64 start = paddr_value(boot->ram[i].start), end = start + boot->ram[i].size;
        pfn_t first = DIV_ROUND_UP(start, PAGE_SIZE), last = MIN(end, (u64)DIRECT_MAP_SIZE) >> PAGE_SHIFT;
        if (first < last)
            add_span(ram, &nr_ram, BOOT_MAX_RANGES, first, last, 0);
    }
    KASSERT(nr_ram, "the machine says it has no memory");
    take(image_pa(__image_start), (u64)(__image_end - __image_start), memdesc_make_misc(MISC_IMAGE));
    take(paddr_value(boot->initrd.start), boot->initrd.size, memdesc_make_misc(MISC_INITRD));
    for (unsigned i = 0; i < boot->nr_reserved; i++)
        take(paddr_value(boot->reserved[i].start), boot->reserved[i].size, memdesc_make_misc(MISC_FIRMWARE));
}

/* The highest free place for nr frames in RAM that the boot mapping shows, or panic: boot can't go on without. */
static pfn_t place(u64 nr, u64 align_frames, memdesc_t word)
{
    for (unsigned r = nr_ram; r-- > 0;) {
        pfn_t end = MIN(ram[r].end, BOOT_WINDOW_BYTES >> PAGE_SHIFT);
        while (end >= ram[r].first + nr) {
            pfn_t first = ALIGN_DOWN(end - nr, align_frames);
            if (first < ram[r].first)
                break;
            const struct span *hit = NULL;
            for (unsigned t = 0; t < nr_taken; t++)
                if (taken[t].first < first + nr && first < taken[t].end && (!hit || taken[t].first < hit->first))
                    hit = &taken[t];
            if (!hit) {
                add_span(taken, &nr_taken, MAX_TAKEN, first, first + nr, word);
                return first;
            }
            end = hit->first;
        }
    }
    panic("no room for %lu frames that the kernel needs: give the machine more memory", nr);
}

/* --- shadows ----------------------------------------------------------------------------------- */
#if ICACHE_STALE
/* The next part of RAM, from `from` on, that nobody has taken. */
static bool next_gap(pfn_t from, struct span *gap)
{
    for (unsigned r = 0; r < nr_ram; r++) {
        pfn_t first = MAX(from, ram[r].first), end = ram[r].end;
        for (unsigned t = 0; t < nr_taken; t++)
            if (taken[t].first <= first && first < taken[t].end)
                first = taken[t].end;
            else if (taken[t].first > first)
                end = MIN(end, taken[t].first);
        if (first < end) {
            *gap = (struct span){.first = first, .end = end};
            return true;
        }
    }
    return false;
}

static void take_frames(pfn_t first, pfn_t end)
{
    take(first << PAGE_SHIFT, (end - first) << PAGE_SHIFT, memdesc_make_misc(MISC_SHADOW));
}

/* All memory that will ever be given out has a shadow: half of the largest gap has its in the other half. */
static void take_shadows(void)
{
    struct span largest = {0}, gap;

    for (pfn_t from = 0; next_gap(from, &gap); from = gap.end)
        if (gap.end - gap.first > largest.end - largest.first)
            largest = gap;
    pfn_t first = ALIGN_UP(largest.first, PT_ENTRIES(0)); /* blocks have shadows that are blocks */
    KASSERT(largest.end > first + 2 * PT_ENTRIES(0), "ICACHE=stale wants a machine with more memory");
    u64 nr = ALIGN_DOWN((largest.end - first) / 2, PT_ENTRIES(0));
    for (pfn_t from = 0; next_gap(from, &gap); from = gap.end)
        if (gap.first != largest.first)
            take_frames(gap.first, gap.end);
    take_frames(largest.first, first);
    take_frames(first + nr, largest.end);
    u64 table_frames = DIV_ROUND_UP(exec_shadow_table_bytes(nr), PAGE_SIZE);
    void *table = pfn_address(place(table_frames, 1, memdesc_make_misc(MISC_SHADOW)));
    arch_zero(table, table_frames << PAGE_SHIFT);
    exec_shadow_init(first, nr, nr, table);
}
#else
static void take_shadows(void) {}
#endif

/* --- page tables ------------------------------------------------------------------------------- */
static u64 early_table_frames(void)
{
    u64 bytes = PT_TABLE_BYTES(PT_LEVELS - 1) * 2, frames = 0;

    for (unsigned i = 0; i < nr_ram; i++)
        frames += ram[i].end - ram[i].first;
    /* Upper tables, tables for the image and for unaligned ends; with pages only, one for each span. */
    bytes += PT_TABLE_BYTES(1) * 16 + PT_TABLE_BYTES(0) * (4 * nr_ram + 24);
    if (!arch_pt_block_ok(1))
        bytes += PT_TABLE_BYTES(0) * (frames / PT_ENTRIES(0) + nr_ram);
    else
        bytes += PT_TABLE_BYTES(0) * 16; /* device ranges */
    return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

/* RAM in the direct map: the image's read-only parts stay read-only there too. */
static void map_direct(struct early_map *map, u64 start, u64 end)
{
    u64 text = image_pa(__text_start), text_end = ALIGN_UP(image_pa(__text_end), PAGE_SIZE);
    u64 ro_end = image_pa(__rodata_end);
    /* Where image and direct map are the same addresses, this mapping is the one text runs from. */
    pgprot_t text_prot = DIRECT_MAP_BASE == KERNEL_VA_OFFSET ? PGPROT_KERNEL_RX : PGPROT_KERNEL_RO;
    const u64 cut[] = {text, text_end, ro_end, end};
    const pgprot_t prot[] = {PGPROT_KERNEL_RW, text_prot, PGPROT_KERNEL_RO, PGPROT_KERNEL_RW};

    for (unsigned i = 0; i < ARRAY_SIZE(cut) && start < end; i++) {
        u64 to = MIN(cut[i], end);
        if (to <= start)
            continue;
        early_map_range(map, DIRECT_MAP_BASE + start, mk_paddr(start), to - start, prot[i]);
        start = to;
    }
}

static void map_image(struct early_map *map)
{
    if (DIRECT_MAP_BASE == KERNEL_VA_OFFSET)
        return;
    vaddr_t text = (vaddr_t)__text_start, ro = (vaddr_t)__rodata_start, data = (vaddr_t)__rodata_end;
    early_map_range(map, text, mk_paddr(text - KERNEL_VA_OFFSET), ro - text, PGPROT_KERNEL_RX);
    early_map_range(map, ro, mk_paddr(ro - KERNEL_VA_OFFSET), data - ro, PGPROT_KERNEL_RO);
    early_map_range(map, data, mk_paddr(data - KERNEL_VA_OFFSET), (vaddr_t)__image_end - data, PGPROT_KERNEL_RW);
}

static void build_tables(const struct boot_info *boot)
{
    struct pt_root *root = kernel_root();
    u64 nr = early_table_frames(), align = MAX(PT_TABLE_BYTES(PT_LEVELS - 1) / PAGE_SIZE, 1UL);
    pfn_t first = place(nr, align, memdesc_make(MEMDESC_PTDESC, &early_ptdesc));
    struct early_map map = {.next = pfn_to_paddr(first), .end = pfn_to_paddr(first + nr), .root = root};

    root->table = map.next;
    map.next = paddr_add(map.next, PT_TABLE_BYTES(PT_LEVELS - 1));
    pt_table_init(paddr_address(root->table), PT_LEVELS - 1);
    for (unsigned i = 0; i < nr_ram; i++)
        map_direct(&map, ram[i].first << PAGE_SHIFT, ram[i].end << PAGE_SHIFT);
    for (unsigned i = 0; i < boot->nr_mmio; i++) {
        u64 start = ALIGN_DOWN(paddr_value(boot->mmio[i].start), PAGE_SIZE);
        u64 end = ALIGN_UP(paddr_value(boot->mmio[i].start) + boot->mmio[i].size, PAGE_SIZE);
        early_map_range(&map, DIRECT_MAP_BASE + start, mk_paddr(start), end - start, PGPROT_KERNEL_DEVICE);
    }
    map_image(&map);
    /* KVMAP's first level must exist before address spaces copy the top table; one page makes it so. */
    early_map_range(&map, KVMAP_BASE, root->table, PAGE_SIZE, PGPROT_KERNEL_RO);
    unsigned level;
    pte_t *stub = pt_walk(root, KVMAP_BASE, &level);
    pte_store(stub, pte_empty(0));
    arch_pt_activate_kernel(root);
}

/* --- words ------------------------------------------------------------------------------------- */
static void fill(pfn_t first, pfn_t end, memdesc_t word)
{
    if (first < end)
        memdesc_fill(memory.words + first, end - first, word);
}

/* RAM range [first, end): taken spans get their word, the rest goes to the buddy. */
static void hand_out(pfn_t first, pfn_t end)
{
    for (unsigned t = 0; t < nr_taken && first < end; t++) {
        pfn_t from = MAX(taken[t].first, first), to = MIN(taken[t].end, end);
        if (from >= to)
            continue;
        buddy_add_range(&buddy, first, from - first);
        fill(from, to, taken[t].word);
        first = to;
    }
    buddy_add_range(&buddy, first, end - first);
}

void memory_init(const struct boot_info *boot)
{
    sort_out(boot);
    take_shadows();
    memory.first = ram[0].first;
    memory.end = ram[nr_ram - 1].end;
    u64 bytes = (memory.end - memory.first) * sizeof(memdesc_t);
    pfn_t at = place(DIV_ROUND_UP(bytes, PAGE_SIZE), 1, memdesc_make_misc(MISC_WORDS));
    memory.words = (memdesc_t *)pfn_address(at) - memory.first;
    pfn_t zero = place(1, 1, memdesc_make_misc(MISC_ZERO));
    build_tables(boot);
    arch_zero(pfn_address(zero), PAGE_SIZE);
    zero_pfn = zero;

    buddy_init(&buddy, memory.words, memory.first, memory.end);
    pfn_t end = memory.first;
    for (unsigned i = 0; i < nr_ram; i++) {
        fill(end, ram[i].first, memdesc_make_misc(MISC_ABSENT));
        hand_out(ram[i].first, ram[i].end);
        memory.nr_frames += ram[i].end - ram[i].first;
        end = ram[i].end;
    }
}
