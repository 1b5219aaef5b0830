/* SPDX-License-Identifier: MIT */
/*
 * Measurements inside the kernel, in guest instructions as arch_cycles() counts them under -icount: command line
 * `bench`. Each result is a line "bench KEY VALUE", VALUE with two decimals. Measurements that programs can do are in
 * user/programs/bench.c.
 *
 * Each value is the mean over many rounds, less the cost of reading the counter.
 */
#include <quire/bench.h>
#include <quire/cacheflush.h>
#include <quire/folio.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/plural.h>
#include <quire/upcalls.h>
#include <quire/string.h>
#include <arch-generic/machine.h>
#include <arch-generic/page.h>
#include <arch-generic/paging.h>
#include <quire/counters.h>

#define ROUNDS 64
#define BENCH_ADDR (1UL << 32)
#define HOLE_ORDER 16

bool bench_wanted(const struct boot_info *boot)
{
    size_t len;
    return boot_option(boot, "bench", &len) != NULL;
}

static u64 counter_cost(void)
{
    u64 start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++)
        (void)arch_cycles();
    return (arch_cycles() - start) / ROUNDS;
}

static void print(const char *key, u64 cycles, u64 operations)
{
    u64 hundredths = cycles * 100 / operations;
    kprintf("bench %s %lu.%02lu\n", key, hundredths / 100, hundredths % 100);
}

/* Programs read these two values as counters, to subtract them from their own measurements. */
static void bench_zero_copy(void)
{
    struct folio *f = folio_alloc(1, 0);

    if (!f)
        return;
    u64 start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++)
        arch_zero(folio_address(f), PAGE_SIZE);
    u64 zero = arch_cycles() - start;
    start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++)
        memcpy(folio_address(f), (u8 *)folio_address(f) + PAGE_SIZE, PAGE_SIZE);
    u64 copy = arch_cycles() - start;
    start = arch_cycles(); /* also the cost of filling a new page table with empty entries */
    for (unsigned i = 0; i < ROUNDS; i++)
        for (u64 at = 0; at < PAGE_SIZE; at += PT_TABLE_BYTES(0))
            pt_table_init((pte_t *)((u8 *)folio_address(f) + at), 0);
    u64 table = arch_cycles() - start;
    print("zero_4k", zero, ROUNDS);
    print("zero_table", table, ROUNDS);
    print("copy_4k", copy, ROUNDS);
    counter_add(COUNTER_BENCH_ZERO, zero / ROUNDS);
    counter_add(COUNTER_BENCH_COPY, copy / ROUNDS);
    counter_add(COUNTER_BENCH_TABLE, table / ROUNDS);
    folio_put(f);
}

/* 512 entries: one call where a table holds that many, else as many calls as tables. */
static void bench_set_ptes(void)
{
    struct mm *mm = mm_create();
    struct folio *f = folio_alloc(9, 0);
    u64 cycles = 0;

    for (unsigned round = 0; mm && f && round < ROUNDS; round++) {
        for (u64 i = 0; i < 512;) {
            vaddr_t addr = BENCH_ADDR + i * PAGE_SIZE;
            pte_t *ptep = pt_ensure(mm, addr, 0);
            unsigned nr = (unsigned)MIN(512 - i, PT_ENTRIES(0));
            pte_t e = pfn_pte(f->pfn + i, PGPROT_USER | PGPROT_READ);
            spin_lock(pt_lock(ptep));
            u64 start = arch_cycles();
            set_ptes(mm, addr, ptep, e, nr);
            cycles += arch_cycles() - start;
            spin_unlock(pt_lock(ptep));
            for (unsigned k = 0; k < nr; k++)
                pte_store(ptep + k, pte_empty(0));
            i += nr;
        }
    }
    if (mm && f)
        print("set_ptes_512", cycles - counter_cost() * ROUNDS * (512 / MIN(512UL, PT_ENTRIES(0))), ROUNDS * 512);
    if (f)
        folio_put(f);
    if (mm) {
        unmap_tables(mm, 0, USER_TOP);
        mm_put(mm);
    }
}

static void bench_lookup(void)
{
    struct folio *f = folio_alloc(4, 0);

    if (!f)
        return;
    u64 start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct folio *found = pfn_folio_get(f->pfn + i % 16);
        folio_put(found);
    }
    print("folio_lookup", arch_cycles() - start, ROUNDS);
    folio_put(f);
}

static void bench_folio(void)
{
    u64 start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct folio *f = folio_alloc(0, 0);
        folio_put(f);
    }
    print("folio_alloc_free", arch_cycles() - start, ROUNDS);
}

static unsigned largest_order(unsigned order)
{
    struct folio *f = NULL;
    while (order > 2 && !(f = folio_alloc(order, 0)))
        order--;
    if (f)
        folio_put(f);
    return order;
}

/* Punch and mend four frames in the middle of a large folio; the same with the four mapped by a process. */
static void bench_hole(void)
{
    unsigned order = largest_order(HOLE_ORDER);
    struct folio *f = folio_alloc(order, 0);
    struct insecure_mem *hole;
    size_t middle = f ? folio_nr_pages(f) / 2 : 0;

    if (!f)
        return;
    u64 start = arch_cycles();
    for (unsigned i = 0; i < ROUNDS; i++) {
        folio_punch_hole(f, middle, 4, HOLE_INSECURE, &hole);
        folio_mend_hole(hole);
    }
    print("hole_4", arch_cycles() - start, ROUNDS);
    folio_put(f);
}

/* The work that a hole avoids: split the folio so that the same four frames are a folio of their own, then join it
 * again. */
static void bench_split_join(void)
{
    unsigned order = largest_order(HOLE_ORDER);
    struct folio *f = folio_alloc(order, 0), *joined = NULL;
    size_t middle = f ? folio_nr_pages(f) / 2 : 0;

    if (!f)
        return;
    u64 start = arch_cycles();
    int err = folio_split_around(f, middle, 2);
    u64 split = arch_cycles() - start;
    start = arch_cycles();
    if (!err)
        err = folio_join(f, order, &joined);
    if (!err)
        print("split_4_join", split + arch_cycles() - start, 1);
    folio_put(joined ? joined : f);
}

static void bench_hole_mapped(void)
{
    u64 pages = 1UL << largest_order(HOLE_ORDER), cycles = 0;
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, pages, NULL);
    struct folio *f = folio_alloc((unsigned)__builtin_ctzl(pages), 0);
    struct mm *mm = mm_create();
    vaddr_t addr = BENCH_ADDR;
    struct insecure_mem *hole;

    if (!obj || !f || !mm || memobj_add_folio(obj, 0, f) ||
        mm_map(mm, &addr, pages << PAGE_SHIFT, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, obj, 0))
        return;
    for (unsigned i = 0; i < ROUNDS; i++) {
        vaddr_t middle = addr + (pages / 2 << PAGE_SHIFT);
        mm_fault(mm, middle, ACCESS_READ);
        u64 start = arch_cycles();
        folio_punch_hole(f, pages / 2, 4, HOLE_INSECURE, &hole);
        folio_mend_hole(hole);
        cycles += arch_cycles() - start;
        mm_unmap(mm, middle, 64 * KiB);
        vaddr_t again = middle;
        mm_map(mm, &again, 64 * KiB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, obj, pages / 2 << PAGE_SHIFT);
    }
    print("hole_4_mapped", cycles - ROUNDS * counter_cost(), ROUNDS);
    memobj_put(obj);
    mm_put(mm);
}

/* The return to user mode on a CPU whose last fence is older than the code of a thread that has moved there. */
static void bench_migrate_stale(void)
{
    struct mm *mm = mm_create();
    u64 cycles = 0;

    if (!mm)
        return;
    flush_icache_range(mm, (vaddr_t)pfn_address(memory.end - 1), (vaddr_t)pfn_address(memory.end - 1) + 64);
    for (unsigned i = 0; i < ROUNDS; i++) {
        bool irq = irq_save();
        u64 before = this_cpu()->fenced_gen;
        this_cpu()->fenced_gen = 0; /* as on a CPU that has been idle for long */
        u64 start = arch_cycles();
        icache_enter_user(mm);
        cycles += arch_cycles() - start;
        this_cpu()->fenced_gen = MAX(before, this_cpu()->fenced_gen);
        irq_restore(irq);
    }
    print("migrate_stale", cycles - MIN(cycles, ROUNDS * counter_cost()), ROUNDS);
    mm_put(mm);
}

void bench_kernel(void)
{
    kprintf("bench: guest instructions, %u CPU%s\n", nr_cpus, plural(nr_cpus));
    bench_zero_copy();
    bench_set_ptes();
    bench_lookup();
    bench_folio();
    bench_hole();
    bench_split_join();
    bench_hole_mapped();
    bench_migrate_stale();
}
