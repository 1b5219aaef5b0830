/* SPDX-License-Identifier: MIT */
/* See helpers.h. */
#include "helpers.h"
#include <quire/block.h>
#include <quire/buddy.h>
#include <quire/hole.h>
#include <quire/kvmap.h>
#include <arch-generic/machine.h>
#include <quire/memory_init.h>
#include <quire/slab.h>

/* --- threads of a test ----------------------------------------------------------------- */
struct crew_job {
    struct crew *crew;
    void (*fn)(void *);
    void *arg;
};

static void crew_main(void *arg)
{
    struct crew_job job = *(struct crew_job *)arg;

    kfree(arg);
    __atomic_add_fetch(&job.crew->started, 1, __ATOMIC_ACQ_REL);
    job.fn(job.arg);
    __atomic_sub_fetch(&job.crew->running, 1, __ATOMIC_ACQ_REL);
}

bool crew_start(struct crew *crew, unsigned cpu, void (*fn)(void *), void *arg)
{
    if (!cpu_area(cpu)->online)
        return true; /* a CPU is missing: boot_test reports it once, the other tests go on without it */
    struct crew_job *job = kmalloc(sizeof(*job));
    struct thread *t = job ? thread_create("crew", NULL, PRIORITY_USER, crew_main, job) : NULL;

    if (!t) {
        kfree(job);
        test_fail(__FILE__, __LINE__, "no memory for a thread of the test");
        return false;
    }
    *job = (struct crew_job){crew, fn, arg};
    __atomic_add_fetch(&crew->running, 1, __ATOMIC_ACQ_REL);
    crew->asked++;
    thread_start_on(t, cpu);
    return true;
}

void crew_wait_started(struct crew *crew)
{
    while (__atomic_load_n(&crew->started, __ATOMIC_ACQUIRE) < crew->asked)
        thread_sleep_until(arch_clock_ns() + 20000);
}

void crew_wait(struct crew *crew)
{
    while (__atomic_load_n(&crew->running, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 20000);
}

void jitter(void)
{
    static u64 state[MAX_CPUS];
    u64 *x = &state[this_cpu()->cpu];

    *x = *x * 6364136223846793005UL + 1442695040888963407UL + this_cpu()->cpu; /* Knuth, MMIX */
    arch_timer_set(arch_clock_ns() + 200 + (*x >> 33) % 3000);
}

void spend(u64 loops)
{
    for (u64 i = 0; i < loops; i++)
        barrier();
}

/* --- memory ---------------------------------------------------------------------------- */
struct ledger ledger_read(void)
{
    return (struct ledger){memory_available_frames(), slab_objects_in_use() - kstack_tables()};
}

#define MOST_ALLOCATIONS 300

void with_every_failure(int (*op)(void *), void *arg)
{
    for (u64 n = 1; n <= MOST_ALLOCATIONS; n++) {
        struct ledger before = ledger_read();
        fail_nth(n);
        int err = op(arg);
        bool happened = fail_nth(0) == 0;
        struct ledger after = ledger_read();
        if (after.frames != before.frames || after.objects != before.objects)
            test_fail(
                __FILE__, __LINE__,
                "allocation %lu failed: available frames %lu, then %lu; objects %lu, then %lu", n,
                before.frames, after.frames, before.objects, after.objects);
        if (!happened) {
            EXPECT_EQ(err, 0);
            return;
        }
    }
    test_fail(__FILE__, __LINE__, "still not through after %u allocations", MOST_ALLOCATIONS);
}

unsigned order_that_fits(unsigned most)
{
    unsigned order = most;

    while (order > 0) {
        bool there = false;
        for (unsigned o = order; o < BUDDY_NR_ORDERS; o++)
            there |= buddy.free_blocks[o] > 0;
        if (there && 2UL << order <= buddy.nr_free)
            break;
        order--;
    }
    return order;
}

bool words_are(pfn_t pfn, u64 nr, memdesc_t word)
{
    for (u64 i = 0; i < nr; i++)
        if (memdesc_read(pfn + i) != word)
            return false;
    return true;
}

/* --- address spaces -------------------------------------------------------------------- */
int map_at(struct mm *mm, vaddr_t at, size_t len, unsigned prot, unsigned flags)
{
    vaddr_t addr = at;
    int err = mm_map(mm, &addr, len, prot, flags, NULL, 0);
    EXPECT(err || addr == at);
    return err;
}

bool writable(struct mm *mm, vaddr_t addr) { return pte_write(mm_lookup(mm, addr)); }

unsigned zeros(struct mm *mm, vaddr_t addr, unsigned nr)
{
    unsigned n = 0;
    for (unsigned i = 0; i < nr; i++)
        n += mapped_frame(mm, addr + i * PAGE_SIZE) == zero_pfn;
    return n;
}

struct insecure_mem *punch_at(struct mm *mm, vaddr_t addr, unsigned nr)
{
    struct insecure_mem *h = NULL;
    struct folio *f = pfn_folio_get(mapped_frame(mm, addr));

    ASSERT(f != NULL);
    ASSERT_EQ(folio_punch_hole(f, mapped_frame(mm, addr) - f->pfn, nr, HOLE_RESERVED, &h), 0);
    folio_put(f);
    return h;
}

struct mm *new_space(void)
{
    struct mm *mm = mm_create();

    ASSERT(mm != NULL);
    return mm;
}

vaddr_t map_anonymous(struct mm *mm, size_t len, unsigned prot)
{
    vaddr_t addr = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &addr, len, prot, MAP_PRIVATE | MAP_FIXED_NOREPLACE, NULL, 0), 0);
    return addr;
}

int touch_range(struct mm *mm, vaddr_t addr, size_t len, unsigned access)
{
    for (vaddr_t at = addr; at < addr + len; at += PAGE_SIZE) {
        pte_t e = mm_lookup(mm, at);
        while (!pte_present(e) || !pte_accessible(e) || (access == ACCESS_WRITE && !pte_write(e))) {
            int err = mm_fault(mm, at, access);
            if (err)
                return err;
            e = mm_lookup(mm, at);
        }
    }
    return 0;
}

void seem_active_everywhere(struct mm *mm)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_area(cpu)->online)
            __atomic_fetch_or(&mm->root.cpumask, 1u << cpu, __ATOMIC_SEQ_CST);
}

unsigned count_areas(struct mm *mm)
{
    unsigned n = 0;
    for (struct vma *vma = area_at_or_above(mm, 0); vma; vma = area_next(vma))
        n++;
    return n;
}

/*
 * Entries of one area: each within what the area allows, each held by a reference. Returns how
 * many.
 */
static u64 check_entries(struct mm *mm, struct vma *vma)
{
    u64 nr = 0;

    for (vaddr_t addr = vma->start; addr < vma->end;) {
        unsigned level;
        pte_t e = pte_load(pt_walk(&mm->root, addr, &level));
        if (block_at(&mm->root, addr)) /* page by page too */
            e = mm_lookup(mm, addr);
        else if (level) { /* no table: on to the next */
            addr = ALIGN_DOWN(addr, pt_span(level)) + pt_span(level);
            continue;
        }
        if (pte_present(e)) {
            nr++;
            EXPECT(pte_user(e));
            EXPECT(!pte_write(e) || vma->prot & PROT_WRITE);
            EXPECT(!pte_exec(e) || !pte_accessible(e) || vma->prot & PROT_EXEC);
            EXPECT(!(pte_write(e) && pte_exec(e)));
            if (pte_pfn(e) == zero_pfn) { /* no folio, and not counted */
                EXPECT(!pte_write(e) && !pte_exec(e) && !(vma->flags & VMA_SHARED));
                nr--;
            }
            struct folio *f = pfn_folio_get(pte_pfn(e));
            if (f) {
                EXPECT(folio_map_count(f) > 0);
                EXPECT(folio_map_count(f) < folio_ref_count(f)); /* one reference is this function's own */
                folio_put(f);
            } else {
                EXPECT(vma->flags & VMA_HOLE || pte_pfn(e) == zero_pfn);
            }
        }
        addr += PAGE_SIZE;
    }
    return nr;
}

void check_address_space(struct mm *mm)
{
    vaddr_t end = 0;
    u64 mapped = 0;

    for (struct vma *vma = area_at_or_above(mm, 0); vma; vma = area_next(vma)) {
        EXPECT(vma->start < vma->end);
        EXPECT(vma->start >= end);
        EXPECT_EQ(vma->node.key, vma->start);
        EXPECT(vma->mm == mm);
        EXPECT(IS_ALIGNED(vma->start | vma->end, PAGE_SIZE));
        EXPECT(vma->end <= USER_TOP);
        end = vma->end;
        mapped += check_entries(mm, vma);
    }
    EXPECT_EQ(mapped, mm->nr_mapped);
}

pfn_t mapped_frame(struct mm *mm, vaddr_t addr)
{
    pte_t e = mm_lookup(mm, addr);
    return pte_present(e) ? pte_pfn(e) : PFN_NONE;
}

u8 *user_byte(struct mm *mm, vaddr_t addr)
{
    return (u8 *)pfn_address(mapped_frame(mm, addr)) + (addr & (PAGE_SIZE - 1));
}
