/* SPDX-License-Identifier: MIT */
/*
 * The model TLB. QEMU's TLB loses its contents at every turn, so a missing flush of mm does no harm there; this TLB
 * keeps every translation until it is flushed. An access uses the TLB's translation, even if the tables have changed
 * meanwhile: then it finds wrong contents, or a free frame.
 *
 * Each CPU has leaf entries tagged with the ASID (without ASIDs a load of a root drops them). Like real CPUs, it also
 * has a cache of upper tables, which only a flush of the whole root empties.
 */
#include "machine.h"
#include "sanitizer.h"
#include "../play/check.h"
#include <quire/cacheflush.h>
#include <quire/log.h>
#include <arch-generic/paging.h>
#include <quire/tlb.h>

#define TLB_SIZE 512 /* direct-mapped */
#define WALK_SIZE 64

struct tlb_entry {
    u64 life; /* valid in this life of the TLB */
    u64 tag;
    vaddr_t page;
    pte_t pte;      /* leaf */
    pte_t *table;   /* walk cache: the level-0 table for page's span */
};

struct tlb {
    u64 life;
    struct pt_root root; /* as loaded; table 0: none */
    bool loaded;
    struct tlb_entry leaf[TLB_SIZE], walk[WALK_SIZE];
};

static struct tlb tlbs[MAX_CPUS];

static struct tlb_entry *leaf_slot(struct tlb *t, u64 tag, vaddr_t page)
{
    return &t->leaf[((page >> PAGE_SHIFT) + (tag * 97)) % TLB_SIZE];
}
static struct tlb_entry *walk_slot(struct tlb *t, u64 tag, vaddr_t page)
{
    return &t->walk[((page >> PT_SHIFT(1)) + tag * 31) % WALK_SIZE];
}
static bool holds(const struct tlb *t, const struct tlb_entry *e, u64 tag, vaddr_t page)
{
    return e->life == t->life && e->tag == tag && e->page == page;
}

/* The tag of an address space: the ASID, or the root if the machine tags by the root or has no tags. */
static u64 tag_of(const struct pt_root *root) { return ARCH_ASID_BITS ? root->asid : paddr_value(root->table); }

void tlb_power_on(void)
{
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        tlbs[cpu].life++;
        tlbs[cpu].loaded = false;
    }
}

/* --- what mm may ask for ----------------------------------------------------------------------- */
static void forget_page(struct tlb *t, u64 tag, vaddr_t page)
{
    struct tlb_entry *e = leaf_slot(t, tag, page);

    if (holds(t, e, tag, page))
        e->life = 0;
}

static void forget_root(struct tlb *t, u64 tag)
{
    for (unsigned i = 0; i < TLB_SIZE; i++)
        if (t->leaf[i].tag == tag)
            t->leaf[i].life = 0;
    for (unsigned i = 0; i < WALK_SIZE; i++)
        if (t->walk[i].tag == tag)
            t->walk[i].life = 0;
}

/* Maintenance reaches this CPU, or all of them where the machine broadcasts. */
#define for_each_reached(t)                                                                        \
    for (struct tlb *t = ARCH_TLB_BROADCAST ? &tlbs[0] : &tlbs[cpu_playing],                       \
                    *t##_end = ARCH_TLB_BROADCAST ? &tlbs[nr_cpus] : t + 1;                        \
         t < t##_end; t++)

void arch_tlb_flush_page(const struct pt_root *root, vaddr_t addr)
{
    explore_hardware();
    for_each_reached (t)
        forget_page(t, tag_of(root), ALIGN_DOWN(addr, PAGE_SIZE));
}
void arch_tlb_flush_root(const struct pt_root *root)
{
    explore_hardware();
    for_each_reached (t)
        forget_root(t, tag_of(root));
}
void arch_tlb_flush_kernel_page(vaddr_t addr) { (void)addr; }
void arch_tlb_flush_all(void)
{
    for_each_reached (t)
        t->life++;
}

u64 world_invalidations;

void arch_pte_invalidate(pte_t *ptep, vaddr_t addr)
{
    world_invalidations++;
    /* Flush this page in every address space: this is more than the machine does, so nobody may rely on a translation
     * that stays. */
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        for (unsigned i = 0; i < TLB_SIZE; i++)
            if (tlbs[cpu].leaf[i].page == ALIGN_DOWN(addr, PAGE_SIZE))
                tlbs[cpu].leaf[i].life = 0;
#ifdef PTE_INVALID /* the instruction sets this bit in the entry itself */
    pte_t *e = (pte_t *)((vaddr_t)ptep & ~(PT_TABLE_BYTES(0) - 1)) + pt_index(addr, 0);
    explore_access(e, sizeof(*e), true);
    e->v |= PTE_INVALID;
#else
    (void)ptep;
#endif
}

static bool is_invalid(pte_t e)
{
#ifdef PTE_INVALID
    return e.v & PTE_INVALID;
#else
    return (void)e, false;
#endif
}

void arch_pt_activate_user(const struct pt_root *root)
{
    struct tlb *t = &tlbs[cpu_playing];

    t->loaded = root != NULL;
    if (root)
        t->root = *root;
    if (!ARCH_ASID_BITS && !ARCH_TLB_BROADCAST)
        t->life++; /* no tags: a load drops everything */
}

/* --- what user mode does ----------------------------------------------------------------------- */
static bool allows(pte_t e, unsigned access)
{
    if (!pte_present(e) || !pte_accessible(e) || !pte_user(e) || !pte_young(e))
        return false;
    if (access == ACCESS_EXEC)
        return pte_exec(e);
    return access == ACCESS_READ || (pte_write(e) && pte_dirty(e));
}

/* The hardware's walk: it uses its caches first, then the tables. *entry: the entry where it ended; NULL: above the
 * lowest table. */
static pte_t walk(struct tlb *t, vaddr_t page, const pte_t **entry)
{
    u64 tag = tag_of(&t->root);
    struct tlb_entry *w = walk_slot(t, tag, page >> PT_SHIFT(1) << PT_SHIFT(1));
    pte_t *table = NULL;

    *entry = NULL;
    if (holds(t, w, tag, page >> PT_SHIFT(1) << PT_SHIFT(1))) {
        table = w->table;
    } else {
        table = paddr_address(t->root.table);
        for (unsigned level = PT_LEVELS - 1; level > 0; level--) {
            const pte_t *at = table + (page >> PT_SHIFT(level) & (PT_ENTRIES(level) - 1));
            pte_t e = pte_load(at);
            explore_access(at, sizeof(*at), false);
            if (!pde_present(e, level) || pde_hidden(e, level))
                return pte_empty(0);
            if (pde_leaf(e, level))
                return pte_of_block(e, level, (page & (pt_span(level) - 1)) >> PAGE_SHIFT);
            table = paddr_address(pde_table(e, level));
        }
        *w = (struct tlb_entry){.life = t->life, .tag = tag, .page = page >> PT_SHIFT(1) << PT_SHIFT(1), .table = table};
    }
    *entry = table + (page >> PT_SHIFT(0) & (PT_ENTRIES(0) - 1));
    explore_access(*entry, sizeof(**entry), false);
    return pte_load(*entry);
}

/* An entry that was read is kept. An entry of a group also fills in its neighbours, whatever their own entries hold. */
static void fill(struct tlb *t, vaddr_t page, pte_t pte, const pte_t *entry)
{
    u64 tag = tag_of(&t->root), nr = entry && arch_group_in_tlb() && pte_cont(pte_load_raw(entry)) ? PT_CONT : 1;
    u64 index = (page >> PAGE_SHIFT) % nr;

    for (u64 i = 0; i < nr; i++) {
        vaddr_t at = page + (i - index) * PAGE_SIZE;
        pte_t e = pte_advance_pfn(pte, i - index); /* backwards too: modulo 2^64 */
        *leaf_slot(t, tag, at) = (struct tlb_entry){.life = t->life, .tag = tag, .page = at, .pte = e};
    }
}

int user_access(struct mm *mm, vaddr_t addr, unsigned access, u64 **word)
{
    if (this_cpu()->active_mm != mm) /* kernel/sched/sched.c: switch_to() */
        this_cpu()->user_work = true;
    mm_activate(mm);
    if (this_cpu()->user_work) { /* kernel/traps/trap.c: the return to user mode */
        this_cpu()->user_work = false;
        icache_enter_user(mm);
    }
    explore_hardware();
    struct tlb *t = &tlbs[cpu_playing];
    u64 tag = tag_of(&t->root);
    vaddr_t page = ALIGN_DOWN(addr, PAGE_SIZE);
    struct tlb_entry *e = leaf_slot(t, tag, page);

    KASSERT(t->loaded && paddr_value(t->root.table) == paddr_value(mm->root.table),
            "mm_activate() didn't load the address space's root");
    if (!holds(t, e, tag, page)) {
        const pte_t *entry;
        pte_t pte = walk(t, page, &entry);
        if (!pte_present(pte) || !pte_accessible(pte) || !pte_young(pte) || is_invalid(pte))
            return -1; /* empty entries aren't kept */
        fill(t, page, pte, entry);
    }
    if (!allows(e->pte, access))
        return -1;
    if (access == ACCESS_EXEC)
        icache_execute(pte_pfn(e->pte));
    *word = (u64 *)((u8 *)pfn_address(pte_pfn(e->pte)) + (addr & (PAGE_SIZE - 1)));
    return 0;
}

#define FAULTS_MAX 8

/* --- looking at it ----------------------------------------------------------------------------- */
#define for_each_remembered(e)                                                                     \
    for (struct tlb *t_ = tlbs; t_ < tlbs + nr_cpus; t_++)                                         \
        for (struct tlb_entry *e = t_->leaf; e < t_->leaf + TLB_SIZE; e++)                         \
            if (e->life == t_->life)

void tlb_check(struct mm *mm)
{
    for_each_remembered (e) {
        if (e->tag != tag_of(&mm->root))
            continue;
        pte_t now = pt_lookup(&mm->root, e->page);
        CHECK(pte_present(now) && pte_pfn(now) == pte_pfn(e->pte), "what is unmapped or moved is flushed on every CPU",
              "a CPU remembers entry 0x%lx for address 0x%lx, where 0x%lx is", (unsigned long)e->pte.v, e->page, (unsigned long)now.v);
        CHECK((!pte_write(e->pte) || pte_write(now)) && (!pte_exec(e->pte) || pte_exec(now)),
              "a right that is taken away is flushed on every CPU", "a CPU remembers entry 0x%lx for address 0x%lx, where 0x%lx is",
              (unsigned long)e->pte.v, e->page, (unsigned long)now.v);
    }
}

bool tlb_shows(struct mm *mm, pfn_t pfn, u64 nr)
{
    for_each_remembered (e)
        if (e->tag == tag_of(&mm->root) && pte_pfn(e->pte) - pfn < nr)
            return true;
    return false;
}

bool tlb_allows(struct mm *mm, vaddr_t addr, unsigned access)
{
    for_each_remembered (e)
        if (e->tag == tag_of(&mm->root) && e->page == addr && allows(e->pte, access))
            return true;
    return false;
}

int user_touch(struct mm *mm, vaddr_t addr, unsigned access, u64 *value)
{
    u64 *word;

    for (unsigned faults = 0; user_access(mm, addr, access, &word); faults++) {
        KASSERT(faults < FAULTS_MAX, "an access at 0x%lx faults again and again although each fault was resolved", addr);
        if (faults > 2)
            explore_again();
        int err = mm_fault(mm, addr, access);
        if (err)
            return err;
    }
    explore_access(word, sizeof(*word), access == ACCESS_WRITE);
    if (access == ACCESS_WRITE)
        *word = *value;
    else
        *value = *word;
    return 0;
}
