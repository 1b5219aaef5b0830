/* SPDX-License-Identifier: MIT */
/*
 * The shadows of ICACHE=stale themselves: they change line by line, only by maintenance, and only when all CPUs have
 * fenced; and their reports about a store are true. Built with ICACHE=stale only.
 */
#include "helpers.h"
#include <quire/cacheflush.h>
#include <quire/printf.h>
#include "../icache/stale_code.h"
#include <quire/string.h>

#define RX       (PROT_READ | PROT_EXEC)
#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((n)*PAGE_SIZE)

/* One executable page, its frame and its shadow as the kernel sees them. */
struct code {
    struct mm *mm;
    struct folio *folio;
    vaddr_t addr;
    u8 *frame, *shadow;
};

static void code_open(struct code *c)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 1, NULL);

    c->folio = folio_alloc(0, FOLIO_ZERO);
    c->mm = mm_create();
    c->addr = 0;
    ASSERT(obj && c->folio && c->mm);
    ASSERT_EQ(memobj_add_folio(obj, 0, c->folio), 0);
    ASSERT_EQ(mm_map(c->mm, &c->addr, PAGES(1), RX, MAP_SHARED, obj, 0), 0);
    ASSERT_EQ(mm_fault(c->mm, c->addr, ACCESS_EXEC), 0);
    memobj_put(obj);
    c->frame = folio_address(c->folio);
    c->shadow = pfn_address(exec_pfn(c->folio->pfn));
    ASSERT(c->shadow != c->frame);
}

static void code_close(struct code *c) { mm_put(c->mm); }

static vaddr_t line(const u8 *frame, unsigned nr) { return (vaddr_t)frame + nr * EXEC_LINE; }

TEST(stale, every_frame_that_can_be_had_has_a_shadow_that_nobody_has)
{
    for (pfn_t pfn = memory.first; pfn < memory.end; pfn++) {
        memdesc_t word = memdesc_read(pfn);
        bool given = memdesc_type(word) == MEMDESC_FOLIO || memdesc_type(word) == MEMDESC_BUDDY;
        if (given && (exec_pfn(pfn) == pfn || memdesc_read(exec_pfn(pfn)) != memdesc_make_misc(MISC_SHADOW)))
            test_fail(__FILE__, __LINE__, "frame 0x%lx is given out, and its shadow isn't set aside", pfn);
    }
}

TEST(stale, user_entries_lead_to_the_shadow_and_say_the_frame)
{
    struct code c;

    code_open(&c);
    pte_t e = mm_lookup(c.mm, c.addr), data = pfn_pte(c.folio->pfn, PGPROT_READ | PGPROT_USER);
    EXPECT_EQ(pte_pfn(e), c.folio->pfn);
    EXPECT_EQ(pte_pfn(data), c.folio->pfn);
    /* no shadow for data */
    EXPECT(pte_same(pte_advance_pfn(pfn_pte(0, PGPROT_READ | PGPROT_USER), c.folio->pfn), data));
    EXPECT_EQ(exec_frame(exec_pfn(c.folio->pfn)), c.folio->pfn);
    code_close(&c);
}

TEST(stale, a_store_reaches_the_shadow_by_maintenance_line_by_line)
{
    struct code c;
    struct stale_line l;

    code_open(&c);
    EXPECT(!exec_shadow_next_stale(c.mm, c.addr, c.addr + PAGES(1), &l));
    memset(c.frame, 0x11, PAGE_SIZE);
    EXPECT_EQ(c.shadow[5 * EXEC_LINE], 0);
    flush_icache_range(c.mm, line(c.frame, 5) + 4, line(c.frame, 5) + 8);
    for (unsigned i = 0; i < PAGE_SIZE / EXEC_LINE; i++) {
        u8 seen = c.shadow[i * EXEC_LINE], last = c.shadow[i * EXEC_LINE + EXEC_LINE - 1], expected = i == 5 ? 0x11 : 0;
        if (seen != expected || last != expected)
            test_fail(__FILE__, __LINE__, "line %u of the shadow: expected 0x%x, seen 0x%x", i, expected, seen);
    }
    ASSERT(exec_shadow_next_stale(c.mm, c.addr + 5 * EXEC_LINE, c.addr + PAGES(1), &l));
    EXPECT_EQ(l.addr, c.addr + 6 * EXEC_LINE);
    flush_icache_range(c.mm, (vaddr_t)c.frame, (vaddr_t)c.frame + PAGE_SIZE);
    EXPECT(!exec_shadow_next_stale(c.mm, c.addr, c.addr + PAGES(1), &l));
    code_close(&c);
}

TEST(stale, protection_moves_a_page_to_its_shadow_and_back)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < 16; i++) {
        u8 *frame = pfn_address(mapped_frame(mm, addr + PAGES(i)));
        memset(frame, 0x40 + (int)i, PAGE_SIZE);
    }
    ASSERT_EQ(mm_protect(mm, addr, PAGES(16), RX), 0);
    for (unsigned i = 0; i < 16; i++) {
        pfn_t pfn = mapped_frame(mm, addr + PAGES(i));
        EXPECT_EQ(((u8 *)pfn_address(exec_pfn(pfn)))[100], 0x40 + i);
        EXPECT(pte_exec(mm_lookup(mm, addr + PAGES(i))));
    }
    ASSERT_EQ(mm_protect(mm, addr, PAGES(16), PROT_READ), 0);
    for (unsigned i = 0; i < 16; i++)
        EXPECT(!pte_exec(mm_lookup(mm, addr + PAGES(i))) && *user_byte(mm, addr + PAGES(i)) == 0x40 + i);
    mm_put(mm);
}

TEST(stale, where_cpus_fence_for_themselves_the_shadow_waits_for_them)
{
    struct code c;
    struct stale_line l;

    if (!ARCH_ICACHE_LOCAL_FENCE)
        SKIP("no CPU has a part of its own here");
    code_open(&c);
    bool irq = irq_save();
    mm_activate(c.mm); /* from now on this CPU counts as one that runs mm */
    icache_fence();
    c.frame[0] = 0x22;
    flush_icache_range(c.mm, (vaddr_t)c.frame, (vaddr_t)c.frame + 4);
    u8 before = c.shadow[0];
    bool stale = exec_shadow_stale(c.mm, c.addr, &l);
    icache_enter_user(c.mm);
    u8 after = c.shadow[0];
    mm_activate(NULL);
    irq_restore(irq);
    EXPECT_EQ(before, 0);
    EXPECT(stale && l.waiting == 1u << this_cpu()->cpu);
    EXPECT_EQ(after, 0x22);
    code_close(&c);
}

TEST(stale, code_newer_than_the_last_fence_is_noticed_before_it_runs)
{
    struct code c;
    u64 fenced;

    if (!ARCH_ICACHE_LOCAL_FENCE)
        SKIP("no CPU has a part of its own here");
    code_open(&c);
    bool irq = irq_save();
    icache_fence();
    bool early = exec_shadow_unfenced(c.mm, &fenced);
    flush_icache_range(c.mm, (vaddr_t)c.frame, (vaddr_t)c.frame + 4); /* no CPU runs mm, so no CPU is asked */
    bool late = exec_shadow_unfenced(c.mm, &fenced);
    u64 had = fenced, needs = c.mm->exec_gen;
    icache_enter_user(c.mm);
    bool again = exec_shadow_unfenced(c.mm, &fenced);
    irq_restore(irq);
    EXPECT(!early && late && !again);
    EXPECT(had < needs && fenced >= needs);
    code_close(&c);
}

/* Whether the text has all these words. */
static bool says(const char *text, const char *what)
{
    if (strstr(text, what))
        return true;
    test_fail(__FILE__, __LINE__, "expected \"%s\" in: %s", what, text);
    return false;
}

TEST(stale, the_report_names_who_stored_and_what_is_missing)
{
    struct code c;
    struct stale_line l;
    char text[STALE_SENTENCES][160], place[64], where[64];

    code_open(&c);
    memset(c.frame, 0x33, PAGE_SIZE);
    flush_dcache_folio(c.folio);
    snprintf(place, sizeof(place), "stored by CPU %u in %s+", this_cpu()->cpu, __func__);
    snprintf(where, sizeof(where), "user 0x%lx, frame 0x%lx", c.addr + EXEC_LINE, c.folio->pfn);
    ASSERT(exec_shadow_stale(c.mm, c.addr + EXEC_LINE + 20, &l));
    stale_code_text(&l, 3, true, text);
    says(text[0], "CPU 3 ran stale code at ");
    says(text[0], where);
    says(text[0], place);
    says(text[1], "nobody has maintained that line since");
    says(text[1], ARCH_ICACHE_RULE);
    says(text[2], "flush_icache_pages() missing before set_ptes()");
    /* The line is maintained, and then stored to without an announcement. */
    flush_icache_range(c.mm, (vaddr_t)c.frame, (vaddr_t)c.frame + PAGE_SIZE);
    EXPECT(!exec_shadow_stale(c.mm, c.addr, &l));
    c.frame[0] = 0x44;
    ASSERT(exec_shadow_stale(c.mm, c.addr, &l));
    stale_code_text(&l, 0, false, text);
    says(text[0], "CPU 0 would run stale code at ");
    says(text[0], "stored by a program, or by a kernel that didn't say so");
    says(text[1], "BEFORE that store");
    says(text[2], "cache_sync()");
    /* Maintained, and a CPU has yet to fence. */
    l.waiting = 1u << 2;
    stale_code_text(&l, 2, true, text);
    says(text[1], "CPU 2's last " ARCH_ICACHE_FENCE_NAME " came BEFORE");
    says(text[2], "only the CPU that stored has fenced");
    code_close(&c);
}
