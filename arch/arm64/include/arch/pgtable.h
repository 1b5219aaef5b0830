/* SPDX-License-Identifier: MIT */
/*
 * VMSAv8-64 entries, 4 KiB granule, 39 bits: three levels of 512 entries (Arm ARM, "Translation table descriptor
 * formats"). Quire's level 0 is the manual's level 3.
 *
 *   63 | 58:55 software | 54 UXN | 53 PXN | 52 contiguous | 51 DBM | 47:12 output address
 *      | 11 nG | 10 AF | 9:8 SH | 7 AP[2] read-only | 6 AP[1] user | 4:2 MAIR index | 1:0 type
 *
 * Type 3 is a table or, at level 0, a page; 1 is a block; if bit 0 is clear, the hardware sees no entry.
 *
 * Three bits say whether an entry is writable and whether it is dirty ("Hardware management of the dirty state"). DBM
 * set: the entry is writable. AP[2] clear: stores succeed; the page was written already, or the hardware doesn't manage
 * the dirty state. If it does, it clears AP[2] of an entry with DBM at the first store; otherwise a writable entry is
 * dirty from the start. PTE_SW_DIRTY keeps the dirty state when an entry loses its write permission.
 */
#pragma once

#include <quire/types.h>
#include <quire/exec_pfn.h>
#include <quire/pgprot.h>
#include <arch/layout.h>
#include <arch/sysreg.h>

typedef struct {
    u64 v;
} pte_t;

#define PT_LEVELS              3
#define PT_SHIFT(level)        (12 + 9 * (level))
#define PT_ENTRIES(level)      512UL
#define PT_TABLE_BYTES(level)  4096UL
#define PT_TOP_USER_ENTRIES    256UL /* top-level entries that belong to user space */
#define PT_KERNEL_IN_USER_ROOT 0     /* TTBR1_EL1 has the kernel */
#define ARCH_DEVICE_REGISTERS 1
#define PT_CONT                16UL  /* entries with the contiguous bit that may share one TLB entry */

#define PTE_VALID       (1UL << 0)
#define PTE_TYPE        (3UL << 0)
#define PTE_TYPE_BLOCK  (1UL << 0)
#define PTE_TYPE_PAGE   (3UL << 0)
#define PTE_TYPE_TABLE  (3UL << 0)
#define PTE_MAIR(index) ((u64)(index) << 2)
#define PTE_USER        (1UL << 6)
#define PTE_RDONLY      (1UL << 7)
#define PTE_SH_INNER    (3UL << 8)
#define PTE_AF          (1UL << 10)
#define PTE_NG          (1UL << 11)
#define PTE_ADDR_MASK   0x0000fffffffff000UL
#define PTE_DBM         (1UL << 51)
#define PTE_CONT        (1UL << 52)
#define PTE_PXN         (1UL << 53)
#define PTE_UXN         (1UL << 54)
#define PTE_SW_DIRTY    (1UL << 55)
#define PTE_SW_NONE     (1UL << 56) /* PROT_NONE: holds a frame although bit 0 is clear */

#define PTE_POISON      (1UL << 57) /* software: no entry, and there will never be one */

static inline bool arch_group_in_tlb(void) { return true; }

/* AP[2] of a writable clean entry: PTE_RDONLY if the hardware will clear it, else 0. */
extern u64 arm64_clean_rdonly;

static inline bool arch_pt_block_ok(unsigned level) { return level == 1; }

static inline pte_t pte_empty(unsigned level) { return (void)level, (pte_t){0}; }
/* The mark where a broken frame was mapped: not present, and not free for another page either. */
static inline pte_t pte_poison(void) { return (pte_t){PTE_POISON}; }
static inline bool pte_poisoned(pte_t e) { return (e.v & (PTE_POISON | PTE_VALID | PTE_SW_NONE)) == PTE_POISON; }
static inline bool pte_same(pte_t a, pte_t b) { return a.v == b.v; }

/* --- leaf entries ----------------------------------------------------------------------------- */
static inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
    u64 v = PTE_TYPE_PAGE | PTE_SH_INNER | PTE_PXN | PTE_UXN | pgprot_pfn(pfn, prot) << PAGE_SHIFT;
    v |= PTE_MAIR(prot & PGPROT_DEVICE ? MAIR_DEVICE_INDEX : MAIR_NORMAL_INDEX);
    v |= prot & PGPROT_USER ? PTE_USER | PTE_NG : 0;
    if (prot & PGPROT_EXEC)
        v &= ~(prot & PGPROT_USER ? PTE_UXN : PTE_PXN);
    if (!(prot & PGPROT_OLD))
        v |= PTE_AF;
    if (prot & PGPROT_DIRTY)
        v |= PTE_SW_DIRTY;
    if (!(prot & PGPROT_WRITE))
        v |= PTE_RDONLY;
    else
        v |= PTE_DBM | (prot & PGPROT_DIRTY ? 0 : arm64_clean_rdonly);
    if (!(prot & PGPROT_READ))
        v = (v & ~PTE_VALID) | PTE_SW_NONE;
    return (pte_t){v};
}
static inline pte_t pfn_block(pfn_t pfn, pgprot_t prot, unsigned level)
{
    pte_t e = pfn_pte(pfn, prot);
    return level ? (pte_t){(e.v & ~PTE_TYPE) | PTE_TYPE_BLOCK} : e;
}

static inline bool pte_present(pte_t e) { return e.v & (PTE_VALID | PTE_SW_NONE); }
static inline bool pte_accessible(pte_t e) { return e.v & PTE_VALID; }
static inline pfn_t pte_pfn(pte_t e) { return exec_frame((e.v & PTE_ADDR_MASK) >> PAGE_SHIFT); }
static inline bool pte_write(pte_t e) { return e.v & PTE_DBM; }
static inline bool pte_user(pte_t e) { return e.v & PTE_USER; }
static inline bool pte_exec(pte_t e) { return !(e.v & (pte_user(e) ? PTE_UXN : PTE_PXN)); }
static inline bool pte_young(pte_t e) { return e.v & PTE_AF; }
static inline bool pte_dirty(pte_t e)
{
    return (e.v & PTE_SW_DIRTY) || (e.v & (PTE_DBM | PTE_RDONLY)) == PTE_DBM;
}
static inline pte_t pte_wrprotect(pte_t e)
{
    u64 dirty = pte_dirty(e) ? PTE_SW_DIRTY : 0;
    return (pte_t){(e.v & ~PTE_DBM) | PTE_RDONLY | dirty};
}
static inline pte_t pte_mkwrite(pte_t e)
{
    u64 rdonly = e.v & PTE_SW_DIRTY ? 0 : arm64_clean_rdonly;
    return pte_write(e) ? e : (pte_t){(e.v & ~PTE_RDONLY) | PTE_DBM | rdonly};
}
static inline pte_t pte_mkold(pte_t e) { return (pte_t){e.v & ~PTE_AF}; }
static inline pte_t pte_mkyoung(pte_t e) { return (pte_t){e.v | PTE_AF}; }
static inline pte_t pte_mkdirty(pte_t e)
{
    return (pte_t){(e.v | PTE_SW_DIRTY) & ~(pte_write(e) ? PTE_RDONLY : 0)};
}
static inline pte_t pte_mkclean(pte_t e)
{
    return (pte_t){(e.v & ~PTE_SW_DIRTY) | (pte_write(e) ? arm64_clean_rdonly : 0)};
}
static inline pte_t pte_advance_pfn(pte_t e, u64 nr) { return (pte_t){e.v + (nr << PAGE_SHIFT)}; }

/*
 * The hardware has nothing left to set in the entry: it is accessed already, and writable entries are dirty from the
 * start. Only a present entry can be settled.
 */
static inline bool pte_settled(pte_t e) { return e.v & PTE_AF; }

/* pte_wrprotect() for a settled entry, whose dirty bit is already right. */
static inline pte_t pte_wrprotect_settled(pte_t e) { return (pte_t){(e.v & ~PTE_DBM) | PTE_RDONLY}; }

/* What a change of protection does to an entry, independent of its frame. It never makes an entry writable. */
struct pte_change {
    u64 keep, set;
};
static inline struct pte_change pte_change(pgprot_t prot)
{
    u64 set = pfn_pte(0, prot & ~PGPROT_WRITE).v & (PTE_TYPE | PTE_SW_NONE | PTE_UXN | PTE_PXN);
    u64 same = ~(PTE_TYPE | PTE_SW_NONE | PTE_UXN | PTE_PXN);
    if (!(prot & PGPROT_WRITE)) { /* the dirty bit of a writable entry is set already */
        same &= ~PTE_DBM;
        set |= PTE_RDONLY;
    }
    return (struct pte_change){same, set};
}
/* For a young entry. */
static inline pte_t pte_apply(pte_t e, struct pte_change c) { return (pte_t){(e.v & c.keep) | c.set}; }

/* --- contiguous groups (Arm ARM, "The Contiguous bit"): each entry has its own address ---------- */
#define PT_CONT_STEP 1 /* added to the frame number from one raw entry of a group to the next */
static inline bool pte_cont(pte_t raw) { return raw.v & PTE_CONT; }
static inline pte_t pte_mkcont(pte_t e) { return (pte_t){e.v | PTE_CONT}; }
/* The page entry that `raw`, entry number `index` of its group, stands for. */
static inline pte_t pte_uncont(pte_t raw, u64 index) { return (void)index, (pte_t){raw.v & ~PTE_CONT}; }

/* --- entries of level 1 and up ---------------------------------------------------------------- */
#define PTE_TYPE_HIDDEN (PTE_TYPE_TABLE & ~PTE_VALID) /* software sees a table, the hardware sees no entry */

static inline bool pde_present(pte_t e, unsigned level) { return (void)level, e.v & PTE_TYPE; }
static inline bool pde_leaf(pte_t e, unsigned level)
{
    return (void)level, (e.v & PTE_TYPE) == PTE_TYPE_BLOCK;
}
static inline paddr_t pde_table(pte_t e, unsigned level)
{
    return (void)level, mk_paddr(e.v & PTE_ADDR_MASK);
}
static inline pte_t pde_make(paddr_t table, unsigned level)
{
    return (void)level, (pte_t){PTE_TYPE_TABLE | paddr_value(table)};
}
/* The same table hidden, <quire/pgtable.h>: the hardware finds nothing there. */
static inline pte_t pde_hide(pte_t e, unsigned level) { return (void)level, (pte_t){e.v & ~PTE_VALID}; }
static inline bool pde_hidden(pte_t e, unsigned level) { return (void)level, (e.v & PTE_TYPE) == PTE_TYPE_HIDDEN; }
/* The page entry that a block entry stands for, `index` frames into the block. */
static inline pte_t pte_of_block(pte_t e, unsigned level, u64 index)
{
    return (void)level, pte_advance_pfn((pte_t){e.v | PTE_TYPE_PAGE}, index);
}

/* One 8-byte store: the walker of any CPU sees all of it or nothing. */
static inline void pte_store(pte_t *p, pte_t e) { *(volatile u64 *)&p->v = e.v; }
static inline pte_t pte_load_raw(const pte_t *p) { return (pte_t){*(const volatile u64 *)&p->v}; }
/* Two neighbours at once; each of the two is single-copy atomic (Arm ARM B2.2.1). */
#define ARCH_HAS_STORE_PAIR
static inline void pte_store_pair(pte_t *p, pte_t a, pte_t b)
{
    __asm__ volatile("stp %1, %2, %0" : "=Ump"(*(pte_t(*)[2])p) : "r"(a.v), "r"(b.v));
}
