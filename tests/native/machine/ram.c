/* SPDX-License-Identifier: MIT */
/*
 * RAM, and the beginning and end of worlds: see machine.h.
 *
 * The frames are the program's own memory at the addresses where the direct map shows them. A free frame may not be
 * touched by anyone: under AddressSanitizer it is poisoned, and a touch is a report that names the instruction;
 * without it, a free frame is filled with a pattern that must be whole when the frame is handed out again.
 * The linker sends mm's calls of the frame cache through here (native.mk: --wrap).
 */
#include "machine.h"
#include "../play/check.h"
#include "sanitizer.h"
#include <sys/mman.h>
#undef PROT_NONE /* the host's names; the kernel's have the same values */
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/memory_init.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <arch-generic/paging.h>

#define FREE_PATTERN 0xfeeefeeefeeefeeeUL

memdesc_t world_words[WORLD_MAX_FRAMES];
static u64 world_frames;

/* --- mm's file-scope state --------------------------------------------------------------------- */
extern u64 __start_mm_data[], __stop_mm_data[], __start_mm_bss[], __stop_mm_bss[];
#define STATE_MAX (1u << 17) /* words */
static u64 state_at_start[STATE_MAX];

/* Word by word and unchecked, because the bytes between two variables are poisoned. */
NO_SANITIZE static void copy_words(volatile u64 *to, const volatile u64 *from, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        to[i] = from[i];
}

static void state_restore(void)
{
    size_t data = (size_t)(__stop_mm_data - __start_mm_data), bss = (size_t)(__stop_mm_bss - __start_mm_bss);
    static bool saved;

    if (data + bss > STATE_MAX)
        panic("native: mm has %zu words of state, room for %u: raise STATE_MAX", data + bss, STATE_MAX);
    if (!saved) {
        copy_words(state_at_start, __start_mm_data, data);
        copy_words(state_at_start + data, __start_mm_bss, bss);
        saved = true;
        return;
    }
    copy_words(__start_mm_data, state_at_start, data);
    copy_words(__start_mm_bss, state_at_start + data, bss);
}

/* --- frames ------------------------------------------------------------------------------------ */
/* The kernel's top table, which address spaces copy from, lies below all other frames and is empty. */
#define KERNEL_ROOT_FRAMES 4
#define KERNEL_ROOT_PFN (WORLD_FIRST_PFN - KERNEL_ROOT_FRAMES)

static void *ram(void)
{
    static void *base;

    if (!base) {
        base = mmap(pfn_address(KERNEL_ROOT_PFN), (KERNEL_ROOT_FRAMES + WORLD_MAX_FRAMES) << PAGE_SHIFT, PROT_READ | PROT_WRITE,
                    0x22 | 0x10 | 0x4000 /* private, anonymous, fixed, no reserve */, -1, 0);
        if (base != pfn_address(KERNEL_ROOT_PFN))
            panic("native: the host has no room for RAM at %p", pfn_address(KERNEL_ROOT_PFN));
    }
    return base;
}

static void frame_becomes_free(pfn_t pfn, u64 nr)
{
    icache_frames_change(pfn, nr);
    if (HAVE_ASAN) {
        asan_poison(pfn_address(pfn), nr << PAGE_SHIFT);
        return;
    }
    for (u64 i = 0; i < nr; i++) { /* the ends and the middle are enough */
        u64 *words = pfn_address(pfn + i);
        words[0] = words[256] = words[511] = FREE_PATTERN;
    }
}

static void frame_is_taken(pfn_t pfn, u64 nr)
{
    if (HAVE_ASAN) {
        asan_unpoison(pfn_address(pfn), nr << PAGE_SHIFT);
        return;
    }
    for (u64 i = 0; i < nr; i++) {
        u64 *words = pfn_address(pfn + i);
        CHECK(words[0] == FREE_PATTERN && words[256] == FREE_PATTERN && words[511] == FREE_PATTERN,
              "nobody writes to a free frame: whoever did still had a pointer or a TLB entry to it",
              "free frame 0x%lx holds %lx %lx %lx, not the pattern", (unsigned long)(pfn + i),
              (unsigned long)words[0], (unsigned long)words[256], (unsigned long)words[511]);
    }
}

pfn_t __real_frame_cache_alloc(unsigned order);
void __real_frame_cache_free(pfn_t pfn, unsigned order);
void __real_buddy_free_range(struct buddy *b, pfn_t pfn, u64 nr);
pfn_t __wrap_frame_cache_alloc(unsigned order);
void __wrap_frame_cache_free(pfn_t pfn, unsigned order);
void __wrap_buddy_free_range(struct buddy *b, pfn_t pfn, u64 nr);
void __real_frame_cache_free_run(pfn_t pfn, u64 nr);
void __wrap_frame_cache_free_run(pfn_t pfn, u64 nr);

void __wrap_frame_cache_free_run(pfn_t pfn, u64 nr)
{
    frame_becomes_free(pfn, nr);
    __real_frame_cache_free_run(pfn, nr);
}

pfn_t __wrap_frame_cache_alloc(unsigned order)
{
    pfn_t pfn = __real_frame_cache_alloc(order);

    if (pfn != PFN_NONE)
        frame_is_taken(pfn, 1UL << order);
    return pfn;
}

void __wrap_frame_cache_free(pfn_t pfn, unsigned order)
{
    frame_becomes_free(pfn, 1UL << order);
    __real_frame_cache_free(pfn, order);
}

void __wrap_buddy_free_range(struct buddy *b, pfn_t pfn, u64 nr)
{
    if (b == &buddy && nr)
        frame_becomes_free(pfn, nr);
    __real_buddy_free_range(b, pfn, nr);
}

/* --- objects ----------------------------------------------------------------------------------- */
/*
 * A free object of an untyped cache may not be touched either, except for the link that the slab keeps in it. slab.c's
 * memset() is redirected here (native.mk): it clears objects that are allocated, and new slabs.
 */
void __real_slab_free(struct slab_cache *cache, void *object);
void __wrap_slab_free(struct slab_cache *cache, void *object);
void *slab_memset(void *to, int byte, size_t n);

void __wrap_slab_free(struct slab_cache *cache, void *object)
{
    __real_slab_free(cache, object);
    if (cache->typed)
        return;
    asan_poison(object, cache->link_offset);
    asan_poison((u8 *)object + cache->link_offset + 8, cache->size - cache->link_offset - 8);
}

void *slab_memset(void *to, int byte, size_t n)
{
    asan_unpoison(to, n);
    return memset(to, byte, n);
}

/* --- worlds ------------------------------------------------------------------------------------ */
void world_begin(u64 frames, unsigned cpus)
{
    state_restore();
    ram();
    world_frames = frames;
    kernel_root()->table = pfn_to_paddr(KERNEL_ROOT_PFN);
    pt_table_init(pfn_address(KERNEL_ROOT_PFN), PT_LEVELS - 1);
    frame_becomes_free(WORLD_FIRST_PFN, frames);
    memdesc_t *biased = world_words;
    memory.words = biased - WORLD_FIRST_PFN;
    memory.first = WORLD_FIRST_PFN;
    memory.end = WORLD_FIRST_PFN + frames;
    memory.nr_frames = frames;
    buddy_init(&buddy, memory.words, memory.first, memory.end);
    buddy_add_range(&buddy, memory.first, frames);
    nr_cpus = cpus;
    cpu_play(0);
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        struct percpu *p = cpu_area(cpu);
        p->cpu = cpu;
        p->bit = 1u << cpu;
        p->online = true;
        p->locks.nr = 0;
        p->active_mm = p->loading_mm = NULL;
        p->fenced_gen = 0;
        p->user_work = false;
        p->frames = (struct frame_cache){0};
    }
    tlb_power_on();
    icache_power_on();
}

struct world_use world_use(void)
{
    return (struct world_use){world_frames - memory_available_frames(), slab_objects_in_use()};
}

void world_end(u64 poisoned)
{
    cpu_play(0);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        cpu_play(cpu);
        mm_activate(NULL);
    }
    cpu_play(0);
    check_no_locks("the last operation");
    struct world_use use = world_use();
    CHECK_EQ(use.frames, poisoned, "frames in use after everything was given back (but for poisoned ones)",
             "what is taken is given back: somebody lost a reference, or forgot a frame");
    CHECK_EQ(use.objects, poisoned, "objects in slabs after everything was given back (poison records stay)",
             "every descriptor goes back to its slab");
    u64 counts[MEMDESC_NR_TYPES];
    u64 sum = memdesc_count(counts);
    CHECK_EQ(sum, world_frames, "frames, counted by their words", "the words account for all of memory");
    CHECK_EQ(counts[MEMDESC_BUDDY], world_frames - poisoned - counts[MEMDESC_SLAB], "words of type BUDDY",
             "whatever isn't free, poisoned or a slab's has been lost");
}
