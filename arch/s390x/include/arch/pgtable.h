/* SPDX-License-Identifier: MIT */
/*
 * Page-table entries (z/Architecture Principles of Operation, chapter 3 "Storage", Translation
 * Tables). Three levels: region-third table and segment tables of 2048 entries, page tables of 256.
 *
 *   page-table entry:    0:51 frame | 53 I invalid | 54 P protected | 55 IEP no execute | 56:63 software
 *   segment-table entry: 0:52 page table | 53 FC = 0 | 54 P | 58 I | 60:61 type 00
 *   1 MiB frame:         0:43 frame | 45:46, 48:51 software | 53 FC = 1 | 54 P | 55 IEP | 58 I (EDAT-1)
 *   region-third entry:  0:51 segment table | 58 I | 60:61 type 01 | 62:63 length 11
 *
 * The hardware has neither a present nor an accessed nor a dirty bit, and no user bit: users have
 * tables of their own. Software keeps all these in bits that the hardware ignores, and computes I and P from them:
 *   - I is set unless the entry is young and readable: the first touch of an old page faults, and
 *     generic code makes it young; a page without read permission (PROT_NONE) goes on faulting;
 *   - P is set unless the entry is writable and dirty: the first store to a clean page faults.
 * Writable entries are made dirty from the start, so only ageing and cleaning bring these faults.
 */
#pragma once

#include <quire/types.h>
#include <quire/exec_pfn.h>
#include <quire/pgprot.h>
#include <arch/facility.h>
#include <arch/layout.h>

typedef struct {
    u64 v;
} pte_t;

#define PT_LEVELS              3
#define PT_SHIFT(level)        ((level) == 0 ? 12 : (level) == 1 ? 20 : 31)
#define PT_ENTRIES(level)      ((level) ? 2048UL : 256UL)
#define PT_TABLE_BYTES(level)  (8 * PT_ENTRIES(level))
#define PT_TOP_USER_ENTRIES    (USER_TOP >> PT_SHIFT(2)) /* top-level entries for user space */
#define PT_KERNEL_IN_USER_ROOT 0                         /* the kernel has a space of its own */
#define ARCH_DEVICE_REGISTERS 0 /* channel I/O: no device has registers at addresses */
#define PT_CONT                16UL                      /* entries of a group; only software knows groups */

#define PTE_INVALID  0x400UL
#define PTE_PROTECT  0x200UL
#define PTE_NO_EXEC  0x100UL
#define PTE_PRESENT  0x001UL /* software, from here */
#define PTE_WRITE    0x002UL
#define PTE_DIRTY    0x004UL
#define PTE_YOUNG    0x008UL
#define PTE_GROUP    0x010UL /* one of a group of entries */
#define PTE_READ     0x020UL
#define PTE_USER     0x040UL
#define PTE_POISON   0x080UL /* with I alone: no entry, and there will never be one */
#define PTE_SOFTWARE 0x06fUL

#define PDE_ORIGIN         (~0x7ffUL) /* page tables are aligned to 2 KiB */
#define PDE_BLOCK_ORIGIN   (~0xfffffUL)
#define PDE_BLOCK          0x400UL /* FC: the segment-table entry is a frame of 1 MiB */
#define PDE_INVALID        0x020UL
#define PDE_REGION_THIRD   0x007UL /* type 01, table length 11 */
#define PDE_HIDDEN         0x001UL /* with I, in a segment-table entry: software still sees a page table */
#define PDE_SOFTWARE_SHIFT 12      /* a block's software bits: the key's place (AV, bit 47, is 0), 45 and 46 */

static inline bool arch_pt_block_ok(unsigned level) { return level == 1 && s390x_facility(FACILITY_EDAT1); }

static inline pte_t pte_empty(unsigned level)
{
    return (pte_t){level == 0   ? PTE_INVALID
                   : level == 1 ? PDE_INVALID
                                : PDE_INVALID | PDE_REGION_THIRD};
}
/* The mark where a broken frame was mapped: not present, and not free for another page either. */
static inline pte_t pte_poison(void) { return (pte_t){PTE_INVALID | PTE_POISON}; }
static inline bool pte_poisoned(pte_t e) { return (e.v & (PTE_POISON | PTE_PRESENT)) == PTE_POISON; }
static inline bool pte_same(pte_t a, pte_t b) { return a.v == b.v; }

/* --- leaf entries ------------------------------------------------------------------------------ */
/* Set I and P as the software bits require. */
static inline pte_t pte_settle(u64 v)
{
    bool loads = (v & (PTE_YOUNG | PTE_READ)) == (PTE_YOUNG | PTE_READ);
    bool stores = (v & (PTE_WRITE | PTE_DIRTY)) == (PTE_WRITE | PTE_DIRTY);

    v &= ~(PTE_INVALID | PTE_PROTECT);
    return (pte_t){v | (loads ? 0 : PTE_INVALID) | (stores ? 0 : PTE_PROTECT)};
}

static inline pte_t pfn_pte(pfn_t pfn, pgprot_t prot)
{
    u64 v = PTE_PRESENT | pgprot_pfn(pfn, prot) << PAGE_SHIFT;
    if (prot & PGPROT_READ)
        v |= PTE_READ;
    if (prot & PGPROT_WRITE)
        v |= PTE_WRITE | PTE_DIRTY;
    if (prot & PGPROT_DIRTY)
        v |= PTE_DIRTY;
    if (prot & PGPROT_USER)
        v |= PTE_USER;
    if (!(prot & PGPROT_EXEC))
        v |= PTE_NO_EXEC;
    if (!(prot & PGPROT_OLD))
        v |= PTE_YOUNG;
    return pte_settle(v); /* PGPROT_DEVICE: channel I/O needs no mappings */
}
/* A page entry with FC in the place of I, and with I and the software bits in other places. */
static inline pte_t pfn_block(pfn_t pfn, pgprot_t prot, unsigned level)
{
    u64 page = pfn_pte(pfn, prot).v;
    u64 v = (page & (PDE_BLOCK_ORIGIN | PTE_PROTECT | PTE_NO_EXEC)) | PDE_BLOCK;

    (void)level;
    v |= (page & PTE_SOFTWARE) << PDE_SOFTWARE_SHIFT;
    return (pte_t){page & PTE_INVALID ? v | PDE_INVALID : v};
}

static inline bool pte_present(pte_t e) { return e.v & PTE_PRESENT; } /* old or PROT_NONE as well */
static inline bool pte_accessible(pte_t e) { return e.v & PTE_READ; }
static inline pfn_t pte_pfn(pte_t e) { return exec_frame(e.v >> PAGE_SHIFT); }
static inline bool pte_write(pte_t e) { return e.v & PTE_WRITE; }
static inline bool pte_exec(pte_t e) { return !(e.v & PTE_NO_EXEC); }
static inline bool pte_user(pte_t e) { return e.v & PTE_USER; }
static inline bool pte_young(pte_t e) { return e.v & PTE_YOUNG; }
static inline bool pte_dirty(pte_t e) { return e.v & PTE_DIRTY; }
static inline pte_t pte_wrprotect(pte_t e) { return pte_settle(e.v & ~PTE_WRITE); }
static inline pte_t pte_mkwrite(pte_t e) { return pte_settle(e.v | PTE_WRITE | PTE_DIRTY); }
static inline pte_t pte_mkold(pte_t e) { return pte_settle(e.v & ~PTE_YOUNG); }
static inline pte_t pte_mkyoung(pte_t e) { return pte_settle(e.v | PTE_YOUNG); }
static inline pte_t pte_mkdirty(pte_t e) { return pte_settle(e.v | PTE_DIRTY); }
static inline pte_t pte_mkclean(pte_t e) { return pte_settle(e.v & ~PTE_DIRTY); }
static inline pte_t pte_advance_pfn(pte_t e, u64 nr) { return (pte_t){e.v + (nr << PAGE_SHIFT)}; }

/* Nothing is left to set in the entry (here software sets the bits, after a fault on an old entry). Only a present
 * entry can be settled. */
static inline bool pte_settled(pte_t e) { return e.v & PTE_YOUNG; }

/* pte_wrprotect() for a settled entry, whose dirty bit is already right. */
static inline pte_t pte_wrprotect_settled(pte_t e) { return (pte_t){(e.v & ~PTE_WRITE) | PTE_PROTECT}; }

/* What a change of protection does to an entry, independent of its frame. It never makes an entry writable. */
struct pte_change {
    u64 keep, set;
};
static inline struct pte_change pte_change(pgprot_t prot)
{
    u64 same = ~(PTE_READ | PTE_INVALID | PTE_NO_EXEC), set = pfn_pte(0, prot).v & ~same;

    if (!(prot & PGPROT_WRITE)) {
        same &= ~PTE_WRITE;
        set |= PTE_PROTECT;
    }
    return (struct pte_change){same, set};
}
/* For a young entry: an old entry would have to stay invalid. */
static inline pte_t pte_apply(pte_t e, struct pte_change c) { return (pte_t){(e.v & c.keep) | c.set}; }

/* --- groups: each entry has its own frame number. Software's bits of a valid entry may change at any time. --- */
#define PT_CONT_STEP 1 /* added to the frame number from one raw entry of a group to the next */
static inline bool arch_group_in_tlb(void) { return false; }
static inline bool pte_cont(pte_t raw) { return raw.v & PTE_GROUP; }
static inline pte_t pte_mkcont(pte_t e) { return (pte_t){e.v | PTE_GROUP}; }
/* The page entry that `raw`, entry number `index` of its group, stands for. */
static inline pte_t pte_uncont(pte_t raw, u64 index) { return (void)index, (pte_t){raw.v & ~PTE_GROUP}; }

/* --- entries of level 1 and up ----------------------------------------------------------------- */
static inline bool pde_leaf(pte_t e, unsigned level)
{
    return level == 1 && (e.v & PDE_BLOCK) && (e.v >> PDE_SOFTWARE_SHIFT & PTE_PRESENT);
}
/* I is set only in empty entries, in blocks that are old or PROT_NONE, and in hidden tables. */
static inline bool pde_hidden(pte_t e, unsigned level)
{
    return level == 1 && (e.v & (PDE_BLOCK | PDE_INVALID | PDE_HIDDEN)) == (PDE_INVALID | PDE_HIDDEN);
}
static inline bool pde_present(pte_t e, unsigned level)
{
    return pde_leaf(e, level) || !(e.v & PDE_INVALID) || pde_hidden(e, level);
}
static inline paddr_t pde_table(pte_t e, unsigned level) { return (void)level, mk_paddr(e.v & PDE_ORIGIN); }
static inline pte_t pde_make(paddr_t table, unsigned level)
{
    return (pte_t){paddr_value(table) | (level == 2 ? PDE_REGION_THIRD : 0)};
}
/* The same table hidden, <quire/pgtable.h>: the hardware finds nothing there. Only page tables are hidden. */
static inline pte_t pde_hide(pte_t e, unsigned level) { return (void)level, (pte_t){e.v | PDE_INVALID | PDE_HIDDEN}; }
/* The page entry that a block entry stands for, `index` frames into the block. */
static inline pte_t pte_of_block(pte_t e, unsigned level, u64 index)
{
    u64 v = e.v & (PDE_BLOCK_ORIGIN | PTE_PROTECT | PTE_NO_EXEC);

    (void)level;
    v |= e.v >> PDE_SOFTWARE_SHIFT & PTE_SOFTWARE;
    return pte_advance_pfn((pte_t){e.v & PDE_INVALID ? v | PTE_INVALID : v}, index);
}

/* One 8-byte store: the walker of any CPU sees all of it or nothing. */
static inline void pte_store(pte_t *p, pte_t e) { *(volatile u64 *)&p->v = e.v; }
static inline pte_t pte_load_raw(const pte_t *p) { return (pte_t){*(const volatile u64 *)&p->v}; }
