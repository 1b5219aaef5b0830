/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries of the native machine: three levels, the lowest tables of 64 entries, so that eight share a
 * frame, and a test crosses from one to the next, or maps a block, within 256 KiB.
 *
 *   63:32 frame number | 12 H hidden table | 11 G group | 10 E empty | 9 block | 8 table | 7 poison | 6 present | 5 D | 4 A | 3 U | 2 X | 1 W | 0 R
 *
 * An empty entry isn't zero, and the frame number isn't at the place of a byte address: so code that doesn't use the
 * helpers fails here. The hardware sets neither A nor D; it faults. Four similar entries may be a group, which the TLB
 * loads and flushes as a whole.
 */
#pragma once

#include <quire/types.h>
#include <quire/pgprot.h>
#include <arch/layout.h>

typedef struct {
    u64 v;
} pte_t;

#define PT_LEVELS 3
#define PT_SHIFT(level) ((level) == 0 ? 12 : (level) == 1 ? 18 : 27)
#define PT_ENTRIES(level) ((level) ? 512UL : 64UL)
#define PT_TABLE_BYTES(level) (8 * PT_ENTRIES(level))
#define PT_TOP_USER_ENTRIES 4UL
#define PT_KERNEL_IN_USER_ROOT 0
#define PT_CONT 4UL

#define PTE_R (1UL << 0)
#define PTE_W (1UL << 1)
#define PTE_X (1UL << 2)
#define PTE_U (1UL << 3)
#define PTE_A (1UL << 4)
#define PTE_D (1UL << 5)
#define PTE_PRESENT (1UL << 6)
#define PTE_POISON (1UL << 7)
#define PTE_TABLE (1UL << 8)
#define PTE_BLOCK (1UL << 9)
#define PTE_EMPTY (1UL << 10)
#define PTE_GROUP (1UL << 11)
#define PTE_HIDDEN (1UL << 12)
#define PTE_PFN_SHIFT 32

static inline bool arch_pt_block_ok(unsigned level) { return level == 1; }

static inline pte_t pte_empty(unsigned level) { return (void)level, (pte_t){PTE_EMPTY}; }
static inline pte_t pte_poison(void) { return (pte_t){PTE_POISON}; }
static inline bool pte_poisoned(pte_t e) { return e.v & PTE_POISON; }
static inline bool pte_same(pte_t a, pte_t b) { return a.v == b.v; }

static inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
    u64 v = PTE_PRESENT | pfn << PTE_PFN_SHIFT;
    v |= prot & PGPROT_READ ? PTE_R : 0;
    v |= prot & PGPROT_WRITE ? PTE_W : 0;
    v |= prot & PGPROT_EXEC ? PTE_X : 0;
    v |= prot & PGPROT_USER ? PTE_U : 0;
    v |= prot & PGPROT_OLD ? 0 : PTE_A;
    v |= prot & PGPROT_DIRTY ? PTE_D : 0;
    return (pte_t){v};
}
static inline pte_t pfn_block(pfn_t pfn, pgprot_t prot, unsigned level)
{
    return (void)level, (pte_t){pfn_pte(pfn, prot).v | PTE_BLOCK};
}

static inline bool pte_present(pte_t e) { return e.v & PTE_PRESENT; }
static inline bool pte_accessible(pte_t e) { return (e.v & (PTE_PRESENT | PTE_R)) == (PTE_PRESENT | PTE_R); }
static inline pfn_t pte_pfn(pte_t e) { return e.v >> PTE_PFN_SHIFT; }
static inline bool pte_write(pte_t e) { return e.v & PTE_W; }
static inline bool pte_exec(pte_t e) { return e.v & PTE_X; }
static inline bool pte_user(pte_t e) { return e.v & PTE_U; }
static inline bool pte_young(pte_t e) { return e.v & PTE_A; }
static inline bool pte_dirty(pte_t e) { return e.v & PTE_D; }
static inline pte_t pte_wrprotect(pte_t e) { return (pte_t){e.v & ~PTE_W}; }
static inline pte_t pte_mkwrite(pte_t e) { return (pte_t){e.v | PTE_W}; }
static inline pte_t pte_mkold(pte_t e) { return (pte_t){e.v & ~PTE_A}; }
static inline pte_t pte_mkyoung(pte_t e) { return (pte_t){e.v | PTE_A}; }
static inline pte_t pte_mkdirty(pte_t e) { return (pte_t){e.v | PTE_D}; }
static inline pte_t pte_mkclean(pte_t e) { return (pte_t){e.v & ~PTE_D}; }
static inline pte_t pte_advance_pfn(pte_t e, u64 nr) { return (pte_t){e.v + (nr << PTE_PFN_SHIFT)}; }

static inline bool arch_group_in_tlb(void) { return true; }
static inline bool pte_settled(pte_t e) { return (e.v & (PTE_A | PTE_PRESENT | PTE_R)) == (PTE_A | PTE_PRESENT | PTE_R); }
static inline pte_t pte_wrprotect_settled(pte_t e) { return pte_wrprotect(e); }
struct pte_change {
    u64 keep, set;
};
static inline struct pte_change pte_change(pgprot_t prot)
{
    u64 same = ~(PTE_R | PTE_X | (prot & PGPROT_WRITE ? 0 : PTE_W));
    return (struct pte_change){same, pfn_pte(0, prot).v & (PTE_R | PTE_X)};
}
static inline pte_t pte_apply(pte_t e, struct pte_change c) { return (pte_t){(e.v & c.keep) | c.set}; }

#define PT_CONT_STEP 1
static inline bool pte_cont(pte_t raw) { return raw.v & PTE_GROUP; }
static inline pte_t pte_mkcont(pte_t e) { return (pte_t){e.v | PTE_GROUP}; }
static inline pte_t pte_uncont(pte_t raw, u64 index) { return (void)index, (pte_t){raw.v & ~PTE_GROUP}; }

static inline bool pde_present(pte_t e, unsigned level) { return (void)level, e.v & (PTE_TABLE | PTE_BLOCK); }
static inline bool pde_leaf(pte_t e, unsigned level) { return (void)level, e.v & PTE_BLOCK; }
/* A table may begin inside a frame: bits 31:23 are its offset in the frame, in units of 8 bytes. */
static inline paddr_t pde_table(pte_t e, unsigned level)
{
    return (void)level, mk_paddr(pte_pfn(e) << PAGE_SHIFT | (e.v >> 23 & 0x1ff) << 3);
}
static inline pte_t pde_make(paddr_t table, unsigned level)
{
    u64 at = paddr_value(table);

    return (void)level, (pte_t){PTE_TABLE | at >> PAGE_SHIFT << PTE_PFN_SHIFT | (at >> 3 & 0x1ff) << 23};
}
static inline pte_t pde_hide(pte_t e, unsigned level) { return (void)level, (pte_t){e.v | PTE_HIDDEN}; }
static inline bool pde_hidden(pte_t e, unsigned level) { return (void)level, e.v & PTE_HIDDEN; }
static inline pte_t pte_of_block(pte_t e, unsigned level, u64 index)
{
    return (void)level, pte_advance_pfn((pte_t){e.v & ~PTE_BLOCK}, index);
}

static inline void pte_store(pte_t *p, pte_t e) { *(volatile u64 *)&p->v = e.v; }
static inline pte_t pte_load_raw(const pte_t *p) { return (pte_t){*(const volatile u64 *)&p->v}; }
