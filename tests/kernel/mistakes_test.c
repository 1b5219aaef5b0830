/* SPDX-License-Identifier: MIT */
/*
 * The mistakes that people make in kernels, each made on purpose: the kernel has to say what is wrong. docs/mistakes.md
 * explains the texts; `make check` compares it with the texts here. Debug kernels alone look for most of them.
 */
#include "helpers.h"
#include <quire/ksyms.h>
#include <quire/lock_check.h>
#include <quire/memory.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sync.h>
#include <quire/upcalls.h>
#include <quire/watch.h>
#include <arch-generic/machine.h>

#define LOST "what a mistake takes stays taken: usually the machine ends there"

/* --- memory ------------------------------------------------------------------------------------ */
static void put_again(void *folio) { folio_put(folio); }

TEST(mistakes, a_folio_is_put_twice)
{
    struct folio *f = folio_alloc(0, 0);

    ASSERT(f != NULL);
    folio_put(f);
    EXPECT_PANIC("references, and 1 are put. likely: one is put twice", put_again, f);
    test_allow_leak(LOST);
}

static void take_frames(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 4; i++)
        folio_alloc(0, 0);
}

TEST(mistakes, a_frame_is_written_to_after_it_was_freed)
{
    struct folio *f = folio_alloc(0, 0);

    ASSERT(f != NULL);
    u64 *late = folio_address(f);
    folio_put(f);
    late[300] = 1;
    EXPECT_PANIC("was written to after it was freed: at offset 0x960 it has 0x1. It was freed in", take_frames, NULL);
    late[300] = 0xfeedfeedfeedfeedUL;
    test_allow_leak(LOST);
}

static void free_again(void *object) { kfree(object); }

TEST(mistakes, an_object_is_freed_twice)
{
    void *object = kmalloc(200);

    ASSERT(object != NULL);
    kfree(object);
    EXPECT_PANIC("is freed twice. It was freed before in", free_again, object);
}

static void take_object(void *unused)
{
    (void)unused;
    kmalloc(200);
}

/* The panic names it. Not static, so that no compiler gives it another name; kfree() isn't its last action. */
void this_function_frees(u64 **object);
__noinline void this_function_frees(u64 **object)
{
    kfree(*object);
    (*object)[5] = 7;
}

TEST(mistakes, an_object_is_written_to_after_it_was_freed)
{
    u64 *object = kmalloc(200);

    ASSERT(object != NULL);
    this_function_frees(&object);
    EXPECT_PANIC("was written to after it was freed: at offset 0x28 it has 0x7. It was freed in this_function_frees()",
                 take_object, NULL);
    test_allow_leak(LOST);
}

static void take_small_object(void *unused)
{
    (void)unused;
    kmalloc(24);
}

TEST(mistakes, the_first_members_are_written_to_after_they_were_freed)
{
    for (unsigned member = 0; member < 2; member++) {
        u64 *object = kmalloc(24);

        ASSERT(object != NULL);
        kfree(object);
        object[member] = 7;
        EXPECT_PANIC("was written to after it was freed", take_small_object, NULL);
    }
    test_allow_leak(LOST);
}

static void put_object_again(void *object) { object_put(object); }

TEST(mistakes, a_kernel_object_is_put_twice)
{
    int err;
    struct memory_object *first = memory_object_create(PAGE_SIZE, false, &err);
    struct memory_object *second = memory_object_create(PAGE_SIZE, false, &err);

    ASSERT(first != NULL && second != NULL);
    object_put(&first->object);
    object_put(&second->object); /* in the list of free objects, the first one is behind it */
    EXPECT_PANIC("references, and 1 are put. likely: one is put twice", put_object_again, &second->object);
    second->object.refs++; /* as the pattern was: the memory may be taken again */
    test_allow_leak(LOST);
}

static void free_inside(void *object) { kfree((u8 *)object + 16); }

TEST(mistakes, a_pointer_into_an_object_is_freed)
{
    void *object = kmalloc(200);

    ASSERT(object != NULL);
    EXPECT_PANIC("it points into one, or into none. likely: the wrong pointer is freed", free_inside, object);
    kfree(object);
}

/* An entry that shows the next page of its object. */
static struct vma *mistaken_area;
static struct folio *mistaken_folio;

static void map_the_wrong_page(void *unused)
{
    (void)unused;
    map_pages(mistaken_area->mm, mistaken_area, mistaken_area->start, mistaken_folio, 1, 1, PROT_READ);
}

TEST(mistakes, an_entry_shows_the_wrong_page)
{
    struct mm *mm = mm_create();
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 16, NULL);
    vaddr_t at = TEST_BASE;

    mistaken_folio = folio_alloc(4, FOLIO_ZERO);
    ASSERT(mm && o && mistaken_folio);
    ASSERT_EQ(memobj_add_folio(o, 0, mistaken_folio), 0);
    ASSERT_EQ(mm_map(mm, &at, 16 * PAGE_SIZE, PROT_READ, MAP_SHARED | MAP_FIXED, o, 0), 0);
    mistaken_area = area_find(mm, at);
    EXPECT_PANIC("and the area has page 0x0 there. likely: a frame number is one too many", map_the_wrong_page, NULL);
    test_allow_leak(LOST);
}

static void read_word(void *word) { (void)*(volatile u64 *)word; }

struct shelf {
    u64 books[3];
};
static void read_member(void *shelf) { (void)*(volatile u64 *)&((struct shelf *)shelf)->books[0]; }

TEST(mistakes, a_null_pointer_is_read)
{
    EXPECT_PANIC("the kernel used a null pointer: read at 0x0", read_word, NULL);
    EXPECT_PANIC("the kernel used a null pointer: read at 0x0", read_member, NULL);
}

static void write_word(void *word) { *(volatile u64 *)word = 1; }

TEST(mistakes, a_null_pointer_is_written)
{
    EXPECT_PANIC("the kernel used a null pointer: write at 0x0", write_word, NULL);
}

/* --- locks ------------------------------------------------------------------------------------- */
static spinlock_t a, b, c, from_handler;

static void take_twice(void *unused)
{
    (void)unused;
    spin_lock(&a);
    spin_lock(&a);
}

TEST(mistakes, a_lock_is_taken_twice)
{
    EXPECT_PANIC("is taken twice by the same thread: it was taken in take_twice() (tests/kernel/mistakes_test.c:",
                 take_twice, NULL);
    a = (spinlock_t)SPINLOCK_INIT;
}

static void take_both(spinlock_t *first, spinlock_t *second)
{
    spin_lock(first);
    spin_lock(second);
    spin_unlock(second);
    spin_unlock(first);
}

static void close_the_circle(void *unused)
{
    (void)unused;
    take_both(&c, &a);
}

TEST(mistakes, three_locks_are_taken_in_a_circle)
{
    take_both(&a, &b);
    take_both(&b, &c);
    EXPECT_PANIC("locks in two orders: ", close_the_circle, NULL);
    c = (spinlock_t)SPINLOCK_INIT;
}

static void let_go(void *unused)
{
    (void)unused;
    spin_unlock(&b);
}

TEST(mistakes, a_free_lock_is_let_go)
{
    EXPECT_PANIC("is let go, but nobody holds it. likely: it is let go twice", let_go, NULL);
}

static void against_the_order(void *folio)
{
    struct folio *f = folio;

    spin_lock(&f->lock);
    mutex_lock(&f->owner->lock);
}

TEST(mistakes, locks_are_taken_against_the_documented_order)
{
    struct memobj *o = memobj_create(MEMOBJ_BACKED, 16, NULL);
    struct folio *f = folio_alloc(0, 0);

    ASSERT(o && f);
    f->owner = o;
    EXPECT_PANIC("locks against the documented order: memobj->lock", against_the_order, f);
    f->lock = (spinlock_t)SPINLOCK_INIT;
    f->owner = NULL;
    folio_put(f);
    memobj_put(o);
}

static void take_two_folios(void *folio)
{
    struct folio *f = folio, *other = folio_alloc(0, 0);

    spin_lock(&f->lock);
    spin_lock(&other->lock);
}

TEST(mistakes, two_locks_of_one_kind_are_taken)
{
    struct folio *f = folio_alloc(0, 0);

    ASSERT(f != NULL);
    EXPECT_PANIC("a second lock of the same kind: folio->lock of the object at", take_two_folios, f);
    f->lock = (spinlock_t)SPINLOCK_INIT;
    folio_put(f);
    test_allow_leak(LOST);
}

static void take_with_interrupts_on(void *unused)
{
    (void)unused;
    spin_lock(&from_handler);
}

TEST(mistakes, a_handlers_lock_is_taken_with_interrupts_on)
{
    bool irq = irq_save();
    this_cpu()->irq_depth++; /* as if an interrupt handler ran */
    spin_lock(&from_handler);
    spin_unlock(&from_handler);
    this_cpu()->irq_depth--;
    irq_restore(irq);
    EXPECT_PANIC("is taken with interrupts on, and elsewhere by an interrupt handler", take_with_interrupts_on, NULL);
    from_handler = (spinlock_t)SPINLOCK_INIT;
}

/* New orders of locks are seen with interrupts on, and each interrupt's handler takes locks in a new order as well. */
enum { NR_LEARNED = 20 };
static spinlock_t learned[2][NR_LEARNED];

static void take_next_pair(unsigned who)
{
    static unsigned first[2], second[2];

    if (first[who] >= NR_LEARNED)
        return;
    if (++second[who] >= NR_LEARNED) {
        second[who] = ++first[who];
        return;
    }
    take_both(&learned[who][first[who]], &learned[who][second[who]]);
}

static void take_in_handler(void) { take_next_pair(1); }

TEST(mistakes, a_handler_takes_locks_while_an_order_is_noted)
{
    test_in_tick = take_in_handler;
    for (unsigned round = 0; round < NR_LEARNED * NR_LEARNED; round++) {
        bool irq = irq_save();
        arch_timer_set(arch_clock_ns() + test_rand() % 40000);
        irq_restore(irq);
        take_next_pair(0);
        spend(20);
    }
    test_in_tick = NULL;
}

static void interrupt_with_lock_held(void (*handler)(void))
{
    spin_lock(&learned[0][0]);
    bool irq = irq_save();
    unsigned before = lock_orders_seen();
    handler();
    EXPECT_EQ(lock_orders_seen(), before);
    irq_restore(irq);
    spin_unlock(&learned[0][0]);
}

/* What a handler takes comes under the locks of the code that it interrupted by chance: that isn't an order. */
TEST(mistakes, an_interrupt_makes_no_order)
{
    interrupt_with_lock_held(trap_console_rx);
    interrupt_with_lock_held(trap_ipi);
}

static spinlock_t tried;

/* Ctrl-P looks at locks like this. */
TEST(mistakes, a_handler_may_try_a_lock_that_is_taken_with_interrupts_on)
{
    spin_lock(&tried);
    spin_unlock(&tried);
    bool irq = irq_save();
    this_cpu()->irq_depth++;
    if (spin_trylock(&tried))
        spin_unlock(&tried);
    this_cpu()->irq_depth--;
    irq_restore(irq);
    spin_lock(&tried);
    spin_unlock(&tried);
}

/* --- texts ------------------------------------------------------------------------------------- */
TEST(mistakes, a_place_has_its_function_its_file_and_its_line)
{
    char text[SYMBOL_TEXT];

    symbol_text((vaddr_t)take_twice + 1, text);
    EXPECT(strstr(text, "take_twice() (tests/kernel/mistakes_test.c:") != NULL);
    EXPECT_EQ(strcmp(symbol_text(8, text), "0x8"), 0);
}

TEST(mistakes, orders_of_locks_are_seen) { EXPECT(lock_orders_seen() > 0); }

/* --- a CPU that gets nowhere --------------------------------------------------------------------- */
TEST(mistakes, a_wait_for_a_lock_that_nobody_lets_go_is_told)
{
    u64 since = 0, usual = watch_limit_ns, until = arch_clock_ns() + 1000000000UL;

    watch_limit_ns = 100000;
    while (arch_clock_ns() < until && since != ~0UL)
        watch_lock(&since);
    watch_limit_ns = usual;
    EXPECT_EQ(since, ~0UL); /* it was told */
}
