/* SPDX-License-Identifier: MIT */
/*
 * The promises of boot: memory accounted for, protections of the kernel's own space, CPUs, clock and timer.
 */
#include "helpers.h"
#include <quire/boot_info.h>
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/kvmap.h>
#include <quire/string.h>
#include <arch-generic/machine.h>

extern char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __image_end[];

static pte_t kernel_entry(vaddr_t addr) { return pt_lookup(kernel_root(), addr); }

TEST(boot, every_frame_of_ram_is_in_the_direct_map)
{
    u64 missing = 0;

    for (pfn_t pfn = memory.first; pfn < memory.end;) {
        if (memdesc_read(pfn) == memdesc_make_misc(MISC_ABSENT)) {
            pfn++;
            continue;
        }
        pte_t e = kernel_entry((vaddr_t)pfn_address(pfn));
        if (!pte_present(e) || pte_pfn(e) != exec_frame(pfn) || pte_user(e))
            missing++;
        pfn += 61;
    }
    EXPECT_EQ(missing, 0);
}

TEST(boot, text_is_read_only_and_data_not_executable)
{
    for (vaddr_t at = (vaddr_t)__text_start; at < (vaddr_t)__text_end; at += PAGE_SIZE) {
        EXPECT(pte_exec(kernel_entry(at)));
        EXPECT(!pte_write(kernel_entry(at)));
    }
    for (vaddr_t at = (vaddr_t)__rodata_start; at < (vaddr_t)__rodata_end; at += PAGE_SIZE)
        EXPECT(!pte_write(kernel_entry(at)) && !pte_exec(kernel_entry(at)));
    for (vaddr_t at = ALIGN_UP((vaddr_t)__rodata_end, PAGE_SIZE); at < (vaddr_t)__image_end;
         at += PAGE_SIZE)
        EXPECT(pte_write(kernel_entry(at)) && !pte_exec(kernel_entry(at)));
}

TEST(boot, the_direct_map_offers_no_way_around)
{
    for (vaddr_t at = (vaddr_t)__text_start; at < (vaddr_t)__rodata_end; at += PAGE_SIZE) {
        vaddr_t alias = DIRECT_MAP_BASE + (at - KERNEL_VA_OFFSET);
        EXPECT(!pte_write(kernel_entry(alias)));
        EXPECT(alias == at || !pte_exec(kernel_entry(alias)));
    }
    struct folio *f = folio_alloc(0, 0);
    EXPECT(!pte_exec(kernel_entry((vaddr_t)folio_address(f))));
    folio_put(f);
}

static void write_to(void *arg) { *(volatile u8 *)arg = 1; }
static void read_from(void *arg) { (void)*(volatile u8 *)arg; }
static void jump_to(void *arg) { ((void (*)(void))arg)(); }

TEST(boot, writing_to_text_or_constants_faults)
{
    EXPECT_PANIC("tried to write", write_to, __text_start);
    EXPECT_PANIC("tried to write", write_to, __rodata_start);
}

TEST(boot, running_data_faults)
{
    struct folio *f = folio_alloc(0, FOLIO_ZERO);

    EXPECT_PANIC("fault: the kernel tried to", jump_to, folio_address(f));
    folio_put(f);
}

TEST(boot, nothing_is_mapped_at_null)
{
    EXPECT(!pte_present(kernel_entry(0)) || !PT_KERNEL_IN_USER_ROOT);
    EXPECT_PANIC("tried to write 0x", write_to, (void *)8);
    if (PT_KERNEL_IN_USER_ROOT)
        EXPECT_PANIC("tried to read 0x", read_from, (void *)0);
}

TEST(boot, every_stack_has_a_guard)
{
    const struct thread *t = current_thread();
    vaddr_t bottom = (vaddr_t)t->stack_top - KSTACK_SIZE;

    for (vaddr_t at = bottom; at < (vaddr_t)t->stack_top; at += PAGE_SIZE) {
        EXPECT(pte_present(kernel_entry(at)));
        EXPECT(!kstack_guard_at(at));
    }
    EXPECT(!pte_present(kernel_entry(bottom - PAGE_SIZE)));
    EXPECT(!pte_present(kernel_entry((vaddr_t)t->stack_top)));
    EXPECT(kstack_guard_at(bottom - 8));
    EXPECT_PANIC("tried to write", write_to, (void *)(bottom - 8));
}

TEST(boot, all_cpus_are_online)
{
    EXPECT(nr_cpus >= 1);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        EXPECT(cpu_area(cpu)->online);
        EXPECT_EQ(cpu_area(cpu)->cpu, cpu);
        EXPECT(cpu_area(cpu)->self == cpu_area(cpu));
        for (unsigned other = 0; other < cpu; other++)
            EXPECT(cpu_area(other)->hwid != cpu_area(cpu)->hwid);
    }
}

TEST(boot, the_clock_runs_and_the_timer_comes)
{
    u64 start = arch_clock_ns(), last = start;

    for (unsigned i = 0; i < 1000; i++) {
        u64 now = arch_clock_ns();
        EXPECT(now >= last);
        last = now;
    }
    u64 deadline = arch_clock_ns() + 200000;
    thread_sleep_until(deadline); /* only the timer's interrupt ends this */
    EXPECT(arch_clock_ns() >= deadline);
}

static u64 shared_time;
static u32 backwards;

static void watch_clock(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < 60; i++) {
        jitter();
        u64 before = __atomic_load_n(&shared_time, __ATOMIC_SEQ_CST);
        u64 now = arch_clock_ns();
        if (now + 1000 < before) /* within the machine's precision */
            __atomic_fetch_add(&backwards, 1, __ATOMIC_RELAXED);
        if (now > before)
            __atomic_store_n(&shared_time, now, __ATOMIC_SEQ_CST);
        spend(40);
    }
}

TEST(boot, all_cpus_see_one_time)
{
    struct crew crew = {0};

    shared_time = backwards = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, watch_clock, NULL);
    crew_wait(&crew);
    EXPECT_EQ(backwards, 0);
}

TEST(boot, the_kernels_tables_are_no_users_tables)
{
    struct mm *a = mm_create(), *b = mm_create();

    EXPECT(paddr_value(a->root.table) != paddr_value(b->root.table));
    EXPECT(paddr_value(a->root.table) != paddr_value(kernel_root()->table));
    if (PT_KERNEL_IN_USER_ROOT) /* each user root maps the kernel, without access for users */
        EXPECT(pte_same(pt_lookup(&a->root, (vaddr_t)__text_start),
                        kernel_entry((vaddr_t)__text_start)));
    else
        EXPECT(!pte_present(pt_lookup(&a->root, PAGE_SIZE)));
    EXPECT(!pte_user(kernel_entry((vaddr_t)__text_start)));
    mm_put(a);
    mm_put(b);
}

static struct boot_info line;

static bool option_is(const char *cmdline, const char *key, const char *want)
{
    size_t len = 0;

    strlcpy(line.cmdline, cmdline, sizeof(line.cmdline));
    const char *p = boot_option(&line, key, &len);
    return want ? p && len == strlen(want) && memcmp(p, want, len) == 0 : !p;
}

TEST(boot, options_are_found_whole_words_only)
{
    EXPECT(option_is("a=1 bb=22", "a", "1"));
    EXPECT(option_is("a=1 bb=22", "bb", "22"));
    EXPECT(option_is("a=1 bb=22", "b", NULL));
    EXPECT(option_is("xa=1", "a", NULL));
    EXPECT(option_is("quiet", "quiet", ""));
    EXPECT(option_is("  run=\"ls -l; cat x\"  quiet", "run", "ls -l; cat x"));
    EXPECT(option_is("run=\"a quiet b\"", "quiet", NULL));
    EXPECT(option_is("", "a", NULL));
    EXPECT(option_is("a=", "a", ""));
}

TEST(boot, ranges_are_added_until_the_list_is_full)
{
    static struct boot_range list[BOOT_MAX_RANGES];
    unsigned nr = 0;

    for (unsigned i = 0; i < BOOT_MAX_RANGES; i++)
        EXPECT(boot_add_range(list, &nr, i * PAGE_SIZE, PAGE_SIZE));
    EXPECT(!boot_add_range(list, &nr, 0, PAGE_SIZE));
    EXPECT_EQ(nr, BOOT_MAX_RANGES);
    EXPECT_EQ(paddr_value(list[5].start), 5 * PAGE_SIZE);
}
