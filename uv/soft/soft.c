/* SPDX-License-Identifier: MIT */
/*
 * How this ultravisor, which is linked into the kernel, enforces its frame table: a hidden frame is absent from the
 * direct map on every CPU. The guests' page tables are in table.c. mm/ guarantees that no host process maps a hidden
 * frame; this file reads the frame's word to see whether the frame is still lent.
 *
 * The window is a few pages of kernel addresses that nobody else uses, in the KVMAP slot that no stack uses. Through it
 * one CPU can reach hidden frames for a moment, while they stay absent from the direct map.
 */
#include <quire/cacheflush.h>
#include <quire/dcache.h>
#include <quire/direct_map.h>
#include <quire/log.h>
#include <quire/poison.h>
#include <quire/string.h>
#include <quire/tlb.h>
#include <arch/layout.h>
#include "soft.h"

#define WINDOW       ((vaddr_t)KVMAP_BASE)
#define WINDOW_PAGES 4 /* as many as a stack has: behind them is the guard of the next slot's stack */

static spinlock_t window_lock;
LOCK_ORDER_STATIC(14, window_lock);
static bool window_irq; /* whether interrupts were on before; under window_lock */

struct enforce_machine enforce_machine(void)
{
    return (struct enforce_machine){memory.first, memory.end, USER_TOP >> PAGE_SHIFT};
}

bool enforce_shown(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++)
        if (!direct_map_present(pfn + i))
            return false;
    return true;
}

bool enforce_can_hide(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr;) {
        unsigned level;
        vaddr_t addr = (vaddr_t)pfn_address(pfn + i);
        pt_walk(kernel_root(), addr, &level);
        if (level)
            return false;
        i += PT_ENTRIES(0) - pt_index(addr, 0);
    }
    return true;
}

bool enforce_lent(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    if (memdesc_type(word) == MEMDESC_HWPOISON) /* records are never freed */
        word = READ_ONCE(((struct hwpoison *)memdesc_pointer(word))->saved);
    return memdesc_type(word) == MEMDESC_HOLE;
}

/* Called once for each frame, by UV_INIT. Frames of kernel stacks aren't reserved, because they may become free memory
 * again. */
bool enforce_reserved(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);

    return memdesc_type(word) == MEMDESC_MISC && memdesc_misc(word) != MISC_KERNEL;
}

/* --- the window -------------------------------------------------------------------------------- */
static pte_t *window_entry(void)
{
    unsigned level;
    pte_t *entry = pt_walk(kernel_root(), WINDOW, &level);

    KASSERT(level == 0, "KVMAP has no table for its first slot");
    return entry;
}

/*
 * Show up to WINDOW_PAGES frames. The window's entries are empty; this CPU flushes what its TLB may hold from the last
 * use before the entries are made. Other CPUs' TLBs don't matter, because each CPU flushes before it uses the window.
 */
static void *open_window(pfn_t pfn, u64 nr)
{
    bool irq = spin_lock_irqsave(&window_lock);
    pte_t *entry = window_entry();

    window_irq = irq;
    if (!ARCH_FLUSH_ON_CLEAR)
        tlb_flush_local(NULL, WINDOW, nr == 1 ? 1 : 0);
    for (u64 i = 0; i < nr; i++)
        pte_store(entry + i, pfn_pte(pfn + i, PGPROT_KERNEL_RW));
    arch_pt_publish();
    return (void *)WINDOW;
}

static void close_window(u64 nr)
{
    pte_t *entry = window_entry();
    bool irq = window_irq;

    for (u64 i = 0; i < nr; i++) {
        pte_break(entry + i, WINDOW + i * PAGE_SIZE);
        pte_store(entry + i, pte_empty(0));
    }
    spin_unlock_irqrestore(&window_lock, irq);
}

void enforce_read(void *to, pfn_t pfn, u64 offset, u64 n)
{
    memcpy(to, (const u8 *)open_window(pfn, 1) + offset, n);
    close_window(1);
}

void enforce_write(pfn_t pfn, u64 offset, const void *from, u64 n)
{
    memcpy((u8 *)open_window(pfn, 1) + offset, from, n);
    close_window(1);
}

/* --- the frame table ---------------------------------------------------------------------------- */
void *enforce_keep(pfn_t pfn, u64 nr)
{
    memset(pfn_address(pfn), 0, nr << PAGE_SHIFT);
    return pfn_address(pfn);
}

/* --- effects ----------------------------------------------------------------------------------- */
/* Whether the frames are in the direct map. All are, or none is: one rule fits them all, so they were in the same
 * state. */
static bool shown(pfn_t pfn, u64 nr)
{
    bool present = direct_map_present(pfn);

    KASSERT(direct_map_present(pfn + nr - 1) == present, "frames 0x%lx to 0x%lx of one state: some are in the direct map, some aren't",
            pfn, pfn + nr - 1);
    return present;
}

/* Act on shown frames all at once, and on hidden frames a few at a time through the window, so that no other CPU sees
 * them. */
static void in_pieces(pfn_t pfn, u64 nr, void (*act)(void *at, size_t bytes))
{
    bool present = shown(pfn, nr);

    for (u64 i = 0, n; i < nr; i += n) {
        n = present ? nr : MIN(nr - i, (u64)WINDOW_PAGES);
        act(present ? pfn_address(pfn) : open_window(pfn + i, n), n << PAGE_SHIFT);
        if (!present)
            close_window(n);
    }
}

static void zero(void *at, size_t bytes) { memset(at, 0, bytes); }
static void flush(void *at, size_t bytes) { dcache_flush(at, bytes); }

static void zero_and_flush(void *at, size_t bytes)
{
    zero(at, bytes);
    flush(at, bytes);
}

void enforce_hide(pfn_t pfn, u64 nr) { direct_map_set(pfn, nr, false); }

void enforce_show(pfn_t pfn, u64 nr)
{
    if (!shown(pfn, nr))
        direct_map_set(pfn, nr, true);
}

/*
 * These frames pass from the host to a guest or back, or from the ultravisor to the host. The old owner may have mapped
 * them with other attributes than the new owner does. So the last stores go to memory, and no cache keeps a line of the
 * frames: otherwise zeros could reach memory too late to hide a secret, or an old line could be written over the new
 * owner's stores.
 */
void enforce_flush(pfn_t pfn, u64 nr)
{
    if (!ARCH_DCACHE_COHERENT)
        in_pieces(pfn, nr, flush);
}

void enforce_zero(pfn_t pfn, u64 nr, bool and_flush) { in_pieces(pfn, nr, and_flush ? zero_and_flush : zero); }

/* The caches are maintained at the window's addresses; simulated instruction caches (ICACHE=stale) get the frame
 * numbers. */
void enforce_code(unsigned guest, pfn_t pfn, u64 nr)
{
    struct mm *mm = &soft_guest(guest)->mm;

    if (ICACHE_COHERENT)
        return;
    in_pieces(pfn, nr, icache_clean_at);
    code_cleaned(mm, (vaddr_t)pfn_address(pfn), (vaddr_t)pfn_address(pfn + nr));
    icache_publish(mm);
}

struct trapframe *soft_frame(void) { return arch_user_frame((void *)this_cpu()->kernel_sp); }
