/* SPDX-License-Identifier: MIT */
/*
 * Physical memory at boot: find out what is RAM and what is taken, place the word array and the kernel's page tables,
 * switch to these tables, and give the rest to the buddy. Every word is written exactly once.
 */
#include "init.h"
#include <quire/memory_init.h>
#include <quire/buddy.h>
#include <quire/code_events.h>
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

struct memory_spans spans;
static struct ptdesc early_ptdesc; /* of all tables that are made before the slabs */

static u64 image_pa(const char *symbol) { return (u64)symbol - KERNEL_VA_OFFSET; }

static void add_span(struct span *list, unsigned *nr, unsigned max, pfn_t first, pfn_t end, memdesc_t word)
{
    KASSERT(*nr < max, "more than %u memory ranges: raise BOOT_MAX_RANGES", max);
    unsigned i = (*nr)++;
    for (; i > 0 && list[i - 1].first > first; i--) /* sorted by first frame */
        list[i] = list[i - 1];
    list[i] = (struct span){first, end, word};
}

void memory_take(u64 start, u64 size, memdesc_t word)
{
    if (size)
        add_span(spans.taken, &spans.nr_taken, MAX_TAKEN, start >> PAGE_SHIFT, DIV_ROUND_UP(start + size, PAGE_SIZE),
                 word);
}

static void sort_out(const struct boot_info *boot)
{
    for (unsigned i = 0; i < boot->nr_ram; i++) {
        u64 start = paddr_value(boot->ram[i].start), end = start + boot->ram[i].size;
        pfn_t first = DIV_ROUND_UP(start, PAGE_SIZE), last = MIN(end, (u64)DIRECT_MAP_SIZE) >> PAGE_SHIFT;
        if (first < last)
            add_span(spans.ram, &spans.nr_ram, BOOT_MAX_RANGES, first, last, 0);
    }
    KASSERT(spans.nr_ram, "the machine says it has no memory");
    memory_take(image_pa(__image_start), (u64)(__image_end - __image_start), memdesc_make_misc(MISC_IMAGE));
    memory_take(paddr_value(boot->initrd.start), boot->initrd.size, memdesc_make_misc(MISC_INITRD));
    for (unsigned i = 0; i < boot->nr_reserved; i++)
        memory_take(paddr_value(boot->reserved[i].start), boot->reserved[i].size, memdesc_make_misc(MISC_FIRMWARE));
}

pfn_t memory_place(u64 nr, u64 align_frames, memdesc_t word)
{
    for (unsigned r = spans.nr_ram; r-- > 0;) {
        pfn_t end = MIN(spans.ram[r].end, BOOT_WINDOW_BYTES >> PAGE_SHIFT);
        while (end >= spans.ram[r].first + nr) {
            pfn_t first = ALIGN_DOWN(end - nr, align_frames);
            if (first < spans.ram[r].first)
                break;
            const struct span *hit = NULL;
            for (const struct span *t = spans.taken; t < spans.taken + spans.nr_taken; t++)
                if (t->first < first + nr && first < t->end && (!hit || t->first < hit->first))
                    hit = t;
            if (!hit) {
                add_span(spans.taken, &spans.nr_taken, MAX_TAKEN, first, first + nr, word);
                return first;
            }
            end = hit->first;
        }
    }
    panic("no room for %lu frames that the kernel needs: give the machine more memory", nr);
}

/* --- page tables ------------------------------------------------------------------------------- */
static u64 early_table_frames(void)
{
    u64 bytes = PT_TABLE_BYTES(PT_LEVELS - 1) * 2, frames = 0;

    for (unsigned i = 0; i < spans.nr_ram; i++)
        frames += spans.ram[i].end - spans.ram[i].first;
    /* Upper tables, tables for the image and for unaligned ends; on machines without blocks, all tables of pages. */
    bytes += PT_TABLE_BYTES(1) * 16 + PT_TABLE_BYTES(0) * (4 * spans.nr_ram + 24);
    if (!arch_pt_block_ok(1))
        bytes += PT_TABLE_BYTES(0) * (frames / PT_ENTRIES(0) + spans.nr_ram);
    else
        bytes += PT_TABLE_BYTES(0) * 16; /* device ranges */
    return DIV_ROUND_UP(bytes, PAGE_SIZE);
}

/* Maps RAM in the direct map: the image's read-only parts are read-only there, too. */
static void map_direct(struct early_map *map, u64 start, u64 end)
{
    u64 text = image_pa(__text_start), text_end = ALIGN_UP(image_pa(__text_end), PAGE_SIZE);
    u64 ro_end = image_pa(__rodata_end);
    /* If the image and the direct map have the same addresses, the kernel's code runs from this mapping. */
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
    pfn_t first = memory_place(nr, align, memdesc_make(MEMDESC_PTDESC, &early_ptdesc));
    struct early_map map = {.next = pfn_to_paddr(first), .end = pfn_to_paddr(first + nr), .root = root};

    root->table = map.next;
    map.next = paddr_add(map.next, PT_TABLE_BYTES(PT_LEVELS - 1));
    pt_table_init(paddr_address(root->table), PT_LEVELS - 1);
    for (unsigned i = 0; i < spans.nr_ram; i++)
        map_direct(&map, spans.ram[i].first << PAGE_SHIFT, spans.ram[i].end << PAGE_SHIFT);
    for (unsigned i = 0; i < boot->nr_mmio; i++) {
        u64 start = ALIGN_DOWN(paddr_value(boot->mmio[i].start), PAGE_SIZE);
        u64 end = ALIGN_UP(paddr_value(boot->mmio[i].start) + boot->mmio[i].size, PAGE_SIZE);
        early_map_range(&map, DIRECT_MAP_BASE + start, mk_paddr(start), end - start, PGPROT_KERNEL_DEVICE);
    }
    map_image(&map);
    /* KVMAP's entry in the top table must exist before address spaces copy that table: mapping one page makes it. */
    early_map_range(&map, KVMAP_BASE, root->table, PAGE_SIZE, PGPROT_KERNEL_RO);
    unsigned level;
    pte_t *only = pt_walk(root, KVMAP_BASE, &level);
    pte_store(only, pte_empty(0));
    arch_pt_activate_kernel(root);
}

/* --- words ------------------------------------------------------------------------------------- */
static void fill(pfn_t first, pfn_t end, memdesc_t word)
{
    if (first < end)
        memdesc_fill(memory.words + first, end - first, word);
}

/* For the RAM range [first, end): taken spans get their word, the rest goes to the buddy. */
static void hand_out(pfn_t first, pfn_t end)
{
    for (unsigned t = 0; t < spans.nr_taken && first < end; t++) {
        pfn_t from = MAX(spans.taken[t].first, first), to = MIN(spans.taken[t].end, end);
        if (from >= to)
            continue;
        buddy_add_range(&buddy, first, from - first);
        fill(from, to, spans.taken[t].word);
        first = to;
    }
    buddy_add_range(&buddy, first, end - first);
}

void memory_init(const struct boot_info *boot)
{
    sort_out(boot);
    code_take_memory();
    memory.first = spans.ram[0].first;
    memory.end = spans.ram[spans.nr_ram - 1].end;
    u64 bytes = (memory.end - memory.first) * sizeof(memdesc_t);
    pfn_t at = memory_place(DIV_ROUND_UP(bytes, PAGE_SIZE), 1, memdesc_make_misc(MISC_WORDS));
    memory.words = (memdesc_t *)pfn_address(at) - memory.first;
    pfn_t zero = memory_place(1, 1, memdesc_make_misc(MISC_ZERO));
    build_tables(boot);
    arch_zero(pfn_address(zero), PAGE_SIZE);
    zero_pfn = zero;

    buddy_init(&buddy, memory.words, memory.first, memory.end);
    pfn_t end = memory.first;
    for (unsigned i = 0; i < spans.nr_ram; i++) {
        fill(end, spans.ram[i].first, memdesc_make_misc(MISC_ABSENT));
        hand_out(spans.ram[i].first, spans.ram[i].end);
        memory.nr_frames += spans.ram[i].end - spans.ram[i].first;
        end = spans.ram[i].end;
    }
}
