/* SPDX-License-Identifier: MIT */
/*
 * Sv39 page-table entries (Privileged ISA 4.4.1): three levels of 512 entries.
 *
 *   63 N | 62:61 PBMT | 53:10 frame number | 9:8 software | 7 D | 6 A | 5 G | 4 U | 3 X | 2 W | 1 R | 0 V
 *
 * An entry with V=1 and R=W=X=0 points to the next table. If V=0, the hardware ignores all other bits.
 */
#pragma once

#include <quire/types.h>
#include <quire/exec_pfn.h>
#include <quire/pgprot.h>
#include <arch/layout.h>

typedef struct {
    u64 v;
} pte_t;

#define PT_LEVELS 3
#define PT_SHIFT(level) (12 + 9 * (level))
#define PT_ENTRIES(level) 512UL
#define PT_TABLE_BYTES(level) 4096UL
#define PT_TOP_USER_ENTRIES 256UL /* top-level entries that belong to user space */
#define PT_KERNEL_IN_USER_ROOT 1  /* one root serves both halves */
#define ARCH_DEVICE_REGISTERS 1
#define PT_CONT 16UL              /* entries of a group: 64 KiB, as Svnapot has them */

#define PTE_V (1UL << 0)
#define PTE_R (1UL << 1)
#define PTE_W (1UL << 2)
#define PTE_X (1UL << 3)
#define PTE_U (1UL << 4)
#define PTE_G (1UL << 5)
#define PTE_A (1UL << 6)
#define PTE_D (1UL << 7)
#define PTE_NONE (1UL << 8) /* software: PROT_NONE, holds a frame although V is clear */
#define PTE_GROUP (1UL << 9) /* software: one of a group of entries */
#define PTE_POISON PTE_G /* software, with V and PTE_NONE clear: no entry, and there will never be one */
#define PTE_PFN_SHIFT 10
#define PTE_PFN_MASK (((1UL << 44) - 1) << PTE_PFN_SHIFT)
#define PTE_N (1UL << 63)               /* Svnapot: one of a naturally aligned group of entries */
#define PTE_N_LOW (15UL << PTE_PFN_SHIFT) /* there, the low bits of the frame number say how many: */
#define PTE_N_64K (8UL << PTE_PFN_SHIFT)

extern bool riscv_has_svnapot; /* set from the device tree, before kernel_main() */
static inline bool arch_group_in_tlb(void) { return riscv_has_svnapot; }

static inline bool arch_pt_block_ok(unsigned level) { return level == 1; }

static inline pte_t pte_empty(unsigned level) { return (void)level, (pte_t){0}; }
/* The mark where a broken frame was mapped: not present, and not free for another page either. */
static inline pte_t pte_poison(void) { return (pte_t){PTE_POISON}; }
static inline bool pte_poisoned(pte_t e) { return (e.v & (PTE_POISON | PTE_V | PTE_NONE)) == PTE_POISON; }
static inline bool pte_same(pte_t a, pte_t b) { return a.v == b.v; }

/* --- leaf entries ------------------------------------------------------------------------------ */
static inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
    u64 v = PTE_V | PTE_R | pgprot_pfn(pfn, prot) << PTE_PFN_SHIFT;
    if (prot & PGPROT_WRITE)
        v |= PTE_W;
    if (prot & PGPROT_EXEC)
        v |= PTE_X;
    v |= prot & PGPROT_USER ? PTE_U : PTE_G;
    if (!(prot & PGPROT_OLD))
        v |= PTE_A;
    if (prot & PGPROT_DIRTY)
        v |= PTE_D;
    if (!(prot & PGPROT_READ))
        v = (v & ~PTE_V) | PTE_NONE;
    return (pte_t){v};
}
static inline pte_t pfn_block(pfn_t pfn, pgprot_t prot, unsigned level) { return (void)level, pfn_pte(pfn, prot); }

static inline bool pte_present(pte_t e) { return e.v & (PTE_V | PTE_NONE); }
static inline bool pte_accessible(pte_t e) { return e.v & PTE_V; }
static inline pfn_t pte_pfn(pte_t e) { return exec_frame((e.v & PTE_PFN_MASK) >> PTE_PFN_SHIFT); }
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

/*
 * The hardware has nothing left to set in the entry: it is accessed already, and writable entries are dirty from the
 * start. Only a present entry can be settled.
 */
static inline bool pte_settled(pte_t e) { return e.v & PTE_A; }

/* pte_wrprotect() for a settled entry, whose dirty bit is already right. */
static inline pte_t pte_wrprotect_settled(pte_t e) { return pte_wrprotect(e); }

/* What a change of protection does to an entry, independent of its frame. It never makes an entry writable. */
struct pte_change {
    u64 keep, set;
};
static inline struct pte_change pte_change(pgprot_t prot)
{
    u64 same = ~(PTE_V | PTE_R | PTE_X | PTE_NONE | (prot & PGPROT_WRITE ? 0 : PTE_W));
    return (struct pte_change){same, pfn_pte(0, prot).v & ~(PTE_W | PTE_U | PTE_G | PTE_A | PTE_D)};
}
/* For a young entry. */
static inline pte_t pte_apply(pte_t e, struct pte_change c) { return (pte_t){(e.v & c.keep) | c.set}; }

/* --- groups: with Svnapot (Privileged ISA), all entries of one have the same bits ----------------- */
#define PT_CONT_STEP (riscv_has_svnapot ? 0UL : 1UL) /* added to the frame number from one raw entry to the next */
static inline bool pte_cont(pte_t raw) { return raw.v & PTE_GROUP; }
static inline pte_t pte_mkcont(pte_t e)
{
    return (pte_t){(riscv_has_svnapot ? (e.v & ~PTE_N_LOW) | PTE_N_64K | PTE_N : e.v) | PTE_GROUP};
}
/* The page entry that `raw`, entry number `index` of its group, stands for. */
static inline pte_t pte_uncont(pte_t raw, u64 index)
{
    return __builtin_expect(!(raw.v & PTE_N), 1)
               ? (pte_t){raw.v & ~PTE_GROUP}
               : (pte_t){(raw.v & ~(PTE_N | PTE_N_LOW | PTE_GROUP)) | index << PTE_PFN_SHIFT};
}

/* --- entries of level 1 and up ----------------------------------------------------------------- */
static inline bool pde_present(pte_t e, unsigned level) { return (void)level, e.v & (PTE_V | PTE_NONE); }
static inline bool pde_leaf(pte_t e, unsigned level)
{
    return (void)level, (e.v & PTE_V) && (e.v & (PTE_R | PTE_W | PTE_X));
}
static inline paddr_t pde_table(pte_t e, unsigned level) { return (void)level, pfn_to_paddr(pte_pfn(e)); }
static inline pte_t pde_make(paddr_t table, unsigned level)
{
    return (void)level, (pte_t){PTE_V | paddr_to_pfn(table) << PTE_PFN_SHIFT};
}
/* The same table hidden, <quire/pgtable.h>: the hardware finds nothing there. */
static inline pte_t pde_hide(pte_t e, unsigned level) { return (void)level, (pte_t){(e.v & ~PTE_V) | PTE_NONE}; }
static inline bool pde_hidden(pte_t e, unsigned level) { return (void)level, (e.v & (PTE_V | PTE_NONE)) == PTE_NONE; }
/* The page entry that a block entry stands for, `index` frames into the block. */
static inline pte_t pte_of_block(pte_t e, unsigned level, u64 index) { return (void)level, pte_advance_pfn(e, index); }

/* One 8-byte store: the walker of any hart sees all of it or nothing. */
static inline void pte_store(pte_t *p, pte_t e) { *(volatile u64 *)&p->v = e.v; }
static inline pte_t pte_load_raw(const pte_t *p) { return (pte_t){*(const volatile u64 *)&p->v}; }
